import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { GlfsError, toGlfsError } from '../../../errors.ts';
import { isNullGfid } from '../../../protocol/gfid.ts';
import { hostSyscalls } from '../../../syscalls.ts';
import { copyBytes } from '../../../xdr/index.ts';
import type { AttributeStore } from './attribute-store.ts';
import { VOLUME_ID_KEY } from './brick-start.ts';
import { chooseStore } from './store-choice.ts';

const ROOT_GFID = 'trusted.gfid';
const EMPTY = new Uint8Array(0);

/** A file as a brick has it. */
export interface InspectedFile {
  /** Bytes on the brick. */
  readonly size: number;
  readonly isRegular: boolean;
  readonly attributes: ReadonlyMap<string, Uint8Array>;
}

/** What a brick says of itself without being served. */
export interface BrickIdentity {
  readonly directory: string;
  /** UUID of its volume, 16 bytes. */
  readonly volumeId: Uint8Array;
  /** Extended attributes of its root directory, as the brick keeps them. */
  readonly attributes: ReadonlyMap<string, Uint8Array>;
  /** By their handles (path from the brick): files and directories that its index lists, and some other files. */
  readonly sample: ReadonlyMap<string, InspectedFile>;
  /** Any file by its handle; undefined where the brick has none. */
  inspect(handle: string): InspectedFile | undefined;
}

/**
 * Reads who a brick is, and changes nothing in it.
 * @throws GlfsError ENOENT, ENOTDIR; EINVAL where the directory is no brick; EPERM where it takes root to read it.
 */
export function inspectBrick(directory: string): BrickIdentity {
  try {
    if (!statSync(directory).isDirectory()) throw new GlfsError('ENOTDIR', `${directory} is no directory`);
    const store = chooseStore({ root: directory, wanted: 'auto', readOnly: true, host: hostSyscalls() });
    const attributes = attributesOf(store, directory);
    const volumeId = attributes.get(VOLUME_ID_KEY);
    if (volumeId?.length !== 16 || isNullGfid(volumeId) || !attributes.has(ROOT_GFID))
      throw new GlfsError('EINVAL', `${directory} is no brick: it has no ${VOLUME_ID_KEY}`);
    const inspect = (handle: string): InspectedFile | undefined =>
      inspectFile(store, `${directory}/${handle}`);
    return { directory, volumeId, attributes, sample: sampleOf(directory, inspect), inspect };
  } catch (error) {
    throw toGlfsError(error, { path: directory });
  }
}

function attributesOf(store: AttributeStore, path: string): Map<string, Uint8Array> {
  const place = Buffer.from(path);
  return new Map(store.list(place).map((name) => [name, copyBytes(store.get(place, name) ?? EMPTY)]));
}

/** What the handle of a directory, a symbolic link, leads to; those of symbolic links are not followed. */
const DIRECTORY_LINK = /^\.\.\/\.\.\/[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9a-f-]{36}\//;

function inspectFile(store: AttributeStore, handle: string): InspectedFile | undefined {
  const link = lstatSync(handle, { throwIfNoEntry: false });
  const leads = link?.isSymbolicLink() === true && DIRECTORY_LINK.test(readlinkSync(handle));
  const path = leads ? `${handle}/.` : handle;
  const stat = leads ? lstatSync(path, { throwIfNoEntry: false }) : link;
  if (stat === undefined) return undefined;
  return { size: stat.size, isRegular: stat.isFile(), attributes: attributesOf(store, path) };
}

/** Enough to meet one that bears the marks of its volume's kind. */
const SAMPLE_FILES = 64;
const SAMPLE_LISTED = 10_000;

/**
 * Regular files: the root of a volume may bear no mark where all of its files do. Whatever waits to be healed tells who is
 * accused, and by which name.
 */
function sampleOf(
  root: string,
  inspect: (handle: string) => InspectedFile | undefined,
): Map<string, InspectedFile> {
  const found = new Map<string, InspectedFile>();
  const take = (all: Iterable<string>, most: number, regular: boolean): void => {
    let left = most;
    for (const handle of all) {
      const file = inspect(handle);
      if (file === undefined || (regular && !file.isRegular)) continue;
      found.set(handle, file);
      if (--left === 0) break;
    }
  };
  take(listedHandles(root), SAMPLE_LISTED, false);
  take(handles(root), SAMPLE_FILES, true);
  return found;
}

const PAIR = /^[0-9a-f]{2}$/;
const GFID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

function* handles(root: string): Generator<string> {
  const top = '.glusterfs';
  for (const first of readdirSync(`${root}/${top}`).filter((name) => PAIR.test(name)))
    for (const second of readdirSync(`${root}/${top}/${first}`).filter((name) => PAIR.test(name)))
      for (const name of readdirSync(`${root}/${top}/${first}/${second}`))
        yield `${top}/${first}/${second}/${name}`;
}

/** Of files that a heal may be pending for. */
function listedHandles(root: string): string[] {
  const index = `${root}/.glusterfs/indices/xattrop`;
  if (statSync(index, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(index)
    .filter((name) => GFID.test(name))
    .map((name) => `.glusterfs/${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`);
}
