import { type GlfsError, toGlfsError } from '../../errors.ts';
import type { CallContext, Subvolume, Translator } from '../../graph/index.ts';
import { type Gfid, gfidToString } from '../../protocol/gfid.ts';
import { indicesOf } from '../../xlators/cluster/replicate/children.ts';
import { fileOfCopy, isAccused } from '../../xlators/cluster/replicate/crawl/file-of-copy.ts';
import { IndexDirectory, type IndexKind } from '../../xlators/cluster/replicate/crawl/index-directory.ts';
import { type Diagnosis, diagnose } from '../../xlators/cluster/replicate/heal/index.ts';
import { Replicate } from '../../xlators/cluster/replicate/index.ts';
import type { ReplicateState } from '../../xlators/cluster/replicate/state.ts';
import { inOrder } from './in-order.ts';
import type { HealEntry, HealKind } from './types.ts';

const kinds: readonly HealKind[] = ['data', 'metadata', 'entry'];

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
    const file = await fileOfCopy(copy.child, gfid, context);
    if (file === undefined) return undefined;
    if (kind === 'dirty' && (await isAccused(this.state, gfid, context))) return undefined;
    const found = await this.diagnosed(gfid, context);
    if (found === undefined) return undefined;
    return { brick: copy.brick, gfid: gfidToString(gfid), path: file.path, ...found };
  }

  /** What is wrong with a file; undefined where nothing is, or the file is gone. */
  async diagnosed(gfid: Gfid, context: CallContext): Promise<Pick<HealEntry, 'state' | 'kinds'> | undefined> {
    let diagnosis: Diagnosis;
    try {
      diagnosis = await diagnose(this.state, gfid, context);
    } catch (thrown) {
      const error = toGlfsError(thrown);
      if (error.code === 'ENOENT' || error.code === 'ESTALE') return undefined;
      throw error;
    }
    const ill = kinds.filter((kind) => diagnosis[kind].pending || diagnosis[kind].splitBrain);
    if (ill.length === 0) return undefined;
    if (kinds.some((kind) => diagnosis[kind].splitBrain)) return { state: 'split-brain', kinds: ill };
    return { state: diagnosis.busy ? 'healing' : 'pending', kinds: ill };
  }
}

/** The brick below a subvolume, as `gluster volume info` names it; the subvolume's own name where it is none. */
function brickOf(child: Subvolume): string {
  let translator: Translator = child.translator;
  while (translator.children.length === 1) translator = translator.child.translator;
  const { brick } = translator.dump();
  return typeof brick === 'string' ? brick : child.name;
}
