import { describe, expect, test } from 'vitest';
import { GlfsError } from '../../../../../src/errors.ts';
import { CONFIG, SIZE, VERSION } from '../../../../../src/xlators/cluster/disperse/lock/counters.ts';
import { DispersedFile } from '../../../../helpers/dispersed-file.ts';

const ALL = [0, 1, 2, 3, 4, 5];

function same(words: string): string[] {
  return ALL.map(() => words);
}

describe('all bricks are there', () => {
  test('a new file: one call before the change, one after it, and versions are moved', async () => {
    const file = new DispersedFile({ version: 0n });
    await file.change('a', {}, 150);
    await file.change('b', {}, 200);
    await file.settle();
    expect(file.calls(0)).toEqual([
      'try',
      'add version 0/0, size 0, config 0, dirty 1/1',
      'change',
      'change',
      'add version 2/2, size 100, dirty -1/-1',
      'drop',
    ]);
    expect(file.all()).toEqual(same('2/2 dirty 0/0 size 200'));
  });

  test('where there are versions they stay as they are', async () => {
    const file = new DispersedFile();
    await file.change('a', {}, 150);
    await file.settle();
    expect(file.calls(3)).toEqual([
      'try',
      'add version 0/0, size 0, config 0, dirty 1/1',
      'change',
      'add size 50, dirty -1/-1',
      'drop',
    ]);
    expect(file.all()).toEqual(same('7/7 dirty 0/0 size 150'));
  });

  test('fsync moves them, and the release takes the marks back only', async () => {
    const file = new DispersedFile();
    await file.change('a', {}, 90);
    const { inode } = file;
    await file.state.locks.run([{ inode, query: false }], context(), ([held]) => held!.commit());
    expect(file.all()).toEqual(same('8/8 dirty 1/1 size 90'));
    await file.settle();
    expect(file.calls(5).slice(3)).toEqual(['add version 1/1, size -10', 'add dirty -1/-1', 'drop']);
    expect(file.all()).toEqual(same('8/8 dirty 0/0 size 90'));
  });

  test('flush has versions count each change, once, and the lock stays', async () => {
    const file = new DispersedFile();
    await file.change('a', {}, 90);
    await file.change('b', {}, 80);
    await file.state.locks.flush(file.inode);
    await file.state.locks.flush(file.inode);
    await file.change('c', {}, 90);
    await file.settle();
    expect(file.calls(5).slice(4)).toEqual([
      'add version 2/2, size -20',
      'change',
      'add size 10, dirty -1/-1',
      'drop',
    ]);
    expect(file.all()).toEqual(same('9/9 dirty 0/0 size 90'));
    file.forgetCalls();
    await file.state.locks.flush(file.inode);
    expect(file.calls(5)).toEqual([]);
  });

  test('of a file that was removed meanwhile nothing is owed', async () => {
    const file = new DispersedFile();
    await file.change('a', {}, 150);
    for (const index of ALL) {
      file.wrap(index, 'xattrop', () => Promise.reject(new GlfsError('ESTALE')));
    }
    await file.settle();
    expect(file.state.file(file.inode).late).toBeUndefined();
  });

  test('attributes: no marks, and nothing to be said afterwards', async () => {
    const file = new DispersedFile();
    await file.change('a', { changes: 'metadata' });
    await file.settle();
    expect(file.calls(0)).toEqual(['try', 'add version 0/0, size 0, config 0', 'change', 'drop']);
    expect(file.all()).toEqual(same('7/7 dirty 0/0 size 100'));
  });

  test('names: nothing is asked before, versions are moved after', async () => {
    const file = new DispersedFile({ type: 'directory' });
    await file.change('a');
    await file.change('b');
    await file.settle();
    expect(file.calls(0)).toEqual(['try', 'change', 'change', 'add version 2/2', 'drop']);
    expect(file.all()).toEqual(same('9/9 dirty 0/0'));
  });

  test('names of a directory that has been looked at: its versions are known, and stay', async () => {
    const file = new DispersedFile({ type: 'directory' });
    await file.change('look', { changes: undefined });
    await file.change('a');
    await file.settle();
    expect(file.calls(0)).toEqual(['try', 'add version 0/0', 'change', 'change', 'drop']);
  });

  test('optimistic-change-log off: attributes are marked, too', async () => {
    const file = new DispersedFile({ options: { 'optimistic-change-log': 'off' } });
    await file.change('a', { changes: 'metadata' });
    await file.settle();
    expect(file.calls(0)).toEqual([
      'try',
      'add version 0/0, size 0, config 0, dirty 0/1',
      'change',
      'add dirty 0/-1',
      'drop',
    ]);
  });

  test('what all refuse alike leaves no trace', async () => {
    const file = new DispersedFile();
    const { inode, state } = file;
    const refused = state.locks.run([{ inode, changes: 'both' }], context(), () =>
      Promise.reject(new GlfsError('ENOSPC')),
    );
    await expect(refused).rejects.toMatchObject({ code: 'ENOSPC' });
    await file.settle();
    expect(file.all()).toEqual(same('7/7 dirty 0/0 size 100'));
  });

  test('a change that nobody knows the end of leaves the file dirty', async () => {
    const file = new DispersedFile();
    const { inode, state } = file;
    const torn = state.locks.run([{ inode, changes: 'both' }], context(), () =>
      Promise.reject(new GlfsError('EIO', undefined, { outcome: 'unknown' })),
    );
    await expect(torn).rejects.toMatchObject({ code: 'EIO' });
    await file.settle();
    expect(file.all()).toEqual(same('7/7 dirty 1/1 size 100'));
  });

  test('names: such a change marks the directory, though marks are left out else', async () => {
    const file = new DispersedFile({ type: 'directory' });
    const { inode, state } = file;
    const torn = state.locks.run([{ inode, changes: 'both' }], context(), () =>
      Promise.reject(new GlfsError('EIO', undefined, { outcome: 'unknown' })),
    );
    await expect(torn).rejects.toMatchObject({ code: 'EIO' });
    await file.settle();
    expect(file.all()).toEqual(same('7/7 dirty 1/1'));
  });
});

describe('some are not there', () => {
  test('versions tell who lacks a change before it is made, and count no more than changes', async () => {
    const file = new DispersedFile();
    file.down(4);
    await file.change('a', {}, 150);
    await file.change('b', {}, 150);
    expect(file.all()[0]).toBe('8/8 dirty 1/1 size 100');
    await file.settle();
    expect(file.calls(0)).toEqual([
      'try',
      'add version 0/0, size 0, config 0, dirty 1/1',
      'add version 1/1',
      'change',
      'change',
      'add version 1/1, size 50',
      'drop',
    ]);
    expect(file.all()).toEqual(
      ALL.map((index) => (index === 4 ? '7/7 dirty 0/0 size 100' : '9/9 dirty 1/1 size 150')),
    );
  });

  test('where nothing was changed after all, versions are the same again', async () => {
    const file = new DispersedFile();
    file.down(4);
    const { inode, state } = file;
    const refused = state.locks.run([{ inode, changes: 'metadata' }], context(), () =>
      Promise.reject(new GlfsError('EPERM')),
    );
    await expect(refused).rejects.toMatchObject({ code: 'EPERM' });
    await file.settle();
    // The mark stays, as other clients leave it: the healer takes it away.
    expect(file.all()[0]).toBe('7/7 dirty 0/1 size 100');
  });

  test('what a brick may have got unseen is not taken back from the others: it would be ahead of them', async () => {
    const file = new DispersedFile();
    file.down(4);
    let calls = 0;
    file.wrap(2, 'xattrop', async (next) => {
      const reply = await next();
      if (++calls === 1) return reply;
      throw new GlfsError('ENOTCONN', undefined, { outcome: 'unknown' });
    });
    const { inode, state } = file;
    const refused = state.locks.run([{ inode, changes: 'metadata' }], context(), () =>
      Promise.reject(new GlfsError('EPERM')),
    );
    await expect(refused).rejects.toMatchObject({ code: 'EPERM' });
    await file.settle();
    expect(file.get(0, VERSION)[1]).toBeGreaterThan(file.get(2, VERSION)[1]!);
  });

  test('names are marked, too', async () => {
    const file = new DispersedFile({ type: 'directory' });
    file.down(0);
    await file.change('a');
    await file.settle();
    expect(file.calls(1)).toEqual(['try', 'add version 1/1, dirty 1/1', 'change', 'drop']);
    expect(file.all()).toEqual(ALL.map((index) => (index === 0 ? '7/7 dirty 0/0' : '8/8 dirty 1/1')));
  });

  test.each([
    ['its version is older', VERSION, [6n, 7n]],
    ['its attributes are older', VERSION, [7n, 6n]],
    ['it says another size', SIZE, [99n]],
  ])('who is behind takes no part: %s', async (_, name, values) => {
    const file = new DispersedFile();
    file.set(2, name, values);
    await file.change('a', {}, 150);
    await file.settle();
    expect(file.changes[2]!.has('a')).toBe(false);
    expect(file.changes[3]!.has('a')).toBe(true);
    expect(file.state.file(file.inode).bad).toBe(1 << 2);
    expect(file.get(3, VERSION)).toEqual([8n, 8n]);
    expect(file.get(2, VERSION)[0]).not.toBe(8n);
  });

  test('too few agree: EIO, and nothing is changed', async () => {
    const file = new DispersedFile();
    for (const index of [0, 1, 2]) file.set(index, VERSION, [6n, 6n]);
    await expect(file.change('a')).rejects.toMatchObject({ code: 'EIO' });
    expect(file.changes.every(({ size }) => size === 0)).toBe(true);
    await file.settle();
  });

  test('too few are the same, and one is gone: no version becomes that of another brick', async () => {
    const file = new DispersedFile();
    file.down(4);
    file.down(5);
    file.set(0, VERSION, [6n, 6n]);
    file.set(1, VERSION, [6n, 6n]);
    // It gets what it is told, and says nothing.
    file.wrap(1, 'xattrop', async (next) => {
      await next();
      throw new GlfsError('ENOTCONN', undefined, { outcome: 'unknown' });
    });
    await expect(file.change('a')).rejects.toThrow();
    await file.settle();
    expect(ALL.map((index) => file.get(index, VERSION)[0])).toEqual([6n, 6n, 7n, 7n, 7n, 7n]);
  });

  test('too few are there: ENOTCONN, and nobody is asked', async () => {
    const file = new DispersedFile();
    for (const index of [0, 1, 2]) file.down(index);
    file.forgetCalls();
    await expect(file.change('a')).rejects.toMatchObject({ code: 'ENOTCONN' });
    expect(file.calls(3)).toEqual([]);
  });

  test('quorum-count asks for more than it takes to read', async () => {
    const file = new DispersedFile({ options: { 'quorum-count': '6' } });
    file.down(0);
    await expect(file.change('a')).rejects.toMatchObject({ code: 'ENOTCONN' });
    await file.change('look', { changes: undefined });
    await file.settle();
  });

  test('a file of another geometry is refused', async () => {
    const file = new DispersedFile();
    for (const index of ALL) file.set(index, CONFIG, [0x0008050200n << 8n]);
    await expect(file.change('a')).rejects.toMatchObject({ code: 'EINVAL' });
    await file.settle();
  });

  test('a file without a geometry is refused', async () => {
    const file = new DispersedFile();
    for (const index of ALL) file.set(index, CONFIG, [0n]);
    await expect(file.change('a')).rejects.toMatchObject({ code: 'EIO' });
    await file.settle();
  });

  test('who is being healed gets the counters, too', async () => {
    const file = new DispersedFile();
    file.set(1, VERSION, [(1n << 62n) | 3n, 7n]);
    const { inode, state } = file;
    let healing = 0;
    await state.locks.run([{ inode, changes: 'both' }], context(), async ([held]) => {
      ({ healing } = held!);
      held!.narrow(await file.wind('a', held!));
      held!.size = 300;
    });
    await file.settle();
    expect(healing).toBe(1 << 1);
    // All have the change: no mark is left, and versions stay.
    expect(file.all()[0]).toBe('7/7 dirty 0/0 size 300');
    expect(file.all()[1]).toBe(`${(1n << 62n) | 3n}/7 dirty 0/0 size 300`);
  });
});

describe('what fails under way', () => {
  test('who does not make a change is behind before the caller hears of it', async () => {
    const file = new DispersedFile();
    file.wrap(5, 'setattr', () => Promise.reject(new GlfsError('EIO')));
    await file.change('a', {}, 150);
    expect(file.all()[0]).toBe('8/8 dirty 1/1 size 150');
    expect(file.all()[5]).toBe('7/7 dirty 1/1 size 100');
    await file.settle();
  });

  test('names: the mark is made then', async () => {
    const file = new DispersedFile({ type: 'directory' });
    file.wrap(5, 'setattr', () => Promise.reject(new GlfsError('EIO')));
    await file.change('a');
    expect(file.all()[0]).toBe('8/8 dirty 1/1');
    expect(file.all()[5]).toBe('7/7 dirty 0/0');
    await file.settle();
  });

  test.each(['settle', 'commit'] as const)(
    'who lacks the counts of names only is told of by a mark: %s',
    async (how) => {
      const file = new DispersedFile({ type: 'directory' });
      file.wrap(5, 'xattrop', () => Promise.reject(new GlfsError('ENOTCONN')));
      await file.change('a');
      if (how === 'commit') {
        const { inode } = file;
        await file.state.locks.run([{ inode, query: false }], context(), ([held]) => held!.commit());
      }
      await file.settle();
      expect(file.all()).toEqual([...same('8/8 dirty 1/1').slice(1), '7/7 dirty 0/0']);
    },
  );

  test('a post-op that too few take: who waits for it is told', async () => {
    const file = new DispersedFile();
    file.wrap(5, 'setattr', () => Promise.reject(new GlfsError('EIO')));
    await file.change('look', { changes: undefined });
    let calls = 0;
    for (const index of [0, 1, 2]) {
      file.wrap(index, 'xattrop', (next) => (calls++ < 3 ? next() : Promise.reject(new GlfsError('EIO'))));
    }
    await expect(file.change('a')).rejects.toMatchObject({ code: 'EIO', outcome: 'unknown' });
    await file.settle();
  });

  test('who was answered before hears of it at the next fsync, once', async () => {
    const file = new DispersedFile();
    await file.change('a', {}, 150);
    let failing = true;
    for (const index of ALL) {
      file.wrap(index, 'xattrop', (next) => (failing ? Promise.reject(new GlfsError('EIO')) : next()));
    }
    await file.settle();
    failing = false;
    const { inode, state } = file;
    const sync = () => state.locks.run([{ inode, query: false }], context(), ([held]) => held!.commit());
    await expect(sync()).rejects.toMatchObject({ code: 'EIO', outcome: 'unknown' });
    await sync();
    await file.settle();
  });

  test('what has no name any more says so', async () => {
    const file = new DispersedFile();
    for (const index of ALL) {
      file.wrap(index, 'inodelk', () => Promise.reject(new GlfsError('ESTALE')));
    }
    await expect(file.change('a')).rejects.toMatchObject({ code: 'ESTALE' });
    await file.settle();
  });
});

function context() {
  return { uid: 0, gid: 0, groups: [], pid: 1, lkOwner: new Uint8Array([1]) };
}
