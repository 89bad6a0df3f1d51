import { Dict } from '../../../protocol/dict.ts';
import { DIRTY, readCounters, SIZE, VERSION } from './lock/counters.ts';

/* What LOOKUP, STAT and FSTAT bring along of a fragment's counters. */

/** Asks for them, along with what `xdata` asks for. */
export function withQuestions(xdata: Dict | undefined): Dict {
  const asked = xdata?.clone() ?? new Dict();
  for (const name of [SIZE, VERSION, DIRTY]) asked.setEntry(name, { type: 'uint', value: 0n });
  return asked;
}

/** What one has answered. */
export interface Told {
  /** Bytes of the whole file; undefined where the file has no such counter. */
  readonly size: number | undefined;
  /** To be compared. */
  readonly version: string;
  /** A change of data is under way, was interrupted, or is missing somewhere. */
  readonly dirty: boolean;
}

const NOTHING: Told = { size: undefined, version: '', dirty: false };

/** @throws GlfsError EINVAL for counters that are none */
export function toldBy(xdata: Dict | undefined): Told {
  if (xdata === undefined) return NOTHING;
  const { size, version, dirty } = readCounters(xdata);
  return {
    size: size === undefined ? undefined : Number(size),
    version: `${version ?? ''}`,
    dirty: (dirty?.[0] ?? 0n) !== 0n,
  };
}
