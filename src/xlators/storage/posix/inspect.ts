import { statSync } from 'node:fs';
import { GlfsError, toGlfsError } from '../../../errors.ts';
import { isNullGfid } from '../../../protocol/gfid.ts';
import { hostSyscalls } from '../../../syscalls.ts';
import { copyBytes } from '../../../xdr/index.ts';
import { VOLUME_ID_KEY } from './brick-start.ts';
import { chooseStore } from './store-choice.ts';

const ROOT_GFID = 'trusted.gfid';

/** What a brick says of itself without being served. */
export interface BrickIdentity {
  readonly directory: string;
  /** UUID of its volume, 16 bytes. */
  readonly volumeId: Uint8Array;
  /** Extended attributes of its root directory, as the brick keeps them. */
  readonly attributes: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads who a brick is, and changes nothing in it.
 * @throws GlfsError ENOENT, ENOTDIR; EINVAL where the directory is no brick; EPERM where it takes root to read it.
 */
export function inspectBrick(directory: string): BrickIdentity {
  try {
    if (!statSync(directory).isDirectory()) throw new GlfsError('ENOTDIR', `${directory} is no directory`);
    const store = chooseStore({
      root: directory,
      wanted: 'auto',
      readOnly: true,
      host: hostSyscalls(),
    });
    const place = Buffer.from(directory);
    const attributes = new Map<string, Uint8Array>();
    for (const name of store.list(place)) attributes.set(name, copyBytes(store.get(place, name) ?? EMPTY));
    const volumeId = attributes.get(VOLUME_ID_KEY);
    if (volumeId?.length !== 16 || isNullGfid(volumeId) || !attributes.has(ROOT_GFID))
      throw new GlfsError('EINVAL', `${directory} is no brick: it has no ${VOLUME_ID_KEY}`);
    return { directory, volumeId, attributes };
  } catch (error) {
    throw toGlfsError(error, { path: directory });
  }
}

const EMPTY = new Uint8Array(0);
