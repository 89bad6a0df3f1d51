import { GlfsError, toGlfsError } from '../../../../errors.ts';
import { type CallContext, HEAL_PID, type Inode, newLkOwner, rootContext } from '../../../../graph/index.ts';
import { type ChildSet, countOf, NO_CHILDREN } from '../../children.ts';
import type { DisperseState } from '../state.ts';

/** `clean`: nothing is behind. `busy`: another healer, or a writer that does not let go, has it. */
export type HealStatus = 'healed' | 'clean' | 'busy' | 'failed';

export interface HealResult {
  readonly status: HealStatus;
  /** Subvolumes that were brought up to date. */
  readonly sinks: ChildSet;
  readonly error?: unknown;
}

export const CLEAN: HealResult = { status: 'clean', sinks: NO_CHILDREN };

/** The heal of one file: who does it, and until when. */
export interface HealSession {
  readonly state: DisperseState;
  readonly inode: Inode;
  /** As root, with the pid of self-heal and a lock owner of its own; ends with nobody's patience. */
  readonly context: CallContext;
  /** Aborted when the caller gives up, or the graph is closed. */
  readonly signal: AbortSignal;
}

export function openSession(state: DisperseState, inode: Inode, caller: CallContext): HealSession {
  const signals = [state.closing.signal];
  if (caller.signal !== undefined) signals.push(caller.signal);
  return { state, inode, context: healContext(), signal: AbortSignal.any(signals) };
}

function healContext(): CallContext {
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

/** It takes what it takes to read, and one more to be healed. */
export function canHeal(state: DisperseState, children: ChildSet): boolean {
  return countOf(children) > state.data;
}

/** @throws GlfsError ENOTCONN */
export function requireEnough(state: DisperseState, children: ChildSet): void {
  if (!canHeal(state, children)) throw state.tooFew(children);
}

/** What went wrong as a result: EAGAIN is somebody else's doing. */
export function failure(thrown: unknown): HealResult {
  const error = toGlfsError(thrown);
  return { status: error.code === 'EAGAIN' ? 'busy' : 'failed', sinks: NO_CHILDREN, error };
}

/** Somebody else's doing: another attempt may go through. */
export function changedMeanwhile({ state }: HealSession, reason: string): GlfsError {
  return new GlfsError('EAGAIN', reason, { translator: state.name });
}
