import { describe, expect, test } from 'vitest';
import { Fd } from '../../../../../src/graph/index.ts';
import { Dict } from '../../../../../src/protocol/dict.ts';
import { emptyIatt } from '../../../../../src/protocol/iatt.ts';
import { keys } from '../../../../../src/protocol/keys.ts';
import { OpenFlag } from '../../../../../src/protocol/messages.ts';
import { ReplicatedFile } from '../../../../helpers/replicated-file.ts';

const stat = emptyIatt();

async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

function answerWith(file: ReplicatedFile, xdata: Dict): void {
  for (const copy of file.copies)
    copy.answer('write', ({ size }) => ({ prestat: stat, poststat: stat, count: size, xdata }));
}

describe('bytes in caches', () => {
  const fops = (file: ReplicatedFile): string[] => file.calls(0).filter((one) => one === 'fsync');

  test('are brought to disk before the marks go', async () => {
    const file = new ReplicatedFile();
    await file.write();
    await file.settle();
    expect(fops(file)).toEqual(['fsync']);
    const { request } = file.copies[0]!.calls.find(({ fop }) => fop === 'fsync')!;
    expect((request as { xdata: Dict }).xdata.has(keys.batchFsync)).toBe(true);
  });

  test('are none where a file was appended to, or is open for synchronous writes, or nobody cares', async () => {
    const appended = new ReplicatedFile();
    answerWith(appended, new Dict().set(keys.writeIsAppend, 1));
    await appended.write();
    await appended.settle();
    expect(fops(appended)).toEqual([]);

    const synchronous = new ReplicatedFile();
    await synchronous.write(0, 1, { fd: new Fd(synchronous.inode, OpenFlag.RDWR | OpenFlag.SYNC) });
    await synchronous.write(1, 1, { flags: 0o10000 });
    await synchronous.settle();
    expect(fops(synchronous)).toEqual([]);

    const careless = new ReplicatedFile({ options: { 'ensure-durability': 'off' } });
    await careless.write();
    await careless.settle();
    expect(fops(careless)).toEqual([]);
  });

  test('that one copy says it did not append are there', async () => {
    const file = new ReplicatedFile();
    answerWith(file, new Dict().set(keys.writeIsAppend, 1));
    file.copies[1]!.answer('write', () => ({ prestat: stat, poststat: stat, count: 10 }));
    await file.write();
    await file.settle();
    expect(fops(file)).toEqual(['fsync']);
  });

  test('that can not be brought to disk make a copy one that lacks them', async () => {
    const file = new ReplicatedFile();
    await file.write();
    file.fails(1, 'fsync', 'EIO');
    await file.settle();
    expect(file.allMarks).toEqual(['c1 1 0 0', 'dirty 1 0 0', 'c1 1 0 0']);
  });

  test('on too few disks leave the file in doubt', async () => {
    const file = new ReplicatedFile();
    await file.write();
    file.fails(1, 'fsync', 'EIO');
    file.fails(0, 'fsync', 'ENOSPC');
    await file.settle();
    expect(file.allMarks).toEqual(['dirty 1 0 0', 'dirty 1 0 0', 'dirty 1 0 0']);
  });

  test('are not synchronised twice after an fsync of the caller', async () => {
    const file = new ReplicatedFile();
    await file.write();
    await file.fsync();
    await file.settle();
    expect(fops(file)).toEqual(['fsync']);
  });

  test('written while an fsync was under way are synchronised after it', async () => {
    const file = new ReplicatedFile();
    await file.write();
    const free = file.holds(2, 'fsync');
    const syncing = file.fsync();
    await file.write(100);
    free();
    await syncing;
    await file.settle();
    expect(fops(file)).toEqual(['fsync', 'fsync']);
  });

  test('are synchronised and marked by gfid where the fd has been closed', async () => {
    const file = new ReplicatedFile();
    await file.write();
    file.fd.closed = true;
    await file.settle();
    expect(file.copies[0]!.fops).toEqual(['finodelk', 'fxattrop', 'write', 'fsync', 'xattrop', 'inodelk']);
    const { request } = file.copies[0]!.calls.find(({ fop }) => fop === 'fsync')!;
    expect((request as { fd: Fd }).fd.anonymous).toBe(true);
  });
});

describe('an fsync', () => {
  test('waits for the writes before it, and nobody waits for it', async () => {
    const file = new ReplicatedFile();
    await file.write();
    file.forgetCalls();
    const freeWrite = file.holds(0, 'write');
    const writing = file.write(0);
    const syncing = file.fsync();
    const next = file.write(20);
    await quiet();
    expect(file.calls(1)).toEqual(['write', 'write']);
    freeWrite();
    await Promise.all([writing, syncing, next]);
    expect(file.calls(1)).toEqual(['write', 'write', 'fsync']);
  });

  test('that fails on a copy accuses it', async () => {
    const file = new ReplicatedFile();
    file.fails(0, 'fsync', 'EIO');
    await file.write();
    await file.fsync();
    expect(file.allMarks).toEqual(['dirty 1 0 0', 'c0 1 0 0', 'c0 1 0 0']);
  });
});
