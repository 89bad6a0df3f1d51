import { resolve } from 'node:path';
import { GlfsError } from '../../errors.ts';
import { gfidToString } from '../../protocol/gfid.ts';
import { printVolfile, type VolfileNode } from '../../volfile/index.ts';
import { HASH_MAX, parseRange, takesPart } from '../../xlators/cluster/distribute/layout.ts';
import { partOf } from '../../xlators/glfs/whole-files/index.ts';
import { type BrickIdentity, inspectBrick } from '../../xlators/storage/posix/inspect.ts';
import type { Volume } from '../volume.ts';
import { fromVolfile, type VolumeOptions } from './connect.ts';

export interface FromBricksOptions extends VolumeOptions {
  /** Reads what is there although bricks are missing; names that they hold seem not to exist. */
  readonly partial?: boolean;
  /** Ends opening with ECANCELED. */
  readonly signal?: AbortSignal;
}

/**
 * The files of a volume, straight from its brick directories, read-only: for what a stopped cluster left behind. The bricks
 * must not be served meanwhile, by glfs or by glusterfsd. Nothing in them is changed. Permissions are not checked: who can
 * read the bricks can read their files.
 * @throws GlfsError EINVAL where a directory is no brick, where they are of several volumes, or where bricks are missing
 *   (unless `partial`); EOPNOTSUPP for bricks of replicated and dispersed volumes; EPERM where it takes root to read them.
 */
export async function fromBricks(
  directories: readonly string[],
  options: FromBricksOptions = {},
): Promise<Volume> {
  const paths = directories.map((directory) => resolve(directory));
  if (paths.length === 0) throw new GlfsError('EINVAL', 'no brick is named');
  if (new Set(paths).size < paths.length) throw new GlfsError('EINVAL', 'a brick is named twice');
  const bricks = paths.map(inspectBrick);
  checkVolume(bricks);
  checkKind(bricks);
  const missing = missingShare(bricks);
  if (missing > 0 && options.partial !== true)
    throw new GlfsError(
      'EINVAL',
      `bricks are missing: about ${missing} % of the names of the root directory belong to none of those named`,
    );
  return fromVolfile(volfileOf(paths, missing === 0), { ...options, name: 'bricks' });
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

/** Fragments are no files, and of copies it takes more to tell which one is good. */
function checkKind(bricks: readonly BrickIdentity[]): void {
  for (const { directory, attributes, sample } of bricks) {
    for (const name of [...attributes.keys(), ...sample]) {
      const what = partOf(name);
      if (what !== undefined) throw unsupported(directory, `holds ${what}`);
    }
  }
  const ranges = rangesOf(bricks);
  for (const [index, { start, directory }] of ranges.entries())
    if (index > 0 && ranges[index - 1]!.start === start)
      throw unsupported(directory, 'has the same names as another: they hold copies or fragments');
}

function unsupported(directory: string, why: string): GlfsError {
  return new GlfsError('EOPNOTSUPP', `${directory} can't be read offline: it ${why}`);
}

interface NamedRange {
  readonly directory: string;
  readonly start: number;
  readonly stop: number;
}

/** Ranges of the root directory's names, by start. */
function rangesOf(bricks: readonly BrickIdentity[]): NamedRange[] {
  return bricks
    .flatMap(({ directory, attributes }) => {
      const range = parseRange(attributes.get('trusted.glusterfs.dht'));
      return range === undefined || !takesPart(range) ? [] : [{ ...range, directory }];
    })
    .sort((a, b) => a.start - b.start);
}

/** Every name of the root belongs to some brick: a gap in the ranges is a brick that was not named. In percent, 0 for none. */
function missingShare(bricks: readonly BrickIdentity[]): number {
  const ranges = rangesOf(bricks);
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

/** A block on a brick that is not there would be taken for a hole: without all of them sharded files are refused. */
function volfileOf(directories: readonly string[], complete: boolean): string {
  const node = (
    name: string,
    type: string,
    options: Record<string, string>,
    subvolumes: readonly string[] = [],
  ): VolfileNode => ({ name, type, options: new Map(Object.entries(options)), subvolumes, line: 0 });
  const names = directories.map((_, index) => `bricks-client-${index}`);
  const bricks = directories.flatMap((directory, index) => [
    node(`bricks-posix-${index}`, 'storage/posix', { directory, 'read-only': 'on' }),
    node(names[index]!, 'glfs/whole-files', { blocks: complete ? 'on' : 'off' }, [`bricks-posix-${index}`]),
  ]);
  const dht = node('bricks-dht', 'cluster/distribute', {}, names);
  const shard = node('bricks-shard', 'features/shard', {}, [dht.name]);
  const top = node('bricks', 'features/read-only', { 'read-only': 'on' }, [shard.name]);
  return printVolfile({ nodes: [...bricks, dht, shard, top], top: top.name });
}
