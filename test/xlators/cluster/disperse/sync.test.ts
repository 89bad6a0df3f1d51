import { describe, expect, test } from 'vitest';
import { rootContext } from '../../../../src/graph/index.ts';
import { StoredFragments } from '../../../helpers/stored-fragments.ts';

const geometry = { data: 4, redundancy: 2 };
const content = new Uint8Array(100).fill(1);

describe('fsync', () => {
  test('has versions and size on the bricks before it goes down, and keeps the lock', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, content);
    file.forgetCalls();
    const reply = await file.subject.fsync({ fd: file.fd, datasync: 0 }, rootContext());
    expect(reply).toMatchObject({ prestat: { size: 100 }, poststat: { size: 100 } });
    expect(file.calls(0)).toEqual(['fxattrop', 'fsync']);
    expect(file.counter(0, 'size')).toEqual([100n]);
    expect(file.counter(0, 'version')).toEqual([1n, 1n]);
  });

  test('that fails somewhere leaves that behind, though it has the bytes', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, content);
    file.fails(2, 'fsync', 'EIO');
    await file.subject.fsync({ fd: file.fd, datasync: 0 }, rootContext());
    await file.settle();
    expect(file.counter(2, 'version')[0]).toBeLessThan(file.counter(1, 'version')[0]!);
    expect(file.state.file(file.inode).bad).toBe(1 << 2);
  });

  test('that fails on too many fails', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, content);
    for (const index of [0, 1, 2]) file.fails(index, 'fsync', 'EIO');
    await expect(file.subject.fsync({ fd: file.fd, datasync: 0 }, rootContext())).rejects.toMatchObject({
      code: 'EIO',
    });
  });
});

describe('flush', () => {
  test('brings counters up to date, keeps the lock, and reaches all that are there', async () => {
    const file = new StoredFragments(geometry);
    file.down(5);
    await file.write(0, content);
    file.forgetCalls();
    await file.subject.flush({ fd: file.fd }, rootContext());
    expect(file.calls(0)).toEqual(['fxattrop', 'flush']);
    expect(file.calls(5)).toEqual([]);
    expect(file.counter(0, 'size')).toEqual([100n]);
  });

  test('of a file that nobody has touched takes no lock', async () => {
    const file = new StoredFragments(geometry);
    await file.subject.flush({ fd: file.fd }, rootContext());
    expect(file.calls(0)).toEqual(['flush']);
  });

  test('tells once what could not be counted', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, content);
    for (const index of [0, 1, 2]) file.fails(index, 'fxattrop', 'EIO');
    await expect(file.subject.flush({ fd: file.fd }, rootContext())).rejects.toMatchObject({ code: 'EIO' });
    expect(file.calls(4)).toContain('flush');
    for (const index of [0, 1, 2]) file.works(index);
    await file.subject.flush({ fd: file.fd }, rootContext());
  });
});
