import { gfidToString } from '../../../protocol/gfid.ts';
import { printVolfile, type VolfileNode } from '../../../volfile/index.ts';
import { COPY_MARK } from '../../../xlators/glfs/whole-files/index.ts';
import { type BrickPlace, type BrickSet, presentIn } from './sets.ts';

export interface OfflineVolume {
  readonly sets: readonly BrickSet[];
  /** By which copies name each other. */
  readonly name: string;
  /** A block on a brick that is not there would be taken for a hole: without all of them sharded files are refused. */
  readonly complete: boolean;
}

type Options = Readonly<Record<string, string>>;

function node(name: string, type: string, options: Options, subvolumes: readonly string[] = []): VolfileNode {
  return { name, type, options: new Map(Object.entries(options)), subvolumes, line: 0 };
}

/** The graph that reads a volume from its bricks. */
export function volfileOf(volume: OfflineVolume): string {
  const sets = volume.sets.map((set) => setNodes(set, volume));
  const tops = sets.map((nodes) => nodes.at(-1)!.name);
  const dht = node('bricks-dht', 'cluster/distribute', {}, tops);
  const shard = node('bricks-shard', 'features/shard', {}, [dht.name]);
  const top = node('bricks', 'features/read-only', { 'read-only': 'on' }, [shard.name]);
  return printVolfile({ nodes: [...sets.flat(), dht, shard, top], top: top.name });
}

function setNodes(set: BrickSet, volume: OfflineVolume): VolfileNode[] {
  const { first, places, parts } = set;
  const names = places.map((_, index) => `${volume.name}-client-${first + index}`);
  const accused = names.map((name) => `${COPY_MARK}${name}`).join(',');
  const check = {
    parts,
    blocks: volume.complete ? 'on' : 'off',
    ...(parts === 'copies' ? { accused } : {}),
  };
  const bricks = places.map((place, index) => brickNodes(place, `${first + index}`, check));
  const tops = bricks.map((nodes) => nodes.at(-1)!.name);
  const name = `bricks-set-${first}`;
  if (parts === 'whole') return bricks.flat();
  if (parts === 'fragments') {
    const options = { redundancy: String(set.redundancy), 'background-heals': '0' };
    return [...bricks.flat(), node(name, 'cluster/disperse', options, tops)];
  }
  const options = {
    'afr-pending-xattr': names.join(','),
    'quorum-type': 'none',
    'volume-id': gfidToString(presentIn(places)[0]!.volumeId),
    ...(hasArbiter(places) ? { 'arbiter-count': '1' } : {}),
  };
  return [...bricks.flat(), node(name, 'cluster/replicate', options, tops)];
}

/** Locks are taken as everywhere; nobody else is there. */
function brickNodes(place: BrickPlace, index: string, check: Options): VolfileNode[] {
  if (place === undefined) return [node(`bricks-client-${index}`, 'glfs/missing-brick', {})];
  const posix = node(`bricks-posix-${index}`, 'storage/posix', {
    directory: place.directory,
    'read-only': 'on',
  });
  const locks = node(`bricks-locks-${index}`, 'features/locks', {}, [posix.name]);
  return [posix, locks, node(`bricks-client-${index}`, 'glfs/whole-files', check, [locks.name])];
}

/** The third of three copies that has files, and no byte of any: what it would tell of a file is that it is empty. */
function hasArbiter(places: readonly BrickPlace[]): boolean {
  const third: BrickPlace = places.length === 3 ? places[2] : undefined;
  const files = [...(third?.sample.values() ?? [])].filter(({ isRegular }) => isRegular);
  return files.length > 0 && files.every(({ size }) => size === 0);
}
