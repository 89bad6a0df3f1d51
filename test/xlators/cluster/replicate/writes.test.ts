import { describe, expect, test } from 'vitest';
import { Fd, type Request, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { keyKinds, keys } from '../../../../src/protocol/keys.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { fileStat } from '../../../helpers/recording-child.ts';
import { ReplicatedFile } from '../../../helpers/replicated-file.ts';

const granular = { 'eager-lock': 'off', 'full-lock': 'off' };

function sent(file: ReplicatedFile, index: number): Request<'write'> {
  const call = file.copies[index]!.calls.find(({ fop }) => fop === 'write');
  return call!.request as Request<'write'>;
}

describe('a write', () => {
  test('goes to all copies as it came, as its caller and with the own questions', async () => {
    const file = new ReplicatedFile();
    const context = rootContext({
      uid: 1000,
      gid: 100,
      groups: [5],
      stamp: { flags: 3, seconds: 1, nanoseconds: 2 },
    });
    const own = keyKinds.int('own');
    const data = [Buffer.from('abc'), Buffer.from('de')];
    await file.write(7, 5, { data, flags: 0o10000, xdata: new Dict().set(own, 1) }, context);
    for (const index of [0, 1, 2]) {
      const { xdata, ...request } = sent(file, index);
      expect(request).toEqual({ fd: file.fd, offset: 7, size: 5, flags: 0o10000, data });
      expect(xdata!.get(own)).toBe(1);
      expect(xdata!.get(keys.inodelkDomainCount)).toBe('subject');
      expect(xdata!.has(keys.writeIsAppend) && xdata!.has(keys.activeFdCount)).toBe(true);
      const call = file.copies[index]!.calls.find(({ fop }) => fop === 'write');
      expect(call!.context).toMatchObject(context);
    }
    // Locks and marks are replicate's own.
    expect(file.copies[0]!.calls[0]!.context).toMatchObject({ uid: 0, gid: 0, stamp: undefined });
    expect(file.copies[0]!.calls[0]!.context.lkOwner).not.toEqual(context.lkOwner);
  });

  test('is told to an arbiter by one byte, which counts as all of it', async () => {
    const file = new ReplicatedFile({ options: { 'arbiter-count': '1' } });
    file.copies[2]!.answer('write', ({ size }) => ({
      prestat: fileStat(file.inode.gfid),
      poststat: fileStat(file.inode.gfid, { size: 999 }),
      count: size,
    }));
    const reply = await file.write(100, 10);
    expect(reply).toMatchObject({ count: 10, poststat: { size: 0 } });
    expect(sent(file, 2)).toMatchObject({ offset: 100, size: 1 });
    expect(sent(file, 2).data.reduce((sum, { length }) => sum + length, 0)).toBe(1);
    expect(file.allMarks).toEqual(['dirty 1 0 0', 'dirty 1 0 0', 'dirty 1 0 0']);
    await file.settle();
    expect(file.allMarks).toEqual(['', '', '']);
  });

  test('that all copies did in part says how much', async () => {
    const file = new ReplicatedFile();
    const stat = fileStat(file.inode.gfid);
    for (const copy of file.copies) copy.answer('write', () => ({ prestat: stat, poststat: stat, count: 4 }));
    expect(await file.write(0, 10)).toMatchObject({ count: 4 });
    await file.settle();
    expect(file.allMarks).toEqual(['', '', '']);
  });

  test('is answered with the attributes of a good copy', async () => {
    const file = new ReplicatedFile();
    for (const [index, copy] of file.copies.entries()) {
      const stat = fileStat(file.inode.gfid, { size: index });
      copy.answer('write', ({ size }) => ({ prestat: stat, poststat: stat, count: size }));
    }
    file.state.accuse(file.inode, 'data', 0b101);
    expect((await file.write()).poststat.size).toBe(1);
  });

  test('that appends has the whole file for itself', async () => {
    const file = new ReplicatedFile({ options: granular });
    await file.write(500, 10, { fd: new Fd(file.inode, OpenFlag.WRONLY | OpenFlag.APPEND) });
    expect(file.calls(0)[0]).toBe('try');
  });

  test('whose caller has left is not begun', async () => {
    const file = new ReplicatedFile();
    const ended = rootContext({ signal: AbortSignal.abort() });
    await expect(file.write(0, 1, {}, ended)).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(file.calls(0)).toEqual([]);
  });

  test('whose caller leaves in the middle is carried to its end', async () => {
    const file = new ReplicatedFile();
    const abort = new AbortController();
    const free = file.holds(0, 'fxattrop');
    const writing = file.write(
      0,
      1,
      {},
      rootContext({ signal: abort.signal, deadline: performance.now() + 60_000 }),
    );
    await new Promise(setImmediate);
    abort.abort();
    free();
    await writing;
    await file.settle();
    expect(file.copies[0]!.calls.every(({ context }) => context.signal === undefined)).toBe(true);
    expect(file.calls(0).at(-1)).toBe('drop');
  });
});

describe('ranges', () => {
  const context = rootContext();
  const changes: Readonly<Record<string, (file: ReplicatedFile) => Promise<unknown>>> = {
    'try 100+0': ({ subject, inode }) => subject.truncate({ loc: { inode }, offset: 100 }, context),
    'try 200+0': ({ subject, fd }) => subject.ftruncate({ fd, offset: 200 }, context),
    'try 300+0': ({ subject, fd }) => subject.fallocate({ fd, flags: 0, offset: 300, size: 10 }, context),
    'try 400+0': ({ subject, fd }) => subject.discard({ fd, offset: 400, size: 10 }, context),
    'try 500+10': ({ subject, fd }) => subject.zerofill({ fd, offset: 500, size: 10 }, context),
  };

  test.each(Object.entries(changes))('%s', async (lock, change) => {
    const file = new ReplicatedFile({ options: granular });
    await change(file);
    await file.settle();
    expect(file.calls(0)).toEqual([
      lock,
      'mark dirty 1 0 0',
      expect.any(String),
      'fsync',
      'mark dirty -1 0 0',
      lock.replace('try', 'drop'),
    ]);
  });

  test('a truncate that changes no size leaves nothing to bring to disk', async () => {
    const file = new ReplicatedFile();
    const stat = fileStat(file.inode.gfid);
    for (const copy of file.copies) copy.answer('ftruncate', () => ({ prestat: stat, poststat: stat }));
    await file.subject.ftruncate({ fd: file.fd, offset: 0 }, context);
    await file.settle();
    expect(file.calls(0)).not.toContain('fsync');
  });

  test('where one copy changed its size there is', async () => {
    const file = new ReplicatedFile();
    const stat = fileStat(file.inode.gfid);
    for (const copy of file.copies.slice(1))
      copy.answer('ftruncate', () => ({ prestat: stat, poststat: stat }));
    await file.subject.ftruncate({ fd: file.fd, offset: 0 }, context);
    await file.settle();
    expect(file.calls(0)).toContain('fsync');
  });
});
