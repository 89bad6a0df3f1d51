import { describe, expect, test } from 'vitest';
import { Fd } from '../../../../../src/graph/index.ts';
import { Dict } from '../../../../../src/protocol/dict.ts';
import { emptyIatt } from '../../../../../src/protocol/iatt.ts';
import { keys } from '../../../../../src/protocol/keys.ts';
import { OpenFlag } from '../../../../../src/protocol/messages.ts';
import { ReplicatedFile } from '../../../../helpers/replicated-file.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

const all = [0, 1, 2];
const stat = emptyIatt();

/** Nothing is under way any more but what waits for a test or for time. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

function answerWith(file: ReplicatedFile, xdata: Dict): void {
  for (const copy of file.copies)
    copy.answer('write', ({ size }) => ({ prestat: stat, poststat: stat, count: size, xdata }));
}

const contention = (file: ReplicatedFile, domain = 'subject') =>
  ({
    kind: 'inodelk-contention',
    gfid: file.inode.gfid,
    domain,
    flock: { type: 1, whence: 0, start: 0n, length: 0n, pid: 1, owner: new Uint8Array(8) },
  }) as const;

describe('a stream of writes', () => {
  test('takes the lock and sets the marks once', async () => {
    const file = new ReplicatedFile();
    for (let offset = 0; offset < 50; offset++) await file.write(offset * 10);
    expect(file.copies.map(({ fops }) => fops.filter((fop) => fop !== 'write'))).toEqual(
      all.map(() => ['finodelk', 'fxattrop']),
    );
    await file.settle();
    expect(file.calls(0).slice(-4)).toEqual(['write', 'fsync', 'mark dirty -1 0 0', 'drop']);
    expect(file.allMarks).toEqual(['', '', '']);
    expect(file.state.file(file.inode).pins).toBe(0);
  });

  test('goes on while other writes are under way, unless they overlap', async () => {
    const file = new ReplicatedFile();
    await file.write(0);
    file.forgetCalls();
    const free = file.holds(1, 'write');
    const writes = [file.write(0), file.write(10), file.write(5), file.write(30), file.write(12)];
    await quiet();
    expect(file.calls(0)).toHaveLength(3);
    free();
    await Promise.all(writes);
    const offsets = file.copies[1]!.calls.map(({ request }) => (request as { offset: number }).offset);
    expect(offsets.indexOf(5)).toBeGreaterThan(Math.max(offsets.indexOf(0), offsets.indexOf(10)));
    expect(offsets.indexOf(12)).toBeGreaterThan(offsets.indexOf(5));
  });

  test('lets nobody pass by who waits', async () => {
    const file = new ReplicatedFile();
    await file.write();
    file.forgetCalls();
    const free = file.holds(1, 'write');
    // The third overlaps the second, which waits for the first, and nobody else.
    const writes = [file.write(0, 10), file.write(5, 10), file.write(12, 10)];
    await quiet();
    expect(file.calls(0)).toEqual(['write']);
    free();
    await Promise.all(writes);
  });

  test('of appends goes one after the other', async () => {
    const file = new ReplicatedFile();
    const fd = new Fd(file.inode, OpenFlag.WRONLY | OpenFlag.APPEND);
    await file.write(0, 1, { fd });
    file.forgetCalls();
    const free = file.holds(2, 'write');
    const writes = [file.write(0, 1, { fd }), file.write(1_000_000, 1, { fd })];
    await quiet();
    expect(file.calls(0)).toEqual(['write']);
    free();
    await Promise.all(writes);
    expect(file.calls(0)).toEqual(['write', 'write']);
  });
});

describe('the lock is given up', () => {
  test('when nothing has been written for a while', async () => {
    const file = new ReplicatedFile({ options: { 'post-op-delay-secs': '0' } });
    await file.write();
    await quiet();
    expect(file.calls(0)).toEqual(['try', 'mark dirty 1 0 0', 'write', 'fsync', 'mark dirty -1 0 0', 'drop']);

    const patient = new ReplicatedFile({ options: { 'post-op-delay-secs': '1' } });
    const began = performance.now();
    await patient.write();
    await waitUntil(() => patient.calls(0).includes('drop'), { what: 'the lock to be given up' });
    expect(performance.now() - began).toBeGreaterThan(950);
  });

  test('when another client waits for it, taken again for the next write, and not kept then', async () => {
    const file = new ReplicatedFile();
    await file.write();
    file.copies[1]!.raise(contention(file, 'another-domain'));
    await quiet();
    expect(file.calls(0)).not.toContain('drop');
    file.copies[1]!.raise(contention(file));
    await file.write();
    await quiet();
    // Bricks tell only every five seconds that somebody waits.
    expect(file.calls(0).filter((one) => ['try', 'drop'].includes(one))).toEqual([
      ...['try', 'drop'],
      ...['try', 'drop'],
    ]);
  });

  test('when replies count locks of others', async () => {
    const file = new ReplicatedFile();
    answerWith(file, new Dict().set(keys.inodelkCount, 1));
    await file.write();
    await quiet();
    expect(file.calls(0)).not.toContain('drop');
    answerWith(file, new Dict().set(keys.inodelkCount, 2));
    await file.write();
    await quiet();
    expect(file.calls(0)).toContain('drop');
  });

  test('but not for the own lock of attributes', async () => {
    const file = new ReplicatedFile();
    await file.write();
    const free = file.holds(0, 'setattr');
    const setting = file.setattr();
    await quiet();
    answerWith(file, new Dict().set(keys.inodelkCount, 2));
    await file.write();
    free();
    await setting;
    await quiet();
    expect(file.calls(0).filter((one) => one === 'drop')).toEqual([]);
  });

  test('after the writes that are under way; those that come then wait for the next', async () => {
    const file = new ReplicatedFile();
    await file.write();
    const free = file.holds(0, 'write');
    const first = file.write(0);
    const overlapping = file.write(5);
    file.copies[0]!.raise(contention(file));
    const later = file.write(100);
    await quiet();
    expect(file.calls(1)).toEqual(['try', 'mark dirty 1 0 0', 'write', 'write']);
    free();
    await Promise.all([first, overlapping, later]);
    await quiet();
    expect(file.calls(1)).toEqual([
      ...['try', 'mark dirty 1 0 0', 'write', 'write', 'fsync', 'mark dirty -1 0 0', 'drop'],
      ...['try', 'mark dirty 1 0 0', 'write', 'write', 'fsync', 'mark dirty -1 0 0', 'drop'],
    ]);
  });

  test('before writes that have not begun: they get their answer under the next', async () => {
    const file = new ReplicatedFile();
    await file.write();
    const free = file.holds(0, 'write');
    const writes = [file.write(0), file.write(5), file.write(8)];
    file.copies[0]!.raise(contention(file));
    await quiet();
    free();
    await Promise.all(writes);
    const order = file.calls(1).filter((one) => one === 'write' || one === 'drop');
    expect(order).toEqual(['write', 'write', 'drop', 'write', 'write']);
  });

  test('when it is being waited for while it is taken', async () => {
    const file = new ReplicatedFile();
    const free = file.holds(2, 'finodelk');
    const writing = file.write();
    file.copies[0]!.raise(contention(file));
    free();
    await writing;
    await quiet();
    expect(file.calls(0).at(-1)).toBe('drop');
  });

  test('by flush and by the end of the graph', async () => {
    const file = new ReplicatedFile();
    await file.write();
    await file.subject.flush({ fd: file.fd }, contextOf());
    expect(file.calls(0).slice(-3)).toEqual(expect.arrayContaining(['mark dirty -1 0 0', 'flush']));
    await file.write();
    await file.subject.translator.close();
    expect(file.calls(0).at(-1)).toBe('drop');
    expect(file.allMarks).toEqual(['', '', '']);
  });

  test('after a truncate: it is no stream', async () => {
    const file = new ReplicatedFile();
    await file.subject.ftruncate({ fd: file.fd, offset: 0 }, contextOf());
    await quiet();
    expect(file.calls(0)).toEqual([
      'try',
      'mark dirty 1 0 0',
      'ftruncate',
      'fsync',
      'mark dirty -1 0 0',
      'drop',
    ]);
  });
});

function contextOf() {
  return { uid: 0, gid: 0, groups: [], pid: 1, lkOwner: new Uint8Array(8) };
}

describe('a copy that goes', () => {
  test('is accused at once where it may have lost what it had in its caches', async () => {
    const file = new ReplicatedFile();
    await file.write();
    file.down(1);
    await quiet();
    expect(file.allMarks).toEqual(['c1 1 0 0', 'dirty 1 0 0', 'c1 1 0 0']);
    expect(file.calls(0).at(-1)).toBe('drop');
  });

  test('is not accused where all of it is on its disk', async () => {
    const file = new ReplicatedFile();
    await file.write();
    await file.fsync();
    file.down(1);
    await quiet();
    expect(file.allMarks).toEqual(['', 'dirty 1 0 0', '']);
  });

  test('and comes back between lock and write takes no part under the old lock', async () => {
    const file = new ReplicatedFile();
    const free = all.map((index) => file.holds(index, 'fxattrop'));
    const writing = file.write();
    await quiet();
    file.down(1);
    file.up(1);
    for (const one of free) one();
    await writing;
    expect(file.copies[1]!.fops).not.toContain('write');
    expect(file.allMarks).toEqual(['c1 1 0 0', 'dirty 1 0 0', 'c1 1 0 0']);
    await file.write(20);
    expect(file.calls(1).slice(-3)).toEqual(['try', 'mark dirty 1 0 0', 'write']);
  });

  test('with too few left ends what was to be written: nobody is asked', async () => {
    const file = new ReplicatedFile();
    const free = all.map((index) => file.holds(index, 'fxattrop'));
    const writing = file.write();
    const other = file.write(50);
    const failing = Promise.all([
      expect(writing).rejects.toMatchObject({ code: 'ENOTCONN', outcome: 'failed' }),
      expect(other).rejects.toMatchObject({ code: 'ENOTCONN' }),
    ]);
    await quiet();
    file.down(1);
    file.down(2);
    for (const one of free) one();
    await failing;
    await file.settle();
    expect(file.copies.flatMap(({ fops }) => fops)).not.toContain('write');
    expect(file.marks(0)).toBe('');
    await expect(file.write()).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  test('while it is asked is accused before the caller hears of it', async () => {
    const file = new ReplicatedFile();
    await file.write();
    file.wrap(2, 'write', async () => {
      file.down(2);
      throw new Error('lost');
    });
    await file.write();
    expect(file.allMarks).toEqual(['c2 1 0 0', 'c2 1 0 0', 'dirty 1 0 0']);
    expect(file.state.file(file.inode).readable('data')).toBe(0b011);
  });
});

describe('the lock of attributes', () => {
  const move = (file: ReplicatedFile) =>
    file.subject.fxattrop({ fd: file.fd, operation: 0, dict: new Dict() }, contextOf());

  test('stays for a stream of fxattrops, as features/shard makes them, without marks', async () => {
    const file = new ReplicatedFile();
    for (let count = 0; count < 5; count++) await move(file);
    await quiet();
    expect(file.copies[0]!.fops).toEqual(['finodelk', ...Array(5).fill('fxattrop')]);
    await file.settle();
    expect(file.copies[0]!.fops.at(-1)).toBe('finodelk');
  });

  test('sets marks for each where a copy is not there', async () => {
    const file = new ReplicatedFile();
    file.down(2);
    file.learn();
    for (let count = 0; count < 2; count++) await move(file);
    await file.settle();
    expect(file.marks(0)).toBe('c2 0 2 0');
  });

  test('and that of data have one owner: they overlap', async () => {
    const file = new ReplicatedFile();
    await file.write();
    await file.setattr();
    await file.settle();
    const owners = file.copies[0]!.calls.filter(({ fop }) => fop === 'finodelk' || fop === 'inodelk').map(
      ({ context }) => Buffer.from(context.lkOwner).toString('hex'),
    );
    expect(new Set(owners).size).toBe(1);
    expect(owners).toHaveLength(4);
  });
});
