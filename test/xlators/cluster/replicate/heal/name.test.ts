import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../../src/graph/index.ts';
import { gfidToString, newGfid } from '../../../../../src/protocol/gfid.ts';
import { EntryLockCommand, EntryLockType } from '../../../../../src/protocol/messages.ts';
import { answersOf } from '../../../../../src/xlators/cluster/replicate/crawl/tree.ts';
import { healName, type NameWishes } from '../../../../../src/xlators/cluster/replicate/heal/name.ts';
import { brickMarks, brickTree } from '../../../../helpers/brick-tree.ts';
import { ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

let set: ReplicaCopies;
beforeAll(async () => {
  set = await ReplicaCopies.start();
});
afterAll(() => set[Symbol.asyncDispose]());

/** Each test has a directory of its own, and files. */
let directory: string;
let parent: Inode;
let [one, other, third] = [newGfid(), newGfid(), newGfid()];
beforeEach(async () => {
  parent = new Inode(newGfid(), 'directory');
  [one, other, third] = [newGfid(), newGfid(), newGfid()];
  directory = gfidToString(parent.gfid);
  await set.on([0, 1, 2], (copy) => copy.mkdir(directory, parent.gfid));
});
afterEach(async () => {
  for (const brick of set.bricks) if (brick.state === 'down') await brick.restart();
  await waitUntil(() => set.state.up === set.state.all, { what: 'all bricks to be up' });
});

function at(name: string): string {
  return `${directory}/${name}`;
}

async function heal(name = 'name', wishes?: NameWishes): Promise<boolean> {
  const context = rootContext();
  const answers = await answersOf(set.state, parent, name, context);
  return healName(set.state, parent, name, answers, context, wishes);
}

/** By brick: type and gfid of the name; undefined where there is none. */
function found(name = 'name'): (string | undefined)[] {
  return set.bricks.map((brick) => brickTree(brick.directory, 'names')[at(name)]?.replace(/ links.*/, ''));
}

function everywhere(line: string): string[] {
  return set.bricks.map(() => line);
}

describe('copies that lack the name', () => {
  test('an accused one gets it, and is accused of what the file lacks before that', async () => {
    await set.on([0, 1], (copy) => copy.create(at('name'), one, 'text'));
    await set.missed([2], directory, ['name']);
    expect(await heal()).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(one)}`));
    const mark = `${at('name')} trusted.afr.r-client-2 000000010000000100000000`;
    for (const brick of set.bricks.slice(0, 2)) expect(brickMarks(brick.directory)).toContain(mark);
    expect(await heal()).toBe(false);
  });

  test('where the good ones lack it, it goes', async () => {
    await set.on([2], (copy) => copy.create(at('name'), one, 'text'));
    await set.missed([2], directory, ['name']);
    expect(await heal()).toBe(true);
    expect(found()).toEqual([undefined, undefined, undefined]);
  });

  test('where nobody is accused, one that has it is enough', async () => {
    await set.on([1], (copy) => copy.mkdir(at('name'), one));
    expect(await heal()).toBe(true);
    expect(found()).toEqual(everywhere(`directory ${gfidToString(one)}`));
    const mark = (index: number): string =>
      `${at('name')} trusted.afr.r-client-${index} 000000010000000100000001`;
    const marks = brickMarks(set.bricks[1]!.directory).filter((line) => line.startsWith(at('name')));
    expect(marks.sort()).toEqual([mark(0), mark(2)]);
  });

  test('where all accuse each other, too', async () => {
    await set.on([0], (copy) => copy.create(at('name'), one));
    for (const index of [0, 1, 2])
      await set.copies[index]!.accuse(
        '',
        [0, 1, 2].filter((each) => each !== index),
        { entry: 1 },
      );
    expect(await heal()).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(one)}`));
  });

  test('a change that was interrupted is no reason to remove anything', async () => {
    await set.on([2], (copy) => copy.create(at('name'), one));
    await set.missed([2], directory, ['name']);
    await set.copies[0]!.dirty(directory);
    expect(await heal()).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(one)}`));
  });

  test('while one is down nothing is done', async () => {
    await set.on([2], (copy) => copy.create(at('name'), one));
    await set.missed([2], directory, ['name']);
    await set.bricks[1]!.kill();
    await waitUntil(() => set.state.up === 5, { what: 'the loss to be noticed' });
    expect(await heal()).toBe(false);
    expect(found()).toEqual([undefined, undefined, `file ${gfidToString(one)}`]);
  });

  test('while one does not say what it has nothing is done', async () => {
    await set.on([2], (copy) => copy.create(at('name'), one));
    await set.missed([2], directory, ['name']);
    // The first LOOKUP of the name is the caller's, then comes that of the directory.
    await set.bricks[0]!.fault({ fop: 'lookup', nth: 3, action: 'fail', errno: 'EIO' });
    expect(await heal()).toBe(false);
    expect(found()).toEqual([undefined, undefined, `file ${gfidToString(one)}`]);
    expect(await heal()).toBe(true);
    expect(found()).toEqual([undefined, undefined, undefined]);
  });
});

describe('files without a gfid', () => {
  function byHand(index: number, name = 'name'): void {
    writeFileSync(join(set.bricks[index]!.directory, at(name)), 'put there by hand');
  }

  test('get that of the others', async () => {
    await set.on([0, 1], (copy) => copy.create(at('name'), one));
    byHand(2);
    expect(await heal()).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(one)}`));
  });

  test('get the one that the caller wishes, if all lack it; copies without the file get it then', async () => {
    byHand(0);
    byHand(2);
    expect(await heal('name', { gfid: one })).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(one)}`));
  });

  test('are left alone without such a wish', async () => {
    byHand(0);
    await heal();
    expect(found()).toEqual(['file none', undefined, undefined]);
  });

  test('of another type are split-brain', async () => {
    await set.on([0, 1], (copy) => copy.create(at('name'), one));
    mkdirSync(join(set.bricks[2]!.directory, at('name')));
    await expect(heal()).rejects.toMatchObject({ code: 'EIO' });
    expect(found()[2]).toBe('directory none');
  });
});

describe('different files', () => {
  test('of an accused copy the other file goes', async () => {
    await set.on([0, 1], (copy) => copy.create(at('name'), one));
    await set.on([2], (copy) => copy.create(at('name'), other));
    await set.missed([2], directory, ['name']);
    expect(await heal()).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(one)}`));
  });

  test('of an accused copy a directory goes with all that is in it', async () => {
    await set.on([0, 1], (copy) => copy.create(at('name'), one));
    await set.on([2], (copy) => copy.mkdir(at('name'), other));
    await set.on([2], (copy) => copy.create(at('name/file'), third));
    await set.missed([2], directory, ['name']);
    expect(await heal()).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(one)}`));
  });

  async function differ(): Promise<void> {
    await set.on([0], (copy) => copy.create(at('name'), one, 'long text'));
    await set.on([1, 2], (copy) => copy.create(at('name'), other, 'text'));
  }

  test('are split-brain where nobody is accused', async () => {
    await differ();
    await expect(heal()).rejects.toMatchObject({ code: 'EIO', translator: 'r-replicate-0' });
    expect(new Set(found()).size).toBe(2);
  });

  test.each([
    ['size', () => one],
    ['majority', () => other],
  ] as const)('the administrator has said: %s', async (by, right) => {
    await differ();
    expect(await heal('name', { policy: { by } })).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(right())}`));
  });

  test('the administrator has named a copy', async () => {
    await differ();
    expect(await heal('name', { policy: { by: 'source', index: 2 } })).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(other)}`));
  });

  test('a policy that decides nothing leaves them', async () => {
    await set.on([0], (copy) => copy.create(at('name'), one, 'text'));
    await set.on([1], (copy) => copy.create(at('name'), other, 'text'));
    await set.on([2], (copy) => copy.create(at('name'), third, 'text'));
    for (const by of ['size', 'majority'] as const)
      await expect(heal('name', { policy: { by } })).rejects.toMatchObject({ code: 'EIO' });
    expect(new Set(found()).size).toBe(3);
  });

  test('the volume has a policy', async () => {
    await using client = await ReplicaCopies.over(set.cluster, { 'favorite-child-policy': 'majority' });
    await differ();
    const context = rootContext();
    const answers = await answersOf(client.state, parent, 'name', context);
    expect(await healName(client.state, parent, 'name', answers, context)).toBe(true);
    expect(found()).toEqual(everywhere(`file ${gfidToString(other)}`));
  });

  test('of different types are split-brain, whatever the policy', async () => {
    await set.on([0], (copy) => copy.mkdir(at('name'), one));
    await set.on([1, 2], (copy) => copy.create(at('name'), other));
    await expect(heal('name', { policy: { by: 'majority' } })).rejects.toMatchObject({ code: 'EIO' });
  });

  test('are left while one copy is down', async () => {
    await differ();
    await set.bricks[2]!.kill();
    await waitUntil(() => set.state.up === 3, { what: 'the loss to be noticed' });
    expect(await heal('name', { policy: { by: 'majority' } })).toBe(false);
  });
});

test('whoever changes the name is waited for', async () => {
  await set.on([0, 1], (copy) => copy.create(at('name'), one));
  await set.missed([2], directory, ['name']);
  const holder = rootContext();
  const lock = (command: number): Promise<unknown> =>
    set.copies[1]!.child.entrylk(
      {
        loc: { inode: parent },
        command,
        type: EntryLockType.WRITE,
        namelen: 1,
        name: 'name',
        domain: set.state.domain,
      },
      holder,
    );
  await lock(EntryLockCommand.LOCK);
  let done = false;
  const before = (await set.bricks[1]!.counts()).entrylk ?? 0;
  const healing = heal().finally(() => {
    done = true;
  });
  const waits = async (): Promise<boolean> => ((await set.bricks[1]!.counts()).entrylk ?? 0) > before;
  await waitUntil(waits, { what: 'the healer to ask for the lock' });
  expect(done).toBe(false);
  expect(found()[2]).toBeUndefined();
  await lock(EntryLockCommand.UNLOCK);
  expect(await healing).toBe(true);
  expect(found()).toEqual(everywhere(`file ${gfidToString(one)}`));
});
