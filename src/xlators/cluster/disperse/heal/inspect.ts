import { isRegular } from '../../../../protocol/iatt.ts';
import type { DisperseState } from '../state.ts';
import { fragmentSize } from './direction.ts';
import {
  attributesOf,
  DATA,
  type Examination,
  type Examined,
  type HealKind,
  kindsOf,
  METADATA,
} from './examine.ts';

/** What the counters say. `maybe`: the differences may be those of a change under way. */
export type Need = 'no' | 'maybe' | 'must';

/** What is to be healed of a file. */
export interface Inspection {
  readonly need: Need;
  readonly kinds: readonly HealKind[];
}

const severity: readonly Need[] = ['no', 'maybe', 'must'];

/** `ours`: asked under a lock of our own, so that no change is under way. */
export function inspect(state: DisperseState, { found }: Examination, ours: boolean): Inspection {
  const [first] = found;
  if (first === undefined) return { need: 'must', kinds: [] };
  const kinds = kindsOf(first.stat);
  if (found.length < state.children.length) return { need: 'must', kinds };
  const busy = !ours && found.some(({ locks }) => locks > 0);
  const needs = kinds.map((kind) => [kind, needOf(state, found, kind, busy)] as const);
  const worst = Math.max(...needs.map(([, need]) => severity.indexOf(need)));
  return {
    need: severity[worst]!,
    kinds: needs.filter(([, need]) => need !== 'no').map(([kind]) => kind),
  };
}

function needOf(state: DisperseState, found: readonly Examined[], kind: HealKind, busy: boolean): Need {
  const counter = kind === 'metadata' ? METADATA : DATA;
  if (!sameContent(state, found, kind, busy)) return 'must';
  const { version, dirty } = found[0]!;
  const same = found.every((each) => each.version[counter] === version[counter]);
  if (!busy) return same && found.every((each) => each.dirty[counter] === 0n) ? 'no' : 'must';
  // Under one lock a file becomes dirty once: what goes beyond that was left behind.
  if (found.some((each) => each.dirty[counter] > 1n)) return 'must';
  return same && found.every((each) => each.dirty[counter] === dirty[counter]) ? 'no' : 'maybe';
}

function sameContent(
  state: DisperseState,
  found: readonly Examined[],
  kind: HealKind,
  busy: boolean,
): boolean {
  const [first] = found;
  if (kind === 'metadata') {
    return found.every(({ stat }) => attributesOf(stat) === attributesOf(first!.stat));
  }
  if (kind === 'entry' || !isRegular(first!.stat)) return true;
  return found.every(
    ({ version, size, stat }) =>
      version[DATA] === first!.version[DATA] &&
      size === first!.size &&
      (busy || stat.size === fragmentSize(state, size)),
  );
}
