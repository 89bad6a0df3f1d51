import { resolve } from 'node:path';
import { GlfsError } from '../../errors.ts';
import { gfidToString } from '../../protocol/gfid.ts';
import { HASH_MAX, parseRange, takesPart } from '../../xlators/cluster/distribute/layout.ts';
import { type BrickIdentity, inspectBrick } from '../../xlators/storage/posix/inspect.ts';
import type { Volume } from '../volume.ts';
import { fromVolfile, type VolumeOptions } from './connect.ts';
import { checkCopies, checkFragments } from './offline/order.ts';
import { isReadable, presentIn, setsOf } from './offline/sets.ts';
import { volfileOf } from './offline/volfile.ts';

export interface FromBricksOptions extends VolumeOptions {
  /** Reads what is there although more bricks are missing than may be; names that they hold seem not to exist. */
  readonly partial?: boolean;
  /** Ends opening with ECANCELED. */
  readonly signal?: AbortSignal;
}

/** Stands for the directory of a brick that is missing. */
const MISSING = '-';

/**
 * The files of a volume, straight from its brick directories, read-only: for what a stopped cluster left behind. The bricks
 * must not be served meanwhile, by glfs or by glusterfsd. Nothing in them is changed. Permissions are not checked: who can
 * read the bricks can read their files.
 *
 * Bricks of replicated and dispersed volumes are named in the volume's order (`gluster volume info`), with `-` for each that
 * is missing: of a dispersed set as many may be as its redundancy is, of a replicated one all but one. What only bricks that
 * are missing know, that a copy is an old one, can't be seen.
 * @throws GlfsError EINVAL where a directory is no brick, where they are of several volumes, where their order can't be the
 *   volume's, or where too many bricks are missing (unless `partial`); EOPNOTSUPP for bricks of striped volumes; EPERM where
 *   it takes root to read them.
 */
export async function fromBricks(
  directories: readonly string[],
  options: FromBricksOptions = {},
): Promise<Volume> {
  const paths = directories.map((directory) => (directory === MISSING ? undefined : resolve(directory)));
  const named = paths.filter((path) => path !== undefined);
  if (named.length === 0) throw new GlfsError('EINVAL', 'no brick is named');
  if (new Set(named).size < named.length) throw new GlfsError('EINVAL', 'a brick is named twice');
  const places = paths.map((path) => (path === undefined ? undefined : inspectBrick(path)));
  checkVolume(presentIn(places));
  const all = setsOf(places);
  const sets = all.filter(isReadable);
  const name = checkCopies(sets) ?? 'bricks';
  for (const set of sets) if (set.parts === 'fragments') checkFragments(set);
  const missing = missingShare(sets.flatMap((set) => presentIn(set.places)));
  const complete = missing === 0 && sets.length === all.length;
  if (sets.length === 0) throw new GlfsError('EINVAL', 'too many bricks are missing to read anything');
  if (!complete && options.partial !== true)
    throw new GlfsError(
      'EINVAL',
      missing === 0
        ? 'too many bricks are missing'
        : `bricks are missing: about ${missing} % of the names of the root directory belong to none of those named`,
    );
  return fromVolfile(volfileOf({ sets, name, complete }), { ...options, name: 'bricks' });
}

function checkVolume([first, ...others]: readonly BrickIdentity[]): void {
  for (const other of others) {
    const [id, otherId] = [gfidToString(first!.volumeId), gfidToString(other.volumeId)];
    if (id === otherId) continue;
    throw new GlfsError(
      'EINVAL',
      `bricks of different volumes: ${first!.directory} (${id}) and ${other.directory} (${otherId})`,
    );
  }
}

/** Every name of the root belongs to some brick: a gap in the ranges is a brick that was not named. In percent, 0 for none. */
function missingShare(bricks: readonly BrickIdentity[]): number {
  const ranges = bricks
    .flatMap(({ attributes }) => {
      const range = parseRange(attributes.get('trusted.glusterfs.dht'));
      return range === undefined || !takesPart(range) ? [] : [range];
    })
    .sort((a, b) => a.start - b.start);
  // A volume that no client has ever looked at has no layout, and no files.
  if (ranges.length === 0) return 0;
  let next = 0;
  let missing = 0;
  for (const { start, stop } of ranges) {
    missing += Math.max(0, start - next);
    next = Math.max(next, stop + 1);
  }
  missing += Math.max(0, HASH_MAX + 1 - next);
  return missing === 0 ? 0 : Math.max(1, Math.round((missing / (HASH_MAX + 1)) * 100));
}
