import { type GlfsError, toGlfsError } from '../../errors.ts';
import { type CallContext, sleep, throwIfEnded } from '../../graph/index.ts';
import { type Gfid, gfidKey, gfidToString } from '../../protocol/gfid.ts';
import { fileOnMember } from '../../xlators/cluster/file-on-member.ts';
import { IndexDirectory, type IndexKind } from '../../xlators/cluster/index-directory.ts';
import { settleIndex } from '../../xlators/cluster/replicate/crawl/settle-index.ts';
import { cleanAnonymous } from '../../xlators/cluster/replicate/heal/anonymous-cleaning.ts';
import { dropLeftovers } from '../../xlators/cluster/replicate/heal/entry-leftovers.ts';
import {
  type HealResult,
  healFile,
  type SplitBrainPolicy,
} from '../../xlators/cluster/replicate/heal/index.ts';
import { inOrder } from './in-order.ts';
import type { Copy, ReplicaSet } from './replica-set.ts';
import type { HealOutcome } from './types.ts';

export interface Crawl {
  readonly set: ReplicaSet;
  readonly context: CallContext;
  readonly parallel: number;
  readonly policy?: SplitBrainPolicy;
}

const indexKinds: readonly IndexKind[] = ['xattrop', 'dirty', 'entry-changes'];

/** A file that healed so often in one run is being changed while copies fail: it does not keep the run going. */
const MOST_HEALS = 3;
/** Passes that wait for files which others are healing. */
const PATIENT_PASSES = 5;
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
  private readonly broken = new Map<Copy, GlfsError>();
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
      const busy = [...this.problems.values()].some(({ status }) => status === 'busy');
      if (!busy || waits++ === PATIENT_PASSES) return;
      await sleep(PAUSE, this.crawl.context);
    }
  }

  private counts(gfid: string): boolean {
    const heals = (this.heals.get(gfid) ?? 0) + 1;
    this.heals.set(gfid, heals);
    return heals <= MOST_HEALS;
  }

  private async *pass(): AsyncGenerator<HealOutcome, void, void> {
    const seen = new Set<string>();
    const { set } = this.crawl;
    for (const copy of set.copies) {
      if (!set.isUp(copy)) continue;
      try {
        yield* this.passOf(copy, seen);
      } catch (thrown) {
        const error = toGlfsError(thrown);
        if (error.code === 'ECANCELED') throw error;
        this.broken.set(copy, error);
      }
    }
  }

  private async *passOf(copy: Copy, seen: Set<string>): AsyncGenerator<HealOutcome, void, void> {
    const { context, parallel } = this.crawl;
    for (const kind of indexKinds) {
      const directory = await IndexDirectory.open(copy.child, kind, context);
      if (directory === undefined) continue;
      const attempts = inOrder(directory.gfids(context), parallel, (gfid) =>
        this.attempt(copy, directory, gfid, seen),
      );
      for await (const outcome of attempts) if (outcome !== undefined) yield outcome;
    }
  }

  private async attempt(
    copy: Copy,
    directory: IndexDirectory,
    gfid: Gfid,
    seen: Set<string>,
  ): Promise<Attempt> {
    const { set, context } = this.crawl;
    const file = await fileOnMember(copy.child, gfid, context);
    if (file === undefined) {
      await directory.drop(gfid, context);
      // A brick that notes names gives what a heal did not go by another gfid, for a crawl to take it away.
      if (directory.kind === 'entry-changes') return undefined;
      return { status: 'purged', gfid: gfidToString(gfid), brick: copy.brick };
    }
    const key = gfidKey(gfid);
    if (!seen.has(key)) {
      seen.add(key);
      const outcome = await this.heal(gfid, file.path);
      if (outcome !== undefined) return outcome;
    }
    if (this.problems.has(gfidToString(gfid))) return undefined;
    if (directory.kind === 'entry-changes') await dropLeftovers(set.state, gfid, context);
    else await settleIndex(set.state, copy.child, gfid, context);
    return undefined;
  }

  /** Heals one file. Undefined where nothing was done; why, is among the problems. */
  async heal(gfid: Gfid, path: string | undefined): Promise<Attempt> {
    const { set, context, policy } = this.crawl;
    const result = await healFile(set.state, gfid, context, policy);
    const outcome = outcomeOf(set, { gfid: gfidToString(gfid), path }, result);
    if (outcome === undefined || outcome.status === 'healed') return outcome;
    this.problems.set(gfidToString(gfid), outcome);
    return undefined;
  }

  /** Takes away what heals had put aside until it was found under another name. */
  async tidyUp(): Promise<void> {
    const { set, context } = this.crawl;
    throwIfEnded(context);
    for (const copy of set.copies) {
      if (!set.isUp(copy)) continue;
      await cleanAnonymous(set.state, copy.index).catch((error: unknown) => {
        set.state.log.warn({ brick: copy.brick, error }, 'what heals have put aside could not be removed');
      });
    }
  }

  /** What still needs healing now that nothing more can be done, and the bricks that could not be asked for it. */
  async *leftOver(): AsyncGenerator<HealOutcome, void, void> {
    const { set, context, parallel } = this.crawl;
    const told = new Set<string>();
    for (const copy of set.copies) {
      try {
        const broken = this.broken.get(copy);
        if (broken !== undefined && set.isUp(copy)) throw broken;
        for await (const { gfid, path, state } of set.entries(copy, context, parallel)) {
          if (told.has(gfid)) continue;
          told.add(gfid);
          yield this.problems.get(gfid) ?? { status: statuses[state], gfid, path };
        }
      } catch (thrown) {
        const error = toGlfsError(thrown);
        if (error.code === 'ECANCELED') throw error;
        yield { status: 'unreachable', brick: copy.brick, error };
      }
    }
    for (const [gfid, problem] of this.problems) if (!told.has(gfid)) yield problem;
  }
}

const statuses = { pending: 'failed', healing: 'busy', 'split-brain': 'split-brain' } as const;

/** Undefined for a file that needed nothing. */
export function outcomeOf(
  set: ReplicaSet,
  file: { readonly gfid: string; readonly path: string | undefined },
  { status, sinks, error }: HealResult,
): HealOutcome | undefined {
  if (status === 'clean') return undefined;
  if (status === 'healed') return { status, ...file, bricks: set.bricksOf(sinks) };
  return { status, ...file, error: error === undefined ? undefined : toGlfsError(error) };
}
