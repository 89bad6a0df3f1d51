import type { FopFunction } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import type { BrickDirectory } from '../brick-directory.ts';

/** An operation on entries: it needs more of the brick than its files' operations do. */
export type EntryFop<K extends FopName> = (
  brick: BrickDirectory,
  ...call: Parameters<FopFunction<K>>
) => ReturnType<FopFunction<K>>;
