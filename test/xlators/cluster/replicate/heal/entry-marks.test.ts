import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../../src/graph/index.ts';
import { type Gfid, gfidToString, newGfid } from '../../../../../src/protocol/gfid.ts';
import { EntryLockCommand, EntryLockType } from '../../../../../src/protocol/messages.ts';
import { dropLeftovers } from '../../../../../src/xlators/cluster/replicate/heal/entry-leftovers.ts';
import { brickMarks, brickTree, indexNames } from '../../../../helpers/brick-tree.ts';
import { ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

/* What the marks of a directory mean for the heal of its names. */

let set: ReplicaCopies;
/** Another client, with options of its own. */
let other: ReplicaCopies;
beforeAll(async () => {
  set = await ReplicaCopies.start();
  other = await ReplicaCopies.over(set.cluster, {
    'granular-entry-heal': 'off',
    'favorite-child-policy': 'majority',
  });
});
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await set[Symbol.asyncDispose]();
});

let directory: string;
let inode: Inode;
beforeEach(async () => {
  inode = new Inode(newGfid(), 'directory');
  directory = gfidToString(inode.gfid);
  await set.on([0, 1, 2], (copy) => copy.mkdir(directory, inode.gfid));
});

async function create(copies: readonly number[], name: string, gfid: Gfid = newGfid()): Promise<void> {
  await set.on(copies, (copy) => copy.create(`${directory}/${name}`, gfid));
}

/** By brick: the names in the test's directory. */
function names(): string[][] {
  return set.bricks.map((brick) =>
    Object.keys(brickTree(brick.directory, 'names'))
      .filter((path) => path.startsWith(`${directory}/`))
      .map((path) => path.slice(directory.length + 1)),
  );
}

function marks(): string[] {
  return set.bricks.flatMap((brick) =>
    brickMarks(brick.directory).filter((line) => line.startsWith(`${directory} `)),
  );
}

/** By brick: what its index has of the test's directory. */
function noted(): string[][] {
  return set.bricks.map((brick) => indexNames(brick.directory).filter((line) => line.startsWith(directory)));
}

function everywhere(...all: string[]): string[][] {
  return set.bricks.map(() => all);
}

test('no mark: nothing is looked at', async () => {
  await create([0], 'one');
  expect(await set.heal(directory)).toMatchObject({ status: 'clean' });
  expect(names()).toEqual([['one'], [], []]);
});

test('copies that accuse each other are merged', async () => {
  await create([0], 'one');
  await create([1], 'two');
  await set.copies[0]!.accuse(directory, [1], { entry: 1 }, 'one');
  await set.copies[1]!.accuse(directory, [0], { entry: 1 }, 'two');
  await create([2], 'three');
  await set.copies[2]!.accuse(directory, [0, 1], { entry: 1 }, 'three');
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  // Nobody accuses the third copy: it is right.
  expect(names()).toEqual(everywhere('three'));
  expect(marks()).toEqual([]);
});

test('copies that all are accused are merged', async () => {
  await create([0], 'one');
  await create([1], 'two');
  await set.copies[0]!.accuse(directory, [1, 2], { entry: 1 }, 'one');
  await set.copies[1]!.accuse(directory, [0, 2], { entry: 2 }, 'two');
  expect(await set.heal(directory)).toMatchObject({ status: 'healed', sinks: 7 });
  expect(names()).toEqual(everywhere('one', 'two'));
  expect(marks()).toEqual([]);
});

test('a change that was interrupted: all names are kept, of all copies', async () => {
  await create([0], 'one');
  await create([2], 'three');
  await set.copies[0]!.accuse(directory, [2], { entry: 1 });
  await set.on([0, 1], (copy) => copy.dirty(directory));
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  expect(names()).toEqual(everywhere('one', 'three'));
  expect(marks()).toEqual([]);
});

test('the index tells which names: others are not looked at', async () => {
  await create([0, 1], 'noted');
  await create([0, 1], 'unnoted');
  await set.missed([2], directory, ['noted']);
  expect(await set.heal(directory)).toMatchObject({ status: 'healed', sinks: 4 });
  expect(names()[2]).toEqual(['noted']);
});

test('marks in the counter of data ask for all names', async () => {
  await create([0, 1], 'noted');
  await create([0, 1], 'unnoted');
  await set.missed([2], directory, ['noted']);
  await set.on([0, 1], (copy) => copy.accuse(directory, [2], { data: 1 }));
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  expect(names()).toEqual(everywhere('noted', 'unnoted'));
  expect(marks()).toEqual([]);
  expect(noted()).toEqual(everywhere());
});

test('so do marks that are older than the index', async () => {
  await create([0, 1], 'unnoted');
  await set.missed([2], directory, ['unnoted'], false);
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  expect(names()).toEqual(everywhere('unnoted'));
});

test('names that differ may be noted by any copy that is right', async () => {
  await create([0], 'before');
  await create([1, 2], 'after');
  // The second copy's brick died before it could be told: all that its index has is of a change that went well.
  await set.copies[1]!.accuse(directory, [], {}, 'other');
  for (const name of ['before', 'after']) await set.copies[2]!.accuse(directory, [0], { entry: 1 }, name);
  expect(await set.heal(directory)).toMatchObject({ status: 'healed', sinks: 1 });
  expect(names()).toEqual(everywhere('after'));
  expect(marks()).toEqual([]);
  expect(noted()).toEqual(everywhere());
});

test('the marks of one copy are older than the index, those of another are not: all names are looked at', async () => {
  await create([1, 2], 'noted');
  await create([1, 2], 'unnoted');
  await set.copies[1]!.accuse(directory, [0], { entry: 1 }, 'noted');
  await set.copies[2]!.accuse(directory, [0], { entry: 1 });
  expect(await set.heal(directory)).toMatchObject({ status: 'healed', sinks: 1 });
  expect(names()).toEqual(everywhere('noted', 'unnoted'));
  expect(marks()).toEqual([]);
});

test('any copy that is right may ask for all names', async () => {
  await create([1, 2], 'unnoted');
  await set.copies[1]!.accuse(directory, [0], { entry: 1 }, 'noted');
  await set.copies[2]!.accuse(directory, [0], { entry: 1, data: 1 }, 'noted');
  expect(await set.heal(directory)).toMatchObject({ status: 'healed', sinks: 1 });
  expect(names()).toEqual(everywhere('unnoted'));
  expect(marks()).toEqual([]);
});

test('copies that only a wrong one accuses are healed with it', async () => {
  await create([0, 2], 'first');
  await set.copies[0]!.accuse(directory, [1], { entry: 1 }, 'first');
  await create([1, 2], 'second');
  for (const index of [1, 2]) await set.copies[index]!.accuse(directory, [0], { entry: 1 }, 'second');
  expect(await set.heal(directory)).toMatchObject({ status: 'healed', sinks: 3 });
  expect(names()).toEqual(everywhere('first', 'second'));
  expect(marks()).toEqual([]);
});

test('names of a change that is interrupted during the heal stay in the index', async () => {
  await create([0, 1], 'one');
  await set.missed([2], directory, ['one']);
  const held = await set.bricks[2]!.fault({ fop: 'mknod', action: 'delay', milliseconds: 300 });
  const healing = set.heal(directory);
  await waitUntil(async () => (await held.acted()) === 1, { what: 'the name to be made' });
  await set.copies[2]!.dirty(directory, 'later');
  expect(await healing).toMatchObject({ status: 'healed' });
  expect(marks()).toHaveLength(1);
  expect(noted()[2]).toContain(`${directory}/later`);
  await create([2], 'later');
  await create([2], 'unnoted');
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  expect(names()).toEqual([
    ['later', 'one'],
    ['later', 'one'],
    ['later', 'one', 'unnoted'],
  ]);
  expect(noted()).toEqual(everywhere());
});

test('names of changes that were not made anywhere go from the index in the end, but not before', async () => {
  const drop = (): Promise<void> => dropLeftovers(set.state, inode.gfid, rootContext());
  await set.on([0, 1], (copy) => copy.accuse(directory, [], {}, 'one'));
  await set.copies[1]!.dirty(directory);
  await drop();
  expect(noted()[1]).toContain(`${directory}/one`);
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  await set.on([0, 1], (copy) => copy.accuse(directory, [], {}, 'one'));
  const holder = rootContext();
  const lock = (command: number): Promise<unknown> => {
    const { domain } = set.state;
    const type = EntryLockType.WRITE;
    const request = { loc: { inode }, command, type, namelen: 3, name: 'one', domain };
    return set.copies[2]!.child.entrylk(request, holder);
  };
  await lock(EntryLockCommand.LOCK);
  await drop();
  expect(noted()[1]).toContain(`${directory}/one`);
  await lock(EntryLockCommand.UNLOCK);
  await drop();
  expect(noted()).toEqual(everywhere());
});

test('different files: the others are healed, the marks stay', async () => {
  await create([0], 'clash');
  await create([1, 2], 'clash', newGfid());
  await create([0], 'fine');
  for (const index of [0, 1, 2])
    await set.copies[index]!.accuse(
      directory,
      [0, 1, 2].filter((each) => each !== index),
      { entry: 1, data: 1 },
    );
  const before = marks();
  const result = await set.heal(directory);
  expect(result).toMatchObject({ status: 'split-brain', error: { code: 'EIO' } });
  expect(String(result.error)).toContain("'clash'");
  expect(names()).toEqual(everywhere('clash', 'fine'));
  expect(marks()).toEqual(before);

  expect(await other.heal(directory)).toMatchObject({ status: 'healed' });
  expect(marks()).toEqual([]);
  expect(await set.heal(directory)).toMatchObject({ status: 'clean' });
});

test('marks that come during the heal stay for the next', async () => {
  await create([0, 1], 'one');
  await set.missed([2], directory, ['one']);
  const held = await set.bricks[2]!.fault({ fop: 'mknod', action: 'delay', milliseconds: 300 });
  const healing = set.heal(directory);
  await waitUntil(async () => (await held.acted()) === 1, { what: 'the name to be made' });
  await set.missed([2], directory, ['later']);
  expect(names()[2]).toEqual([]);
  expect(await healing).toMatchObject({ status: 'healed' });
  const left = marks();
  expect(left).toHaveLength(2);
  for (const line of left) expect(line).toContain('r-client-2 000000000000000000000001');
});

test('another healer has it', async () => {
  await create([0, 1], 'one');
  await set.missed([2], directory, ['one']);
  const holder = rootContext();
  const lock = (index: number, command: number): Promise<unknown> => {
    const { healDomain: domain } = set.state;
    const type = EntryLockType.WRITE;
    const request = { loc: { inode }, command, type, namelen: 0, name: '', domain };
    return set.copies[index]!.child.entrylk(request, holder);
  };
  for (const index of [0, 1]) await lock(index, EntryLockCommand.LOCK);
  expect(await set.heal(directory)).toMatchObject({ status: 'busy', error: { code: 'EAGAIN' } });
  expect(names()[2]).toEqual([]);
  for (const index of [0, 1]) await lock(index, EntryLockCommand.UNLOCK);
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
});

test('two healers at once', async () => {
  const all = Array.from({ length: 12 }, (_, index) => `name-${String(index).padStart(2, '0')}`);
  for (const name of all) await create([0, 1], name);
  await set.missed([2], directory, all);
  const results = await Promise.all([set.heal(directory), other.heal(directory)]);
  expect(results.map(({ status }) => status)).toContain('healed');
  for (const { status } of results) expect(['healed', 'clean', 'busy']).toContain(status);
  expect(names()).toEqual(everywhere(...all));
  expect(marks()).toEqual([]);
});
