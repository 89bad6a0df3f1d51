import { type CallContext, type Translator, throwIfEnded } from '../../graph/index.ts';
import type { Gfid } from '../../protocol/gfid.ts';
import {
  diagnose,
  healedName,
  healFile,
  namesOnBricks,
  settleIndex,
} from '../../xlators/cluster/disperse/heal/index.ts';
import { Disperse } from '../../xlators/cluster/disperse/index.ts';
import type { DisperseState } from '../../xlators/cluster/disperse/state.ts';
import type { IndexKind } from '../../xlators/cluster/index-directory.ts';
import { absent, type Finding, HealSet, type Member, type SetHealResult } from './heal-set.ts';
import type { FoundFile } from './tree.ts';

/** Fragments of the same files: a disperse translator of the graph. */
export class FragmentSet extends HealSet {
  readonly type = 'disperse';
  readonly healed = ['xattrop'] as const;
  readonly listed = ['xattrop'] as const;

  constructor(override readonly state: DisperseState) {
    super(state);
  }

  /** All of a graph, in the order of its volfile. */
  static all(translators: readonly Translator[]): FragmentSet[] {
    return translators
      .filter((translator) => translator instanceof Disperse)
      .map(({ state }) => new FragmentSet(state));
  }

  override async diagnosed(gfid: Gfid, context: CallContext): Promise<Finding | undefined> {
    throwIfEnded(context);
    const kinds = await diagnose(this.state, gfid, context).catch(absent);
    return kinds === undefined ? undefined : { state: 'pending', kinds, accused: true };
  }

  override heal(gfid: Gfid, context: CallContext, thorough: boolean): Promise<SetHealResult> {
    return healFile(this.state, gfid, context, { thorough });
  }

  override settle({ child }: Member, _kind: IndexKind, gfid: Gfid, context: CallContext): Promise<void> {
    return settleIndex(child, gfid, context);
  }

  override async tidyUp(): Promise<void> {}

  override namesIn({ gfid }: FoundFile, context: CallContext): Promise<string[]> {
    return namesOnBricks(this.state, gfid, context);
  }

  override async healedName(
    directory: FoundFile,
    name: string,
    context: CallContext,
  ): Promise<FoundFile | undefined> {
    const found = await healedName(this.state, directory.gfid, name, context);
    if (found === undefined) return undefined;
    const path = directory.path === '/' ? `/${name}` : `${directory.path}/${name}`;
    return { ...found, path };
  }
}
