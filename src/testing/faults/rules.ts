import { errnoByCode, GlfsError } from '../../errors.ts';
import { type FopName, fopNames } from '../../protocol/fops.ts';
import type { FaultRule } from '../types.ts';

/** A rule with everything that it leaves open filled in. */
export interface CheckedRule {
  readonly fops: ReadonlySet<FopName>;
  readonly action: FaultRule['action'];
  /** The call, counted among those the rule is about, from which on it acts; absent where `probability` chooses. */
  readonly nth: number;
  readonly times: number;
  readonly probability: number | undefined;
  readonly errno: NonNullable<FaultRule['errno']>;
  readonly milliseconds: number;
}

const actions: ReadonlySet<string> = new Set<FaultRule['action']>([
  'fail',
  'fail-after',
  'delay',
  'drop',
  'truncate',
  'hang',
]);

const keys: Readonly<Record<keyof FaultRule, true>> = {
  fop: true,
  nth: true,
  times: true,
  probability: true,
  action: true,
  errno: true,
  milliseconds: true,
};

/** @throws GlfsError EINVAL, with what would be right. */
export function checkRule(rule: FaultRule): CheckedRule {
  if (typeof rule !== 'object' || rule === null) throw wrong('an object is expected');
  for (const key of Object.keys(rule))
    if (!Object.hasOwn(keys, key))
      throw wrong(`there is no '${key}'; there are ${Object.keys(keys).join(', ')}`);
  const { fop, nth = 1, probability, action, errno = 'EIO', milliseconds = 0 } = rule;
  const named: readonly FopName[] = fop === undefined ? fopNames : typeof fop === 'string' ? [fop] : fop;
  for (const name of named)
    if (!fopNames.includes(name)) throw wrong(`there is no fop '${name}'; there are ${fopNames.join(', ')}`);
  if (named.length === 0) throw wrong('fop: at least one is expected, or nothing for all');
  if (!actions.has(action)) throw wrong(`action: one of ${[...actions].join(', ')} is expected`);
  const times = rule.times ?? (probability === undefined ? 1 : Number.POSITIVE_INFINITY);
  if (!Number.isInteger(nth) || nth < 1) throw wrong('nth: an integer from 1 is expected');
  if (!(times === Number.POSITIVE_INFINITY || (Number.isInteger(times) && times >= 1)))
    throw wrong('times: an integer from 1, or Infinity, is expected');
  if (probability !== undefined) {
    if (rule.nth !== undefined) throw wrong('either nth or probability is expected');
    if (!(probability >= 0 && probability <= 1)) throw wrong('probability: a number from 0 to 1 is expected');
  }
  if (!Object.hasOwn(errnoByCode, errno)) throw wrong(`there is no errno '${errno}'`);
  if (typeof milliseconds !== 'number' || !(milliseconds >= 0 && milliseconds < 2 ** 31))
    throw wrong('milliseconds: a duration is expected');
  if (action === 'delay' && rule.milliseconds === undefined) throw wrong('a delay needs milliseconds');
  return { fops: new Set(named), action, nth, times, probability, errno, milliseconds };
}

function wrong(problem: string): GlfsError {
  return new GlfsError('EINVAL', `fault rule: ${problem}`);
}
