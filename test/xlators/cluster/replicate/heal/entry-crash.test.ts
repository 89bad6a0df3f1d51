import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FopName } from '../../../../../src/protocol/fops.ts';
import { anonymousNames, brickTree } from '../../../../helpers/brick-tree.ts';
import { type Copy, newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

/*
 * A brick breaks its connections in the middle of a heal, at this call or that: the next heal finds what is
 * left to do, and all copies end the same.
 */

let set: ReplicaCopies;
beforeAll(async () => {
  set = await ReplicaCopies.start();
});
afterAll(() => set[Symbol.asyncDispose]());

const [a, b, c, d, e, f] = Array.from({ length: 6 }, newGfid) as Uint8Array[];

async function before(copy: Copy): Promise<void> {
  await copy.mkdir('one', a!);
  await copy.mkdir('one/moves', b!);
  await copy.create('one/moves/file', c!, 'text');
  await copy.create('gone', d!, 'text');
}

async function missed(copy: Copy): Promise<void> {
  await copy.rename('one/moves', 'moved');
  await copy.unlink('gone');
  await copy.create('new', e!, 'new text');
  await copy.mkdir('tree', f!);
}

/** On which call of the heal the brick breaks off: the sink is 2, a source 0. */
const moments: readonly (readonly [brick: number, fop: FopName, nth: number])[] = [
  [2, 'entrylk', 2],
  [2, 'lookup', 6],
  [2, 'rename', 1],
  [2, 'mknod', 1],
  [2, 'mkdir', 1],
  [2, 'unlink', 1],
  [2, 'xattrop', 1],
  [0, 'entrylk', 7],
  [0, 'getxattr', 1],
  [0, 'readdir', 1],
  [0, 'xattrop', 1],
  [0, 'xattrop', 3],
];

test.each(moments)('brick %i at its %s number %i', async (victim, fop, nth) => {
  await told();
  const fault = await set.bricks[victim]!.fault({ fop, nth, action: 'drop' });
  await set.healDirectories();
  expect(await fault.acted()).toBe(1);
  await waitUntil(() => set.state.up === set.state.all, { what: 'the brick to be back' });
  for (let pass = 0; pass < 3; pass++) await set.healDirectories();
  await set.cleanAnonymous();
  const trees = set.bricks.map(({ directory }) => brickTree(directory, 'names'));
  for (const tree of trees) expect(tree).toEqual(trees[0]);
  expect(set.entryMarks()).toEqual([]);
  expect(set.bricks.map(({ directory }) => anonymousNames(directory))).toEqual([[], [], []]);
  await cleared();
});

async function told(): Promise<void> {
  await set.on([0, 1, 2], before);
  await set.on([0, 1], missed);
  await set.missed([2], '', ['moved', 'gone', 'new', 'tree']);
  await set.missed([2], 'one', ['moves']);
}

/** For the next round. */
async function cleared(): Promise<void> {
  await set.on([0, 1, 2], async (copy) => {
    await copy.unlink('moved/file');
    await copy.unlink('new');
    for (const name of ['moved', 'one', 'tree']) await copy.rmdir(name);
  });
}
