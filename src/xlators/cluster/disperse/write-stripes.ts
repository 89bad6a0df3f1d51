import { GlfsError } from '../../../errors.ts';
import { CHUNK } from '../../../gf8/index.ts';
import type { Fd, Reply } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { keys } from '../../../protocol/keys.ts';
import { indicesOf } from '../children.ts';
import { internal } from '../wind.ts';
import { attributesOf } from './asking.ts';
import { type Change, changeFragments } from './change-fragments.ts';
import { readingFd } from './data-fd.ts';
import { roundDown, type Stripes, stripesAround } from './fragment-layout.ts';
import { readStripes } from './fragments.ts';
import type { DisperseState } from './state.ts';
import { stripeCache } from './stripe-cache.ts';

/** Bytes to be written under a lock that holds all stripes that they touch. */
export interface StripeWrite {
  readonly fd: Fd;
  readonly offset: number;
  /** Bytes of `data` together; not 0. */
  readonly size: number;
  readonly data: readonly Uint8Array[];
  /** Where the file ends: what is behind it counts as zeros, whatever fragments hold there. */
  readonly fileSize: number;
  /** As WRITE's. */
  readonly flags?: number;
  readonly xdata?: Dict;
}

export interface StripesWritten {
  readonly replies: readonly Reply<'write'>[];
  /** Bytes of the caller's that were taken: fewer where the bricks are full. */
  readonly count: number;
}

/**
 * Writes bytes as whole stripes. Where they begin or end within one that has others below the end of the file, these are
 * read before.
 * @throws GlfsError what enough subvolumes say alike, EIO, ENOTCONN
 */
export async function writeStripes(
  state: DisperseState,
  change: Change,
  write: StripeWrite,
): Promise<StripesWritten> {
  const { fd, offset, size, flags = 0 } = write;
  const { held, context } = change;
  const xdata = held.asking(write.xdata);
  const around = stripesAround(offset, size, state.stripe);
  const { start, end } = around;
  const bytes = await wholeStripes(state, change, write, around);
  const indices = indicesOf(change.good | held.healing);
  const fragments = await state.code.encode(bytes, indices);
  const length = bytes.length / state.data;
  const replies = await changeFragments(
    state,
    change,
    async (child) => {
      const fragment = fragments[indices.indexOf(state.indexOf(child))]!;
      const request = { fd, offset: start / state.data, size: length, data: [fragment], flags, xdata };
      const reply = await child.write(request, context);
      if ((reply.count ?? length) % CHUNK !== 0) throw torn(state, reply.count!);
      return reply;
    },
    ({ count = length, poststat }) => `${count} ${attributesOf(poststat)}`,
  );
  const taken = (replies[0]!.reply.count ?? length) * state.data;
  const cache = stripeCache(state, held);
  if (taken === bytes.length) cache.written(start, bytes, offset + size < end || offset > start);
  else cache.clear();
  const count = Math.max(0, Math.min(size, start + taken - offset));
  return { replies: replies.map(({ reply }) => reply), count };
}

function torn(state: DisperseState, count: number): GlfsError {
  return new GlfsError('EIO', `${count} bytes of a fragment were taken: they end within a stripe`, {
    translator: state.name,
    outcome: 'unknown',
  });
}

/** The caller's own buffer where it is whole stripes already. */
async function wholeStripes(
  state: DisperseState,
  change: Change,
  { fd, offset, size, data, fileSize }: StripeWrite,
  { start, end }: Stripes,
): Promise<Uint8Array> {
  if (data.length === 1 && end - start === size) return data[0]!;
  const bytes = Buffer.allocUnsafe(end - start);
  const { stripe } = state;
  const behind = offset + size;
  const last = roundDown(behind, stripe);
  // What is kept of the file of the stripes in which the bytes begin and end.
  const edges = new Set<number>();
  if (offset > start && fileSize > start) edges.add(start);
  if (end > behind && fileSize > behind) edges.add(last);
  const before = await Promise.all(
    [...edges].map(async (edge) => ({ edge, kept: await oneStripe(state, change, fd, edge) })),
  );
  bytes.fill(0, 0, offset - start);
  bytes.fill(0, behind - start);
  for (const { edge, kept } of before) {
    const length = Math.min(stripe, fileSize - edge);
    bytes.set(kept.subarray(0, length), edge - start);
    bytes.fill(0, edge - start + length, edge - start + stripe);
  }
  let at = offset - start;
  for (const part of data) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** So that bricks don't count it as the application's: no time of the file changes by it. */
const internalXdata = new Dict().set(keys.internalFop, 1);

async function oneStripe(
  state: DisperseState,
  { held, good, context }: Change,
  fd: Fd,
  start: number,
): Promise<Uint8Array> {
  const known = stripeCache(state, held).get(start);
  if (known !== undefined) return known;
  const read = { fd: readingFd(fd), start, end: start + state.stripe, xdata: internalXdata };
  return readStripes(state, { inode: held.inode, good }, read, internal(context));
}
