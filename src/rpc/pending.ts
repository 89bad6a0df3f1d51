import { GlfsError, toGlfsError } from '../errors.ts';
import type { BulkLayout, Call } from './call.ts';
import { DEFAULT_REPLY_LIMIT } from './call.ts';
import { readReplyHeader } from './message.ts';
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
  /** `performance.now()` of the sending. */
  sentAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly onAbort: (() => void) | undefined;

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
      this.onAbort = () =>
        this.abandon(new GlfsError('ECANCELED', 'the call was aborted', { cause: call.signal?.reason }));
      call.signal.addEventListener('abort', this.onAbort, { once: true });
    }
    if (call.deadline !== undefined) {
      const left = Math.max(0, Math.ceil(call.deadline - performance.now()));
      this.timer = setTimeout(
        () => this.abandon(new GlfsError('ETIMEDOUT', 'the deadline of the call has passed')),
        left,
      );
    }
  }

  /**
   * Whether the payload may be sent from the caller's memory: a caller that can leave early gets its memory back early, and
   * the kernel must then not have it any more.
   */
  get stablePayload(): boolean {
    return this.call.signal === undefined && this.call.deadline === undefined;
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
    const sent = this.sent;
    this.settle();
    this.reject(sent ? error.with({ outcome: 'unknown' }) : error);
    this.abandoned(this as PendingCall);
  }

  private settle(): void {
    this.settled = true;
    if (this.timer !== undefined) clearTimeout(this.timer);
    if (this.onAbort !== undefined) this.call.signal?.removeEventListener('abort', this.onAbort);
  }
}
