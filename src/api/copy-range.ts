import { GlfsError, isGlfsError } from '../errors.ts';
import type { Fd } from '../graph/index.ts';
import { gfidEquals } from '../protocol/gfid.ts';
import { statOf } from './attributes.ts';
import type { Call } from './calls.ts';
import { inFlight, PIECE_BYTES, read, write } from './transfer.ts';

/** Most bytes that one COPY_FILE_RANGE asks of a server: it answers when they are copied. */
const SERVER_PIECE_BYTES = 64 * 1024 * 1024;

export interface CopyRange {
  /** Bytes in the source (default 0). */
  readonly offset?: number;
  /** Bytes in the target (default 0). */
  readonly targetOffset?: number;
  readonly length: number;
}

/**
 * Copies a range from one open file to another, fewer bytes only where the source ends. On the server where all of the
 * graph allows it, otherwise by reading and writing here, so that all copies and fragments get the same.
 */
export async function copyRange(call: Call, source: Fd, target: Fd, range: CopyRange): Promise<number> {
  const { offset = 0, targetOffset = 0, length } = range;
  for (const value of [offset, targetOffset, length])
    if (!Number.isSafeInteger(value) || value < 0)
      throw new GlfsError('EINVAL', `not an offset or length: ${value}`);
  const { size } = await statOf(call, { fd: source });
  const bytes = Math.max(Math.min(length, size - offset), 0);
  const overlap = Math.abs(offset - targetOffset) < bytes && gfidEquals(source.inode.gfid, target.inode.gfid);
  if (overlap) throw new GlfsError('EINVAL', 'the ranges overlap');
  if (bytes === 0) return 0;
  const there = await copyOnServer(call, source, target, { offset, targetOffset, length: bytes });
  if (there === bytes) return there;
  const rest = { offset: offset + there, targetOffset: targetOffset + there, length: bytes - there };
  return there + (await copyHere(call, source, target, rest));
}

/** What the graph answers where not every copy is on one brick, or a brick is too old. */
const refusals = ['EOPNOTSUPP', 'EXDEV', 'ENOSYS', 'EINVAL'] as const;

/** Bytes that servers have copied; fewer than asked for, maybe none, where they don't do that. */
async function copyOnServer(call: Call, source: Fd, target: Fd, range: Required<CopyRange>): Promise<number> {
  let done = 0;
  while (done < range.length) {
    const size = Math.min(range.length - done, SERVER_PIECE_BYTES);
    try {
      const { count = size, poststat } = await call.fop('copyFileRange', {
        source,
        target,
        sourceOffset: range.offset + done,
        targetOffset: range.targetOffset + done,
        size,
        flags: 0,
      });
      // A server may stop short; what it can't have done is copied here.
      if (count < size) return done + count;
      if (poststat.size < range.targetOffset + done + size) return done;
    } catch (error) {
      if (isGlfsError(error, ...refusals)) return done;
      throw error;
    }
    done += size;
  }
  return done;
}

async function copyHere(call: Call, source: Fd, target: Fd, range: Required<CopyRange>): Promise<number> {
  const pieces = Math.ceil(range.length / PIECE_BYTES);
  let end = range.length;
  await inFlight(pieces, async (index) => {
    const start = index * PIECE_BYTES;
    const size = Math.min(PIECE_BYTES, range.length - start);
    const { data } = await read(call, source, range.offset + start, size);
    if (data.length < size) end = Math.min(end, start + data.length);
    if (data.length > 0) await write(call, target, range.targetOffset + start, [data]);
  });
  return end;
}
