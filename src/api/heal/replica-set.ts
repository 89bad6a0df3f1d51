import { type CallContext, type Translator, throwIfEnded } from '../../graph/index.ts';
import type { Gfid } from '../../protocol/gfid.ts';
import { settleIndex } from '../../xlators/cluster/replicate/crawl/settle-index.ts';
import { healedName, namesOnCopies } from '../../xlators/cluster/replicate/crawl/tree.ts';
import { cleanAnonymous } from '../../xlators/cluster/replicate/heal/anonymous-cleaning.ts';
import { dropLeftovers } from '../../xlators/cluster/replicate/heal/entry-leftovers.ts';
import { diagnose, healFile } from '../../xlators/cluster/replicate/heal/index.ts';
import { Replicate } from '../../xlators/cluster/replicate/index.ts';
import type { ReplicateState } from '../../xlators/cluster/replicate/state.ts';
import { absent, type Finding, HealSet, type Member, type SetHealResult } from './heal-set.ts';
import type { FoundFile } from './tree.ts';
import type { HealKind } from './types.ts';

const kinds: readonly HealKind[] = ['data', 'metadata', 'entry'];

/** Copies of the same files: a replicate translator of the graph. */
export class ReplicaSet extends HealSet {
  readonly type = 'replicate';
  readonly healed = ['xattrop', 'dirty', 'entry-changes'] as const;
  readonly listed = ['xattrop', 'dirty'] as const;

  constructor(override readonly state: ReplicateState) {
    super(state);
  }

  /** All of a graph, in the order of its volfile. */
  static all(translators: readonly Translator[]): ReplicaSet[] {
    return translators
      .filter((translator) => translator instanceof Replicate)
      .map(({ state }) => new ReplicaSet(state));
  }

  override async diagnosed(gfid: Gfid, context: CallContext): Promise<Finding | undefined> {
    throwIfEnded(context);
    const diagnosis = await diagnose(this.state, gfid, context).catch(absent);
    if (diagnosis === undefined) return undefined;
    const { busy, accused } = diagnosis;
    const ill = kinds.filter((kind) => diagnosis[kind].pending || diagnosis[kind].splitBrain);
    if (ill.length === 0) return undefined;
    const torn = kinds.some((kind) => diagnosis[kind].splitBrain);
    return { state: torn ? 'split-brain' : busy ? 'healing' : 'pending', kinds: ill, accused };
  }

  override heal(gfid: Gfid, context: CallContext): Promise<SetHealResult> {
    return healFile(this.state, gfid, context);
  }

  override async settle(
    { child }: Member,
    kind: 'xattrop' | 'dirty' | 'entry-changes',
    gfid: Gfid,
    context: CallContext,
  ): Promise<void> {
    if (kind === 'entry-changes') await dropLeftovers(this.state, gfid, context);
    else await settleIndex(this.state, child, gfid, context);
  }

  override async tidyUp({ index }: Member): Promise<void> {
    await cleanAnonymous(this.state, index);
  }

  override namesIn(directory: FoundFile, context: CallContext): Promise<string[]> {
    return namesOnCopies(this.state, directory, context);
  }

  override healedName(
    directory: FoundFile,
    name: string,
    context: CallContext,
  ): Promise<FoundFile | undefined> {
    return healedName(this.state, directory, name, context);
  }
}
