import { onAbort, untilDeadline } from '../abort.ts';
import { GlfsError, toGlfsError } from '../errors.ts';
import type { BulkLayout, Call } from './call.ts';
import { DEFAULT_REPLY_LIMIT } from './call.ts';
import { readReplyHeader } from './message.ts';
import { BY_REFERENCE } from './outbox.ts';
import type { Recipient } from './record.ts';

/** Bytes of a reply in front of its result when the verifier is empty, as GlusterFS's always is. */
const REPLY_PREFIX = 24;

/** A call between its making and its answer. */
export class PendingCall<T = unknown> implements Recipient {
  xid = 0;
  sent = false;
  settled = false;
  readonly limit: number;
  readonly bulk: Recipient['bulk'];
  /** `performance.now()` of the call's making. */
  readonly madeAt = performance.now();
  private finished = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly unwatch: (() => void) | undefined;

  constructor(
    readonly call: Call<T>,
    private readonly resolve: (value: T) => void,
    private readonly reject: (error: GlfsError) => void,
    /** Told when the caller's wait ends before the answer. */
    private readonly abandoned: (call: PendingCall) => void,
  ) {
    this.limit = call.replyLimit ?? DEFAULT_REPLY_LIMIT;
    this.bulk = call.bulk === undefined ? undefined : this.layout(call.bulk);
    if (call.signal !== undefined) {
      this.unwatch = onAbort(call.signal, () =>
        this.abandon(new GlfsError('ECANCELED', 'the call was aborted', { cause: call.signal?.reason })),
      );
    }
    if (call.deadline !== undefined) {
      this.timer = setTimeout(() => this.abandon(deadlinePassed()), untilDeadline(call.deadline));
    }
  }

  /**
   * Whether the payload may be sent from the caller's memory: a caller that can leave early gets its memory back early, and
   * the kernel must then not have it any more.
   */
  get stablePayload(): boolean {
    return this.call.signal === undefined && this.call.deadline === undefined;
  }

  /** Whether the kernel may still read the payload from the caller's memory while bytes wait to be sent. */
  get lends(): boolean {
    return this.stablePayload && (this.call.payload ?? []).some((part) => part.length >= BY_REFERENCE);
  }

  private layout(bulk: BulkLayout): Recipient['bulk'] {
    return {
      frontMinimum: REPLY_PREFIX + bulk.frontMinimum,
      headerLength: (front) => {
        const view = new DataView(front.buffer, front.byteOffset, front.length);
        const accepted = view.getUint32(8) === 0 && view.getUint32(16) === 0 && view.getUint32(20) === 0;
        if (!accepted) return Number.POSITIVE_INFINITY;
        return (
          REPLY_PREFIX +
          bulk.headerLength(
            new DataView(front.buffer, front.byteOffset + REPLY_PREFIX, front.length - REPLY_PREFIX),
          )
        );
      },
      // An abandoned call's bytes must not reach memory that the caller uses again.
      destination: (length) =>
        !this.settled && bulk.into !== undefined && length <= bulk.into.length
          ? bulk.into.subarray(0, length)
          : Buffer.allocUnsafe(length),
    };
  }

  /** Settles with the result in a record. */
  answer(record: Uint8Array, bulk: Uint8Array | undefined): void {
    if (this.settled) return;
    try {
      const value = this.call.decode(readReplyHeader(record), bulk);
      this.settle();
      this.resolve(value);
    } catch (error) {
      this.fail(toGlfsError(error));
    }
  }

  fail(error: GlfsError): void {
    if (this.settled) return;
    this.settle();
    this.reject(error);
  }

  private abandon(error: GlfsError): void {
    if (this.settled) return;
    this.settle();
    this.reject(this.sent ? error.with({ outcome: 'unknown' }) : error);
    if (!this.sent) this.finish();
    this.abandoned(this as PendingCall);
  }

  private settle(): void {
    this.settled = true;
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.unwatch?.();
  }

  /** The server is done with the call for certain, or never had it. */
  finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.call.finished?.();
  }
}

export function deadlinePassed(): GlfsError {
  return new GlfsError('ETIMEDOUT', 'the deadline of the call has passed');
}
