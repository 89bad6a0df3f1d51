import type { XdrReader } from '../xdr/index.ts';
import type { Procedure } from './message.ts';

/**
 * How a call queues:
 * - `data`: first in first out, at most 64 at once: bricks stop reading beyond that;
 * - `control`: at once: unlocks, post-ops, pings must not wait for data;
 * - `blocking`: at once and uncounted: a lock that waits at the server may wait for long.
 */
export type Lane = 'data' | 'control' | 'blocking';

export interface Call<T> {
  readonly procedure: Procedure;
  /** Flavor, length and body, as encodeCredential makes it. */
  readonly credential: Uint8Array;
  /** Encoded arguments. They are copied before `call` returns. */
  readonly arguments: Uint8Array;
  /** Raw bytes behind the arguments. They must not change until the call has settled. */
  readonly payload?: readonly Uint8Array[];
  readonly lane: Lane;
  /** Reads the result; runs while the bytes are valid, and must copy what it keeps. */
  readonly decode: (reader: XdrReader, bulk: Uint8Array | undefined) => T;
  /** For replies that end in raw bytes (READ). */
  readonly bulk?: BulkLayout;
  readonly signal?: AbortSignal;
  /** `performance.now()` at which the caller's wait ends. */
  readonly deadline?: number;
  /**
   * Called once when the server is done with the call for certain: it answered, the connection is gone, or the call was
   * never sent. That can be long after the caller stopped waiting.
   */
  readonly finished?: () => void;
  /** Most bytes of the reply. */
  readonly replyLimit?: number;
}

/** Where the raw bytes of a reply begin and where they go. */
export interface BulkLayout {
  /** Bytes of the result that must be there before `headerLength` can tell. */
  readonly frontMinimum: number;
  /** Length of the result's front part, from its first bytes; Infinity where there is no raw part. */
  headerLength(result: DataView): number;
  /** The caller's memory; what exceeds it goes to a buffer of its own. */
  readonly into?: Uint8Array;
}

export const DEFAULT_REPLY_LIMIT = 64 * 1024 * 1024;
