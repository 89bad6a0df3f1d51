import { GlfsError } from '../../../../errors.ts';
import { type CallContext, HEAL_PID, type Inode, newLkOwner, rootContext } from '../../../../graph/index.ts';
import type { ChildSet } from '../../children.ts';
import type { ReplicateState } from '../state.ts';

/** Decides which copy is right where the copies can't say: the `glfs heal split-brain` commands. */
export type SplitBrainPolicy =
  | { readonly by: 'size' | 'ctime' | 'mtime' | 'majority' }
  | { readonly by: 'source'; readonly index: number };

/** `clean`: the copies are the same. `busy`: another healer, or a writer that does not let go, has it. */
export type HealStatus = 'healed' | 'clean' | 'busy' | 'split-brain' | 'failed';

export interface HealResult {
  readonly status: HealStatus;
  /** Copies that were brought up to date. */
  readonly sinks: ChildSet;
  readonly error?: unknown;
}

/** The heal of one file: who does it, and until when. */
export interface HealSession {
  readonly state: ReplicateState;
  readonly inode: Inode;
  /** As root, with the pid of self-heal and a lock owner of its own; ends with nobody's patience. */
  readonly context: CallContext;
  readonly policy: SplitBrainPolicy | undefined;
  /** Aborted when the caller gives up, or the graph is closed. */
  readonly signal: AbortSignal;
}

export function openSession(
  state: ReplicateState,
  inode: Inode,
  caller: CallContext,
  policy?: SplitBrainPolicy,
): HealSession {
  const signals = [state.closing.signal];
  if (caller.signal !== undefined) signals.push(caller.signal);
  return { state, inode, context: healContext(), policy, signal: AbortSignal.any(signals) };
}

/** The same heal, for another file: entries that are healed with their directory. */
export function sessionFor(session: HealSession, inode: Inode): HealSession {
  return { ...session, inode };
}

export function healContext(): CallContext {
  return { ...rootContext(), pid: HEAL_PID, lkOwner: newLkOwner() };
}

/**
 * Between two steps of a heal: it may end here, with its marks in place.
 * @throws GlfsError ECANCELED
 */
export function checkpoint({ signal, state }: HealSession): void {
  if (!signal.aborted) return;
  throw new GlfsError('ECANCELED', 'the heal was given up', { translator: state.name, cause: signal.reason });
}

/** All copies must be there: who is not may be the one that accuses. @throws GlfsError ENOTCONN */
export function requireAll(state: ReplicateState, children: ChildSet = state.up): void {
  if (children !== state.all) throw state.tooFew(children);
}
