import { GlfsError } from '../errors.ts';
import type { Client } from './client.ts';

/**
 * Which times of the file and of its parent a call stamps, and with what: GlusterFS's `frame->root->flags` and `ctime`.
 * `features/utime` fills it in; the brick keeps the times in trusted.glusterfs.mdata.
 */
export interface Stamp {
  readonly flags: number;
  readonly seconds: number;
  readonly nanoseconds: number;
}

export const StampFlag = {
  CTIME: 1,
  MTIME: 2,
  ATIME: 4,
  PARENT_CTIME: 8,
  PARENT_MTIME: 16,
  PARENT_ATIME: 32,
} as const;

/** Who calls, on whose behalf locks are held, and how long the caller waits. Immutable: translators derive, never change. */
export interface CallContext {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Process id; negative ones mark internal callers (heal -6, rebalance -3). */
  readonly pid: number;
  /** Owner of locks; never empty: lock calls of an empty owner are refused by bricks. */
  readonly lkOwner: Uint8Array;
  /** Ends the caller's wait. */
  readonly signal?: AbortSignal;
  /** Milliseconds of `performance.now()` at which the caller's wait ends with ETIMEDOUT. */
  readonly deadline?: number;
  readonly stamp?: Stamp;
  /** In the graph of a brick: who sent the call. */
  readonly client?: Client;
}

/** The pid of GlusterFS's self-heal: bricks and changelog treat its calls as internal. */
export const HEAL_PID = -6;

let nextOwner = 1;

/** A lock owner that no other caller of this process has: eight bytes. */
export function newLkOwner(): Uint8Array {
  const owner = new Uint8Array(8);
  new DataView(owner.buffer).setBigUint64(0, BigInt(nextOwner++));
  return owner;
}

export function rootContext(overrides: Partial<CallContext> = {}): CallContext {
  return { uid: 0, gid: 0, groups: [], pid: process.pid, lkOwner: newLkOwner(), ...overrides };
}

/**
 * A context for what must be carried to its end: unlocks, post-ops, compensation. The caller's abort and deadline don't
 * reach it.
 */
export function detached(context: CallContext): CallContext {
  if (context.signal === undefined && context.deadline === undefined) return context;
  return { ...context, signal: undefined, deadline: undefined };
}

/** As root, for internal calls (layouts, linkto files, locks of translators), with the caller's patience and owner. */
export function asRoot(context: CallContext): CallContext {
  return { ...context, uid: 0, gid: 0, groups: [] };
}

/** @throws GlfsError ECANCELED or ETIMEDOUT where the caller no longer waits. */
export function throwIfEnded(context: CallContext): void {
  if (context.signal?.aborted) {
    throw new GlfsError('ECANCELED', 'the call was aborted', { cause: context.signal.reason });
  }
  if (context.deadline !== undefined && performance.now() >= context.deadline) {
    throw new GlfsError('ETIMEDOUT', 'the deadline of the call has passed');
  }
}
