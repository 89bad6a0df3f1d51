import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Inode, type Loc, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { XattropFlag } from '../../../../src/protocol/messages.ts';
import { parts } from '../../../../src/xlators/cluster/disperse/fops.ts';
import { DIRTY, encodeNumbers } from '../../../../src/xlators/cluster/disperse/lock/counters.ts';
import { create, find, inodeOf, mkdir, root, write } from '../../../helpers/disperse-names.ts';
import { FragmentBricks } from '../../../helpers/fragment-bricks.ts';
import { waitUntil } from '../../../helpers/wait.ts';

let set: FragmentBricks;
beforeEach(async () => {
  set = await FragmentBricks.start('disperse 4+2', { 'background-heals': '0' });
});
afterEach(() => set[Symbol.asyncDispose]());

const context = rootContext();
const SIZE = 4097;

async function makeFile(name: string): Promise<Inode> {
  const { inode, fd } = await create(set.state, name);
  await write(set.state, fd, new Uint8Array(SIZE).fill(1));
  await parts.release(set.state, { fd }, context);
  return inode;
}

function locOf(name: string): Loc {
  return { inode: new Inode(), parent: root, name };
}

/** Behind the back of disperse. */
async function removeOn(name: string, positions: readonly number[]): Promise<void> {
  for (const index of positions) {
    await set.state.children[index]!.unlink({ loc: locOf(name), xflags: 0 }, context);
  }
}

async function makeOn(name: string, positions: readonly number[], gfid = newGfid()): Promise<void> {
  for (const index of positions) {
    const xdata = new Dict().set(keys.gfidRequest, gfid);
    await set.state.children[index]!.mknod(
      { loc: locOf(name), mode: 0o100644, dev: 0n, umask: 0, xdata },
      context,
    );
  }
}

async function markDirty(inode: Inode): Promise<void> {
  const dict = new Dict().setBytes(DIRTY, encodeNumbers(1n, 0n));
  for (const child of set.state.children) {
    await child.xattrop({ loc: { inode }, operation: XattropFlag.ADD_ARRAY64, dict }, context);
  }
}

async function callsOf(fop: string): Promise<number> {
  const counts = await Promise.all(set.bricks.map((brick) => brick.counts()));
  return counts.reduce((sum, each) => sum + (each[fop as keyof typeof each] ?? 0), 0);
}

describe('what all say', () => {
  test('is of the whole file, without what belongs to fragments', async () => {
    const inode = await makeFile('file');
    const xdata = new Dict().set(keys.openFdCount, 0).set(keys.listXattrs, 1);
    const reply = await parts.lookup(set.state, { loc: locOf('file'), flags: 0, xdata }, context);
    expect(reply.stat).toMatchObject({ gfid: inode.gfid, size: SIZE });
    // Six fragments of 1,536 bytes, of which four are data.
    expect(reply.stat.blocks * 512).toBeGreaterThanOrEqual(SIZE);
    expect(reply.stat.blocks).toBeLessThan(64);
    const names = [...(reply.xdata?.names() ?? [])];
    expect(names).toContain(keys.openFdCount.name);
    expect(names.filter((name) => name.startsWith('trusted.ec.'))).toEqual([]);
    expect(names).not.toContain(keys.linkCount.name);
  });

  test('takes no lock while nobody changes the file, and one where somebody may', async () => {
    const inode = await makeFile('file');
    await set.state.locks.settleAll();
    const before = await callsOf('inodelk');
    await find(set.state, 'file');
    const again = { loc: { inode } };
    expect((await parts.stat(set.state, again, context)).stat.size).toBe(SIZE);
    expect(await callsOf('inodelk')).toBe(before);
    await markDirty(inode);
    expect((await find(set.state, 'file')).stat.size).toBe(SIZE);
    expect(await callsOf('inodelk')).toBeGreaterThan(before);
    expect((await parts.stat(set.state, again, context)).stat.size).toBe(SIZE);
  });

  test('is the size that was acknowledged, while its writer still has the lock', async () => {
    const { fd } = await create(set.state, 'file');
    for (const size of [1, 700, 2048, 9000]) {
      await write(set.state, fd, new Uint8Array(size).fill(2));
      expect((await find(set.state, 'file')).stat.size).toBe(size);
      expect((await parts.fstat(set.state, { fd }, context)).stat.size).toBe(size);
    }
  });

  test('that one could not be asked does not matter, that three could not does', async () => {
    await makeFile('file');
    for (const index of [0, 5])
      await set.bricks[index]!.fault({ fop: 'lookup', action: 'fail', errno: 'EIO' });
    expect((await find(set.state, 'file')).stat.size).toBe(SIZE);
    for (const index of [0, 2, 5]) await set.bricks[index]!.kill();
    await waitUntil(() => set.state.up === 0b011010, { what: 'the loss of bricks' });
    await expect(find(set.state, 'file')).rejects.toMatchObject({ code: 'ENOTCONN' });
    await expect(find(set.state, 'none')).rejects.toMatchObject({ code: 'ENOTCONN' });
  });
});

describe('names that not all have', () => {
  test('are there where as many have them as it takes to read', async () => {
    const inode = await makeFile('file');
    await removeOn('file', [0, 3]);
    expect((await find(set.state, 'file')).stat).toMatchObject({ gfid: inode.gfid, size: SIZE });
  });

  test('are not there where as many lack them', async () => {
    await makeFile('file');
    await removeOn('file', [0, 1, 3, 4]);
    await expect(find(set.state, 'file')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('are nobody knows what where neither is so', async () => {
    await makeFile('file');
    await removeOn('file', [0, 1, 3]);
    await expect(find(set.state, 'file')).rejects.toMatchObject({ code: 'EIO' });
    await makeOn('file', [0, 1, 3]);
    await expect(find(set.state, 'file')).rejects.toMatchObject({ code: 'EIO' });
  });

  test('are the file that most mean', async () => {
    const inode = await makeFile('file');
    await removeOn('file', [4, 5]);
    await makeOn('file', [4, 5]);
    expect((await find(set.state, 'file')).stat.gfid).toEqual(inode.gfid);
  });

  test('are asked for again under the lock of the directory while they are being made', async () => {
    const directory = await mkdir(set.state, 'directory');
    const held = await Promise.all(
      [0, 1, 2].map((index) =>
        set.bricks[index]!.fault({ fop: 'create', action: 'delay', milliseconds: 300 }),
      ),
    );
    const making = create(set.state, 'file', { parent: directory });
    await waitUntil(async () => (await Promise.all(held.map((one) => one.acted()))).every((n) => n > 0), {
      what: 'the creation',
    });
    const { stat } = await find(set.state, 'file', directory);
    expect(stat.gfid).toEqual((await making).inode.gfid);
  });
});

describe('a file that some have missed a change of', () => {
  async function changedWithout(...positions: number[]): Promise<void> {
    const inode = await makeFile('file');
    for (const index of positions) await set.bricks[index]!.kill();
    await waitUntil(() => positions.every((index) => (set.state.up & (1 << index)) === 0), {
      what: 'the loss of bricks',
    });
    await parts.truncate(set.state, { loc: { inode }, offset: 77 }, context);
    await parts.setattr(
      set.state,
      { loc: { inode }, stat: { ...(await find(set.state, 'file')).stat, mode: 0o100600 }, valid: 1 },
      context,
    );
    await set.state.locks.settle(inode);
    for (const index of positions) await set.bricks[index]!.restart();
    await set.allUp();
  }

  test('has the size and the attributes that the others have', async () => {
    await changedWithout(1, 2);
    expect((await find(set.state, 'file')).stat).toMatchObject({ size: 77, mode: 0o100600 });
    const inode = await inodeOf(set.state, 'file');
    expect((await parts.stat(set.state, { loc: { inode } }, context)).stat.size).toBe(77);
  });

  test('is found, but not told of, where too few are left that are good: so it can be removed', async () => {
    await changedWithout(1, 2);
    for (const index of [0, 3]) await set.bricks[index]!.kill();
    await waitUntil(() => set.state.up === 0b110110, { what: 'the loss of bricks' });
    const reply = await find(set.state, 'file');
    expect(reply.xdata?.has(keys.doubtful)).toBe(true);
    const inode = await inodeOf(set.state, 'file');
    await expect(parts.stat(set.state, { loc: { inode } }, context)).rejects.toMatchObject({
      code: expect.stringMatching(/EIO|ENOTCONN/),
    });
    const moved = await parts.rename(
      set.state,
      { loc: { ...locOf('file'), inode }, newLoc: locOf('moved') },
      context,
    );
    expect(moved.xdata?.has(keys.doubtful)).toBe(true);
    await parts.unlink(set.state, { loc: { ...locOf('moved'), inode }, xflags: 0 }, context);
    for (const name of ['file', 'moved'])
      await expect(find(set.state, name)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
