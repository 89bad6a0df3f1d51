import { typeOfMode } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { lookAt } from '../handles.ts';
import { removeName } from './remove-name.ts';

/** Permissions of a linkto file: the sticky bit, and nothing else. */
const LINKTO_MODE = 0o1000;

/** Whether what has that mode may be one of distribute's linkto files. */
export function hasLinktoMode(mode: number): boolean {
  return typeOfMode(mode) === 'file' && (mode & 0o7777) === LINKTO_MODE;
}

export function isLinktoFile(brick: BrickDirectory, path: Buffer): boolean {
  const value = brick.store.get(path, keys.linkto.name);
  return hasLinktoMode(Number(brick.store.stat(path).mode)) && value !== undefined && value.length > 0;
}

/** Makes way for an entry whose maker knows that a linkto file of that name is out of date. Other files stay. */
export function removeLinktoFile(brick: BrickDirectory, path: Buffer): void {
  if (lookAt(path) === undefined || !hasLinktoMode(Number(brick.store.stat(path).mode))) return;
  removeName(brick, path, brick.gfidOf(path));
}
