import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict, entryText } from '../../../../src/protocol/dict.ts';
import { XattropFlag } from '../../../../src/protocol/messages.ts';
import { parts } from '../../../../src/xlators/cluster/disperse/fops.ts';
import { countersOn, create, find, root, write } from '../../../helpers/disperse-names.ts';
import { FragmentBricks } from '../../../helpers/fragment-bricks.ts';
import { waitUntil } from '../../../helpers/wait.ts';

let set: FragmentBricks;
let inode: Inode;
beforeEach(async () => {
  set = await FragmentBricks.start('disperse 4+2', { 'background-heals': '0' });
  const made = await create(set.state, 'file');
  await write(set.state, made.fd, new Uint8Array(3000));
  await parts.release(set.state, { fd: made.fd }, context);
  await set.state.locks.settleAll();
  inode = made.inode;
});
afterEach(() => set[Symbol.asyncDispose]());

const context = rootContext();
const MODE = 1;

async function chmod(mode: number) {
  const { stat } = await find(set.state, 'file');
  return parts.setattr(set.state, { loc: { inode }, stat: { ...stat, mode }, valid: MODE }, context);
}

function setxattr(name: string, value: string) {
  const dict = new Dict().setBytes(name, Buffer.from(value));
  return parts.setxattr(set.state, { loc: { inode }, dict, flags: 0 }, context);
}

async function getxattr(name: string): Promise<Dict> {
  const { dict } = await parts.getxattr(set.state, { loc: { inode }, name }, context);
  return dict!;
}

async function textOf(name: string): Promise<string> {
  return entryText((await getxattr(name)).entry(name)!);
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

test('a change tells of the whole file, and leaves all alike', async () => {
  const { prestat, poststat } = await chmod(0o100640);
  expect(prestat).toMatchObject({ size: 3000, mode: 0o100644 });
  expect(poststat).toMatchObject({ size: 3000, mode: 0o100640 });
  expect(new Set(await countersOn(set.state, inode)).size).toBe(1);
});

test('one that refuses is behind in metadata, and not in data', async () => {
  await set.bricks[3]!.fault({ fop: 'setattr', action: 'fail', errno: 'EDQUOT' });
  await chmod(0o100600);
  const counters = await countersOn(set.state, inode);
  const versions = counters.map((text) => /version (\d+),(\d+)/.exec(text ?? '')!.slice(1));
  expect(new Set(versions.map(([data]) => data)).size).toBe(1);
  expect(versions.map(([, metadata]) => metadata === versions[0]![1])).toEqual([
    true,
    true,
    true,
    false,
    true,
    true,
  ]);
  expect((await find(set.state, 'file')).stat.mode).toBe(0o100600);
});

test('what four refuse alike is refused', async () => {
  for (const index of [0, 1, 2, 4]) {
    await set.bricks[index]!.fault({ fop: 'setattr', action: 'fail', errno: 'EDQUOT' });
  }
  await expect(chmod(0o100600)).rejects.toMatchObject({ code: 'EDQUOT' });
});

describe('extended attributes', () => {
  test('are what as many say as it takes to read, though two have missed the change', async () => {
    await setxattr('user.a', 'before');
    await lose(1, 2);
    await setxattr('user.a', 'after');
    await setxattr('user.b', 'new');
    await bringBack(1, 2);
    expect(await textOf('user.a')).toBe('after');
    expect(await textOf('user.b')).toBe('new');
    await parts.removexattr(set.state, { loc: { inode }, name: 'user.a' }, context);
    await expect(getxattr('user.a')).rejects.toMatchObject({ code: 'ENODATA' });
    expect([...(await getxattr('')).names()].filter((name) => name.startsWith('user.'))).toEqual(['user.b']);
  });

  test('counters of fragments are seen by nobody, and changed by nobody', async () => {
    await setxattr('user.a', 'x');
    expect([...(await getxattr('')).names()].filter((name) => name.includes('.ec.'))).toEqual([]);
    for (const name of ['trusted.ec.size', 'trusted.ec.version', 'trusted.ec.dirty', 'trusted.ec.config']) {
      await expect(getxattr(name)).rejects.toMatchObject({ code: 'ENODATA' });
      await expect(setxattr(name, '12345678')).rejects.toMatchObject({ code: 'EPERM' });
      const removal = parts.removexattr(set.state, { loc: { inode }, name }, context);
      await expect(removal).rejects.toMatchObject({ code: 'EPERM' });
      const dict = new Dict().setBytes(name, new Uint8Array(8));
      const operation = XattropFlag.ADD_ARRAY64;
      const change = parts.xattrop(set.state, { loc: { inode }, operation, dict }, context);
      await expect(change).rejects.toMatchObject({ code: 'EPERM' });
    }
  });

  test('counters of others are added up, everywhere alike', async () => {
    const dict = new Dict().setBytes('trusted.count', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5));
    for (const expected of [5, 10]) {
      const request = { loc: { inode }, operation: XattropFlag.ADD_ARRAY64, dict };
      const reply = await parts.xattrop(set.state, request, context);
      expect(reply.dict?.bytes('trusted.count')?.at(-1)).toBe(expected);
    }
  });
});

describe('questions to all', () => {
  test('where it lies: all fragments', async () => {
    const text = await textOf('trusted.glusterfs.pathinfo');
    expect(text).toMatch(new RegExp(`^\\(<EC:${set.state.name}> (<POSIX\\(.*\\):.*> ?){6}\\)$`));
  });

  test('whether it is to be healed, and to heal it', async () => {
    expect(await textOf('glusterfs.heal-info')).toBe('no-heal');
    await lose(5);
    expect(await textOf('glusterfs.heal-info')).toBe('heal');
    await chmod(0o100600);
    await bringBack(5);
    expect(await textOf('glusterfs.heal-info')).toBe('heal');
    expect(await textOf('trusted.ec.heal')).toBe('Good: 111111, Bad: 000000');
    expect(await textOf('glusterfs.heal-info')).toBe('no-heal');
  });

  test('room is that for whole files', async () => {
    const [one, whole] = await Promise.all([
      set.state.children[0]!.statfs({ loc: { inode: root } }, context),
      parts.statfs(set.state, { loc: { inode: root } }, context),
    ]);
    expect(whole.blocks * whole.frsize).toBe(4 * one.blocks * one.frsize);
    expect(whole.files).toBe(one.files);
  });

  test('access and the target of a link need no lock', async () => {
    const loc = { inode, parent: root, name: 'file' };
    await parts.access(set.state, { loc, mask: 4 }, context);
    await lose(0, 1);
    await parts.access(set.state, { loc, mask: 4 }, context);
    await lose(2);
    await expect(parts.access(set.state, { loc, mask: 4 }, context)).rejects.toMatchObject({
      code: 'ENOTCONN',
    });
  });
});
