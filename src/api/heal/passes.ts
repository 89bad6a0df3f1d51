import { type GlfsError, toGlfsError } from '../../errors.ts';
import { type CallContext, sleep, throwIfEnded } from '../../graph/index.ts';
import { type Gfid, gfidKey, gfidToString } from '../../protocol/gfid.ts';
import { fileOnMember } from '../../xlators/cluster/file-on-member.ts';
import { IndexDirectory } from '../../xlators/cluster/index-directory.ts';
import type { HealSet, Member, SetHealResult } from './heal-set.ts';
import { inOrder } from './in-order.ts';
import type { HealOutcome } from './types.ts';

export interface Crawl {
  readonly set: HealSet;
  readonly context: CallContext;
  readonly parallel: number;
  /** Nothing is taken to be well because nobody says otherwise. */
  readonly thorough?: boolean;
}

/** A file that healed so often in one run is being changed while copies fail: it does not keep the run going. */
const MOST_HEALS = 3;
/** Passes that wait for files which others are healing. */
const PATIENT_PASSES = 5;
/** Passes more for what was not where it had just been: heals of two directories may move the same third one. */
const CROSSED_PASSES = 2;
const CROSSED: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESTALE', 'EEXIST']);
const PAUSE = 300;

type Attempt = HealOutcome | undefined;

/**
 * Heals what the indices of one set list, pass after pass: a directory brings in entries that are to be healed then. Healed
 * files and purged entries come out as they happen; the others, as they are in the end, from `leftOver`.
 */
export class IndexPasses {
  /** By gfid: what the latest attempt came to, where that is no success. */
  readonly problems = new Map<string, HealOutcome>();
  /** Bricks that broke off. */
  private readonly broken = new Map<Member, GlfsError>();
  private readonly heals = new Map<string, number>();

  constructor(private readonly crawl: Crawl) {}

  async *run(): AsyncGenerator<HealOutcome, void, void> {
    for (let waits = 0; ; ) {
      this.problems.clear();
      this.broken.clear();
      let advanced = false;
      for await (const outcome of this.pass()) {
        if (outcome.status === 'healed') advanced = this.counts(outcome.gfid) || advanced;
        yield outcome;
      }
      if (advanced) continue;
      if (waits++ >= this.patience()) return;
      await sleep(PAUSE, this.crawl.context);
    }
  }

  /** How many passes without progress are worth while. */
  private patience(): number {
    const problems = [...this.problems.values()];
    if (problems.some(({ status }) => status === 'busy')) return PATIENT_PASSES;
    const isCrossed = (one: HealOutcome): boolean => one.status === 'failed' && CROSSED.has(one.error?.code);
    return problems.some(isCrossed) ? CROSSED_PASSES : 0;
  }

  private counts(gfid: string): boolean {
    const heals = (this.heals.get(gfid) ?? 0) + 1;
    this.heals.set(gfid, heals);
    return heals <= MOST_HEALS;
  }

  private async *pass(): AsyncGenerator<HealOutcome, void, void> {
    const seen = new Set<string>();
    const { set } = this.crawl;
    for (const member of set.members) {
      if (!set.isUp(member)) continue;
      try {
        yield* this.passOf(member, seen);
      } catch (thrown) {
        const error = toGlfsError(thrown);
        if (error.code === 'ECANCELED') throw error;
        this.broken.set(member, error);
      }
    }
  }

  private async *passOf(member: Member, seen: Set<string>): AsyncGenerator<HealOutcome, void, void> {
    const { context, parallel } = this.crawl;
    for (const kind of member.set.healed) {
      const directory = await IndexDirectory.open(member.child, kind, context);
      if (directory === undefined) continue;
      const attempts = inOrder(directory.gfids(context), parallel, (gfid) =>
        this.attempt(member, directory, gfid, seen),
      );
      for await (const outcome of attempts) if (outcome !== undefined) yield outcome;
    }
  }

  private async attempt(
    member: Member,
    directory: IndexDirectory,
    gfid: Gfid,
    seen: Set<string>,
  ): Promise<Attempt> {
    const { set, context } = this.crawl;
    const file = await fileOnMember(member.child, gfid, context);
    if (file === undefined) {
      await directory.drop(gfid, context);
      // A brick that notes names gives what a heal did not go by another gfid, for a crawl to take it away.
      if (directory.kind === 'entry-changes') return undefined;
      return { status: 'purged', gfid: gfidToString(gfid), brick: member.brick };
    }
    const key = gfidKey(gfid);
    if (!seen.has(key)) {
      seen.add(key);
      const outcome = await this.heal(gfid, file.path);
      if (outcome !== undefined) return outcome;
    }
    if (this.problems.has(gfidToString(gfid))) return undefined;
    await set.settle(member, directory.kind, gfid, context);
    return undefined;
  }

  /** Heals one file. Undefined where nothing was done; why, is among the problems. */
  async heal(gfid: Gfid, path: string | undefined): Promise<Attempt> {
    const { set, context, thorough = false } = this.crawl;
    const result = await set.heal(gfid, context, thorough);
    const outcome = outcomeOf(set, { gfid: gfidToString(gfid), path }, result);
    if (outcome === undefined || outcome.status === 'healed') return outcome;
    this.problems.set(gfidToString(gfid), outcome);
    return undefined;
  }

  /** Takes away what heals had put aside until it was found under another name. */
  async tidyUp(): Promise<void> {
    const { set, context } = this.crawl;
    throwIfEnded(context);
    for (const member of set.members) {
      if (!set.isUp(member)) continue;
      await set.tidyUp(member).catch((error: unknown) => {
        set.state.log.warn({ brick: member.brick, error }, 'what heals have put aside could not be removed');
      });
    }
  }

  /** What still needs healing now that nothing more can be done, and the bricks that could not be asked for it. */
  async *leftOver(): AsyncGenerator<HealOutcome, void, void> {
    const { set, context, parallel } = this.crawl;
    const told = new Set<string>();
    for (const member of set.members) {
      try {
        const broken = this.broken.get(member);
        if (broken !== undefined && set.isUp(member)) throw broken;
        for await (const { gfid, path, state } of set.entries(member, context, parallel)) {
          if (told.has(gfid)) continue;
          told.add(gfid);
          yield this.problems.get(gfid) ?? { status: statuses[state], gfid, path };
        }
      } catch (thrown) {
        const error = toGlfsError(thrown);
        if (error.code === 'ECANCELED') throw error;
        yield { status: 'unreachable', brick: member.brick, error };
      }
    }
    for (const [gfid, problem] of this.problems) if (!told.has(gfid)) yield problem;
  }
}

const statuses = { pending: 'failed', healing: 'busy', 'split-brain': 'split-brain' } as const;

/** Undefined for a file that needed nothing. */
export function outcomeOf(
  set: HealSet,
  file: { readonly gfid: string; readonly path: string | undefined },
  { status, sinks, error }: SetHealResult,
): HealOutcome | undefined {
  if (status === 'clean') return undefined;
  if (status === 'healed') return { status, ...file, bricks: set.bricksOf(sinks) };
  return { status, ...file, error: error === undefined ? undefined : toGlfsError(error) };
}
