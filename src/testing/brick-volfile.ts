import { printVolfile, type VolfileNode } from '../volfile/index.ts';
import { fillBrickTemplate } from './brick-template.ts';
import { isOn, optionsOf } from './volume-options.ts';
import { type BrickPlan, node, type VolumePlan } from './volume-plan.ts';
import { isArbiter } from './volume-type.ts';

type Options = (readonly [key: string, value: string])[];

/** One layer of a brick; `when` leaves it out. */
interface Layer {
  readonly type: string;
  readonly when?: (plan: VolumePlan, brick: BrickPlan) => boolean;
  readonly options?: (plan: VolumePlan, brick: BrickPlan) => Options;
  /** Default: `VOLUME-` and the last part of the type. */
  readonly name?: (plan: VolumePlan, brick: BrickPlan) => string;
}

/** A brick from the bottom up, in glusterd's order; debug/faults is ours, and sees calls before all others. */
const layers: readonly Layer[] = [
  {
    type: 'storage/posix',
    options: ({ id, bricks }, { directory }) => [
      ['directory', directory],
      ['volume-id', id],
      ['fips-mode-rchecksum', 'on'],
      // All bricks of a cluster lie in one directory: each shows its share of that file system.
      ['shared-brick-count', String(bricks.length)],
    ],
  },
  { type: 'features/arbiter', when: ({ layout }, { index }) => isArbiter(layout, index) },
  { type: 'features/access-control' },
  { type: 'features/locks' },
  { type: 'features/read-only', when: ({ options }) => isOn(options, 'features.read-only', false) },
  { type: 'features/leases', when: ({ options }) => isOn(options, 'features.leases', false) },
  { type: 'features/upcall', when: ({ options }) => isOn(options, 'features.cache-invalidation', false) },
  { type: 'features/barrier' },
  { type: 'features/index', options: indexOptions },
  {
    type: 'debug/io-stats',
    // What clients attach to is found by this name.
    name: (_, { directory }) => directory,
    options: ({ id }, { directory }) => [
      ['unique-id', directory],
      ['volume-id', id],
    ],
  },
  { type: 'debug/faults', options: faultsOptions },
  { type: 'protocol/server', options: serverOptions },
];

/** The volfile that a brick is built from. */
export function brickVolfile(plan: VolumePlan, brick: BrickPlan): string {
  if (plan.brickTemplate !== undefined) return fromTemplate(plan, brick, plan.brickTemplate);
  const nodes: VolfileNode[] = [];
  for (const { type, when, options, name } of layers) {
    if (when !== undefined && !when(plan, brick)) continue;
    const given = [...(options?.(plan, brick) ?? []), ...optionsOf(plan.options, 'brick', type)];
    const below = nodes.at(-1);
    nodes.push(
      node(
        name?.(plan, brick) ?? `${plan.name}-${type.split('/')[1]}`,
        type,
        given,
        below === undefined ? [] : [below.name],
      ),
    );
  }
  return printVolfile({ nodes, top: nodes.at(-1)!.name });
}

/**
 * The user says which translators there are, and what they are told goes before what the cluster would say; but where a
 * brick listens clients know from the cluster, and what is set at run time shall come to pass.
 */
function fromTemplate(plan: VolumePlan, brick: BrickPlan, template: string): string {
  const faults = { type: 'debug/faults', options: faultsOptions(plan, brick) };
  const volfile = fillBrickTemplate(plan, brick, template, faults, ({ type, options }) => [
    ...(layers.find((layer) => layer.type === type)?.options?.(plan, brick) ?? []),
    ...options,
    ...(type === 'protocol/server' ? listenOptions(plan, brick) : []),
    ...optionsOf(plan.options, 'brick', type),
  ]);
  return printVolfile(volfile);
}

function faultsOptions(plan: VolumePlan, brick: BrickPlan): Options {
  return [['seed', String(brickSeed(plan, brick))]];
}

/** Each brick draws from a stream of its own: how calls to several bricks mix does not change what happens on one. */
function brickSeed({ seed, name }: VolumePlan, { index }: BrickPlan): number {
  let mixed = (seed ^ 0x9e3779b9) >>> 0;
  for (const byte of Buffer.from(`${name}/${index}`)) mixed = Math.imul(mixed ^ byte, 0x01000193) >>> 0;
  return mixed;
}

/** What counts as pending: the index keeps the files that have such attributes. */
function indexOptions({ name, layout }: VolumePlan, { directory }: BrickPlan): Options {
  const options: Options = [['index-base', `${directory}/.glusterfs/indices`]];
  const { kind } = layout;
  if (kind === 'disperse' || kind === 'custom') options.push(['xattrop64-watchlist', 'trusted.ec.dirty']);
  if (kind !== 'disperse')
    options.push(
      ['xattrop-dirty-watchlist', 'trusted.afr.dirty'],
      ['xattrop-pending-watchlist', `trusted.afr.${name}-`],
    );
  return options;
}

function listenOptions({ host }: VolumePlan, { port }: BrickPlan): Options {
  return [
    ['transport-type', 'tcp'],
    ['transport.socket.bind-address', host],
    ['transport.socket.listen-port', String(port)],
  ];
}

function serverOptions(plan: VolumePlan, brick: BrickPlan): Options {
  const { options, username, password, tls } = plan;
  const { directory } = brick;
  return [
    ...listenOptions(plan, brick),
    ['auth-path', directory],
    [`auth.login.${directory}.allow`, username],
    ...optional(`auth.login.${username}.password`, password === '' ? undefined : password),
    [`auth.addr.${directory}.allow`, options['auth.allow'] ?? '*'],
    ...optional(`auth.addr.${directory}.reject`, options['auth.reject']),
    ...optional(`auth.login.${directory}.ssl-allow`, options['auth.ssl-allow']),
    ['transport.socket.ssl-enabled', tls === undefined ? 'off' : 'on'],
    ...optional('transport.socket.ssl-own-cert', tls?.cert),
    ...optional('transport.socket.ssl-private-key', tls?.key),
    ...optional('transport.socket.ssl-ca-list', tls?.ca),
  ];
}

function optional(key: string, value: string | undefined): Options {
  return value === undefined ? [] : [[key, value]];
}
