import { blockChecksum } from '../../../checksum/index.ts';
import { type CallContext, type Fd, type Reply, type Request, throwIfEnded } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { keys } from '../../../protocol/keys.ts';
import { attributesUnder } from './change-file.ts';
import type { Part } from './fops.ts';
import { lockedRange, type Stripes, stripesAround, stripesWithin } from './fragment-layout.ts';
import { readFragments } from './fragments.ts';
import type { Held } from './lock/held.ts';
import { mergedReply } from './merged-reply.ts';
import type { DisperseState } from './state.ts';

export { seek } from './seek.ts';

export const read: Part<'read'> = async (state, request, context) => {
  const { into } = request;
  const abortable = context.signal !== undefined || context.deadline !== undefined;
  const direct = abortable ? undefined : into;
  const reply = await underLock(state, request, context, (held, caller) =>
    readLocked(state, held, request, caller, direct),
  );
  if (into === undefined || !abortable) return reply;
  // Whoever has left has the buffer back: nothing is written to it any more.
  throwIfEnded(context);
  into.set(reply.data);
  return { ...reply, data: into.subarray(0, reply.data.length) };
};

/** Bricks could only tell of their fragments: what they would compute of the file is computed here. */
export const rchecksum: Part<'rchecksum'> = (state, request, context) =>
  underLock(state, request, context, async (held, caller) => {
    const { fd, offset, size, xdata } = request;
    const { data } = await readLocked(state, held, { fd, offset, size, flags: 0 }, caller);
    const reply = new Dict().set(keys.fipsChecksum, 1);
    if (xdata?.has(keys.checkZeroFilled))
      reply.set(keys.zeroFilled, Number(data.every((byte) => byte === 0)));
    return { flags: 1, ...blockChecksum(data, 'sha256'), xdata: reply };
  });

interface Place {
  readonly fd: Fd;
  readonly offset: number;
  readonly size: number;
}

/** Reads run side by side, whatever they touch. */
function underLock<T>(
  state: DisperseState,
  { fd, offset, size }: Place,
  context: CallContext,
  operation: (held: Held, context: CallContext) => Promise<T>,
): Promise<T> {
  // A range of no bytes would be one to the end of the file.
  const range = lockedRange(stripesAround(offset, Math.max(size, 1), state.stripe));
  return state.locks.run([{ inode: fd.inode, fd, range, shared: true }], context, ([held], caller) =>
    operation(held!, caller),
  );
}

async function readLocked(
  state: DisperseState,
  held: Held,
  { fd, offset, size, flags, xdata }: Omit<Request<'read'>, 'into'>,
  context: CallContext,
  into?: Uint8Array,
): Promise<Reply<'read'>> {
  const fileSize = held.size;
  const end = Math.min(offset + size, fileSize);
  if (end <= offset) {
    const { stat } = await attributesUnder(state, held, fd, context);
    return { data: into?.subarray(0, 0) ?? new Uint8Array(), stat, eof: offset >= fileSize };
  }
  const around = stripesAround(offset, end - offset, state.stripe);
  const asked = { ...around, fd, flags, xdata: held.asking(xdata) };
  const { bytes, replies } = await readFragments(state, held, asked, context);
  for (const reply of replies) held.answered(reply.xdata);
  const data = await decodeRange(state, { fragments: bytes, ...around }, offset, end, into);
  return { ...mergedReply(state, replies, fileSize), data, eof: end >= fileSize };
}

interface FragmentRows extends Stripes {
  readonly fragments: ReadonlyMap<number, Uint8Array>;
}

/** Bytes from `offset` to `end`: whole stripes are decoded right into `into`, the first and the last beside it. */
async function decodeRange(
  state: DisperseState,
  rows: FragmentRows,
  offset: number,
  end: number,
  into: Uint8Array | undefined,
): Promise<Uint8Array> {
  if (into === undefined) {
    const whole = await state.code.decode(rows.fragments);
    return whole.subarray(offset - rows.start, end - rows.start);
  }
  const target = into.subarray(0, end - offset);
  const inner = stripesWithin(offset, end - offset, state.stripe);
  const parts: readonly Stripes[] =
    inner.end <= inner.start
      ? [rows]
      : [{ start: rows.start, end: inner.start }, inner, { start: inner.end, end: rows.end }];
  for (const part of parts) {
    if (part.end <= part.start) continue;
    const fragments = rowsOf(state, rows, part);
    const from = Math.max(part.start, offset);
    const to = Math.min(part.end, end);
    const place = target.subarray(from - offset, to - offset);
    if (place.length === part.end - part.start) await state.code.decode(fragments, place);
    else place.set((await state.code.decode(fragments)).subarray(from - part.start, to - part.start));
  }
  return target;
}

function rowsOf(
  { data }: DisperseState,
  rows: FragmentRows,
  { start, end }: Stripes,
): Map<number, Uint8Array> {
  const from = (start - rows.start) / data;
  const to = (end - rows.start) / data;
  return new Map([...rows.fragments].map(([index, bytes]) => [index, bytes.subarray(from, to)]));
}
