import { afterEach, describe, expect, test } from 'vitest';
import type { FopName } from '../../../../../src/protocol/fops.ts';
import { anonymousNames, brickTree } from '../../../../helpers/brick-tree.ts';
import { type Copy, newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

/*
 * A brick breaks its connections in the middle of a heal, at each call that the heal makes on it: the next heal finds what is
 * left to do, and all copies end the same.
 */

let set: ReplicaCopies;
afterEach(() => set?.[Symbol.asyncDispose]());

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

/** Calls of a heal of these stories; the sink's and the source's. */
const calls: readonly (readonly [FopName, number])[] = [
  ['entrylk', 12],
  ['lookup', 14],
  ['xattrop', 3],
  ['getxattr', 2],
  ['opendir', 2],
  ['readdir', 2],
  ['rename', 2],
  ['mknod', 1],
  ['mkdir', 1],
  ['unlink', 1],
  ['setattr', 1],
];

describe.each([
  ['the sink', 2],
  ['a source', 0],
] as const)('%s', (_, victim) => {
  test('breaks off at any call', async () => {
    set = await ReplicaCopies.start();
    let broke = 0;
    for (const [fop, most] of calls) {
      for (let nth = 1; nth <= most; nth += fop === 'lookup' || fop === 'entrylk' ? 4 : 1) {
        await told();
        const fault = await set.bricks[victim]!.fault({ fop, nth, action: 'drop' });
        await set.healDirectories();
        broke += (await fault.acted()) > 0 ? 1 : 0;
        await fault.remove();
        await waitUntil(() => set.state.up === set.state.all, { what: 'the brick to be back' });
        for (let pass = 0; pass < 3; pass++) await set.healDirectories();
        await set.cleanAnonymous();
        const trees = set.bricks.map(({ directory }) => brickTree(directory, 'names'));
        expect(trees[2], `${fop} ${nth}`).toEqual(trees[0]);
        expect(trees[1], `${fop} ${nth}`).toEqual(trees[0]);
        expect(set.entryMarks(), `${fop} ${nth}`).toEqual([]);
        expect(set.bricks.map(({ directory }) => anonymousNames(directory))).toEqual([[], [], []]);
        await cleared();
      }
    }
    expect(broke).toBeGreaterThan(10);
  });
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
