import { GlfsError } from '../../errors.ts';
import { type CallContext, HEAL_PID, rootContext } from '../../graph/index.ts';
import type { Scope } from '../scope.ts';
import { FragmentSet } from './fragment-set.ts';
import type { HealSet, Member } from './heal-set.ts';
import { IndexPasses } from './passes.ts';
import { ReplicaSet } from './replica-set.ts';
import { type Copy, healFromSource, resolveSplitBrain } from './split-brain.ts';
import type { HealEntry, HealInfoOptions, HealOptions, HealOutcome, SplitBrainChoice } from './types.ts';
import { healTree } from './whole-tree.ts';

/** Listing only looks. */
const PARALLEL = 8;
/**
 * One file after the other, as GlusterFS's daemon does by default: two heals at once that moved directories into each other have left
 * one of them lost on a real brick.
 */
const HEALS = 1;

/** One copy of files, or one brick of their fragments, as `heal info` lists them. */
export interface HealBrick {
  /** `host:/path`. */
  readonly brick: string;
  /** Name of the translator that has it with others: bricks of one set hold the same files together. */
  readonly set: string;
  /** What makes the set. Only copies can be in split-brain. */
  readonly type: 'replicate' | 'disperse';
  readonly up: boolean;
}

/**
 * Heals of a replicated or dispersed volume: what `gluster volume heal` does, by calls to the bricks alone. They are made as
 * root, whoever the view that it came from acts for.
 */
export class Healer {
  constructor(private readonly scope: Scope) {}

  /** All bricks, in the order of the volume. @throws GlfsError EOPNOTSUPP where the volume has neither copies nor fragments */
  bricks(): HealBrick[] {
    const { sets, release } = this.borrow();
    release();
    return sets.flatMap((set) =>
      set.members.map((member) => ({
        brick: member.brick,
        set: set.state.name,
        type: set.type,
        up: set.isUp(member),
      })),
    );
  }

  /**
   * Whether files can be in split-brain at all, in the words of `gluster volume heal`.
   * @throws GlfsError EOPNOTSUPP where the volume has no copies
   */
  requireCopies(): void {
    this.borrowCopies().release();
  }

  /**
   * What the index of one brick lists and is still to be healed; a file stands in the indices of all bricks that know.
   * @throws GlfsError EINVAL for a brick that is none, ENOTCONN for one that is down, EOPNOTSUPP, ECANCELED
   */
  async *info(brick: string, options: HealInfoOptions = {}): AsyncGenerator<HealEntry, void, void> {
    const { sets, release } = this.borrow();
    try {
      const member = memberAt(sets, brick);
      yield* member.set.entries(member, contextFor(options), parallelOf(options, PARALLEL));
    } finally {
      release();
    }
  }

  /**
   * Heals whatever the indices list until nothing changes any more, or with `full` all files. Healed files come out at once;
   * those that could not be healed, and bricks that could not be asked, at the end.
   * @throws GlfsError EOPNOTSUPP, ECANCELED
   */
  async *start(options: HealOptions = {}): AsyncGenerator<HealOutcome, void, void> {
    const { sets, release } = this.borrow();
    const context = contextFor(options);
    const parallel = parallelOf(options, HEALS);
    try {
      for (const set of sets) {
        const crawl = { set, context, parallel, thorough: options.full };
        const passes = new IndexPasses(crawl);
        if (options.full) yield* healTree(crawl, passes);
        yield* passes.run();
        await passes.tidyUp();
        yield* passes.leftOver();
      }
    } finally {
      release();
    }
  }

  /**
   * Makes one copy of a file in split-brain the right one. The file is a path from the root of the volume, or `gfid:UUID`.
   * @throws GlfsError EINVAL where it is not in split-brain, where the choice decides nothing, and for a brick that is none;
   *   ENOENT; ENOTCONN where not all copies are up; EOPNOTSUPP where the volume has no copies
   */
  async resolve(file: string, choice: SplitBrainChoice, options: HealInfoOptions = {}): Promise<HealOutcome> {
    const { sets, release } = this.borrowCopies();
    try {
      const source = typeof choice === 'object' ? copyAt(sets, choice.source) : undefined;
      return await resolveSplitBrain(this.scope, sets, {
        file,
        choice: source ?? (choice as 'latest-mtime' | 'bigger-file'),
        context: contextFor(options),
      });
    } finally {
      release();
    }
  }

  /**
   * Heals all files in split-brain that a brick's index lists, with the copy on this brick as the right one.
   * @throws GlfsError as `info`
   */
  async *resolveFrom(source: string, options: HealInfoOptions = {}): AsyncGenerator<HealOutcome, void, void> {
    const { sets, release } = this.borrowCopies();
    try {
      yield* healFromSource(copyAt(sets, source), contextFor(options), parallelOf(options, HEALS));
    } finally {
      release();
    }
  }

  private borrow(): { sets: readonly HealSet[]; release: () => void } {
    const { translators, release } = this.scope.mount.borrow();
    const sets = [...ReplicaSet.all(translators), ...FragmentSet.all(translators)];
    if (sets.length > 0) return { sets, release };
    release();
    const { name } = this.scope.info;
    const reason = `only volumes with replicas or fragments can be healed, and ${name} has none`;
    throw new GlfsError('EOPNOTSUPP', reason, { syscall: 'heal' });
  }

  /** Fragments are never in split-brain: what too few say counts for nothing. */
  private borrowCopies(): { sets: readonly ReplicaSet[]; release: () => void } {
    const { translators, release } = this.scope.mount.borrow();
    const sets = ReplicaSet.all(translators);
    if (sets.length > 0) return { sets, release };
    release();
    const { name } = this.scope.info;
    const only = 'This command is supported for only volumes of replicate type';
    const reason = `${only}. Volume ${name} is not of type replicate`;
    throw new GlfsError('EOPNOTSUPP', reason, { syscall: 'heal' });
  }
}

function contextFor({ signal }: HealInfoOptions): CallContext {
  return rootContext({ pid: HEAL_PID, signal });
}

/** @throws GlfsError EINVAL */
function parallelOf({ concurrency }: HealInfoOptions, usual: number): number {
  if (concurrency === undefined) return usual;
  if (Number.isInteger(concurrency) && concurrency > 0) return concurrency;
  throw new GlfsError('EINVAL', `concurrency ${concurrency}: a number from 1 is expected`, {
    syscall: 'heal',
  });
}

/** @throws GlfsError EINVAL */
function memberAt(sets: readonly HealSet[], brick: string): Member {
  const member = sets.flatMap(({ members }) => members).find((one) => one.brick === brick);
  if (member !== undefined) return member;
  throw new GlfsError('EINVAL', `no such brick in the volume: ${brick}`, { syscall: 'heal' });
}

/** @throws GlfsError EINVAL */
function copyAt(sets: readonly ReplicaSet[], brick: string): Copy {
  const member = memberAt(sets, brick);
  return { ...member, set: sets.find((set) => set === member.set)! };
}
