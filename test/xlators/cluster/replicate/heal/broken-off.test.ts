import { afterEach, expect, test } from 'vitest';
import { GlfsError } from '../../../../../src/errors.ts';
import { type Request, rootContext } from '../../../../../src/graph/index.ts';
import { LockType } from '../../../../../src/protocol/messages.ts';
import { healFile } from '../../../../../src/xlators/cluster/replicate/heal/index.ts';
import { numbered, tapCopies } from '../../../../helpers/healing.ts';
import { newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

/* A heal of data that breaks off leaves nothing behind: no write on its way when the locks are gone, no open file. */

const BLOCK = 128 * 1024;

let set: ReplicaCopies;
afterEach(() => set?.[Symbol.asyncDispose]());

async function stage(): Promise<Uint8Array> {
  const gfid = newGfid();
  const text = numbered(4 * BLOCK, 1)
    .toString('latin1')
    .replace(/[\x80-\xff]/g, 'x');
  const [first, second, third] = set.copies;
  await first!.create('file', gfid, text);
  await second!.create('file', gfid, text);
  await third!.create('file', gfid, 'old');
  for (const copy of [first!, second!]) await copy.accuse('file', [2], { data: 1 });
  return gfid;
}

test('a block that can not be read ends it only when the others of its window are written', async () => {
  set = await ReplicaCopies.start({ 'data-self-heal-window-size': '4', 'data-self-heal-algorithm': 'full' });
  const gfid = await stage();
  let writing = 0;
  let refused = false;
  const dropped: number[] = [];
  let free = (): void => {};
  const freed = new Promise<void>((resolve) => {
    free = resolve;
  });
  const untap = tapCopies(set.state, async ({ fop, request, go }) => {
    if (fop === 'read' && (request as Request<'read'>).offset === 3 * BLOCK) {
      await waitUntil(() => writing > 0, { what: 'a write' });
      refused = true;
      throw new GlfsError('EIO');
    }
    if (fop === 'write') {
      writing++;
      await freed;
      await go();
      writing--;
      return { count: BLOCK };
    }
    if (refused && fop === 'inodelk' && (request as Request<'inodelk'>).flock.type === LockType.UNLOCK)
      dropped.push(writing);
    return go();
  });
  const healing = healFile(set.state, gfid, rootContext());
  await waitUntil(() => refused, { what: 'the refusal' });
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  free();
  expect(await healing).toMatchObject({ status: 'failed' });
  untap();
  expect(dropped.length).toBeGreaterThan(0);
  expect(dropped.every((left) => left === 0)).toBe(true);
});

test('copies that have gone are told of its end, too', async () => {
  set = await ReplicaCopies.start();
  const gfid = await stage();
  const released = new Set<number>();
  let killed = false;
  const untap = tapCopies(set.state, async ({ index, fop, go }) => {
    if (fop === 'release') released.add(index);
    if (fop === 'write' && index === 2 && !killed) {
      killed = true;
      await set.bricks[2]!.kill();
      await waitUntil(() => (set.state.up & 0b100) === 0, { what: 'the end of the brick' });
    }
    return go();
  });
  await healFile(set.state, gfid, rootContext());
  untap();
  expect(killed).toBe(true);
  expect([...released].sort()).toEqual([0, 1, 2]);
});
