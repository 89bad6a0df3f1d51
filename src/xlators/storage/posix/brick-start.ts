import {
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import type { OptionValues } from '../../../graph/index.ts';
import { gfidEquals, gfidFromString, gfidToString, ROOT_GFID } from '../../../protocol/gfid.ts';
import type { Syscalls } from '../../../syscalls.ts';
import type { AttributeStore } from './attribute-store.ts';
import { GFID_KEY, type Handles, HIDDEN, joined, lookAt } from './handles.ts';
import { hostError } from './host-error.ts';
import type { options } from './options.ts';
import { chooseStore } from './store-choice.ts';

export const VOLUME_ID_KEY = 'trusted.glusterfs.volume-id';

/** The directory of the brick, without symbolic links in its path. @throws GlfsError EINVAL, ENOENT, ENOTDIR */
export function brickRoot(directory: string | undefined): string {
  if (directory === undefined || !directory.startsWith('/'))
    throw new GlfsError('EINVAL', 'option directory: the absolute path of the brick is expected');
  try {
    const root = realpathSync(directory);
    if (!lstatSync(root).isDirectory())
      throw new GlfsError('ENOTDIR', `the brick ${directory} is no directory`);
    return root;
  } catch (error) {
    const failure = hostError(error);
    if (failure.code !== 'ENOENT') throw failure;
    throw new GlfsError('ENOENT', `the brick's directory ${directory} does not exist`, { cause: error });
  }
}

/**
 * Checks that the directory is the brick that it is taken for, and makes of a fresh directory one. What is begun here is begun
 * in an order that may be broken off anywhere: the next start goes on.
 * @throws GlfsError EINVAL for another volume's brick, another directory than a brick's root, or one that is no brick
 */
export function openStore(root: string, given: OptionValues<typeof options>, host: Syscalls): AttributeStore {
  const readOnly = given['read-only'];
  const store = chooseStore({ root, wanted: given['attribute-store'], readOnly, host });
  const place = Buffer.from(root);
  const gfid = store.get(place, GFID_KEY);
  if (gfid !== undefined && (gfid.length !== 16 || !gfidEquals(gfid, ROOT_GFID)))
    throw new GlfsError(
      'EINVAL',
      `${root} is no brick's root, but a directory of gfid ${gfid.toString('hex')}`,
    );
  if (gfid === undefined && readOnly)
    throw new GlfsError('EINVAL', `${root} is no brick: it has no ${GFID_KEY}`);
  checkVolume(root, store, given['volume-id'], gfid === undefined);
  // Last, because a brick is begun by it: from here on its volume-id is not given any more.
  if (gfid === undefined) store.set(place, GFID_KEY, ROOT_GFID);
  if (!readOnly) makeSkeleton(place);
  return store;
}

function checkVolume(root: string, store: AttributeStore, wanted: string | undefined, fresh: boolean): void {
  if (wanted === undefined) return;
  const place = Buffer.from(root);
  const id = gfidFromString(wanted);
  const held = store.get(place, VOLUME_ID_KEY);
  if (held === undefined && fresh) {
    store.set(place, VOLUME_ID_KEY, id);
    return;
  }
  if (held === undefined)
    throw new GlfsError('EINVAL', `the brick ${root} bears no volume-id; ${wanted} is expected`);
  if (held.length !== 16 || !gfidEquals(held, id)) {
    const found = held.length === 16 ? gfidToString(held) : held.toString('hex');
    throw new GlfsError('EINVAL', `the brick ${root} is of volume ${found}, not of ${wanted}`);
  }
}

function makeSkeleton(root: Buffer): void {
  const hidden = joined(root, HIDDEN).toString('utf8');
  for (const folder of ['00/00', 'landfill', 'unlink'])
    mkdirSync(`${hidden}/${folder}`, { recursive: true, mode: 0o700 });
  const handle = `${hidden}/00/00/${gfidToString(ROOT_GFID)}`;
  if (lookAt(Buffer.from(handle)) === undefined) symlinkSync('../../..', handle);
}

/** Files that were open without a name when the last server of the brick ended, and those that it was about to remove. */
export function emptyUnlinked(root: Buffer, store: AttributeStore, handles: Handles): void {
  const folder = joined(root, `${HIDDEN}/unlink`);
  for (const name of readdirSync(folder, { encoding: 'buffer' })) {
    const path = joined(folder, name);
    const stat = lookAt(path);
    if (stat === undefined || stat.isDirectory()) continue;
    // More links: the crash was before the name went, and the file is still there.
    if (stat.nlink > 1n && giveBack(handles, path, name.toString('latin1'))) continue;
    if (stat.nlink === 1n) store.forget(path);
    unlinkSync(path);
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function giveBack(handles: Handles, path: Buffer, name: string): boolean {
  if (!UUID.test(name)) return false;
  return handles.withFolder(gfidFromString(name), (handle) => {
    if (lookAt(handle) !== undefined) return false;
    renameSync(path, handle);
    return true;
  });
}
