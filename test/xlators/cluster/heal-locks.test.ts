import { afterEach, expect, test } from 'vitest';
import { Inode, newLkOwner, rootContext } from '../../../src/graph/index.ts';
import { ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { type HealLock, lockEntry } from '../../../src/xlators/cluster/heal-locks.ts';
import { ReplicaCopies } from '../../helpers/replica-copies.ts';

let set: ReplicaCopies;
afterEach(() => set[Symbol.asyncDispose]());

/** Each caller is a healer of its own. */
function lock(): Promise<HealLock> {
  const { state } = set;
  const context = { ...rootContext(), lkOwner: newLkOwner() };
  const session = { state, context, signal: new AbortController().signal };
  return lockEntry(session, state.domain, new Inode(ROOT_GFID, 'directory'), 'name', 'try');
}

test.each([
  ['refuses to take it back', 2, 'fail', 'EIO'],
  ['says to be away when it is to take it back', 2, 'fail', 'ENOTCONN'],
  ['gives it, and says that it could not', 1, 'fail-after', 'EIO'],
  ['gives it, and says to be away', 1, 'fail-after', 'ENOTCONN'],
] as const)('a lock does not stay on a copy that %s', async (_, nth, action, errno) => {
  set = await ReplicaCopies.start();
  await set.bricks[1]!.fault({ fop: 'entrylk', nth, action, errno });
  const first = await lock();
  expect(first.on).toBe(nth === 1 ? 0b101 : 0b111);
  await first.release();
  const second = await lock();
  expect(second.on).toBe(0b111);
  await second.release();
});
