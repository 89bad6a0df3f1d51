import { type GlfsError, isGlfsError } from '../../../../errors.ts';
import type { CallContext } from '../../../../graph/index.ts';
import { wind } from '../../wind.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../children.ts';
import type { ReplicateState } from '../state.ts';
import type { Lockee } from './lockees.ts';

/*
 * Lock order, the same in every client of a volume and in GlusterFS's: all copies at once without waiting; where another
 * client was faster on one, everything is given back and taken again waiting, lockee by lockee, and within each from the
 * first copy to the last. So two clients never wait for each other.
 */

/** Locks of one owner on several copies. */
export class Locks {
  /** Copies on which all lockees are locked. */
  readonly children: ChildSet;

  constructor(
    private readonly state: ReplicateState,
    private readonly lockees: readonly Lockee[],
    /** By lockee. */
    private readonly granted: readonly ChildSet[],
    /** When locking began: what a copy granted on a connection that it has lost since is void. */
    readonly departures: readonly number[],
    /** Number of the subvolumes' comings and goings at that time. */
    readonly generation: number,
    private readonly context: CallContext,
    /** Why copies are missing among `children`. */
    readonly error: GlfsError | undefined,
  ) {
    this.children = granted.reduce((set, one) => set & one, state.all);
  }

  /** Copies that still hold the locks. */
  get held(): ChildSet {
    const { state, children } = this;
    return state.generation === this.generation ? children : state.stayed(children, this.departures);
  }

  /** @throws GlfsError where too few copies hold them: what the last one said, or ENOTCONN. */
  require(): void {
    const { state, held } = this;
    if (held === NO_CHILDREN || !state.quorum.met(held)) throw this.error ?? state.tooFew(held);
  }

  /** Gives everything back. Never rejects: what can't be given back goes with the connection. */
  async drop(): Promise<void> {
    const { state, lockees, granted, context, departures } = this;
    const drops = lockees.flatMap((lockee, number) =>
      state
        .childrenOf(state.stayed(granted[number]!, departures))
        .map((child) => wind(child, () => lockee.act(child, 'drop', context))),
    );
    for (const { child, error } of await Promise.all(drops)) {
      if (error === undefined || isGlfsError(error, 'ENOTCONN')) continue;
      state.log.debug({ translator: state.name, subvolume: child.name, error }, 'unlock failed');
    }
  }
}

/**
 * Locks all of `lockees` on all copies that are up. A copy that can't be locked takes no part. `context` carries the owner.
 * The answer may hold no copy at all.
 */
export async function takeLocks(
  state: ReplicateState,
  lockees: readonly Lockee[],
  context: CallContext,
): Promise<Locks> {
  const departures = [...state.departures];
  const { generation, up } = state;
  const made = (granted: readonly ChildSet[], error: GlfsError | undefined): Locks =>
    new Locks(state, lockees, granted, departures, generation, context, error);

  const tried = await tryAll(state, lockees, up, context);
  if (!tried.contended) return made(tried.granted, tried.error);
  await made(tried.granted, undefined).drop();
  const waited = await waitForAll(state, lockees, up, context);
  return made(waited.granted, waited.error);
}

async function tryAll(
  state: ReplicateState,
  lockees: readonly Lockee[],
  children: ChildSet,
  context: CallContext,
): Promise<{ granted: ChildSet[]; contended: boolean; error?: GlfsError }> {
  const granted = lockees.map(() => NO_CHILDREN);
  let contended = false;
  let last: GlfsError | undefined;
  const tries = lockees.flatMap((lockee, number) =>
    indicesOf(children).map(async (index) => {
      const { error } = await wind(state.children[index]!, (child) => lockee.act(child, 'try', context));
      if (error === undefined) granted[number]! |= 1 << index;
      else if (isGlfsError(error, 'EAGAIN')) contended = true;
      else last = error;
    }),
  );
  await Promise.all(tries);
  return { granted, contended, error: last };
}

async function waitForAll(
  state: ReplicateState,
  lockees: readonly Lockee[],
  children: ChildSet,
  context: CallContext,
): Promise<{ granted: ChildSet[]; error?: GlfsError }> {
  const granted = lockees.map(() => NO_CHILDREN);
  let last: GlfsError | undefined;
  for (const [number, lockee] of lockees.entries()) {
    for (const index of indicesOf(children)) {
      const { error } = await wind(state.children[index]!, (child) => lockee.act(child, 'wait', context));
      if (error === undefined) granted[number]! |= 1 << index;
      else last = error;
    }
  }
  return { granted, error: last };
}
