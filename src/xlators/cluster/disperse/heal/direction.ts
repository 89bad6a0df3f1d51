import { GlfsError } from '../../../../errors.ts';
import { CHUNK } from '../../../../gf8/index.ts';
import { type ChildSet, countOf, NO_CHILDREN } from '../../children.ts';
import { isHealing } from '../lock/counters.ts';
import type { DisperseState } from '../state.ts';
import { DATA, type Examination, type Examined, setOf } from './examine.ts';

/** Whose is right, and who is to get it. */
export interface Direction {
  readonly sources: ChildSet;
  readonly sinks: ChildSet;
}

/** Bytes of a fragment of a file with so many bytes. */
export function fragmentSize(state: DisperseState, size: bigint): number {
  return Math.ceil(Number(size) / state.stripe) * CHUNK;
}

/**
 * Fragments are right where as many as it takes to read have the same version and size, and are as long as that size says: a
 * crash may have cut one. Who is being healed has no fragment yet.
 * @throws GlfsError EIO where no such group is there: nothing can be rebuilt
 */
export function dataDirection(state: DisperseState, { found }: Examination): Direction {
  const usable = found.filter(
    (each) => !isHealing(each.version) && each.stat.size === fragmentSize(state, each.size),
  );
  const sources = largest(usable, ({ version, size }) => `${version[DATA]} ${size}`);
  if (countOf(sources) < state.data) throw beyondRepair(state, 'fragments are of the same change');
  return { sources, sinks: setOf(found) & ~sources };
}

/** Names are right by the number of those that have them, each on its own; a directory's version only says who was left behind. */
export function entryDirection({ found }: Examination): Direction {
  let newest = 0n;
  for (const { version } of found) if (version[DATA] > newest) newest = version[DATA];
  const sources = setOf(found.filter(({ version }) => version[DATA] === newest));
  return { sources, sinks: setOf(found) & ~sources };
}

/** Those that have the most in common. */
export function largest<T extends Pick<Examined, 'index'>>(
  found: readonly T[],
  keyOf: (each: T) => string,
): ChildSet {
  const sets = new Map<string, ChildSet>();
  for (const each of found) {
    const key = keyOf(each);
    sets.set(key, (sets.get(key) ?? NO_CHILDREN) | (1 << each.index));
  }
  return [...sets.values()].reduce((best, set) => (countOf(set) > countOf(best) ? set : best), NO_CHILDREN);
}

export function beyondRepair(state: DisperseState, what: string): GlfsError {
  const count = `${state.data} of ${state.children.length}`;
  return new GlfsError('EIO', `no ${count} ${what}`, { translator: state.name });
}
