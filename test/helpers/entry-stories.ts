import type { Teller } from './replicate-story/tellers.ts';

/** A story of names: what is there, and what one copy misses. */
export interface EntryStory {
  before(teller: Teller): Promise<void>;
  missed(teller: Teller): Promise<void>;
}

async function file(teller: Teller, name: string): Promise<void> {
  await teller.create(name);
  await teller.write(name, `this is ${name}`, 0);
}

/** By the directory that each is told in. */
export const entryStories: Readonly<Record<string, EntryStory>> = {
  made: {
    async before() {},
    async missed(t) {
      await file(t, 'file');
      await t.link('file', 'second');
      await t.symlink('any/where', 'symlink');
      await t.fifo('fifo');
      await t.mkdir('one');
      await t.mkdir('one/two');
      await file(t, 'one/two/file');
      await t.chmod('one', 0o700);
      await t.chown('one/two/file', 12, 34);
      await t.create('gone-again');
      await t.unlink('gone-again');
    },
  },
  removed: {
    async before(t) {
      await file(t, 'file');
      await file(t, 'linked');
      await t.link('linked', 'second');
      await t.symlink('x', 'symlink');
      await t.mkdir('one');
      await t.mkdir('one/two');
      await file(t, 'one/two/file');
    },
    async missed(t) {
      await t.unlink('file');
      await t.unlink('second');
      await t.unlink('symlink');
      await t.unlink('one/two/file');
      await t.rmdir('one/two');
      await t.rmdir('one');
    },
  },
  'renamed-files': {
    async before(t) {
      await file(t, 'from');
      await file(t, 'to');
      await t.mkdir('one');
      await t.mkdir('two');
      await file(t, 'one/file');
      await file(t, 'one/second');
      await t.link('one/second', 'two/second');
    },
    async missed(t) {
      await t.rename('from', 'to');
      await t.rename('one/file', 'two/moved');
      await t.rename('one/second', 'two/third');
      await t.write('two/moved', 'more', 3);
    },
  },
  'moved-directories': {
    async before(t) {
      for (const name of ['one', 'two', 'one/inner', 'one/inner/deep', 'one/empty', 'two/over'])
        await t.mkdir(name);
      await file(t, 'one/inner/deep/file');
      await file(t, 'one/inner/file');
    },
    async missed(t) {
      await t.rename('one/inner', 'two/inner');
      await t.rename('one/empty', 'two/over');
      await file(t, 'two/inner/deep/new');
      await t.unlink('two/inner/file');
    },
  },
  swapped: {
    async before(t) {
      for (const name of ['outer', 'outer/inner']) await t.mkdir(name);
      await file(t, 'outer/file');
      await file(t, 'outer/inner/file');
    },
    async missed(t) {
      await t.rename('outer/inner', 'inner');
      await t.rename('outer', 'inner/outer');
    },
  },
  replaced: {
    async before(t) {
      await file(t, 'name');
      await t.create('kind');
      await t.mkdir('tree');
      await file(t, 'tree/file');
    },
    async missed(t) {
      await t.unlink('name');
      await file(t, 'name');
      await t.unlink('kind');
      await t.mkdir('kind');
      await file(t, 'kind/file');
      await t.unlink('tree/file');
      await t.rmdir('tree');
      await t.symlink('elsewhere', 'tree');
    },
  },
  links: {
    async before(t) {
      await t.mkdir('one');
      await file(t, 'file');
      await t.link('file', 'one/second');
      await t.symlink('x', 'symlink');
    },
    async missed(t) {
      await t.unlink('file');
      await t.link('one/second', 'one/third');
      await t.link('one/second', 'fourth');
      await t.write('fourth', 'by another name', 0);
      await t.rename('symlink', 'one/symlink');
    },
  },
};
