import { unlinkSync } from 'node:fs';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { afterwards } from '../aftermath.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { lookAt } from '../handles.ts';

/**
 * A file at a name that is about to go, and what has to go with it. With the last name the handle goes first, to where the next
 * start looks: a crash before the name goes is undone there, one after it leaves nothing.
 */
export interface Departing {
  /** Names of the file besides its handle, before. */
  readonly links: number;
  /** Path of the file by its handle, wherever that is by now; `undefined` where it has none, and when it is settled. */
  readonly handle: Buffer | undefined;
  /** Runs what takes the name away. Where that throws, nothing has changed. */
  leave(act: () => void): void;
  /** To be called when the name is gone. */
  settle(): void;
}

export function departing(brick: BrickDirectory, path: Buffer, gfid: Gfid | undefined): Departing {
  const { handles, store, fds } = brick;
  const stat = store.stat(path);
  const own = gfid === undefined ? undefined : handles.handleOf(gfid);
  const handled = own !== undefined && lookAt(own)?.ino === stat.ino;
  const links = Number(stat.nlink) - (handled ? 1 : 0);
  const last = links === 1;
  const forget = handled || !last ? undefined : store.forgetLater(path);
  let parked = false;
  return {
    links,
    get handle() {
      return handled ? (parked ? handles.unlinkedOf(gfid!) : own) : undefined;
    },
    leave(act) {
      if (handled && last) fds.park(gfid!);
      parked = handled && last;
      try {
        act();
      } catch (error) {
        if (parked) afterwards(brick, () => fds.unpark(gfid!));
        parked = false;
        throw error;
      }
    },
    settle() {
      afterwards(brick, () => {
        if (parked) fds.remove(gfid!);
        forget?.();
      });
    },
  };
}

/** unlink(2) of a name and what belongs to it. */
export function removeName(brick: BrickDirectory, path: Buffer, gfid: Gfid | undefined): Departing {
  const file = departing(brick, path, gfid);
  file.leave(() => unlinkSync(path));
  file.settle();
  return file;
}
