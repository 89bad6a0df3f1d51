import type { Outbox } from './outbox.ts';

/** What becomes of a call. */
export type Answer =
  /** Encoded results, and raw bytes that follow them; neither may change until they have left. */
  | { readonly result: Uint8Array; readonly payload?: readonly Uint8Array[] }
  /** accept_stat of RFC 5531; for `no-version` the lowest and highest that there are. */
  | { readonly refused: Refusal; readonly versions?: readonly [lowest: number, highest: number] }
  /** reply_stat denied: AUTH_ERROR. */
  | { readonly denied: true };

export type Refusal = 'no-program' | 'no-version' | 'no-procedure' | 'garbage' | 'system-error';

const acceptStates: Readonly<Record<Refusal, number>> = {
  'no-program': 1,
  'no-version': 2,
  'no-procedure': 3,
  garbage: 4,
  'system-error': 5,
};

const REPLY = 1;
const LAST_FRAGMENT = 0x8000_0000;
const ACCEPTED_WORDS = 7;
/** auth_stat: the server rejected the credential (AUTH_REJECTEDCRED). */
const REJECTED_CREDENTIAL = 2;

/*
 * accepted: u32 mark | u32 xid, 1, 0; verifier {0, 0}; u32 accept_stat; result
 * denied:   u32 mark | u32 xid, 1, 1; u32 1 (AUTH_ERROR), u32 auth_stat
 */
function wordsOf(xid: number, answer: Answer): number[] {
  if ('denied' in answer) return [0, xid, REPLY, 1, 1, REJECTED_CREDENTIAL];
  if (!('refused' in answer)) return [0, xid, REPLY, 0, 0, 0, 0];
  const versions = answer.refused === 'no-version' ? (answer.versions ?? [0, 0]) : [];
  return [0, xid, REPLY, 0, 0, 0, acceptStates[answer.refused], ...versions];
}

/** Bytes of an accepted reply in front of its result, the record mark included. */
export const REPLY_HEADER = ACCEPTED_WORDS * 4;

/** The longest result with payload that fits behind a record mark. */
export const MAX_RESULT = LAST_FRAGMENT - 1 - REPLY_HEADER;

/** Writes mark, header and result at `at`. */
function writeFront(target: Buffer, at: number, words: number[], { result, payload }: Parts): void {
  let length = words.length * 4 - 4 + result.length;
  for (const part of payload) length += part.length;
  words[0] = LAST_FRAGMENT + length;
  for (const [index, word] of words.entries()) target.writeUInt32BE(word, at + index * 4);
  target.set(result, at + words.length * 4);
}

interface Parts {
  readonly result: Uint8Array;
  readonly payload: readonly Uint8Array[];
}

const NOTHING: Parts = { result: new Uint8Array(0), payload: [] };

function partsOf(answer: Answer): Parts {
  return 'result' in answer ? { result: answer.result, payload: answer.payload ?? [] } : NOTHING;
}

/** Queues a reply: headers are copied, large payload goes out by reference. */
export function sendReply(outbox: Outbox, xid: number, answer: Answer): void {
  const words = wordsOf(xid, answer);
  const parts = partsOf(answer);
  const { buffer, at } = outbox.reserve(words.length * 4 + parts.result.length);
  writeFront(buffer, at, words, parts);
  for (const part of parts.payload) if (part.length > 0) outbox.payload(part, true);
  outbox.endCall();
}

/** A reply as one piece. */
export function encodeReply(xid: number, answer: Answer): Buffer {
  const words = wordsOf(xid, answer);
  const parts = partsOf(answer);
  const front = Buffer.alloc(words.length * 4 + parts.result.length);
  writeFront(front, 0, words, parts);
  return Buffer.concat([front, ...parts.payload]);
}
