import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type ErrnoCode, GlfsError } from '../../../../../src/errors.ts';
import { Inode, rootContext } from '../../../../../src/graph/index.ts';
import { newGfid } from '../../../../../src/protocol/gfid.ts';
import { emptyIatt } from '../../../../../src/protocol/iatt.ts';
import { runTransaction } from '../../../../../src/xlators/cluster/replicate/transaction/index.ts';
import { ReplicatedFile } from '../../../../helpers/replicated-file.ts';

const directory = new Inode(newGfid(), 'directory');

/** A change of a name: what each copy refuses it with. */
function unlink(file: ReplicatedFile, refusals: Readonly<Record<number, ErrnoCode>> = {}) {
  for (const [index, code] of Object.entries(refusals)) file.fails(Number(index), 'unlink', code);
  const target = { parent: directory, name: 'n' };
  return runTransaction<'unlink'>(
    file.state,
    {
      kind: 'entry',
      fop: 'unlink',
      locks: [target],
      marks: [target],
      pardons: ({ code }) => code === 'ENOTEMPTY',
      wind: (child, context) =>
        child
          .unlink({ loc: { inode: file.inode, parent: directory, name: 'n' }, xflags: 0 }, context)
          .then(() => ({ preparent: emptyIatt(), postparent: emptyIatt() })),
    },
    rootContext(),
  );
}

test('a change of names or attributes that a copy was not there for is answered when that copy is accused', async () => {
  for (const change of [unlink, (file: ReplicatedFile) => file.setattr()]) {
    const file = new ReplicatedFile();
    file.learn();
    file.down(1);
    let marking = 0;
    let accuse = (): void => {};
    const held = new Promise<void>((resolve) => {
      accuse = resolve;
    });
    file.wrap(0, 'xattrop', async (next) => {
      if (++marking === 2) await held;
      return next();
    });
    let answered = false;
    const running = change(file).then(() => {
      answered = true;
    });
    while (marking < 2) await turn();
    await turn();
    expect(answered).toBe(false);
    accuse();
    await running;
    expect(file.marks(0)).toMatch(/^c1 0 (0 1|1 0)$/);
    expect(file.marks(2)).toBe(file.marks(0));
  }
});

describe('marks of a write', () => {
  test('accuse the copy that failed, once, and are set when the caller hears of it', async () => {
    const file = new ReplicatedFile();
    file.fails(1, 'write', 'ENOSPC');
    await file.write();
    expect(file.allMarks).toEqual(['c1 1 0 0', 'dirty 1 0 0', 'c1 1 0 0']);
    expect(file.state.file(file.inode).readable('data')).toBe(0b101);
    await file.settle();
    expect(file.allMarks).toEqual(['c1 1 0 0', 'dirty 1 0 0', 'c1 1 0 0']);
  });

  test('accuse a copy that took less than the others', async () => {
    const file = new ReplicatedFile();
    file.copies[2]!.answer('write', () => ({ prestat: emptyIatt(), poststat: emptyIatt(), count: 3 }));
    expect(await file.write(0, 10)).toMatchObject({ count: 10 });
    expect(file.allMarks).toEqual(['c2 1 0 0', 'c2 1 0 0', 'dirty 1 0 0']);
  });

  test('accuse nobody where all copies refuse alike', async () => {
    const file = new ReplicatedFile();
    for (const index of [0, 1, 2]) file.fails(index, 'write', 'ENOSPC', 1);
    await expect(file.write()).rejects.toMatchObject({ code: 'ENOSPC', outcome: 'failed' });
    await file.write();
    await file.settle();
    expect(file.allMarks).toEqual(['', '', '']);
  });

  test('accuse a copy that is not there before the first write: those that have it may be lost before the post-op', async () => {
    const file = new ReplicatedFile();
    file.down(1);
    await file.write();
    await file.write(10);
    expect(file.allMarks).toEqual(['c1 1 0 0, dirty 1 0 0', '', 'c1 1 0 0, dirty 1 0 0']);
    await file.settle();
    expect(file.allMarks).toEqual(['c1 1 0 0', '', 'c1 1 0 0']);
  });

  test('accuse nobody who was not there where nothing has been written after all', async () => {
    const file = new ReplicatedFile();
    file.down(1);
    for (const index of [0, 2]) file.fails(index, 'write', 'ENOSPC', 1);
    await expect(file.write()).rejects.toMatchObject({ code: 'ENOSPC', outcome: 'failed' });
    await file.settle();
    expect(file.allMarks).toEqual(['', '', '']);
  });

  test('accuse nobody for copies that are all bad', async () => {
    const file = new ReplicatedFile();
    for (const index of [0, 2]) file.setMarks(index, 'c0', [1, 0, 0]);
    for (const index of [0, 2]) file.setMarks(index, 'c2', [1, 0, 0]);
    const before = file.allMarks;
    file.down(1);
    await expect(file.write()).rejects.toMatchObject({ code: 'EIO' });
    await file.settle();
    expect(file.allMarks).toEqual(before);
  });

  test('stay where all copies are lost: nobody knows what they have done', async () => {
    for (const code of ['ENOTCONN', 'EIO'] as const) {
      const file = new ReplicatedFile();
      for (const index of [0, 1, 2]) {
        file.wrap(index, 'write', () =>
          Promise.reject(new GlfsError(code, undefined, { outcome: 'unknown' })),
        );
      }
      await expect(file.write()).rejects.toMatchObject({ code, outcome: 'unknown' });
      await file.settle();
      expect(file.allMarks).toEqual(['dirty 1 0 0', 'dirty 1 0 0', 'dirty 1 0 0']);
    }
  });

  test('of a change that too few copies have made stay: nobody is accused', async () => {
    const file = new ReplicatedFile();
    file.fails(0, 'write', 'EIO');
    file.fails(2, 'write', 'ENOTCONN');
    await expect(file.write()).rejects.toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
    await file.settle();
    expect(file.allMarks).toEqual(['dirty 1 0 0', 'dirty 1 0 0', 'dirty 1 0 0']);
    expect(file.state.file(file.inode).generation).toBe(-1);
  });

  test.each([
    ['ENODATA', ['EIO', 'ENODATA', 'ESTALE']],
    ['ENOENT', ['ENOENT', 'EIO', 'ESTALE']],
    ['ESTALE', ['ENOSPC', 'ESTALE', 'EIO']],
    ['ENOSPC', ['ENOSPC', 'EIO', 'EACCES']],
    ['EACCES', ['EROFS', 'EIO', 'EACCES']],
  ] as [ErrnoCode, ErrnoCode[]][])('%s says most of %j', async (code, refusals) => {
    const file = new ReplicatedFile();
    for (const [index, refusal] of refusals.entries()) file.fails(index, 'write', refusal);
    await expect(file.write()).rejects.toMatchObject({ code, outcome: 'failed' });
  });

  test('that can not be set leave a copy out', async () => {
    const file = new ReplicatedFile();
    file.fails(0, 'fxattrop', 'EIO', 1);
    await file.write();
    expect(file.copies[0]!.fops).not.toContain('write');
    expect(file.allMarks).toEqual(['', 'c0 1 0 0', 'c0 1 0 0']);
  });

  test('that can not be set on enough copies end the write, and are taken back', async () => {
    const file = new ReplicatedFile();
    file.fails(0, 'fxattrop', 'EROFS', 1);
    file.fails(1, 'fxattrop', 'EROFS', 1);
    await expect(file.write()).rejects.toMatchObject({ code: 'EROFS' });
    await file.settle();
    expect(file.copies.flatMap(({ fops }) => fops)).not.toContain('write');
    expect(file.allMarks).toEqual(['', '', '']);
    expect(file.copies.map(({ fops }) => fops.at(-1))).toEqual(['finodelk', 'finodelk', 'finodelk']);
  });

  test('that can not be cleared on enough copies make the write fail: its outcome is not known', async () => {
    const file = new ReplicatedFile();
    file.fails(2, 'write', 'EIO');
    for (const index of [0, 1]) {
      let calls = 0;
      file.wrap(index, 'fxattrop', async (next) => {
        if (++calls > 1 && index === 1) throw new Error('no');
        return await next();
      });
    }
    await expect(file.write()).rejects.toMatchObject({ outcome: 'unknown' });
    expect(file.allMarks).toEqual(['c2 1 0 0', 'dirty 1 0 0', 'dirty 1 0 0']);
  });

  test('accuse copies that were not there, once for all writes under one lock', async () => {
    const file = new ReplicatedFile();
    file.down(2);
    for (const offset of [0, 10, 20]) await file.write(offset);
    await file.settle();
    expect(file.allMarks).toEqual(['c2 1 0 0', 'c2 1 0 0', '']);
  });

  test('keep a copy that came back in between from being read until they are set', async () => {
    const file = new ReplicatedFile();
    file.down(2);
    await file.write();
    const free = [file.holds(0, 'fxattrop'), file.holds(1, 'fxattrop')];
    file.up(2);
    file.learn();
    expect(file.state.file(file.inode).readable('data')).toBe(0b011);
    for (const one of free) one();
    await file.settle();
    expect(file.state.file(file.inode).readable('data')).toBe(0b011);
    expect(file.state.file(file.inode).pins).toBe(0);
  });
});

describe('a write that no good copy would get', () => {
  test('is refused: EIO, and the marks are as before', async () => {
    const file = new ReplicatedFile();
    file.setMarks(2, 'c0', [1, 0, 0]);
    file.setMarks(2, 'c1', [1, 0, 0]);
    file.down(2);
    file.setMarks(0, 'c1', [1, 0, 0]);
    file.setMarks(1, 'c0', [1, 0, 0]);
    await expect(file.write()).rejects.toMatchObject({ code: 'EIO' });
    await file.settle();
    expect(file.copies.flatMap(({ fops }) => fops)).not.toContain('write');
    expect(file.allMarks.slice(0, 2)).toEqual(['c1 1 0 0', 'c0 1 0 0']);
  });

  test('is refused where the arbiter alone is good: ENOTCONN', async () => {
    const file = new ReplicatedFile({ options: { 'arbiter-count': '1' } });
    file.setMarks(2, 'c0', [1, 0, 0]);
    file.down(1);
    await expect(file.write()).rejects.toMatchObject({ code: 'ENOTCONN' });
    await file.settle();
    expect(file.copies.flatMap(({ fops }) => fops)).not.toContain('write');
    expect(file.allMarks).toEqual(['', '', 'c0 1 0 0']);
  });

  test('fails where the last good copy fails: who has it accuses nobody', async () => {
    const file = new ReplicatedFile();
    file.setMarks(0, 'c1', [1, 0, 0]);
    file.setMarks(0, 'c2', [1, 0, 0]);
    file.fails(0, 'write', 'EDQUOT');
    await expect(file.write()).rejects.toMatchObject({ code: 'EDQUOT', outcome: 'unknown' });
    await file.settle();
    expect(file.allMarks).toEqual(['c1 1 0 0, c2 1 0 0, dirty 1 0 0', 'dirty 1 0 0', 'dirty 1 0 0']);
  });
});

describe('marks of attributes', () => {
  test('are not set where all copies take part and none fails', async () => {
    const file = new ReplicatedFile();
    await file.setattr();
    await file.settle();
    expect(file.copies[0]!.fops).toEqual(['inodelk', 'setattr', 'inodelk']);
  });

  test('accuse the copy that failed', async () => {
    const file = new ReplicatedFile();
    file.fails(1, 'setattr', 'EIO');
    await file.setattr();
    expect(file.allMarks).toEqual(['c1 0 1 0', '', 'c1 0 1 0']);
    expect(file.state.file(file.inode).readable('metadata')).toBe(0b101);
  });

  test('leave doubt where too few copies have made the change', async () => {
    const file = new ReplicatedFile();
    file.fails(1, 'setattr', 'EIO');
    file.fails(2, 'setattr', 'ENOTCONN');
    await expect(file.setattr()).rejects.toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
    expect(file.allMarks).toEqual(['dirty 0 1 0', '', '']);
  });

  test('are set before where a copy is not there, or the option asks for it', async () => {
    const file = new ReplicatedFile();
    file.down(0);
    file.learn();
    await file.setattr();
    await file.settle();
    expect(file.calls(1).slice(1, -1)).toEqual([
      'mark dirty 0 1 0',
      'setattr',
      'mark c0 0 1 0, dirty 0 -1 0',
    ]);

    const careful = new ReplicatedFile({ options: { 'optimistic-change-log': 'off' } });
    await careful.setattr();
    await careful.settle();
    expect(careful.calls(1).slice(1, -1)).toEqual(['mark dirty 0 1 0', 'setattr', 'mark dirty 0 -1 0']);
  });

  test('are not to be changed in split-brain', async () => {
    const file = new ReplicatedFile();
    file.state.accuse(file.inode, 'metadata', 0b111);
    await expect(file.setattr()).rejects.toMatchObject({ code: 'EIO' });
    expect(file.copies[0]!.fops).toEqual([]);
  });
});

describe('marks of names', () => {
  const granular = { options: { 'granular-entry-heal': 'on' } };

  test('are not set where nothing fails', async () => {
    const file = new ReplicatedFile(granular);
    await unlink(file);
    await file.settle();
    expect(file.calls(0)).toEqual(['try n', 'unlink', 'drop n']);
  });

  test('accuse the copy that failed, and tell the index of the name', async () => {
    const file = new ReplicatedFile(granular);
    await unlink(file, { 2: 'EIO' });
    expect(file.calls(0).slice(0, 3)).toEqual(['try n', 'unlink', 'mark c2 0 0 1, in n']);
    expect(file.allMarks).toEqual(['c2 0 0 1', 'c2 0 0 1', '']);
  });

  test('are in the index before where a copy is not there, and stay', async () => {
    const file = new ReplicatedFile(granular);
    file.down(0);
    await unlink(file);
    await file.settle();
    expect(file.calls(1)).toEqual([
      'try n',
      'mark dirty 0 0 1, in n',
      'unlink',
      'mark c0 0 0 1, dirty 0 0 -1, in n',
      'drop n',
    ]);
  });

  test('go from the index when all is the same again', async () => {
    const file = new ReplicatedFile({ options: { ...granular.options, 'optimistic-change-log': 'off' } });
    await unlink(file);
    await file.settle();
    expect(file.calls(1)).toEqual([
      'try n',
      'mark dirty 0 0 1, in n',
      'unlink',
      'mark dirty 0 0 -1, out n',
      'drop n',
    ]);
  });

  test('stay in the index where all copies refused: somebody else may have left them', async () => {
    const file = new ReplicatedFile({ options: { ...granular.options, 'optimistic-change-log': 'off' } });
    await expect(unlink(file, { 0: 'ENOENT', 1: 'ENOENT', 2: 'ENOENT' })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await file.settle();
    expect(file.calls(1)).toEqual(['try n', 'mark dirty 0 0 1, in n', 'mark dirty 0 0 -1', 'drop n']);
  });

  test('make the directory dirty where too few copies have made the change', async () => {
    const file = new ReplicatedFile();
    await expect(unlink(file, { 1: 'EIO', 2: 'ENOTCONN' })).rejects.toMatchObject({
      code: 'ENOTCONN',
      outcome: 'unknown',
    });
    expect(file.allMarks).toEqual(['dirty 0 0 1', '', '']);
  });

  test.each([
    ['ENOENT', 'ESTALE'],
    ['EEXIST', 'EEXIST'],
    ['ENODATA', 'ENOENT'],
  ] as const)(
    'one has made the change: %s and %s of others are no word about the file',
    async (one, other) => {
      const file = new ReplicatedFile();
      const error = await unlink(file, { 1: one, 2: other }).then(
        () => undefined,
        (thrown: unknown) => thrown as GlfsError,
      );
      expect(error).toMatchObject({ code: 'EIO', outcome: 'unknown' });
      expect((error!.cause as AggregateError).errors).toMatchObject([{ code: one }, { code: other }]);
      expect(file.allMarks).toEqual(['dirty 0 0 1', '', '']);
    },
  );

  test.each(['ENOTCONN', 'ENOSPC'] as const)('%s is told before that', async (code) => {
    const file = new ReplicatedFile();
    await expect(unlink(file, { 1: 'ENOENT', 2: code })).rejects.toMatchObject({ code, outcome: 'unknown' });
  });

  test('do not accuse a copy that is pardoned', async () => {
    const file = new ReplicatedFile();
    await unlink(file, { 1: 'ENOTEMPTY' });
    expect(file.allMarks).toEqual(['', '', '']);
  });
});

describe('without a quorum', () => {
  const two = { copies: 2 };

  test('one copy of two is enough; the other is accused', async () => {
    const file = new ReplicatedFile(two);
    file.fails(0, 'write', 'ENOTCONN');
    await file.write();
    expect(file.allMarks).toEqual(['dirty 1 0 0', 'c0 1 0 0']);
  });

  test('a write that no copy has made leaves doubt', async () => {
    const file = new ReplicatedFile(two);
    file.fails(0, 'write', 'EIO');
    file.fails(1, 'write', 'ENOTCONN');
    await expect(file.write()).rejects.toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
    await file.settle();
    expect(file.allMarks).toEqual(['dirty 1 0 0', 'dirty 1 0 0']);
  });

  test('consistent-io refuses what a copy has missed', async () => {
    const file = new ReplicatedFile({ copies: 2, options: { 'consistent-io': 'on' } });
    const free = file.holds(0, 'write');
    const writing = file.write();
    await new Promise(setImmediate);
    file.down(1);
    free();
    await expect(writing).rejects.toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
    await expect(file.write()).rejects.toMatchObject({ code: 'ENOTCONN' });
  });
});
