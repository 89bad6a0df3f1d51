// Registers debug/faults.
import '../../../src/testing/index.ts';
import type { Case } from '../trial.ts';
import { type Layer, type Shape, typeOf } from './graphs.ts';

/** A stack of storage/posix and one translator. */
export interface Alone {
  readonly type: string;
  readonly shape: Shape;
  /** Runs the cases that it takes; all where it is not there. */
  readonly takes?: (cases: readonly Case[]) => readonly Case[];
}

function above(layer: Layer): Alone {
  const type = typeOf(layer);
  return { type, shape: { name: `${type} alone`, brick: [layer], small: true } };
}

function over(layer: Layer): Alone {
  const type = typeOf(layer);
  return { type, shape: { name: `${type} over one brick`, cluster: layer, small: true } };
}

const groupOf = ({ name }: Case): string => name.slice(0, name.indexOf(':'));

/** Two cases of each group, so that every call is among them, and all cases of `whole` groups; no large directories. */
export function excerpt(cases: readonly Case[], whole: readonly string[] = []): readonly Case[] {
  const counts = new Map<string, number>();
  return cases.filter((each) => {
    const group = groupOf(each);
    if (whole.includes(group)) return true;
    const count = (counts.get(group) ?? 0) + 1;
    counts.set(group, count);
    return count <= 2 && group !== 'large';
  });
}

function inPart(alone: Alone, ...whole: string[]): Alone {
  return { ...alone, takes: (cases) => excerpt(cases, whole) };
}

/**
 * Every translator by itself on a brick, with the options that make it do what it is for and change nothing that callers
 * see. What hands all calls on, or is another one by a second name, takes an excerpt of the cases.
 */
export const alone: readonly Alone[] = [
  above('features/access-control'),
  above('features/locks'),
  above(['features/index', { 'index-base': '@BRICK@/.glusterfs/indices' }]),
  above(['features/upcall', { 'cache-invalidation': 'on' }]),
  above(['features/leases', { leases: 'on' }]),
  above('features/barrier'),
  above('features/utime'),
  above('debug/io-stats'),
  above('debug/trace'),
  above('glfs/whole-files'),
  over('cluster/distribute'),
  inPart(over('cluster/dht')),
  inPart(over(['cluster/nufa', { 'local-volume-name': 'b0-posix' }])),
  // Patterns must leave a brick for all other files: they have a stack of two.
  inPart(over('cluster/switch')),
  inPart(above('features/shard'), 'holes', 'truncate'),
  inPart(above('system/posix-acl'), 'permissions', 'sticky directories'),
  inPart(above('features/posix-locks'), 'locks'),
  inPart(above('performance/io-threads')),
  inPart(above('features/namespace')),
  inPart(above('features/selinux')),
  inPart(above(['features/read-only', { 'read-only': 'off' }])),
  inPart(above(['debug/delay-gen', { 'delay-percentage': '0' }])),
  inPart(above(['debug/error-gen', { failure: '0' }])),
  inPart(above('debug/faults')),
  inPart(above('meta')),
];

/** Translators that can't stand alone on a brick and show what the cases ask for, and why. */
export const notAlone: Readonly<Record<string, string>> = {
  'cluster/afr': 'is cluster/replicate by its other name',
  'cluster/disperse': 'needs as many subvolumes as it has fragments: disperse.test.ts runs such stacks',
  'cluster/ec': 'is cluster/disperse by its other name',
  'cluster/replicate':
    'needs features/locks and features/index on every brick: replicate.test.ts runs such stacks',
  'cluster/stripe': 'needs a second subvolume: stripe.test.ts runs such stacks',
  'features/arbiter': 'keeps no contents of files: nothing that is written can be read',
  'features/snapview-client': 'needs a second subvolume, the daemon that shows snapshots',
  'glfs/missing-brick': 'is a brick that is not there: from-brick-sets.test.ts has some',
  'protocol/client': 'has the brick behind it and not below: the stacks of client and server run it',
  'protocol/server': 'is what clients attach to: the stacks of client and server run it',
  'storage/posix': 'is the brick itself, which has stacks without anything on it',
};
