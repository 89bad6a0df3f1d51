import { afterEach, expect, test } from 'vitest';
import { Fd, Inode, rootContext } from '../../../../../src/graph/index.ts';
import { OpenFlag } from '../../../../../src/protocol/messages.ts';
import { parts } from '../../../../../src/xlators/cluster/replicate/fops.ts';
import { newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';

let set: ReplicaCopies;
afterEach(() => set?.[Symbol.asyncDispose]());

const context = rootContext();

async function read(inode: Inode): Promise<string> {
  const fd = new Fd(inode, OpenFlag.RDONLY);
  await parts.open(set.state, { loc: { inode }, fd, flags: OpenFlag.RDONLY }, context);
  const { data } = await parts.read(set.state, { fd, offset: 0, size: 100, flags: 0 }, context);
  await parts.release(set.state, { fd }, context);
  return Buffer.from(data).toString();
}

test('a file that a heal makes anew on a copy is not read there by those who knew the old one', async () => {
  set = await ReplicaCopies.start({ 'use-anonymous-inode': 'off', 'read-subvolume-index': '2' });
  const [a, b, file] = [newGfid(), newGfid(), newGfid()];
  for (const copy of set.copies) {
    await copy.mkdir('a', a);
    await copy.mkdir('b', b);
  }
  // Moved while the third copy was away.
  await set.on([0, 1], (copy) => copy.create('b/x', file, 'text'));
  await set.on([2], (copy) => copy.create('a/x', file, 'text'));
  await set.missed([2], 'a', ['x']);
  await set.missed([2], 'b', ['x']);
  const inode = new Inode(file, 'file');
  expect(await read(inode)).toBe('text');
  await set.heal('a');
  await set.heal('b');
  expect((await set.copies[2]!.lookup('b/x')).gfid).toEqual(file);
  expect(await read(inode)).toBe('text');
});
