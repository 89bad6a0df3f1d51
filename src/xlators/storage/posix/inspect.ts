import { lstatSync, readdirSync, statSync } from 'node:fs';
import { GlfsError, toGlfsError } from '../../../errors.ts';
import { isNullGfid } from '../../../protocol/gfid.ts';
import { hostSyscalls } from '../../../syscalls.ts';
import { copyBytes } from '../../../xdr/index.ts';
import type { AttributeStore } from './attribute-store.ts';
import { VOLUME_ID_KEY } from './brick-start.ts';
import { chooseStore } from './store-choice.ts';

const ROOT_GFID = 'trusted.gfid';
const EMPTY = new Uint8Array(0);

/** What a brick says of itself without being served. */
export interface BrickIdentity {
  readonly directory: string;
  /** UUID of its volume, 16 bytes. */
  readonly volumeId: Uint8Array;
  /** Extended attributes of its root directory, as the brick keeps them. */
  readonly attributes: ReadonlyMap<string, Uint8Array>;
  /** Names of the attributes of some of its files. */
  readonly sample: ReadonlySet<string>;
}

/**
 * Reads who a brick is, and changes nothing in it.
 * @throws GlfsError ENOENT, ENOTDIR; EINVAL where the directory is no brick; EPERM where it takes root to read it.
 */
export function inspectBrick(directory: string): BrickIdentity {
  try {
    if (!statSync(directory).isDirectory()) throw new GlfsError('ENOTDIR', `${directory} is no directory`);
    const store = chooseStore({ root: directory, wanted: 'auto', readOnly: true, host: hostSyscalls() });
    const place = Buffer.from(directory);
    const attributes = new Map<string, Uint8Array>();
    for (const name of store.list(place)) attributes.set(name, copyBytes(store.get(place, name) ?? EMPTY));
    const volumeId = attributes.get(VOLUME_ID_KEY);
    if (volumeId?.length !== 16 || isNullGfid(volumeId) || !attributes.has(ROOT_GFID))
      throw new GlfsError('EINVAL', `${directory} is no brick: it has no ${VOLUME_ID_KEY}`);
    return { directory, volumeId, attributes, sample: sampleOf(directory, store) };
  } catch (error) {
    throw toGlfsError(error, { path: directory });
  }
}

/** Enough to meet one that bears the marks of its volume's kind. */
const SAMPLE_FILES = 64;

/** Attributes of regular files, by their handles: the root of a volume may bear no mark where all of its files do. */
function sampleOf(root: string, store: AttributeStore): Set<string> {
  const names = new Set<string>();
  let left = SAMPLE_FILES;
  for (const handle of handles(root)) {
    if (!lstatSync(handle).isFile()) continue;
    for (const name of store.list(Buffer.from(handle))) names.add(name);
    if (--left === 0) break;
  }
  return names;
}

const PAIR = /^[0-9a-f]{2}$/;

function* handles(root: string): Generator<string> {
  const top = `${root}/.glusterfs`;
  for (const first of readdirSync(top).filter((name) => PAIR.test(name)))
    for (const second of readdirSync(`${top}/${first}`).filter((name) => PAIR.test(name)))
      for (const name of readdirSync(`${top}/${first}/${second}`)) yield `${top}/${first}/${second}/${name}`;
}
