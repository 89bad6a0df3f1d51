import { describe, expect, test } from 'vitest';
import { GlfsError } from '../../../../../src/errors.ts';
import { Inode, type Request, rootContext } from '../../../../../src/graph/index.ts';
import type { EntryTarget } from '../../../../../src/xlators/cluster/locking/lockees.ts';
import { runTransaction } from '../../../../../src/xlators/cluster/replicate/transaction/index.ts';
import { ReplicatedFile } from '../../../../helpers/replicated-file.ts';

const alone = { options: { 'eager-lock': 'off' } };

function lockCalls(file: ReplicatedFile, index: number): Request<'inodelk'>[] {
  return file.copies[index]!.calls.filter(({ fop }) => fop === 'inodelk' || fop === 'finodelk').map(
    ({ request }) => request as Request<'inodelk'>,
  );
}

/** All lock calls of all copies in the order in which they came. */
function inOrder(file: ReplicatedFile): string[] {
  const order: string[] = [];
  for (const [index, copy] of file.copies.entries()) {
    for (const fop of ['inodelk', 'finodelk', 'entrylk'] as const) {
      file.wrap(index, fop, (next) => {
        const at = copy.calls.length;
        const running = next();
        order.push(`${index} ${file.calls(index)[at] ?? 'refused'}`);
        return running;
      });
    }
  }
  return order;
}

describe('locks of a file', () => {
  test('are tried on all copies at once, in the domain that all clients share', async () => {
    const file = new ReplicatedFile(alone);
    await file.write();
    await file.settle();
    for (const index of [0, 1, 2]) {
      expect(file.calls(index)).toEqual([
        'try',
        'mark dirty 1 0 0',
        'write',
        'fsync',
        'mark dirty -1 0 0',
        'drop',
      ]);
      const [taken, dropped] = lockCalls(file, index);
      expect(taken).toMatchObject({ domain: 'subject', fd: file.fd });
      expect(taken!.flock.owner).toEqual(dropped!.flock.owner);
      expect(taken!.flock.owner).toEqual(lockCalls(file, 0)[0]!.flock.owner);
    }
  });

  test('are all given back where one is taken, and waited for copy by copy', async () => {
    const file = new ReplicatedFile(alone);
    file.fails(1, 'finodelk', 'EAGAIN', 1);
    const order = inOrder(file);
    await file.write();
    await file.settle();
    expect(order).toEqual([
      '0 try',
      '1 refused',
      '2 try',
      '0 drop',
      '2 drop',
      '0 wait',
      '1 wait',
      '2 wait',
      '0 drop',
      '1 drop',
      '2 drop',
    ]);
  });

  test('that a copy can not give leave it out; the others go on without asking twice', async () => {
    const file = new ReplicatedFile(alone);
    file.fails(2, 'finodelk', 'ENOTCONN');
    await file.write();
    await file.settle();
    expect(file.calls(0)).toEqual([
      'try',
      'mark dirty 1 0 0',
      'mark c2 1 0 0',
      'write',
      'fsync',
      'mark dirty -1 0 0',
      'drop',
    ]);
    expect(file.calls(2)).toEqual([]);
    expect(file.allMarks).toEqual(['c2 1 0 0', 'c2 1 0 0', '']);
  });

  test.each(['EIO', 'ENOTCONN'] as const)(
    'are given back, too, where a copy failed with %s that may have locked it first',
    async (code) => {
      const file = new ReplicatedFile(alone);
      let asked = false;
      file.wrap(2, 'finodelk', async (next) => {
        const reply = await next();
        if (asked) return reply;
        asked = true;
        throw new GlfsError(code);
      });
      await file.write();
      await file.settle();
      expect(file.calls(2)).toEqual(['try', 'drop']);
      expect(file.allMarks).toEqual(['c2 1 0 0', 'c2 1 0 0', '']);
    },
  );

  test('are given back where they were granted on a connection made while others were waited for', async () => {
    const file = new ReplicatedFile(alone);
    file.fails(0, 'finodelk', 'EAGAIN', 1);
    const waiting = file.write();
    // The first copy lets it wait: the last one is asked when it has come back.
    const free = file.holds(0, 'finodelk');
    await new Promise((resolve) => setImmediate(resolve));
    file.down(2);
    file.up(2);
    free();
    await waiting;
    await file.settle();
    const calls = file.calls(2);
    expect(calls.filter((call) => call === 'wait')).toHaveLength(1);
    expect(calls.at(-1)).toBe('drop');
  });

  test.each(['EIO', 'ENOTCONN'] as const)(
    'are given back once more where a copy fails with %s to take them',
    async (code) => {
      const file = new ReplicatedFile(alone);
      let failures = 0;
      file.wrap(1, 'finodelk', (next) => {
        const isDrop = file.calls(1).includes('write');
        if (!isDrop || failures === 2) return next();
        failures++;
        return Promise.reject(new GlfsError(code));
      });
      await file.write();
      await file.settle();
      expect(failures).toBe(2);
      expect(file.calls(1).at(-1)).toBe('drop');
    },
  );

  test('without a quorum end the change, and nothing is left behind', async () => {
    const file = new ReplicatedFile(alone);
    file.fails(1, 'finodelk', 'ESTALE');
    file.fails(2, 'finodelk', 'ENOTCONN');
    await expect(file.write()).rejects.toMatchObject({ code: expect.stringMatching(/ESTALE|ENOTCONN/) });
    await file.settle();
    expect(file.calls(0)).toEqual(['try', 'drop']);
  });

  test('that were granted on a connection lost since count no more', async () => {
    const file = new ReplicatedFile(alone);
    const free = file.holds(1, 'finodelk');
    const writing = file.write();
    await Promise.resolve();
    file.down(0);
    file.up(0);
    free();
    await writing;
    await file.settle();
    expect(file.calls(0)).toEqual(['try']);
    expect(file.allMarks).toEqual(['', 'c0 1 0 0', 'c0 1 0 0']);
  });

  test('of attributes lie where all clients lock them', async () => {
    const file = new ReplicatedFile();
    await file.setattr();
    await file.settle();
    expect(file.calls(0)).toEqual(['try 9223372036854775806+0', 'setattr', 'drop 9223372036854775806+0']);
  });

  test('are about the range of a write where nothing asks for more', async () => {
    const range = new ReplicatedFile({ options: { 'eager-lock': 'off', 'full-lock': 'off' } });
    await range.write(100, 10);
    await range.settle();
    expect(range.calls(0)[0]).toBe('try 100+10');

    const arbiter = new ReplicatedFile({
      options: { 'eager-lock': 'off', 'full-lock': 'off', 'arbiter-count': '1' },
    });
    await arbiter.write(100, 10);
    await arbiter.settle();
    expect(arbiter.calls(0)[0]).toBe('try');

    const eager = new ReplicatedFile({ options: { 'full-lock': 'off' } });
    await eager.write(100, 10);
    await eager.settle();
    expect(eager.calls(0)[0]).toBe('try');
  });
});

describe('locks of names', () => {
  const low = new Inode(new Uint8Array(16).fill(1), 'directory');
  const high = new Inode(new Uint8Array(16).fill(2), 'directory');

  async function lockNames(file: ReplicatedFile, locks: readonly EntryTarget[]): Promise<void> {
    const stat = {} as never;
    await runTransaction<'rmdir'>(
      file.state,
      {
        kind: 'entry',
        fop: 'rmdir',
        locks,
        marks: [{ parent: low, name: 'n' }],
        wind: async () => ({ preparent: stat, postparent: stat }),
      },
      rootContext(),
    );
    await file.settle();
  }

  test('are taken by gfid, a directory before its names, names by their bytes', async () => {
    const file = new ReplicatedFile({ copies: 2 });
    for (const index of [0, 1]) file.fails(index, 'entrylk', 'EAGAIN', 1);
    const order = inOrder(file);
    await lockNames(file, [
      { parent: high, name: 'a' },
      { parent: low, name: 'ä' },
      { parent: low, name: 'b' },
      { parent: low },
    ]);
    const waits = order.filter((one) => one.includes('wait'));
    expect(waits).toEqual(['*', 'b', 'ä', 'a'].flatMap((name) => [`0 wait ${name}`, `1 wait ${name}`]));
  });

  test('count on a copy only where all were granted there', async () => {
    const file = new ReplicatedFile();
    file.wrap(2, 'entrylk', async (next) => {
      if (file.copies[2]!.calls.length > 0) throw new Error('lost');
      return await next();
    });
    await lockNames(file, [{ parent: low, name: 'a' }, { parent: high }]);
    expect(file.calls(2)).toEqual(['try a']);
    expect(file.allMarks).toEqual(['c2 0 0 1', 'c2 0 0 1', '']);
  });
});
