import { GlfsError } from '../../../errors.ts';
import type { Flock } from '../../../protocol/messages.ts';

/** Bytes of a file, both ends included. */
export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** The last offset that there is; a lock up to it reaches the end of the file, wherever that will be. */
export const LAST = (1n << 63n) - 1n;

/** off_t of the brick: what is unsigned on the wire has a sign there. */
function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

function invalid(): GlfsError {
  return new GlfsError('EINVAL', 'no range of a file');
}

/**
 * The range of an inodelk; length 0 is "to the end".
 * @throws GlfsError EINVAL for what is negative.
 */
export function rangeOf(flock: Pick<Flock, 'start' | 'length'>): Range {
  const start = signed(flock.start);
  const length = signed(flock.length);
  if (start < 0n || length < 0n) throw invalid();
  const end = length === 0n ? LAST : start + length - 1n;
  return { start, end: end > LAST ? LAST : end };
}

/**
 * The range of a POSIX lock: as fcntl has it, a negative length means the bytes before `start`. Bricks take offsets as
 * absolute whatever `whence` says, because clients resolve it.
 * @throws GlfsError EINVAL for what begins before the file or ends beyond the last offset.
 */
export function posixRangeOf(flock: Pick<Flock, 'start' | 'length'>): Range {
  const start = signed(flock.start);
  const length = signed(flock.length);
  if (start < 0n || signed(start + length) < 0n) throw invalid();
  if (length < 0n) return { start: start + length, end: start - 1n };
  return { start, end: length === 0n ? LAST : start + length - 1n };
}

/** What `length` of a flock says of it: 0 where it reaches the end. */
export function lengthOf({ start, end }: Range): bigint {
  return end === LAST ? 0n : end - start + 1n;
}

export function overlap(a: Range, b: Range): boolean {
  return a.end >= b.start && b.end >= a.start;
}

export function sameRange(a: Range, b: Range): boolean {
  return a.start === b.start && a.end === b.end;
}

/** The range that covers both. */
export function cover(a: Range, b: Range): Range {
  const [first, last] = [a.start <= b.start ? a : b, a.end >= b.end ? a : b];
  return { start: first.start, end: last.end };
}

/** What is left of `whole` when `part` is taken away: none, one or two ranges. */
export function without(whole: Range, part: Range): Range[] {
  if (!overlap(whole, part)) return [{ start: whole.start, end: whole.end }];
  const left: Range[] = [];
  if (whole.start < part.start) left.push({ start: whole.start, end: part.start - 1n });
  if (whole.end > part.end) left.push({ start: part.end + 1n, end: whole.end });
  return left;
}
