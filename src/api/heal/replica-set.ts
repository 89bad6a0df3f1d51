import { type GlfsError, isGlfsError } from '../../errors.ts';
import { type CallContext, type Subvolume, type Translator, throwIfEnded } from '../../graph/index.ts';
import { type Gfid, gfidToString } from '../../protocol/gfid.ts';
import { indicesOf } from '../../xlators/cluster/children.ts';
import { fileOnMember } from '../../xlators/cluster/file-on-member.ts';
import { IndexDirectory, type IndexKind } from '../../xlators/cluster/index-directory.ts';
import { diagnose } from '../../xlators/cluster/replicate/heal/index.ts';
import { Replicate } from '../../xlators/cluster/replicate/index.ts';
import type { ReplicateState } from '../../xlators/cluster/replicate/state.ts';
import { inOrder } from './in-order.ts';
import type { HealEntry, HealKind } from './types.ts';

const kinds: readonly HealKind[] = ['data', 'metadata', 'entry'];

/** What is wrong with a file. */
interface Finding extends Pick<HealEntry, 'state' | 'kinds'> {
  /** Some copy accuses another, or itself. */
  readonly accused: boolean;
}

/** One copy of a set. */
export interface Copy {
  readonly set: ReplicaSet;
  /** Position in the set. */
  readonly index: number;
  readonly child: Subvolume;
  /** `host:/path`. */
  readonly brick: string;
}

/** Copies of the same files: a replicate translator of the graph. */
export class ReplicaSet {
  readonly copies: readonly Copy[];

  private constructor(readonly state: ReplicateState) {
    this.copies = state.children.map((child, index) => ({ set: this, index, child, brick: brickOf(child) }));
  }

  /** All of a graph, in the order of its volfile. */
  static all(translators: readonly Translator[]): ReplicaSet[] {
    return translators
      .filter((translator) => translator instanceof Replicate)
      .map(({ state }) => new ReplicaSet(state));
  }

  isUp({ index }: Copy): boolean {
    return (this.state.up & (1 << index)) !== 0;
  }

  bricksOf(children: number): string[] {
    return indicesOf(children).map((index) => this.copies[index]!.brick);
  }

  /** Why a copy can't be asked. */
  downError({ child, brick }: Copy): GlfsError {
    return this.state.downError(child).with({ brick });
  }

  /** What one copy's index lists and is still to be healed. @throws GlfsError ENOTCONN, ECANCELED */
  async *entries(copy: Copy, context: CallContext, parallel: number): AsyncGenerator<HealEntry, void, void> {
    if (!this.isUp(copy)) throw this.downError(copy);
    for (const kind of ['xattrop', 'dirty'] as const) {
      const directory = await IndexDirectory.open(copy.child, kind, context);
      if (directory === undefined) continue;
      const found = inOrder(directory.gfids(context), parallel, (gfid) =>
        this.entry(copy, gfid, kind, context),
      );
      for await (const entry of found) if (entry !== undefined) yield entry;
    }
  }

  /** Undefined for what is not to be shown: it is well, or gone, or stands in the index of what is pending as well. */
  private async entry(
    copy: Copy,
    gfid: Gfid,
    kind: IndexKind,
    context: CallContext,
  ): Promise<HealEntry | undefined> {
    const file = await fileOnMember(copy.child, gfid, context);
    if (file === undefined) return undefined;
    const found = await this.diagnosed(gfid, context);
    // Whoever is accused stands in the index of those who accuse, too.
    if (found === undefined || (kind === 'dirty' && found.accused)) return undefined;
    const { state, kinds } = found;
    return { brick: copy.brick, gfid: gfidToString(gfid), path: file.path, state, kinds };
  }

  /** What is wrong with a file; undefined where nothing is, or the file is gone. */
  async diagnosed(gfid: Gfid, context: CallContext): Promise<Finding | undefined> {
    throwIfEnded(context);
    const diagnosis = await diagnose(this.state, gfid, context).catch(absent);
    if (diagnosis === undefined) return undefined;
    const { busy, accused } = diagnosis;
    const ill = kinds.filter((kind) => diagnosis[kind].pending || diagnosis[kind].splitBrain);
    if (ill.length === 0) return undefined;
    const torn = kinds.some((kind) => diagnosis[kind].splitBrain);
    return { state: torn ? 'split-brain' : busy ? 'healing' : 'pending', kinds: ill, accused };
  }
}

function absent(thrown: unknown): undefined {
  if (!isGlfsError(thrown, 'ENOENT') && !isGlfsError(thrown, 'ESTALE')) throw thrown;
}

/** The brick below a subvolume, as `gluster volume info` names it; the subvolume's own name where it is none. */
function brickOf(child: Subvolume): string {
  let translator: Translator = child.translator;
  while (translator.children.length === 1) translator = translator.child.translator;
  const { brick } = translator.dump();
  return typeof brick === 'string' ? brick : child.name;
}
