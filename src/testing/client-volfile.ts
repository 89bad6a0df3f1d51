import { printVolfile, type VolfileNode } from '../volfile/index.ts';
import { isOn, optionsOf, performanceLayers } from './volume-options.ts';
import { type BrickPlan, node, type VolumePlan } from './volume-plan.ts';

/** Where stock clients ask for a brick's port, whatever port the volfile came from. */
const GLUSTERD_PORT = 24007;

/**
 * The volfile that clients of a volume get, of glusterd's shape. Performance translators are in it only where options
 * ask for them: what a test orders of a brick shall reach it when it is called, not when a cache is flushed.
 */
export function clientVolfile(plan: VolumePlan): string {
  if (plan.template !== undefined) return fillTemplate(plan, plan.template);
  const bricks = plan.bricks.map((brick) => brickClient(plan, brick));
  const nodes = [...bricks];
  const top = (layer: string, type: string, options: readonly (readonly [string, string])[] = []): void => {
    const given = [...options, ...optionsOf(plan.options, 'client', type)];
    nodes.push(node(`${plan.name}-${layer}`, type, given, [nodes.at(-1)!.name]));
  };
  const sets = clusterSets(plan, bricks);
  nodes.push(...sets);
  const spread = sets.length > 0 ? sets : bricks;
  const names = spread.map(({ name }) => name);
  nodes.push(node(`${plan.name}-dht`, 'cluster/distribute', distributeOptions(plan), names));
  if (isOn(plan.options, 'features.shard', false)) top('shard', 'features/shard');
  if (isOn(plan.options, 'features.ctime', true)) top('utime', 'features/utime', [['noatime', 'on']]);
  for (const [name, layer] of performanceLayers)
    if (isOn(plan.options, name, false)) top(layer, `performance/${layer}`);
  nodes.push(node(plan.name, 'debug/io-stats', ioStatsOptions(), [nodes.at(-1)!.name]));
  return printVolfile({ nodes, top: plan.name });
}

function brickClient(plan: VolumePlan, brick: BrickPlan): VolfileNode {
  const { name, options, host, managementPort } = plan;
  return node(`${name}-client-${brick.index}`, 'protocol/client', [
    ['ping-timeout', '42'],
    ['remote-host', host],
    // Stock clients portmap at 24007 and nowhere else; elsewhere they have to be told.
    ...(managementPort === GLUSTERD_PORT ? [] : [['remote-port', String(brick.port)] as const]),
    ['remote-subvolume', brick.directory],
    ['transport-type', 'tcp'],
    ['transport.address-family', host.includes(':') ? 'inet6' : 'inet'],
    ...login(plan),
    ['transport.socket.ssl-enabled', plan.tls === undefined ? 'off' : 'on'],
    ['strict-locks', 'off'],
    ['send-gids', 'true'],
    ...optionsOf(options, 'client', 'protocol/client'),
  ]);
}

/**
 * glusterd gives its own pool a login that goes before addresses, and other clients none. Here all clients are of this
 * machine: where addresses are to decide, they get none.
 */
function login({ options, username, password }: VolumePlan): (readonly [string, string])[] {
  const byAddress = options['auth.allow'] !== undefined || options['auth.reject'] !== undefined;
  return byAddress
    ? []
    : [
        ['username', username],
        ['password', password],
      ];
}

/** Replica, disperse or stripe sets over the bricks, in their order; none where bricks are only distributed. */
function clusterSets(plan: VolumePlan, bricks: readonly VolfileNode[]): VolfileNode[] {
  const { kind, size, sets } = plan.layout;
  if (kind === 'distribute' || kind === 'custom') return [];
  return Array.from({ length: sets }, (_, set) => {
    const members = bricks.slice(set * size, (set + 1) * size).map(({ name }) => name);
    const options = setOptions[kind](plan, members);
    return node(`${plan.name}-${kind}-${set}`, `cluster/${kind}`, options, members);
  });
}

type SetOptions = (plan: VolumePlan, members: readonly string[]) => (readonly [string, string])[];

const setOptions: Readonly<Record<'replicate' | 'disperse' | 'stripe', SetOptions>> = {
  replicate: replicateOptions,
  disperse: disperseOptions,
  stripe: ({ options }) => [...optionsOf(options, 'client', 'cluster/stripe')],
};

function replicateOptions(plan: VolumePlan, members: readonly string[]): (readonly [string, string])[] {
  return [
    // The names under which bricks count what is pending for each other: trusted.afr.NAME.
    ['afr-pending-xattr', members.join(',')],
    ['volume-id', plan.id],
    ...(plan.layout.arbiters > 0 ? [['arbiter-count', String(plan.layout.arbiters)] as const] : []),
    ['granular-entry-heal', 'on'],
    ['use-compound-fops', 'off'],
    ['use-anonymous-inode', 'yes'],
    ...optionsOf(plan.options, 'client', 'cluster/replicate'),
  ];
}

function disperseOptions(plan: VolumePlan): (readonly [string, string])[] {
  return [
    ['redundancy', String(plan.layout.redundancy)],
    ...optionsOf(plan.options, 'client', 'cluster/disperse'),
  ];
}

function distributeOptions({ options }: VolumePlan): (readonly [string, string])[] {
  return [
    ['lock-migration', 'off'],
    ['force-migration', 'off'],
    ...optionsOf(options, 'client', 'cluster/distribute'),
  ];
}

function ioStatsOptions(): (readonly [string, string])[] {
  return [
    ['log-level', 'INFO'],
    ['latency-measurement', 'off'],
    ['count-fop-hits', 'off'],
    ['global-threading', 'off'],
  ];
}

/** Fills in what only the cluster knows; `@BRICK0@` is the directory, which is also what clients attach to. */
function fillTemplate(plan: VolumePlan, template: string): string {
  const values: Record<string, string> = {
    HOST: plan.host,
    VOLUME: plan.name,
    VOLUME_ID: plan.id,
    USERNAME: plan.username,
    PASSWORD: plan.password,
  };
  for (const { index, directory, port } of plan.bricks) {
    values[`BRICK${index}`] = directory;
    values[`PORT${index}`] = String(port);
  }
  return template.replace(/@([A-Z_]+\d*)@/g, (whole, name: string) => values[name] ?? whole);
}
