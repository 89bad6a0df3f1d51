import { type Gfid, gfidKey } from '../../../../protocol/gfid.ts';
import type { PosixBrick } from '../brick.ts';

/** The last call of each file's sequence, by gfid. */
const tails = new WeakMap<PosixBrick, Map<string, Promise<unknown>>>();

/**
 * Runs calls on a file one after the other. Only for writes that ask for it: what they learn of the file before they write
 * must hold still when they do.
 */
export async function inSequence<T>(brick: PosixBrick, gfid: Gfid, run: () => Promise<T>): Promise<T> {
  const ofBrick = tails.get(brick) ?? new Map<string, Promise<unknown>>();
  tails.set(brick, ofBrick);
  const key = gfidKey(gfid);
  const before = ofBrick.get(key);
  const mine = before === undefined ? run() : before.then(run, run);
  ofBrick.set(key, mine);
  try {
    return await mine;
  } finally {
    if (ofBrick.get(key) === mine) ofBrick.delete(key);
  }
}
