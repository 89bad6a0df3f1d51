import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../../src/graph/index.ts';
import { gfidToString, newGfid } from '../../../../../src/protocol/gfid.ts';
import { toNameAnswer } from '../../../../../src/xlators/cluster/replicate/heal/entry-view.ts';
import { healName } from '../../../../../src/xlators/cluster/replicate/heal/name.ts';
import { windAll } from '../../../../../src/xlators/cluster/wind.ts';
import { brickTree } from '../../../../helpers/brick-tree.ts';
import { ReplicaCopies } from '../../../../helpers/replica-copies.ts';

/* No copy of a directory is known to be right, and the arbiter has names: it knows of files, and has none of their bytes. */

const ARBITER = 2;

let set: ReplicaCopies;
beforeAll(async () => {
  set = await ReplicaCopies.start({}, 'replicate 3 arbiter 1');
});
afterAll(() => set[Symbol.asyncDispose]());

let inode: Inode;
let directory: string;
beforeEach(async () => {
  inode = new Inode(newGfid(), 'directory');
  directory = gfidToString(inode.gfid);
  await set.on([0, 1, 2], (copy) => copy.mkdir(directory, inode.gfid));
});

async function doubt(...names: string[]): Promise<void> {
  for (const name of names) await set.copies[ARBITER]!.dirty(directory, name);
}

/** By brick: the names in the test's directory. */
function names(): string[][] {
  return set.bricks.map((brick) =>
    Object.keys(brickTree(brick.directory, 'names'))
      .filter((path) => path.startsWith(`${directory}/`))
      .map((path) => path.slice(directory.length + 1)),
  );
}

function everywhere(...all: string[]): string[][] {
  return set.bricks.map(() => all);
}

test('a file of which there are no bytes is removed: it would come back empty', async () => {
  await set.copies[ARBITER]!.create(`${directory}/file`, newGfid());
  await doubt('file');
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  expect(names()).toEqual(everywhere());
});

test('so it is where a lookup comes upon the name', async () => {
  await set.copies[ARBITER]!.create(`${directory}/file`, newGfid());
  await doubt('file');
  const answers = await windAll(set.state.children, (child) =>
    child.lookup({ loc: { inode: new Inode(), parent: inode, name: 'file' }, flags: 0 }, rootContext()),
  );
  expect(await healName(set.state, inode, 'file', answers.map(toNameAnswer), rootContext())).toBe(true);
  expect(names()).toEqual(everywhere());
});

test('a file that a copy has under another name gets this one, too', async () => {
  const gfid = newGfid();
  await set.copies[0]!.create(`${directory}/after`, gfid, 'bytes');
  await set.copies[ARBITER]!.create(`${directory}/before`, gfid);
  await doubt('before');
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  expect(names()).toEqual([['after', 'before'], ['before'], ['before']]);
});

test('what has no bytes is given to all', async () => {
  await set.copies[ARBITER]!.mkdir(`${directory}/directory`, newGfid());
  await set.copies[ARBITER]!.symlink('target', `${directory}/symlink`, newGfid());
  await doubt('directory', 'symlink');
  expect(await set.heal(directory)).toMatchObject({ status: 'healed' });
  expect(names()).toEqual(everywhere('directory', 'symlink'));
});
