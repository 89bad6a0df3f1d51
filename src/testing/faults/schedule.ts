import type { FopName } from '../../protocol/fops.ts';
import { seededRandom } from '../../xlators/debug/random.ts';
import type { FaultRule } from '../types.ts';
import { type CheckedRule, checkRule } from './rules.ts';

/** Calls that allocate blocks or inodes: what a full disk refuses. */
const needSpace: ReadonlySet<FopName> = new Set<FopName>([
  'write',
  'create',
  'mkdir',
  'mknod',
  'symlink',
  'fallocate',
  'zerofill',
  'copyFileRange',
  'setxattr',
  'fsetxattr',
]);

interface Entry {
  readonly rule: CheckedRule;
  readonly random: () => number;
  /** Calls that the rule is about, since it was added. */
  seen: number;
  acted: number;
}

/** What shall happen to a call instead of, or beside, its execution. */
export type Verdict = Pick<CheckedRule, 'action' | 'errno' | 'milliseconds'>;

const FULL: Verdict = { action: 'fail', errno: 'ENOSPC', milliseconds: 0 };

/**
 * The rules of one brick. What becomes of a call follows from the seed, the rules in the order in which they were added, and
 * the calls in the order in which they came; each rule draws from a stream of its own.
 */
export class FaultSchedule {
  private readonly entries = new Map<number, Entry>();
  /** Rules that are gone still tell how often they acted. */
  private readonly gone = new Map<number, number>();
  private full = false;
  private next = 1;

  constructor(private readonly seed: number) {}

  /** Returns the rule's number. @throws GlfsError EINVAL */
  add(rule: FaultRule): number {
    const id = this.next++;
    const random = seededRandom((this.seed + Math.imul(id, 0x9e3779b1)) >>> 0);
    this.entries.set(id, { rule: checkRule(rule), random, seen: 0, acted: 0 });
    return id;
  }

  remove(id: number): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    this.gone.set(id, entry.acted);
    this.entries.delete(id);
  }

  acted(id: number): number {
    return this.entries.get(id)?.acted ?? this.gone.get(id) ?? 0;
  }

  clear(): void {
    for (const id of [...this.entries.keys()]) this.remove(id);
  }

  fill(full: boolean): void {
    this.full = full;
  }

  /** To be asked once for each call. The rule that was added first goes before others; all of them count the call. */
  verdict(fop: FopName): Verdict | undefined {
    let verdict: Verdict | undefined;
    for (const entry of this.entries.values()) {
      if (!entry.rule.fops.has(fop)) continue;
      entry.seen++;
      const acts = isDue(entry);
      if (!acts || verdict !== undefined) continue;
      entry.acted++;
      verdict = entry.rule;
    }
    if (verdict === undefined && this.full && needSpace.has(fop)) return FULL;
    return verdict;
  }
}

function isDue({ rule, random, seen, acted }: Entry): boolean {
  if (rule.probability === undefined) return seen >= rule.nth && seen < rule.nth + rule.times;
  // Drawn for every call, so that the choice among later ones doesn't depend on what other rules did.
  return random() < rule.probability && acted < rule.times;
}
