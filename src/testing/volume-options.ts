import { GlfsError } from '../errors.ts';
import { option } from '../graph/index.ts';
import { options as stripeOptions } from '../xlators/cluster/stripe/options.ts';

/** Where an option of a volume goes: translators of one type, on one side. */
interface Place {
  readonly side: 'client' | 'brick';
  readonly type: string;
  readonly key: string;
}

/** What the text of an option is read with, before anything takes it. */
interface Kind {
  parse(text: string): unknown;
}

interface VolumeOption {
  readonly kind: Kind;
  readonly places: readonly Place[];
}

const plain = { help: '' };
const flag = option.boolean(false, plain);
const number = option.integer(0, { min: 0, help: '' });
const size = option.size(0, plain);
const time = option.time(0, plain);
const text = option.string('', plain);

const client = (type: string, key: string): Place => ({ side: 'client', type, key });
const brick = (type: string, key: string): Place => ({ side: 'brick', type, key });
const to = (kind: Kind, ...places: Place[]): VolumeOption => ({ kind, places });

/** Performance translators that a volume may have, from the bottom of the client's graph up, as glusterd stacks them. */
export const performanceLayers: readonly (readonly [name: string, type: string])[] = [
  ['performance.write-behind', 'write-behind'],
  ['performance.read-ahead', 'read-ahead'],
  ['performance.readdir-ahead', 'readdir-ahead'],
  ['performance.io-cache', 'io-cache'],
  ['performance.open-behind', 'open-behind'],
  ['performance.quick-read', 'quick-read'],
  ['performance.nl-cache', 'nl-cache'],
  ['performance.stat-prefetch', 'md-cache'],
  ['performance.client-io-threads', 'io-threads'],
];

/** Options that the generators of volfiles look at themselves. */
const structural = {
  'auth.allow': to(text),
  'auth.reject': to(text),
  'auth.ssl-allow': to(text),
  'features.ctime': to(flag),
  'features.shard': to(flag),
  ...Object.fromEntries(performanceLayers.map(([name]) => [name, to(flag)] as const)),
} as const;

/** Options by the names that `gluster volume set` knows, and what they are called in volfiles (volgen's map). */
const table: Readonly<Record<string, VolumeOption>> = {
  ...structural,
  'client.ssl': to(flag, client('protocol/client', 'transport.socket.ssl-enabled')),
  'server.ssl': to(flag, brick('protocol/server', 'transport.socket.ssl-enabled')),
  'client.strict-locks': to(flag, client('protocol/client', 'strict-locks')),
  'client.send-gids': to(flag, client('protocol/client', 'send-gids')),
  'network.ping-timeout': to(time, client('protocol/client', 'ping-timeout')),
  'network.frame-timeout': to(time, client('protocol/client', 'frame-timeout')),
  'network.remote-dio': to(flag, client('protocol/client', 'filter-O_DIRECT')),
  'server.allow-insecure': to(flag, brick('protocol/server', 'rpc-auth-allow-insecure')),
  'server.root-squash': to(flag, brick('protocol/server', 'root-squash')),
  'server.all-squash': to(flag, brick('protocol/server', 'all-squash')),
  'server.anonuid': to(number, brick('protocol/server', 'anonuid')),
  'server.anongid': to(number, brick('protocol/server', 'anongid')),
  'server.outstanding-rpc-limit': to(number, brick('protocol/server', 'rpc.outstanding-rpc-limit')),
  'cluster.lookup-optimize': to(flag, client('cluster/distribute', 'lookup-optimize')),
  'cluster.lookup-unhashed': to(text, client('cluster/distribute', 'lookup-unhashed')),
  'cluster.readdir-optimize': to(flag, client('cluster/distribute', 'readdir-optimize')),
  'cluster.min-free-disk': to(text, client('cluster/distribute', 'min-free-disk')),
  'cluster.min-free-inodes': to(text, client('cluster/distribute', 'min-free-inodes')),
  'cluster.weighted-rebalance': to(flag, client('cluster/distribute', 'weighted-rebalance')),
  'cluster.subvols-per-directory': to(number, client('cluster/distribute', 'directory-layout-spread')),
  'cluster.rsync-hash-regex': to(text, client('cluster/distribute', 'rsync-hash-regex')),
  'cluster.extra-hash-regex': to(text, client('cluster/distribute', 'extra-hash-regex')),
  'cluster.eager-lock': to(flag, client('cluster/replicate', 'eager-lock')),
  'cluster.quorum-type': to(
    option.choice('auto', ['none', 'auto', 'fixed'], plain),
    client('cluster/replicate', 'quorum-type'),
  ),
  'cluster.quorum-count': to(number, client('cluster/replicate', 'quorum-count')),
  'cluster.read-hash-mode': to(number, client('cluster/replicate', 'read-hash-mode')),
  'cluster.choose-local': to(flag, client('cluster/replicate', 'choose-local')),
  'cluster.post-op-delay-secs': to(number, client('cluster/replicate', 'post-op-delay-secs')),
  'cluster.consistent-metadata': to(flag, client('cluster/replicate', 'consistent-metadata')),
  'cluster.ensure-durability': to(flag, client('cluster/replicate', 'ensure-durability')),
  'cluster.favorite-child-policy': to(text, client('cluster/replicate', 'favorite-child-policy')),
  'cluster.data-self-heal': to(text, client('cluster/replicate', 'data-self-heal')),
  'cluster.metadata-self-heal': to(flag, client('cluster/replicate', 'metadata-self-heal')),
  'cluster.entry-self-heal': to(flag, client('cluster/replicate', 'entry-self-heal')),
  'cluster.granular-entry-heal': to(flag, client('cluster/replicate', 'granular-entry-heal')),
  'cluster.use-anonymous-inode': to(flag, client('cluster/replicate', 'use-anonymous-inode')),
  'cluster.stripe-block-size': to(stripeOptions['block-size'], client('cluster/stripe', 'block-size')),
  'cluster.stripe-coalesce': to(flag, client('cluster/stripe', 'coalesce')),
  'disperse.eager-lock': to(flag, client('cluster/disperse', 'eager-lock')),
  'disperse.other-eager-lock': to(flag, client('cluster/disperse', 'other-eager-lock')),
  'disperse.eager-lock-timeout': to(number, client('cluster/disperse', 'eager-lock-timeout')),
  'disperse.read-policy': to(text, client('cluster/disperse', 'read-policy')),
  'disperse.quorum-count': to(number, client('cluster/disperse', 'quorum-count')),
  'disperse.parallel-writes': to(flag, client('cluster/disperse', 'parallel-writes')),
  'disperse.stripe-cache': to(number, client('cluster/disperse', 'stripe-cache')),
  'disperse.cpu-extensions': to(text, client('cluster/disperse', 'cpu-extensions')),
  'ctime.noatime': to(flag, client('features/utime', 'noatime')),
  'features.read-only': to(flag, brick('features/read-only', 'read-only')),
  'features.cache-invalidation': to(flag, brick('features/upcall', 'cache-invalidation')),
  'features.cache-invalidation-timeout': to(time, brick('features/upcall', 'cache-invalidation-timeout')),
  'features.leases': to(flag, brick('features/leases', 'leases')),
  'features.lease-lock-recall-timeout': to(time, brick('features/leases', 'lease-lock-recall-timeout')),
  'features.shard-block-size': to(size, client('features/shard', 'shard-block-size')),
  'features.shard-deletion-rate': to(number, client('features/shard', 'shard-deletion-rate')),
  'features.shard-lru-limit': to(number, client('features/shard', 'shard-lru-limit')),
  'features.barrier': to(flag, brick('features/barrier', 'barrier')),
  'features.barrier-timeout': to(time, brick('features/barrier', 'barrier-timeout')),
  'features.enforce-mandatory-lock': to(flag, brick('features/locks', 'enforce-mandatory-lock')),
  'locks.mandatory-locking': to(text, brick('features/locks', 'mandatory-locking')),
  'storage.attribute-store': to(
    option.choice('auto', ['auto', 'xattr', 'sidecar'], plain),
    brick('storage/posix', 'attribute-store'),
  ),
  'performance.write-behind-window-size': to(size, client('performance/write-behind', 'cache-size')),
  'performance.flush-behind': to(flag, client('performance/write-behind', 'flush-behind')),
  'performance.strict-o-direct': to(flag, client('performance/write-behind', 'strict-O_DIRECT')),
  'performance.cache-invalidation': to(flag, client('performance/md-cache', 'cache-invalidation')),
  'performance.md-cache-timeout': to(time, client('performance/md-cache', 'md-cache-timeout')),
  'performance.read-after-open': to(flag, client('performance/open-behind', 'read-after-open')),
};

/** Options as `gluster volume set` names them. */
export type VolumeOptionValues = Readonly<Record<string, string>>;

/** The names that `options` of a volume may have. */
export const volumeOptionNames: readonly string[] = Object.keys(table).sort();

/**
 * Checks names and values of a volume's options.
 * @throws GlfsError EINVAL for a name that is unknown, with the nearest ones, or a value that is not of its kind.
 */
export function checkVolumeOptions(options: VolumeOptionValues): void {
  for (const [name, value] of Object.entries(options)) {
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    if (known === undefined) throw new GlfsError('EINVAL', unknownName(name));
    try {
      if (value.trim() === '') throw new Error('a value is expected');
      known.kind.parse(value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GlfsError('EINVAL', `volume option ${name}: '${value}': ${reason}`, { cause });
    }
  }
}

function unknownName(name: string): string {
  const family = `${name.split('.', 1)[0]}.`;
  const near = volumeOptionNames.filter((known) => known.startsWith(family));
  const hint =
    near.length > 0 ? near : [...new Set(volumeOptionNames.map((known) => `${known.split('.')[0]}.*`))];
  return `the embedded cluster has no volume option '${name}'; it has ${hint.join(', ')}`;
}

/** What a volume's options say to the translators of one type. */
export function optionsOf(
  options: VolumeOptionValues,
  side: Place['side'],
  type: string,
): (readonly [key: string, value: string])[] {
  return Object.entries(options).flatMap(([name, value]) =>
    (table[name]?.places ?? [])
      .filter((place) => place.side === side && place.type === type)
      .map(({ key }) => [key, value] as const),
  );
}

/** Whether an option that switches something is on; `otherwise` where it is not set. */
export function isOn(options: VolumeOptionValues, name: string, otherwise: boolean): boolean {
  const value = options[name];
  return value === undefined ? otherwise : option.boolean(otherwise, plain).parse(value);
}
