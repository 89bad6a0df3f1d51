import { type DictEntry, entryBytes } from '../../../../protocol/dict.ts';

const NUL = Uint8Array.of(0);

/**
 * The bytes that a value is stored as: text and numbers with the NUL behind them, as they lie in a dict of GlusterFS;
 * distribute's linkto files are found by it.
 * @throws GlfsError EPROTO for a value that is a structure
 */
export function storedBytes(entry: DictEntry): Uint8Array {
  const bytes = entryBytes(entry);
  return entry.type === 'bytes' || entry.type === 'gfuuid' ? bytes : Buffer.concat([bytes, NUL]);
}
