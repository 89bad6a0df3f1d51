import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anonymousNames, brickTree } from '../../../../helpers/brick-tree.ts';
import { type Copy, newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';

interface Story {
  readonly told: string;
  /** On all copies. */
  before?(copy: Copy): Promise<void>;
  /** What one copy misses. */
  missed(copy: Copy): Promise<void>;
  /** Directories with the names in them that were changed. */
  readonly changes: Readonly<Record<string, readonly string[]>>;
  /** Nothing is left in the end. */
  readonly gone?: boolean;
}

const [a, b, c, d, e] = Array.from({ length: 5 }, newGfid) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

const stories: readonly Story[] = [
  {
    told: 'new files, links, a fifo, a symbolic link',
    async missed(copy) {
      await copy.create('file', a, 'text');
      await copy.link('file', 'second');
      await copy.symlink('any/where', 'link', b);
      await copy.fifo('fifo', c);
    },
    changes: { '': ['file', 'second', 'link', 'fifo'] },
  },
  {
    told: 'a tree of directories',
    async missed(copy) {
      await copy.mkdir('one', a);
      await copy.mkdir('one/two', b);
      await copy.create('one/two/file', c);
      await copy.create('one/file', d);
    },
    changes: { '': ['one'], one: ['two', 'file'], 'one/two': ['file'] },
  },
  {
    told: 'files that are removed',
    async before(copy) {
      await copy.create('file', a);
      await copy.create('linked', b);
      await copy.link('linked', 'second');
      await copy.symlink('x', 'link', c);
    },
    async missed(copy) {
      await copy.unlink('file');
      await copy.unlink('second');
      await copy.unlink('link');
    },
    changes: { '': ['file', 'second', 'link'] },
  },
  {
    told: 'a tree that is removed',
    async before(copy) {
      await copy.mkdir('one', a);
      await copy.mkdir('one/two', b);
      await copy.create('one/two/file', c);
    },
    async missed(copy) {
      await copy.unlink('one/two/file');
      await copy.rmdir('one/two');
      await copy.rmdir('one');
    },
    changes: { '': ['one'] },
    gone: true,
  },
  {
    told: 'a file that is renamed within its directory and over another',
    async before(copy) {
      await copy.create('from', a, 'from');
      await copy.create('to', b, 'to');
    },
    missed: (copy) => copy.rename('from', 'to'),
    changes: { '': ['from', 'to'] },
  },
  {
    told: 'a file that is moved to another directory',
    async before(copy) {
      await copy.mkdir('one', a);
      await copy.mkdir('two', b);
      await copy.create('one/file', c);
    },
    missed: (copy) => copy.rename('one/file', 'two/moved'),
    changes: { one: ['file'], two: ['moved'] },
  },
  {
    told: 'a directory that is moved to another',
    async before(copy) {
      await copy.mkdir('one', a);
      await copy.mkdir('two', b);
      await copy.mkdir('one/inner', c);
      await copy.create('one/inner/file', d);
    },
    missed: (copy) => copy.rename('one/inner', 'two/inner'),
    changes: { one: ['inner'], two: ['inner'] },
  },
  {
    told: 'directories that change places',
    async before(copy) {
      await copy.mkdir('outer', a);
      await copy.mkdir('outer/inner', b);
      await copy.create('outer/file', c);
      await copy.create('outer/inner/file', d);
    },
    async missed(copy) {
      await copy.rename('outer/inner', 'inner');
      await copy.rename('outer', 'inner/outer');
    },
    changes: { '': ['inner', 'outer'], inner: ['outer'], 'inner/outer': ['inner'] },
  },
  {
    told: 'a name that is another file now',
    async before(copy) {
      await copy.create('name', a, 'old');
      await copy.create('kind', b);
      await copy.mkdir('tree', c);
    },
    async missed(copy) {
      await copy.unlink('name');
      await copy.create('name', d, 'new');
      await copy.unlink('kind');
      await copy.mkdir('kind', e);
      await copy.rmdir('tree');
      await copy.symlink('x', 'tree', newGfids.tree);
    },
    changes: { '': ['name', 'kind', 'tree'] },
  },
  {
    told: 'hard links that come and go',
    async before(copy) {
      await copy.mkdir('one', a);
      await copy.create('file', b, 'text');
      await copy.link('file', 'one/second');
    },
    async missed(copy) {
      await copy.unlink('file');
      await copy.link('one/second', 'one/third');
    },
    changes: { '': ['file'], one: ['third'] },
  },
];
const newGfids = { tree: newGfid() };

const modes = [
  { granular: 'on', anonymous: 'on' },
  { granular: 'off', anonymous: 'off' },
];

describe.each(modes)('granular $granular, anonymous $anonymous', ({ granular, anonymous }) => {
  let set: ReplicaCopies;
  beforeAll(async () => {
    set = await ReplicaCopies.start({
      'granular-entry-heal': granular,
      'use-anonymous-inode': anonymous,
    });
  });
  afterAll(() => set[Symbol.asyncDispose]());

  test.each(stories)('$told', async ({ before, missed, changes, gone }) => {
    if (before !== undefined) await set.on([0, 1, 2], before);
    await set.on([0, 1], missed);
    for (const [directory, names] of Object.entries(changes)) {
      await set.missed([2], directory, names, granular === 'on');
    }
    for (let pass = 0; pass < 4; pass++) await set.healDirectories();
    expect(set.entryMarks()).toEqual([]);
    await set.cleanAnonymous();
    expect(set.bricks.map(({ directory }) => anonymousNames(directory))).toEqual([[], [], []]);
    const [tree, ...others] = set.bricks.map(({ directory }) => brickTree(directory, 'names'));
    expect(Object.keys(tree!).length > 0).toBe(!gone);
    for (const other of others) expect(other).toEqual(tree);
    await clear(set, Object.keys(tree!));
  });
});

/** For the next story: its files have the same gfids. */
async function clear(set: ReplicaCopies, paths: readonly string[]): Promise<void> {
  const deepest = [...paths].sort().reverse();
  for (const copy of set.copies) {
    for (const path of deepest) {
      const { type } = await copy.lookup(path);
      await (type === 'directory' ? copy.rmdir(path) : copy.unlink(path));
    }
  }
}
