import { afterEach, describe, expect, test } from 'vitest';
import { type DirectoryEntry, Fd, rootContext } from '../../../../src/graph/index.ts';
import { parts } from '../../../../src/xlators/cluster/disperse/fops.ts';
import { create, find, mkdir, root, write } from '../../../helpers/disperse-names.ts';
import { FragmentBricks } from '../../../helpers/fragment-bricks.ts';
import { waitUntil } from '../../../helpers/wait.ts';

let set: FragmentBricks;
afterEach(() => set[Symbol.asyncDispose]());

const context = rootContext();
const NAMES = Array.from({ length: 12 }, (_, index) => `file-${index}`);
/** Room for a few entries at a time. */
const SMALL = 300;

async function start(): Promise<Fd> {
  set = await FragmentBricks.start('disperse 4+2', { 'background-heals': '0' });
  const inode = await mkdir(set.state, 'directory');
  for (const [index, name] of NAMES.entries()) {
    const { fd } = await create(set.state, name, { parent: inode });
    await write(set.state, fd, new Uint8Array(1000 * index + 1));
    await parts.release(set.state, { fd }, context);
  }
  await set.state.locks.settleAll();
  const fd = new Fd(inode, 0);
  await parts.opendir(set.state, { loc: { inode }, fd }, context);
  return fd;
}

async function listed(fd: Fd, between: (first: DirectoryEntry[]) => Promise<void>): Promise<string[]> {
  const names: string[] = [];
  for (let offset = 0n, part = 0; ; part++) {
    const { entries } = await parts.readdir(set.state, { fd, offset, size: SMALL }, context);
    if (entries.length === 0) return names.filter((name) => !name.startsWith('.'));
    names.push(...entries.map(({ name }) => name));
    offset = entries.at(-1)!.offset;
    if (part === 0) await between(entries);
  }
}

async function whole(fd: Fd): Promise<Map<string, DirectoryEntry>> {
  const { entries } = await parts.readdirp(set.state, { fd, offset: 0n, size: 1 << 16 }, context);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

async function readdirsOf(index: number): Promise<number> {
  return (await set.bricks[index]!.counts()).readdir ?? 0;
}

test('a listing is one subvolume’s, and goes on at another where that is lost: each name once', async () => {
  const fd = await start();
  const asked: number[] = [];
  const names = await listed(fd, async () => {
    const counts = await Promise.all(set.bricks.map((_, index) => readdirsOf(index)));
    asked.push(...counts.flatMap((count, index) => (count > 0 ? [index] : [])));
    await set.bricks[asked[0]!]!.kill();
    await waitUntil(() => (set.state.up & (1 << asked[0]!)) === 0, { what: 'the loss of the brick' });
  });
  expect(asked).toHaveLength(1);
  expect(names.sort()).toEqual([...NAMES].sort());
});

test('a subvolume that lacks names is not asked', async () => {
  const fd = await start();
  for (const index of [0, 1]) await set.bricks[index]!.kill();
  await waitUntil(() => set.state.up === 0b111100, { what: 'the loss of bricks' });
  await create(set.state, 'new', { parent: fd.inode });
  for (const index of [0, 1]) await set.bricks[index]!.restart();
  await set.allUp();
  for (let round = 0; round < 6; round++) {
    const names = await listed(fd, async () => {});
    expect(names).toContain('new');
  }
  expect((await readdirsOf(0)) + (await readdirsOf(1))).toBe(0);
});

describe('entries with attributes', () => {
  test('have the size of the whole file, once nothing is known to be healed', async () => {
    const fd = await start();
    await find(set.state, 'directory', root);
    const entries = await whole(fd);
    for (const [index, name] of NAMES.entries()) {
      expect(entries.get(name)!.stat, name).toMatchObject({ size: 1000 * index + 1 });
      expect([...(entries.get(name)!.xdata?.names() ?? [])].filter((each) => each.includes('.ec.'))).toEqual(
        [],
      );
    }
  });

  test('have none while a file is being changed, or may be behind', async () => {
    const fd = await start();
    await find(set.state, 'directory', root);
    const open = await create(set.state, 'file-3', { parent: fd.inode });
    await write(set.state, open.fd, new Uint8Array(50), 9999);
    const during = await whole(fd);
    expect(during.get('file-3')!.stat).toBeUndefined();
    expect(during.get('file-4')!.stat).toMatchObject({ size: 4001 });
    await set.bricks[0]!.kill();
    await waitUntil(() => set.state.up === 0b111110, { what: 'the loss of a brick' });
    expect([...(await whole(fd)).values()].every(({ stat }) => stat === undefined)).toBe(true);
  });
});
