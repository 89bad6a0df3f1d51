import { Volume, type VolumeOptions } from '../../../src/index.ts';
import { syscalls } from '../../../src/syscalls.ts';
import { printVolfile, type VolfileNode } from '../../../src/volfile/index.ts';
import type { Lacks } from '../subject.ts';
import { VolumeSubject } from '../subjects/volume.ts';
import type { Running, Stack } from '../suite.ts';
import { brickDirectories } from './places.ts';
import { probedOnBricks } from './probes.ts';

/** A translator of a stack: its type, or type and options. */
export type Layer = string | readonly [type: string, options: Readonly<Record<string, string>>];

/** A stack by what it is made of. */
export interface Shape {
  readonly name: string;
  /** Options of storage/posix. */
  readonly posix?: Readonly<Record<string, string>>;
  /** On each brick, from storage/posix up. */
  readonly brick?: readonly Layer[];
  /** How many bricks (default 1), and what brings them together. */
  readonly bricks?: number;
  readonly cluster?: Layer;
  /** Above that. */
  readonly top?: readonly Layer[];
  readonly lacks?: Lacks;
  readonly small?: boolean;
  /** Bricks on disk, and not in memory. */
  readonly onDisk?: boolean;
}

export function typeOf(layer: Layer): string {
  return typeof layer === 'string' ? layer : layer[0];
}

/** Second names of translators, by which the table doesn't know them. */
const sameAs: Readonly<Record<string, string>> = { 'posix-acl': 'access-control', 'posix-locks': 'locks' };

/** All types of a shape without their categories: what the table of differences calls traits. */
export function traitsOf({ brick = [], cluster, top = [], posix = {} }: Shape): string[] {
  const types = ['storage/posix', ...[...brick, ...(cluster ? [cluster] : []), ...top].map(typeOf)];
  const traits = types
    .map((type) => type.slice(type.indexOf('/') + 1))
    .flatMap((trait) => [trait, ...(sameAs[trait] === undefined ? [] : [sameAs[trait]])]);
  return ['volume', 'embedded', ...traits, ...(posix['attribute-store'] === 'sidecar' ? ['sidecar'] : [])];
}

/** What follows from translators that are not there. */
export function lacksOf(shape: Shape): Lacks {
  const traits = traitsOf(shape);
  return {
    ...(!traits.includes('access-control') && { permissions: 'features/access-control is not in the stack' }),
    ...(!traits.includes('locks') && { locks: 'features/locks is not in the stack' }),
    ...(syscalls() === undefined && {
      fallocate: 'the native addon is not built',
      seek: 'the native addon is not built',
    }),
    ...shape.lacks,
  };
}

/** Names of directories are asked for anew every time: what a case shows must not hang on the time that it takes. */
export const patience: VolumeOptions = { entryTimeout: 0 };

/** Puts layers on top of each other; the last node is the top. */
export function piled(nodes: VolfileNode[], layers: readonly Layer[], prefix: string): VolfileNode[] {
  for (const layer of layers) {
    const options = new Map(Object.entries(typeof layer === 'string' ? {} : layer[1]));
    const below = nodes.at(-1);
    nodes.push({
      name: `${prefix}${typeOf(layer).split('/')[1]}`,
      type: typeOf(layer),
      options,
      subvolumes: below === undefined ? [] : [below.name],
      line: 0,
    });
  }
  return nodes;
}

/** The nodes of one brick, from storage/posix up; `@BRICK@` in options stands for its directory. */
export function brickNodes(shape: Shape, directory: string, prefix: string): VolfileNode[] {
  const posix: Layer = ['storage/posix', { directory, reserve: '0', ...shape.posix }];
  const nodes = piled([], [posix, ...(shape.brick ?? [])], prefix);
  const filled = ([key, value]: [string, string]): [string, string] => [
    key,
    value.replaceAll('@BRICK@', directory),
  ];
  return nodes.map((node) => ({ ...node, options: new Map([...node.options].map(filled)) }));
}

/** Cluster translator and what is above it, over nodes whose tops are `below`. */
export function upperNodes({ cluster, top = [] }: Shape, below: readonly string[]): VolfileNode[] {
  if (cluster === undefined && below.length > 1) throw new Error('several bricks need a cluster translator');
  const nodes: VolfileNode[] = [];
  if (cluster !== undefined) {
    piled(nodes, [cluster], 'v-');
    nodes[0] = { ...nodes[0]!, subvolumes: below };
  }
  const start: VolfileNode = { name: below[0]!, type: '', options: new Map(), subvolumes: [], line: 0 };
  return nodes.length > 0 ? piled(nodes, top, 'v-') : piled([start], top, 'v-').slice(1);
}

/** A volume as a running stack; `connect` makes the second client where there can be one. */
export async function running(
  connect: () => Promise<Volume>,
  known: Lacks,
  end: () => Promise<void> | void,
): Promise<Running> {
  const clients: Volume[] = [];
  const client = async (): Promise<Volume> => {
    const made = await connect();
    clients.push(made);
    return made;
  };
  let second: Promise<Volume> | undefined;
  const other = (): Promise<Volume> => {
    second ??= client();
    return second;
  };
  const stop = async (): Promise<void> => {
    for (const each of clients) await each.close();
    await end();
  };
  try {
    const subject = new VolumeSubject(await client(), other);
    return { subject, lacks: await probedOnBricks(subject, known), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A graph with storage/posix in it: no network at all. */
export function local(shape: Shape): Stack {
  const lacks: Lacks = { 'two-clients': 'a brick has one graph only', ...lacksOf(shape) };
  return {
    name: shape.name,
    traits: traitsOf(shape),
    lacks,
    small: shape.small,
    async start() {
      const { directories, remove } = brickDirectories(shape.bricks ?? 1, shape.onDisk);
      const below = directories.map((directory, index) => brickNodes(shape, directory, `b${index}-`));
      const upper = upperNodes(
        shape,
        below.map((nodes) => nodes.at(-1)!.name),
      );
      const nodes = [...below.flat(), ...upper];
      const text = printVolfile({ nodes, top: nodes.at(-1)!.name });
      return running(() => Volume.fromVolfile(text, patience), lacks, remove);
    },
  };
}
