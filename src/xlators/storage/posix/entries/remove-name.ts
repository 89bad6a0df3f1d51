import { unlinkSync } from 'node:fs';
import type { Gfid } from '../../../../protocol/gfid.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { lookAt } from '../handles.ts';

/**
 * A file at a name that is about to go, and what has to go with it. The name goes first: a crash then leaves a handle without a
 * name, which is taken for nothing.
 */
export interface Departing {
  /** Names of the file besides its handle, before. */
  readonly links: number;
  /** Path of the file by its handle, where it has one. */
  readonly handle: Buffer | undefined;
  /** To be called when the name is gone. */
  settle(): void;
}

export function departing(brick: BrickDirectory, path: Buffer, gfid: Gfid | undefined): Departing {
  const { handles, store, fds } = brick;
  const stat = store.stat(path);
  const own = gfid === undefined ? undefined : handles.handleOf(gfid);
  const handle = own !== undefined && lookAt(own)?.ino === stat.ino ? own : undefined;
  const links = Number(stat.nlink) - (handle === undefined ? 0 : 1);
  const forget = handle === undefined && links === 1 ? store.forgetLater(path) : undefined;
  const settle = (): void => {
    if (links > 1) return;
    if (handle !== undefined) fds.dropHandle(gfid!);
    else forget?.();
  };
  return { links, handle, settle };
}

/** unlink(2) of a name and what belongs to it. */
export function removeName(brick: BrickDirectory, path: Buffer, gfid: Gfid | undefined): Departing {
  const file = departing(brick, path, gfid);
  unlinkSync(path);
  file.settle();
  return file;
}
