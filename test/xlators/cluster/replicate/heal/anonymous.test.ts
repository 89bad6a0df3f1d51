import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gfidFromString, gfidToString, newGfid } from '../../../../../src/protocol/gfid.ts';
import { hostSyscalls } from '../../../../../src/syscalls.ts';
import { chooseStore } from '../../../../../src/xlators/storage/posix/store-choice.ts';
import { anonymousNames, brickTree } from '../../../../helpers/brick-tree.ts';
import { ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

let set: ReplicaCopies;
beforeEach(async () => {
  set = await ReplicaCopies.start();
});
afterEach(() => set[Symbol.asyncDispose]());

const [one, two, moved] = [newGfid(), newGfid(), newGfid()];

/** A directory that the third copy still has under its old name. */
async function told(): Promise<void> {
  await set.on([0, 1, 2], async (copy) => {
    await copy.mkdir('one', one);
    await copy.mkdir('two', two);
    await copy.mkdir('one/moves', moved);
    await copy.create('one/moves/file', newGfid());
  });
  await set.on([0, 1], (copy) => copy.rename('one/moves', 'two/moved'));
  await set.missed([2], 'one', ['moves']);
  await set.missed([2], 'two', ['moved']);
}

function aside(): string[][] {
  return set.bricks.map(({ directory }) => anonymousNames(directory));
}

test('the directory is what GlusterFS makes of it: named by the volume, with a gfid next to its id', async () => {
  await told();
  expect(await set.heal('one')).toMatchObject({ status: 'healed' });
  const id = set.state.options['volume-id']!;
  const gfid = gfidFromString(id);
  gfid[0]! ^= 1;
  for (const { directory } of set.bricks) {
    const place = join(directory, `.glusterfs-anonymous-inode-${id}`);
    expect(lstatSync(place).mode & 0o7777).toBe(0o755);
    const store = chooseStore({ root: directory, wanted: 'auto', readOnly: true, host: hostSyscalls() });
    expect(gfidToString(store.get(Buffer.from(place), 'trusted.gfid')!)).toBe(gfidToString(gfid));
  }
  expect(aside()).toEqual([[], [], [gfidToString(moved)]]);
});

test('what is aside waits for its new name', async () => {
  await told();
  await set.heal('one');
  await set.cleanAnonymous();
  expect(aside()[2]).toEqual([gfidToString(moved)]);
  const before = lstatSync(
    join(
      set.bricks[2]!.directory,
      readdirSync(set.bricks[2]!.directory).find((name) => name.includes('anonymous'))!,
      gfidToString(moved),
    ),
  ).ino;
  expect(await set.heal('two')).toMatchObject({ status: 'healed' });
  expect(aside()).toEqual([[], [], []]);
  expect(lstatSync(join(set.bricks[2]!.directory, 'two/moved')).ino).toBe(before);
  expect(Object.keys(brickTree(set.bricks[2]!.directory))).toContain('two/moved/file');
});

test('a directory that still has its old name is moved from there', async () => {
  await told();
  expect(await set.heal('two')).toMatchObject({ status: 'healed' });
  expect(aside()).toEqual([[], [], []]);
  expect(Object.keys(brickTree(set.bricks[2]!.directory))).toContain('two/moved/file');
  expect(await set.heal('one')).toMatchObject({ status: 'healed' });
  expect(set.entryMarks()).toEqual([]);
});

test('what is gone everywhere is not put aside, but a directory is: something below it may live on', async () => {
  const file = newGfid();
  await set.on([0, 1, 2], async (copy) => {
    await copy.create('file', file);
    await copy.mkdir('one', one);
  });
  await set.on([0, 1], async (copy) => {
    await copy.unlink('file');
    await copy.rmdir('one');
  });
  await set.missed([2], '', ['file', 'one']);
  expect(await set.heal('')).toMatchObject({ status: 'healed' });
  expect(aside()).toEqual([[], [], [gfidToString(one)]]);
  await set.cleanAnonymous();
  expect(aside()).toEqual([[], [], []]);
  expect(Object.keys(brickTree(set.bricks[2]!.directory))).toEqual([]);
});

test('of a file with several names all may go: it is put aside once', async () => {
  const file = newGfid();
  await set.on([0, 1, 2], async (copy) => {
    for (const [name, gfid] of [
      ['one', one],
      ['two', two],
    ] as const)
      await copy.mkdir(name, gfid);
    await copy.create('one/a', file, 'text');
    await copy.link('one/a', 'one/b');
  });
  await set.on([0, 1], async (copy) => {
    await copy.rename('one/a', 'two/a');
    await copy.unlink('one/b');
  });
  await set.missed([2], 'one', ['a', 'b']);
  await set.missed([2], 'two', ['a']);
  expect(await set.heal('one')).toMatchObject({ status: 'healed' });
  expect(aside()).toEqual([[], [], [gfidToString(file)]]);
  expect(Object.keys(brickTree(set.bricks[2]!.directory))).toEqual(['one', 'two']);
  expect(await set.heal('two')).toMatchObject({ status: 'healed' });
  await set.cleanAnonymous();
  const trees = set.bricks.map(({ directory }) => brickTree(directory));
  for (const tree of trees) expect(tree).toEqual(trees[0]);
});

test('while a copy is down nothing is swept up', async () => {
  await told();
  await set.heal('one');
  await set.bricks[1]!.kill();
  await waitUntil(() => set.state.up === 5, { what: 'the loss to be noticed' });
  await set.cleanAnonymous().catch(() => {});
  expect(aside()[2]).toEqual([gfidToString(moved)]);
});

test('lookups and listings of clients pass it over', async () => {
  await told();
  await set.heal('one');
  await using volume = await set.cluster.connect('r');
  const names = (await volume.readdir('/')).map((entry) => String(entry));
  expect(names.sort()).toEqual(['one', 'two']);
  const name = `.glusterfs-anonymous-inode-${set.state.options['volume-id']}`;
  await expect(volume.stat(`/${name}`)).rejects.toMatchObject({ code: 'EPERM' });
});
