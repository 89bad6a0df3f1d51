import type { LockRange } from '../../heal-locks.ts';

/*
 * Lock order of a heal, the same in every client and self-heal daemon of a volume:
 *   data:     whole file in the heal domain (tie-break), then in the transactions' domain the whole file (wait), given back,
 *             then one block after the other (wait), then the whole file once more (wait)
 *   metadata: the range that stands for attributes in the transactions' domain (tie-break)
 *   entry:    whole directory in the heal domain (tie-break), then names or all of it in the transactions' domain (wait), then
 *             other names of a directory that was renamed, wherever they are (try)
 * On each copy, from the first to the last where it waits.
 */

/** Stands for a file's attributes: LLONG_MAX - 1 to the end. */
export const ATTRIBUTES: LockRange = { start: 0x7fff_ffff_ffff_fffen, length: 0n };
