import { type GlfsError, isGlfsError } from '../../../errors.ts';
import type { CallContext, Subvolume } from '../../../graph/index.ts';
import { type ChildSet, indicesOf, NO_CHILDREN } from '../children.ts';
import type { MemberSet } from '../member-set.ts';
import { wind } from '../wind.ts';
import { giveBack } from './giving-back.ts';
import type { LockAction, Lockee } from './lockees.ts';

/*
 * Lock order, the same in every client of a volume and in GlusterFS's: all members at once without waiting; where another
 * client was faster on one, everything is given back and taken again waiting, lockee by lockee, and within each from the
 * first member to the last. So two clients never wait for each other.
 */

/** One lockee, as the members have answered for it. */
interface Grant {
  on: ChildSet;
  /** Members that have failed, and may have locked it before they did: it is given back there, too, or it would stay for ever. */
  unsure: ChildSet;
  /** By position: departures when the member was asked. What it granted on a connection that it has lost since is gone. */
  readonly since: number[];
}

/** Locks of one owner on several members. */
export class Locks {
  /** Members on which all lockees are locked. */
  readonly children: ChildSet;

  constructor(
    private readonly state: MemberSet,
    private readonly lockees: readonly Lockee[],
    /** By lockee. */
    private readonly grants: readonly Grant[],
    /** When locking began: who has gone since takes no part, whatever it holds. */
    private readonly departures: readonly number[],
    /** Number of the subvolumes' comings and goings at that time. */
    readonly generation: number,
    private readonly context: CallContext,
    /** Why members are missing among `children`. */
    readonly error: GlfsError | undefined,
  ) {
    this.children = grants.reduce((set, { on }) => set & on, state.all);
  }

  /** Members that still hold the locks. */
  get held(): ChildSet {
    const { state, children } = this;
    return state.generation === this.generation ? children : state.stayed(children, this.departures);
  }

  /** @throws GlfsError where too few members hold them: what the last one said, or ENOTCONN. */
  require(): void {
    const { state, held } = this;
    if (held === NO_CHILDREN || !state.enough(held)) throw this.error ?? state.tooFew(held);
  }

  /** Gives everything back. Never rejects: what can't be given back goes with the connection. */
  async drop(): Promise<void> {
    const { state, lockees, grants, context } = this;
    const drops = lockees.flatMap((lockee, number) => {
      const { on, unsure, since } = grants[number]!;
      const drop = (child: Subvolume): Promise<unknown> => lockee.act(child, 'drop', context);
      return indicesOf(on | unsure).map((index) =>
        giveBack(state, state.children[index]!, drop, since[index]!),
      );
    });
    await Promise.all(drops);
  }
}

/**
 * Locks all of `lockees` on all members that are up. One that can't be locked takes no part. `context` carries the owner.
 * The answer may hold none at all.
 */
export async function takeLocks(
  state: MemberSet,
  lockees: readonly Lockee[],
  context: CallContext,
): Promise<Locks> {
  const departures = [...state.departures];
  const { generation, up } = state;
  const made = ({ grants, error }: Asked): Locks =>
    new Locks(state, lockees, grants, departures, generation, context, error);

  const tried = await tryAll(state, lockees, up, context);
  if (!tried.contended) return made(tried);
  await made(tried).drop();
  return made(await waitForAll(state, lockees, up, context));
}

interface Asked {
  readonly grants: readonly Grant[];
  readonly contended: boolean;
  readonly error?: GlfsError;
}

async function tryAll(
  state: MemberSet,
  lockees: readonly Lockee[],
  children: ChildSet,
  context: CallContext,
): Promise<Asked> {
  const grants = lockees.map((): Grant => ({ on: NO_CHILDREN, unsure: NO_CHILDREN, since: [] }));
  let contended = false;
  let last: GlfsError | undefined;
  const tries = lockees.flatMap((lockee, number) =>
    indicesOf(children).map(async (index) => {
      const error = await ask(state, lockee, grants[number]!, index, 'try', context);
      if (error === undefined) return;
      if (isGlfsError(error, 'EAGAIN')) contended = true;
      else last = error;
    }),
  );
  await Promise.all(tries);
  return { grants, contended, error: last };
}

async function waitForAll(
  state: MemberSet,
  lockees: readonly Lockee[],
  children: ChildSet,
  context: CallContext,
): Promise<Asked> {
  const grants = lockees.map((): Grant => ({ on: NO_CHILDREN, unsure: NO_CHILDREN, since: [] }));
  let last: GlfsError | undefined;
  for (const [number, lockee] of lockees.entries()) {
    for (const index of indicesOf(children)) {
      last = (await ask(state, lockee, grants[number]!, index, 'wait', context)) ?? last;
    }
  }
  return { grants, contended: false, error: last };
}

async function ask(
  state: MemberSet,
  lockee: Lockee,
  grant: Grant,
  index: number,
  action: LockAction,
  context: CallContext,
): Promise<GlfsError | undefined> {
  grant.since[index] = state.departures[index]!;
  const { error } = await wind(state.children[index]!, (child) => lockee.act(child, action, context));
  if (error === undefined) grant.on |= 1 << index;
  else if (!isGlfsError(error, 'EAGAIN')) grant.unsure |= 1 << index;
  return error;
}
