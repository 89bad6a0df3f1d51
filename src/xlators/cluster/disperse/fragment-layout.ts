import type { Range } from './lock/held.ts';

/* Stripe s of a file is chunk s of every fragment: what is at offset o of whole stripes is at o / data of the fragment. */

/** Bytes of a file in whole stripes. */
export interface Stripes {
  readonly start: number;
  /** Behind the last one. */
  readonly end: number;
}

export function roundDown(offset: number, stripe: number): number {
  return offset - (offset % stripe);
}

export function roundUp(offset: number, stripe: number): number {
  const over = offset % stripe;
  return over === 0 ? offset : offset + (stripe - over);
}

/** Stripes that a range touches. */
export function stripesAround(offset: number, size: number, stripe: number): Stripes {
  return { start: roundDown(offset, stripe), end: roundUp(offset + size, stripe) };
}

/** Stripes that a range covers; none where `end` is not behind `start`. */
export function stripesWithin(offset: number, size: number, stripe: number): Stripes {
  return { start: roundUp(offset, stripe), end: roundDown(offset + size, stripe) };
}

/** What to lock so that nobody else touches these stripes. */
export function lockedRange({ start, end }: Stripes): Range {
  return { start, length: end - start };
}

/** The file to its end, and whatever is written behind it. */
export function rangeFrom(start: number): Range {
  return { start, length: 0 };
}
