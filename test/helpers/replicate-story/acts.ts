import type { Teller } from './tellers.ts';

/** What has been told when the marks on the bricks are looked at. */
export const moments = ['up', 'down', 'after'] as const;
export type Moment = (typeof moments)[number];

const PAGE = 4096;
const page = (letter: string): string => letter.repeat(PAGE);

/** Files that are open from the first act to the last. */
const kept = ['kept-written', 'kept-cut', 'kept-unlinked', 'kept-idle', 'kept-renamed'];

/**
 * The story: in the first act all copies are there, in the second one is not, in the third it is back and nobody has healed
 * it. Each file meets one thing, so that its marks say what that thing leaves. Every act ends with all marks settled.
 */
export const acts: Readonly<Record<Moment, (teller: Teller) => Promise<void>>> = {
  async up(t) {
    for (const name of ['d', 'e', 'd/moved', 'd/empty', 'd/deep']) await t.mkdir(name);
    const written = ['written', 'twice', 'appended', 'cut', 'emptied', 'allocated', 'both', 'again'];
    const named = [
      'unlinked',
      'linked',
      'renamed',
      'over',
      'target',
      'e/crossing',
      'd/deep/inner',
      'second-name',
    ];
    const attributed = ['moded', 'owned', 'timed', 'attributed', 'stripped', 'all-of-it'];
    for (const name of [...written, ...named, ...attributed, ...kept, 'untouched']) {
      await t.create(name);
      await t.write(name, page('a'), 0);
    }
    await t.link('second-name', 'd/second-name');
    await t.setxattr('stripped', 'user.old', 'x');
    await t.append('appended', 'one');
    await t.truncate('cut', 100);
    await t.chmod('moded', 0o600);
    await t.rename('renamed', 'd/renamed');
    await t.rename('d/renamed', 'renamed');
    await t.create('short-lived');
    await t.unlink('short-lived');
    await t.mkdir('short-lived');
    await t.rmdir('short-lived');
    for (const name of kept) {
      await t.open(name);
      await t.pwrite(name, page('b'), PAGE);
    }
    for (const name of kept) await t.fsync(name);
  },

  async down(t) {
    await t.write('written', page('c'), 0);
    for (const at of [0, PAGE]) await t.write('twice', page('c'), at);
    await t.append('appended', 'two');
    await t.truncate('cut', 10);
    await t.empty('emptied');
    await t.allocate('allocated', 4 * PAGE);
    await t.write('both', page('c'), 0);
    await t.chmod('both', 0o640);

    await t.unlink('unlinked');
    await t.link('linked', 'd/linked');
    await t.rename('renamed', 'renamed-too');
    await t.rename('over', 'target');
    await t.rename('e/crossing', 'd/crossed');
    await t.rename('d/moved', 'd/moved-too');
    await t.rename('d/deep', 'e/deep');
    await t.unlink('second-name');
    await t.symlink('anywhere', 'symlink');
    await t.mkdir('made');
    await t.mkdir('made/within');
    await t.rmdir('d/empty');
    await t.fifo('fifo');
    await t.create('new');
    await t.create('new-written');
    await t.write('new-written', page('n'), 0);
    await t.create('made/file');
    await t.create('gone-again');
    await t.unlink('gone-again');

    await t.chmod('moded', 0o644);
    await t.chown('owned', 12, 34);
    await t.utimes('timed', 1_000_000_000, 1_000_000_001);
    await t.setxattr('attributed', 'user.new', 'y');
    await t.removexattr('stripped', 'user.old');
    await t.chmod('e', 0o700);
    for (const mode of [0o600, 0o640, 0o644]) await t.chmod('all-of-it', mode);
    await t.write('all-of-it', page('c'), 0);
    await t.rename('all-of-it', 'd/all-of-it');

    for (const at of [0, PAGE, 2 * PAGE]) await t.pwrite('kept-written', page('c'), at);
    await t.ftruncate('kept-cut', 10);
    await t.unlink('kept-unlinked');
    await t.pwrite('kept-unlinked', page('c'), 0);
    await t.rename('kept-renamed', 'd/kept-renamed');
    await t.pwrite('kept-renamed', page('c'), 0);
    for (const name of kept) await t.fsync(name);
  },

  async after(t) {
    await t.write('written', page('d'), 0);
    await t.write('again', page('d'), 0);
    await t.truncate('cut', 20);
    await t.chmod('moded', 0o600);
    await t.setxattr('attributed', 'user.newer', 'z');
    await t.write('untouched', page('d'), 0);
    await t.create('d/later');
    await t.write('d/later', page('d'), 0);
    await t.mkdir('made/later');
    await t.write('new-written', page('d'), PAGE);
    await t.chmod('new', 0o600);
    await t.unlink('made/file');
    await t.rename('renamed-too', 'd/renamed-again');
    await t.pwrite('kept-written', page('d'), 0);
    await t.pwrite('kept-idle', page('d'), 0);
    await t.ftruncate('kept-cut', 5000);
    for (const name of kept) await t.fsync(name);
    for (const name of kept) await t.close(name);
  },
};
