import { type GlfsError, isGlfsError } from '../../errors.ts';
import type { CallContext, Subvolume, Translator } from '../../graph/index.ts';
import { type Gfid, gfidToString } from '../../protocol/gfid.ts';
import { indicesOf } from '../../xlators/cluster/children.ts';
import { fileOnMember } from '../../xlators/cluster/file-on-member.ts';
import { IndexDirectory, type IndexKind } from '../../xlators/cluster/index-directory.ts';
import type { MemberSet } from '../../xlators/cluster/member-set.ts';
import { inOrder } from './in-order.ts';
import type { FoundFile } from './tree.ts';
import type { HealEntry } from './types.ts';

/** What is wrong with a file. */
export interface Finding extends Pick<HealEntry, 'state' | 'kinds'> {
  /** It stands in the index of what is pending as well as in that of what is dirty. */
  readonly accused: boolean;
}

/** What a heal of one file came to. */
export interface SetHealResult {
  readonly status: 'healed' | 'clean' | 'busy' | 'split-brain' | 'failed';
  /** Subvolumes that were brought up to date. */
  readonly sinks: number;
  readonly error?: unknown;
}

/** One copy, or one brick of fragments. */
export interface Member {
  readonly set: HealSet;
  /** Position in the set. */
  readonly index: number;
  readonly child: Subvolume;
  /** `host:/path`. */
  readonly brick: string;
}

/** Bricks that hold the same files together: a replicate or disperse translator of the graph. */
export abstract class HealSet {
  readonly members: readonly Member[];
  /** What makes the set: only copies can be in split-brain. */
  abstract readonly type: 'replicate' | 'disperse';
  /** Parts of the bricks' indices that are gone through by a heal, in this order. */
  abstract readonly healed: readonly IndexKind[];
  /** Those that are listed. */
  abstract readonly listed: readonly IndexKind[];

  constructor(readonly state: MemberSet) {
    this.members = state.children.map((child, index) => ({ set: this, index, child, brick: brickOf(child) }));
  }

  /** What is wrong with a file; undefined where nothing is, or the file is gone. */
  abstract diagnosed(gfid: Gfid, context: CallContext): Promise<Finding | undefined>;

  /** Heals one file; `thorough`: whatever is known of it. Never rejects for what is wrong with it. */
  abstract heal(gfid: Gfid, context: CallContext, thorough: boolean): Promise<SetHealResult>;

  /** Takes the entry of a file out of one brick's index that needs nothing. */
  abstract settle(member: Member, kind: IndexKind, gfid: Gfid, context: CallContext): Promise<void>;

  /** Takes away from one brick what heals had put aside until it was found under another name. */
  abstract tidyUp(member: Member): Promise<void>;

  /** Names that any brick has in a directory. */
  abstract namesIn(directory: FoundFile, context: CallContext): Promise<string[]>;

  /**
   * What a name means, made the same on all bricks first. Undefined where it is gone.
   * @throws GlfsError EIO where bricks mean different files and none is known to be right
   */
  abstract healedName(
    directory: FoundFile,
    name: string,
    context: CallContext,
  ): Promise<FoundFile | undefined>;

  isUp({ index }: Member): boolean {
    return (this.state.up & (1 << index)) !== 0;
  }

  bricksOf(children: number): string[] {
    return indicesOf(children).map((index) => this.members[index]!.brick);
  }

  /** Why a brick can't be asked. */
  downError({ child, brick }: Member): GlfsError {
    return this.state.downError(child).with({ brick });
  }

  /** What one brick's index lists and is still to be healed. @throws GlfsError ENOTCONN, ECANCELED */
  async *entries(
    member: Member,
    context: CallContext,
    parallel: number,
  ): AsyncGenerator<HealEntry, void, void> {
    if (!this.isUp(member)) throw this.downError(member);
    for (const kind of this.listed) {
      const directory = await IndexDirectory.open(member.child, kind, context);
      if (directory === undefined) continue;
      const found = inOrder(directory.gfids(context), parallel, (gfid) =>
        this.entry(member, gfid, kind, context),
      );
      for await (const entry of found) if (entry !== undefined) yield entry;
    }
  }

  /** Undefined for what is not to be shown: it is well, or gone, or stands in the index of what is pending as well. */
  private async entry(
    member: Member,
    gfid: Gfid,
    kind: IndexKind,
    context: CallContext,
  ): Promise<HealEntry | undefined> {
    const file = await fileOnMember(member.child, gfid, context);
    if (file === undefined) return undefined;
    const found = await this.diagnosed(gfid, context);
    // Whoever is accused stands in the index of those who accuse, too.
    if (found === undefined || (kind === 'dirty' && found.accused)) return undefined;
    const { state, kinds } = found;
    return { brick: member.brick, gfid: gfidToString(gfid), path: file.path, state, kinds };
  }
}

export function absent(thrown: unknown): undefined {
  if (!isGlfsError(thrown, 'ENOENT', 'ESTALE')) throw thrown;
}

/** The brick below a subvolume, as `gluster volume info` names it; the subvolume's own name where it is none. */
function brickOf(child: Subvolume): string {
  let translator: Translator = child.translator;
  while (translator.children.length === 1) translator = translator.child.translator;
  const { brick } = translator.dump();
  return typeof brick === 'string' ? brick : child.name;
}
