import { afterEach, describe, expect, test } from 'vitest';
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';
import type { Gfid } from '../../../../src/protocol/gfid.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { OpenFlag, SetattrValid } from '../../../../src/protocol/messages.ts';
import { has } from '../../../../src/xlators/cluster/children.ts';
import { parts } from '../../../../src/xlators/cluster/replicate/fops.ts';
import { newGfid, ReplicaCopies } from '../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../helpers/wait.ts';

let set: ReplicaCopies;
afterEach(() => set[Symbol.asyncDispose]());

const context = rootContext();

/** A file with a text of its own on each copy, all of the same length: which one was read can be seen. */
const texts = ['copy 0', 'copy 1', 'copy 2'];

async function start(options: Record<string, string> = {}, type = 'replicate 3'): Promise<Inode> {
  set = await ReplicaCopies.start(options, type);
  const gfid: Gfid = newGfid();
  for (const copy of set.copies) {
    const isArbiter = copy.index === set.state.arbiter;
    await copy.create('a', gfid, isArbiter ? '' : texts[copy.index]!);
  }
  return new Inode(gfid, 'file');
}

async function opened(inode: Inode): Promise<Fd> {
  const fd = new Fd(inode, OpenFlag.RDWR);
  for (const { child } of set.copies) await child.open({ loc: { inode }, fd, flags: OpenFlag.RDWR }, context);
  return fd;
}

async function read(fd: Fd): Promise<string> {
  const { data } = await parts.read(set.state, { fd, offset: 0, size: 100, flags: 0 }, context);
  return Buffer.from(data).toString();
}

async function accuse(
  by: readonly number[],
  whom: readonly number[],
  kind: 'data' | 'metadata',
): Promise<void> {
  await set.on(by, (copy) => copy.accuse('a', whom, { [kind]: 1 }));
}

async function lose(index: number): Promise<void> {
  await set.bricks[index]!.kill();
  await waitUntil(() => !has(set.state.up, index), { what: 'the loss of a copy' });
}

async function regain(index: number): Promise<void> {
  await set.bricks[index]!.restart();
  await waitUntil(() => has(set.state.up, index), { what: 'the return of a copy' });
}

async function counts(fop: FopName): Promise<number[]> {
  return Promise.all(set.bricks.map(async (brick) => (await brick.counts())[fop] ?? 0));
}

describe('which copy', () => {
  test.each(['0', '1', '2', '3', '4', '5'])(
    'with read-hash-mode %s never one that is accused',
    async (mode) => {
      const inode = await start({ 'read-hash-mode': mode });
      await accuse([0, 2], [1], 'data');
      const fd = await opened(inode);
      for (let times = 0; times < 4; times++) expect(['copy 0', 'copy 2']).toContain(await read(fd));
    },
  );

  test('one that is good in both halves goes before those that are in one', async () => {
    const inode = await start({ 'read-subvolume-index': '0' });
    await accuse([1, 2], [0], 'data');
    await accuse([2], [1], 'metadata');
    const fd = await opened(inode);
    expect(await read(fd)).toBe('copy 2');
    await parts.stat(set.state, { loc: { inode } }, context);
    expect(await counts('stat')).toEqual([0, 0, 1]);
  });

  test('where none is, size and bytes come from one and the owner from the other', async () => {
    const inode = await start({}, 'replicate 2');
    await set.copies[1]!.child.truncate({ loc: { inode }, offset: 3 }, context);
    const changed = { ...emptyIatt(), uid: 7, gid: 8 };
    const valid = SetattrValid.UID | SetattrValid.GID;
    await set.copies[0]!.child.setattr({ loc: { inode }, stat: changed, valid }, context);
    await accuse([1], [0], 'data');
    await accuse([0], [1], 'metadata');
    const fd = await opened(inode);
    expect(await read(fd)).toBe('cop');
    const merged = { uid: 7, gid: 8, size: 3 };
    expect((await parts.stat(set.state, { loc: { inode } }, context)).stat).toMatchObject(merged);
    expect((await parts.fstat(set.state, { fd }, context)).stat).toMatchObject(merged);
    const loc = { inode: new Inode(inode.gfid) };
    expect((await parts.lookup(set.state, { loc, flags: 0 }, context)).stat).toMatchObject(merged);
  });

  test('the arbiter never', async () => {
    const inode = await start({ 'read-subvolume-index': '2' }, 'replicate 3 arbiter 1');
    const fd = await opened(inode);
    expect(['copy 0', 'copy 1']).toContain(await read(fd));
    expect((await counts('read'))[2]).toBe(0);
    const { stat } = await parts.fstat(set.state, { fd }, context);
    expect(stat.size).toBe(6);
    await accuse([2], [0, 1], 'data');
    set.state.file(inode).forget();
    await expect(read(fd)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('one that comes back is asked what it has missed before it is read', async () => {
    const inode = await start({ 'read-subvolume-index': '1' });
    const fd = await opened(inode);
    expect(await read(fd)).toBe('copy 1');
    await lose(1);
    expect(['copy 0', 'copy 2']).toContain(await read(fd));
    await accuse([0, 2], [1], 'data');
    await regain(1);
    expect(['copy 0', 'copy 2']).toContain(await read(fd));
  });
});

describe('a copy that fails', () => {
  test.each(['EIO', 'ESTALE', 'EBADFD'] as const)('with %s: the next one answers', async (errno) => {
    const inode = await start({ 'read-subvolume-index': '1' });
    const fd = await opened(inode);
    await set.bricks[1]!.fault({ fop: 'read', action: 'fail', errno, times: 2 });
    expect(['copy 0', 'copy 2']).toContain(await read(fd));
  });

  test('by breaking in the middle: the next one answers', async () => {
    const inode = await start({ 'read-subvolume-index': '1' });
    const fd = await opened(inode);
    await set.bricks[1]!.fault({ fop: 'read', action: 'truncate' });
    expect(['copy 0', 'copy 2']).toContain(await read(fd));
    await set.bricks[1]!.clearFaults();
  });

  test('all of them: each is asked once, and the last error is the caller’s', async () => {
    const inode = await start();
    const fd = await opened(inode);
    for (const brick of set.bricks)
      await brick.fault({ fop: 'read', action: 'fail', errno: 'EIO', times: 9 });
    await expect(read(fd)).rejects.toMatchObject({ code: 'EIO' });
    expect(await counts('read')).toEqual([1, 1, 1]);
  });

  test('an attribute that is not there is no failure', async () => {
    const inode = await start();
    const request = { loc: { inode }, name: 'user.none' };
    await expect(parts.getxattr(set.state, request, context)).rejects.toMatchObject({ code: 'ENODATA' });
    expect((await counts('getxattr')).reduce((sum, count) => sum + count)).toBe(1);
  });

  test('one that is accused while it is read: what it said does not count', async () => {
    const inode = await start({ 'read-subvolume-index': '1' });
    const fd = await opened(inode);
    await read(fd);
    const fault = await set.bricks[1]!.fault({ fop: 'read', action: 'delay', milliseconds: 100 });
    const reading = read(fd);
    await waitUntil(async () => (await fault.acted()) === 1, { what: 'the read' });
    set.state.accuse(inode, 'data', 0b010);
    expect(['copy 0', 'copy 2']).toContain(await reading);
  });

  test('without a quorum nothing is read', async () => {
    const inode = await start();
    const fd = await opened(inode);
    await lose(0);
    expect(await read(fd)).toMatch(/copy [12]/);
    await lose(1);
    await expect(read(fd)).rejects.toMatchObject({ code: 'ENOTCONN' });
    await expect(parts.stat(set.state, { loc: { inode } }, context)).rejects.toMatchObject({
      code: 'ENOTCONN',
    });
  });

  test('without any quorum a single copy will do', async () => {
    const inode = await start({ 'quorum-type': 'none' });
    const fd = await opened(inode);
    await lose(0);
    await lose(1);
    expect(await read(fd)).toBe('copy 2');
  });

  test('an unlinked file that is open is read by its fd after copies have come and gone', async () => {
    const inode = await start();
    const fd = await opened(inode);
    for (const copy of set.copies) await copy.unlink('a');
    await lose(0);
    expect(await read(fd)).toMatch(/copy [12]/);
  });
});

describe('split-brain', () => {
  async function split(kind: 'data' | 'metadata'): Promise<void> {
    for (const index of [0, 1, 2]) {
      await accuse(
        [index],
        [0, 1, 2].filter((other) => other !== index),
        kind,
      );
    }
  }

  test.each(['data', 'metadata'] as const)('of %s: nothing of a file can be read', async (kind) => {
    const inode = await start();
    await split(kind);
    const fd = await opened(inode);
    const calls = [
      read(fd),
      parts.fstat(set.state, { fd }, context),
      parts.stat(set.state, { loc: { inode } }, context),
      parts.getxattr(set.state, { loc: { inode }, name: '' }, context),
      parts.seek(set.state, { fd, offset: 0, what: 0 }, context),
      parts.rchecksum(set.state, { fd, offset: 0, size: 6, flags: 0 }, context),
      parts.access(set.state, { loc: { inode }, mask: 4 }, context),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'EIO' });
    await expect(read(fd)).rejects.toThrow(`split-brain in ${kind}`);
  });

  test('of entries: a directory is listed and known all the same', async () => {
    set = await ReplicaCopies.start();
    const gfid = newGfid();
    for (const copy of set.copies) await copy.mkdir('d', gfid);
    for (const index of [0, 1, 2]) await set.copies[index]!.accuse('d', [(index + 1) % 3], { entry: 1 });
    const inode = new Inode(gfid, 'directory');
    const { stat } = await parts.stat(set.state, { loc: { inode } }, context);
    expect(stat.gfid).toEqual(gfid);
    const fd = new Fd(inode, 0);
    for (const { child } of set.copies) await child.opendir({ loc: { inode }, fd }, context);
    const { entries } = await parts.readdir(set.state, { fd, offset: 0n, size: 4096 }, context);
    expect(entries.map(({ name }) => name).sort()).toEqual(['.', '..']);
  });

  test('a policy of the volume resolves it when it is come upon', async () => {
    const inode = await start({ 'favorite-child-policy': 'mtime' });
    const [, , newest] = set.copies;
    await newest!.child.setxattr(
      { loc: { inode }, flags: 0, dict: new Dict().setBytes('user.x', Buffer.from('1')) },
      context,
    );
    await split('data');
    const fd = await opened(inode);
    const text = await read(fd);
    expect(texts).toContain(text);
    // It is healed on all copies now.
    for (const { child } of set.copies) {
      const { data } = await child.read({ fd, offset: 0, size: 100, flags: 0 }, context);
      expect(Buffer.from(data).toString()).toBe(text);
    }
  });
});

test('no copy seems good, though none says that they are split: they are asked once more', async () => {
  const inode = await start();
  const fd = await opened(inode);
  await read(fd);
  // One was too short when it was asked, the others are accused since.
  set.state.file(inode).accuse('data', 0b111);
  expect(texts).toContain(await read(fd));
  await accuse([2], [0, 1], 'data');
  await accuse([0], [2], 'data');
  set.state.file(inode).forget();
  await expect(read(fd)).rejects.toMatchObject({ code: 'EIO' });
});
