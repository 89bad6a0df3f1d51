import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../src/graph/index.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { parts } from '../../../../src/xlators/cluster/disperse/fops.ts';
import {
  countersOn,
  create,
  existsOn,
  find,
  inodeOf,
  mkdir,
  root,
  write,
} from '../../../helpers/disperse-names.ts';
import { FragmentBricks } from '../../../helpers/fragment-bricks.ts';
import { waitUntil } from '../../../helpers/wait.ts';

let set: FragmentBricks;
beforeEach(async () => {
  set = await FragmentBricks.start('disperse 4+2', { 'background-heals': '0' });
});
afterEach(() => set[Symbol.asyncDispose]());

const context = rootContext();
const ALL = [true, true, true, true, true, true];

function at(name: string, inode = new Inode(), parent = root) {
  return { inode, parent, name };
}

async function lose(...positions: number[]): Promise<void> {
  for (const index of positions) await set.bricks[index]!.kill();
  await waitUntil(() => positions.every((index) => (set.state.up & (1 << index)) === 0), {
    what: 'the loss of bricks',
  });
}

async function bringBack(...positions: number[]): Promise<void> {
  for (const index of positions) await set.bricks[index]!.restart();
  await set.allUp();
}

async function failOn(positions: readonly number[], fop: 'create' | 'mkdir' | 'rmdir' | 'link' | 'unlink') {
  for (const index of positions) await set.bricks[index]!.fault({ fop, action: 'fail', errno: 'ENOSPC' });
}

describe('what is made', () => {
  test('a file has the counters of a new one everywhere, a directory a version, a link none', async () => {
    const { inode, reply } = await create(set.state, 'file');
    expect(reply.stat).toMatchObject({ size: 0, gfid: inode.gfid });
    const file = 'version 0,0 size 0 dirty undefined config 80602000200';
    expect(await countersOn(set.state, inode)).toEqual(ALL.map(() => file));
    const directory = await mkdir(set.state, 'directory');
    const plain = 'version 0,0 size undefined dirty undefined config undefined';
    expect(await countersOn(set.state, directory)).toEqual(ALL.map(() => plain));
    const link = at('link');
    await parts.symlink(set.state, { loc: link, umask: 0, target: 'file' }, context);
    expect(await countersOn(set.state, link.inode)).toEqual(
      ALL.map(() => 'version undefined size undefined dirty undefined config undefined'),
    );
  });

  test('what is there is opened by CREATE, with its true size, and cut where that was asked for', async () => {
    const { fd } = await create(set.state, 'file');
    await write(set.state, fd, new Uint8Array(5000).fill(7));
    expect((await create(set.state, 'file')).reply.stat.size).toBe(5000);
    expect((await create(set.state, 'file', { flags: OpenFlag.TRUNC })).reply.stat.size).toBe(0);
    expect((await find(set.state, 'file')).stat.size).toBe(0);
    await expect(create(set.state, 'file', { flags: OpenFlag.EXCL })).rejects.toMatchObject({
      code: 'EEXIST',
    });
  });

  test('that it is there already leaves no trace', async () => {
    await mkdir(set.state, 'directory');
    const before = await countersOn(set.state, root);
    await expect(mkdir(set.state, 'directory')).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await countersOn(set.state, root)).toEqual(before);
  });
});

describe('two that are away', () => {
  test('lack what is changed, and their word on it counts for nothing when they are back', async () => {
    const parent = await mkdir(set.state, 'parent');
    const old = await create(set.state, 'old', { parent });
    await create(set.state, 'gone', { parent });
    await lose(0, 3);
    await create(set.state, 'new', { parent });
    await mkdir(set.state, 'directory', parent);
    await parts.symlink(
      set.state,
      { loc: at('symlink', new Inode(), parent), umask: 0, target: 'x' },
      context,
    );
    const loc = at('old', old.inode, parent);
    await parts.link(set.state, { loc, newLoc: at('hard', old.inode, parent) }, context);
    await parts.rename(set.state, { loc, newLoc: at('renamed', new Inode(), parent) }, context);
    await parts.unlink(set.state, { loc: at('gone', new Inode(), parent), xflags: 0 }, context);
    await bringBack(0, 3);
    for (const name of ['new', 'directory', 'symlink', 'hard', 'renamed']) {
      expect((await find(set.state, name, parent)).stat.gfid, name).toBeDefined();
      expect(await existsOn(set.state, name, parent), name).toEqual([false, true, true, false, true, true]);
    }
    for (const name of ['gone', 'old']) {
      await expect(find(set.state, name, parent), name).rejects.toMatchObject({ code: 'ENOENT' });
    }
    const counters = await countersOn(set.state, parent);
    expect(new Set([counters[1], counters[2], counters[4], counters[5]]).size).toBe(1);
    expect(counters[0]).not.toBe(counters[1]);
    expect(counters[1]).toMatch(/dirty [1-9]/);
  });

  test('are as many as may be: with a third one nothing is changed', async () => {
    await lose(0, 3, 4);
    await expect(mkdir(set.state, 'directory')).rejects.toMatchObject({ code: 'ENOTCONN' });
    await bringBack(0, 3, 4);
    expect(await existsOn(set.state, 'directory')).toEqual(ALL.map(() => false));
  });
});

describe('those that refuse', () => {
  test.each([[[5]], [[1, 2]]])('are behind where the others have done it: %j', async (refusing) => {
    await failOn(refusing, 'create');
    const { inode } = await create(set.state, 'file');
    const others = ALL.map((_, index) => !refusing.includes(index));
    expect(await existsOn(set.state, 'file')).toEqual(others);
    const counters = await countersOn(set.state, root);
    expect(counters.map((text) => text === counters[0])).toEqual(others);
    expect((await find(set.state, 'file')).stat.gfid).toEqual(inode.gfid);
  });

  test('have their way where they are too many, and the others take it back', async () => {
    const before = await countersOn(set.state, root);
    await failOn([0, 1, 2], 'create');
    await failOn([0, 1, 2, 3], 'mkdir');
    await expect(create(set.state, 'file')).rejects.toMatchObject({ code: 'EIO' });
    await expect(mkdir(set.state, 'directory')).rejects.toMatchObject({ code: 'ENOSPC' });
    for (const name of ['file', 'directory']) {
      expect(await existsOn(set.state, name), name).toEqual(ALL.map(() => false));
    }
    expect(await countersOn(set.state, root)).toEqual(before);
  });

  test('a name that half of them have lost is there for nobody, and is told of as dirty', async () => {
    await create(set.state, 'file');
    await failOn([0, 1, 2], 'unlink');
    const loc = at('file', await inodeOf(set.state, 'file'));
    await expect(parts.unlink(set.state, { loc, xflags: 0 }, context)).rejects.toMatchObject({
      code: 'EIO',
      outcome: 'unknown',
    });
    expect(await existsOn(set.state, 'file')).toEqual([true, true, true, false, false, false]);
    expect(await countersOn(set.state, root)).toEqual(ALL.map(() => expect.stringMatching(/dirty 1,1/)));
    await expect(find(set.state, 'file')).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('directories', () => {
  test('that are not empty stay, everywhere', async () => {
    const inode = await mkdir(set.state, 'directory');
    await create(set.state, 'file', { parent: inode });
    const loc = at('directory', inode);
    await expect(parts.rmdir(set.state, { loc, xflags: 0 }, context)).rejects.toMatchObject({
      code: 'ENOTEMPTY',
    });
    expect(await existsOn(set.state, 'directory')).toEqual(ALL);
  });

  test('those that lack the last name of a directory do not remove it', async () => {
    const inode = await mkdir(set.state, 'directory');
    await lose(1, 4);
    await create(set.state, 'file', { parent: inode });
    await bringBack(1, 4);
    const loc = at('directory', inode);
    await expect(parts.rmdir(set.state, { loc, xflags: 0 }, context)).rejects.toMatchObject({
      code: 'ENOTEMPTY',
    });
    expect(await existsOn(set.state, 'directory')).toEqual(ALL);
  });

  test('names that are left over where one was away keep none from being removed', async () => {
    const inode = await mkdir(set.state, 'directory');
    const { inode: file } = await create(set.state, 'file', { parent: inode });
    await lose(2);
    await parts.unlink(set.state, { loc: at('file', file, inode), xflags: 0 }, context);
    await bringBack(2);
    await parts.rmdir(set.state, { loc: at('directory', inode), xflags: 0 }, context);
    expect(await existsOn(set.state, 'directory')).toEqual(ALL.map((_, index) => index === 2));
    await expect(find(set.state, 'directory')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a rename between two moves the versions of both', async () => {
    const one = await mkdir(set.state, 'one');
    const other = await mkdir(set.state, 'other');
    const { inode, fd } = await create(set.state, 'file', { parent: one });
    await write(set.state, fd, new Uint8Array(700));
    const newLoc = at('moved', new Inode(), other);
    const reply = await parts.rename(set.state, { loc: at('file', inode, one), newLoc }, context);
    expect(reply.stat).toMatchObject({ gfid: inode.gfid, size: 700 });
    for (const directory of [one, other]) {
      const [first, ...rest] = await countersOn(set.state, directory);
      expect(first).toMatch(/version [1-9]/);
      expect(rest.every((text) => text === first)).toBe(true);
    }
  });

  test('a link tells of the whole file', async () => {
    const { inode, fd } = await create(set.state, 'file');
    await write(set.state, fd, new Uint8Array(3001));
    const reply = await parts.link(set.state, { loc: at('file', inode), newLoc: at('link', inode) }, context);
    expect(reply.stat).toMatchObject({ gfid: inode.gfid, size: 3001, nlink: 2 });
  });
});
