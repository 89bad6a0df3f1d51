import { lstatSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../../src/graph/index.ts';
import { EntryLockCommand, EntryLockType } from '../../../../../src/protocol/messages.ts';
import { brickMarks, brickTree } from '../../../../helpers/brick-tree.ts';
import { newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

/* A directory that copies have under different names, where no copy of the directory above is known to be right. */

let set: ReplicaCopies;
beforeAll(async () => {
  set = await ReplicaCopies.start();
});
afterAll(() => set[Symbol.asyncDispose]());

let serial = 0;
/** The directory of one test. */
let top: string;
let moved: Uint8Array;
beforeEach(async () => {
  top = `t${serial++}`;
  moved = newGfid();
  const [gfid, one, two, file] = [newGfid(), newGfid(), newGfid(), newGfid()];
  await set.on([0, 1, 2], async (copy) => {
    await copy.mkdir(top, gfid);
    await copy.mkdir(`${top}/one`, one);
    await copy.mkdir(`${top}/two`, two);
    await copy.mkdir(`${top}/one/old`, moved);
    await copy.create(`${top}/one/old/file`, file, 'text');
  });
});

/** By copy: where the directory's file is. */
function found(): string[][] {
  return set.bricks.map(({ directory }) =>
    Object.keys(brickTree(join(directory, top), 'names')).filter((path) => path.endsWith('/file')),
  );
}

function everywhere(path: string): string[][] {
  return set.bricks.map(() => [`${path}/file`]);
}

/** Nobody knows what is right in these directories. */
async function doubt(...names: string[]): Promise<void> {
  for (const name of names)
    await set.on([0, 1, 2], async (copy) => {
      await copy.dirty(`${top}/${name}`);
      await copy.accuse(
        `${top}/${name}`,
        [0, 1, 2].filter((each) => each !== copy.index),
        { entry: 1, data: 1 },
      );
    });
}

async function rename(copies: readonly number[], from: string, to: string): Promise<void> {
  await set.on(copies, (copy) => copy.rename(`${top}/${from}`, `${top}/${to}`));
}

/** Kernels take times from a clock that ticks every few milliseconds: waits until a change would be a later one. */
async function nextTick(index: number, path: string): Promise<void> {
  const brick = set.bricks[index]!.directory;
  const { ctimeNs } = lstatSync(join(brick, top, path), { bigint: true });
  const probe = join(brick, '..', 'clock');
  await waitUntil(
    () => {
      writeFileSync(probe, '');
      return lstatSync(probe, { bigint: true }).ctimeNs > ctimeNs;
    },
    { what: 'the clock to tick', everyMs: 1 },
  );
  rmSync(probe);
}

function marksLeft(): string[] {
  return set.entryMarks();
}

test.each([
  [[0, 1], 'new'],
  [[1, 2], 'new'],
  [[1], 'old'],
  [[0], 'old'],
])(
  'of two names in one directory it has the one that most copies have: renamed on %j',
  async (copies, name) => {
    await rename(copies, 'one/old', 'one/new');
    const brick = set.bricks[copies[0]!]!.directory;
    const { ino } = lstatSync(join(brick, top, 'one/new'));
    await doubt('one');
    expect(await set.heal(`${top}/one`)).toMatchObject({ status: 'healed' });
    expect(found()).toEqual(everywhere(`one/${name}`));
    // It is the same directory, moved.
    expect(lstatSync(join(brick, top, 'one', name)).ino).toBe(ino);
    expect(marksLeft()).toEqual([]);
  },
);

test.each([['one'], ['two']])(
  'of two names in two directories, too, whichever is healed first: %s',
  async (first) => {
    await rename([0, 2], 'one/old', 'two/new');
    await doubt('one', 'two');
    expect(await set.heal(`${top}/${first}`)).toMatchObject({ status: 'healed' });
    expect(found()).toEqual(everywhere('two/new'));
    for (const name of ['one', 'two']) await set.heal(`${top}/${name}`);
    expect(found()).toEqual(everywhere('two/new'));
    expect(marksLeft()).toEqual([]);
  },
);

test.each([['one'], ['two']])(
  'three names, of which none has more: the latest; %s is healed first',
  async (first) => {
    await rename([1], 'one/old', 'two/new');
    await nextTick(1, 'two/new');
    await rename([2], 'one/old', 'one/newest');
    await doubt('one', 'two');
    expect(await set.heal(`${top}/${first}`)).toMatchObject({ status: 'healed' });
    expect(found()).toEqual(everywhere('one/newest'));
    for (const name of ['one', 'two']) await set.heal(`${top}/${name}`);
    expect(found()).toEqual(everywhere('one/newest'));
    expect(marksLeft()).toEqual([]);
  },
);

test.each([['one'], ['two']])(
  'the word of a copy that is right counts more than two others; %s is healed first',
  async (first) => {
    await rename([2], 'one/old', 'two/new');
    await doubt('one');
    await set.on([2], (copy) => copy.accuse(`${top}/two`, [0, 1], { entry: 1 }, 'new'));
    await set.heal(`${top}/${first}`);
    expect(found()).toEqual(everywhere('two/new'));
    for (const name of ['one', 'two']) await set.heal(`${top}/${name}`);
    expect(found()).toEqual(everywhere('two/new'));
    expect(marksLeft()).toEqual([]);
  },
);

test('a copy that lacks it gets it anew, where it belongs', async () => {
  await rename([0], 'one/old', 'one/new');
  await set.on([2], async (copy) => {
    await copy.unlink(`${top}/one/old/file`);
    await copy.rmdir(`${top}/one/old`);
  });
  await set.on([1], (copy) => copy.rename(`${top}/one/old`, `${top}/two/new`));
  await doubt('one', 'two');
  for (let pass = 0; pass < 3; pass++) await set.healAll();
  expect(found()).toEqual(everywhere('two/new'));
  expect(marksLeft()).toEqual([]);
});

test('what has taken the right name meanwhile is no victim', async () => {
  await rename([0, 1], 'one/old', 'one/new');
  const gfid = newGfid();
  await set.on([2], (copy) => copy.create(`${top}/one/new`, gfid, 'other'));
  await doubt('one');
  expect(await set.heal(`${top}/one`)).toMatchObject({ status: 'split-brain' });
  expect(found()).toEqual([['one/new/file'], ['one/new/file'], ['one/old/file']]);
  expect(marksLeft()).not.toEqual([]);
  await set.on([2], (copy) => copy.unlink(`${top}/one/new`));
  expect(await set.heal(`${top}/one`)).toMatchObject({ status: 'healed' });
  expect(found()).toEqual(everywhere('one/new'));
});

test('while somebody has locked the other name nothing is moved', async () => {
  await rename([0, 1], 'one/old', 'two/new');
  await doubt('one', 'two');
  const parent = await set.copies[0]!.lookup(`${top}/two`);
  const request = {
    loc: { inode: new Inode(parent.gfid, 'directory') },
    type: EntryLockType.WRITE,
    namelen: 1,
    name: 'new',
    domain: set.state.domain,
  };
  const child = set.state.children[1]!;
  const context = { ...rootContext(), lkOwner: Buffer.from('somebody') };
  await child.entrylk({ ...request, command: EntryLockCommand.LOCK }, context);
  expect(await set.heal(`${top}/one`)).toMatchObject({ status: 'failed', error: { code: 'EAGAIN' } });
  expect(found()).toEqual([['two/new/file'], ['two/new/file'], ['one/old/file']]);
  await child.entrylk({ ...request, command: EntryLockCommand.UNLOCK }, context);
  expect(await set.heal(`${top}/one`)).toMatchObject({ status: 'healed' });
  expect(found()).toEqual(everywhere('two/new'));
  await set.heal(`${top}/two`);
});

test.each([
  [2, 'getxattr', 1],
  [2, 'rename', 1],
  [1, 'rename', 1],
  [2, 'xattrop', 1],
  [0, 'xattrop', 1],
] as const)('brick %i breaks off at its %s number %i: the next heal goes on', async (victim, fop, nth) => {
  await rename([0], 'one/old', 'two/new');
  await set.on([0], (copy) => copy.accuse(`${top}/two`, [1, 2], { entry: 1 }, 'new'));
  await doubt('one');
  const fault = await set.bricks[victim]!.fault({ fop, nth, action: 'drop' });
  await set.heal(`${top}/one`);
  expect(await fault.acted()).toBe(1);
  await waitUntil(() => set.state.up === set.state.all, { what: 'the brick to be back' });
  for (const name of ['one', 'two', 'one']) await set.heal(`${top}/${name}`);
  await set.cleanAnonymous();
  expect(found()).toEqual(everywhere('two/new'));
  expect(marksLeft()).toEqual([]);
  for (const { directory } of set.bricks)
    expect(brickMarks(directory).filter((line) => line.startsWith(top))).toEqual([]);
});
