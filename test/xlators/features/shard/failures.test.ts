import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import type { Fd, Loc } from '../../../../src/graph/index.ts';
import type { Volume } from '../../../../src/index.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';
import { syscalls } from '../../../../src/syscalls.ts';
import { waitUntil } from '../../../helpers/wait.ts';
import { BLOCK, gate, Sharded } from './sharded.ts';

let sharded: Sharded;
let volume: Volume;
beforeEach(async () => {
  sharded = await Sharded.start();
  volume = sharded.volume;
});
afterEach(() => sharded.stop());

/** Makes calls of one kind on blocks that are not block 0 fail, from the `from`th on; tells how many there were. */
function failOnBlocks(fop: FopName, code: 'EIO' | 'ENOSPC', from = 1): { readonly count: number } {
  const seen = { count: 0 };
  gate.before = (name, request) => {
    const { fd, loc } = request as { fd?: Fd; loc?: Loc };
    const block = fd?.anonymous === true || /\.\d+$/.test(loc?.name ?? '');
    if (name === fop && block && ++seen.count >= from) throw new GlfsError(code);
  };
  return seen;
}

/** All calls below features/shard while `run` runs. */
async function callsOf(run: () => Promise<unknown>): Promise<FopName[]> {
  const calls: FopName[] = [];
  gate.before = (fop) => {
    calls.push(fop);
  };
  await run();
  gate.before = () => {};
  return calls;
}

describe('a write over two blocks', () => {
  test('whose second block fails takes what the first took, and ends there', async () => {
    await using file = await volume.open('/file', 'w+');
    failOnBlocks('write', 'ENOSPC');
    await expect(file.pwrite(Buffer.alloc(200, 1), BLOCK - 100)).rejects.toMatchObject({ code: 'ENOSPC' });
    gate.before = () => {};
    expect((await file.stat()).size).toBe(BLOCK);
    const { buffer, bytesRead } = await file.pread(200, BLOCK - 100);
    expect(bytesRead).toBe(100);
    expect(buffer.subarray(0, 100).every((byte) => byte === 1)).toBe(true);
  });

  test.skipIf(syscalls() === undefined)(
    'whose first block fails leaves nothing that would come to light',
    async () => {
      await using file = await volume.open('/file', 'w+');
      gate.before = (fop, request) => {
        if (fop === 'write' && !(request as { fd: Fd }).fd.anonymous) throw new GlfsError('EIO');
      };
      await expect(file.pwrite(Buffer.alloc(200, 1), BLOCK - 100)).rejects.toMatchObject({ code: 'EIO' });
      gate.before = () => {};
      expect((await file.stat()).size).toBe(0);
      await file.truncate(2 * BLOCK);
      expect((await file.pread(200, BLOCK)).buffer.every((byte) => byte === 0)).toBe(true);
    },
  );

  test('that can not make its block says so', async () => {
    await using file = await volume.open('/file', 'w+');
    failOnBlocks('mknod', 'ENOSPC');
    await expect(file.pwrite('x', 3 * BLOCK)).rejects.toMatchObject({ code: 'ENOSPC' });
    gate.before = () => {};
    expect((await file.stat()).size).toBe(0);
    await file.pwrite('x', 3 * BLOCK);
    expect((await file.stat()).size).toBe(3 * BLOCK + 1);
  });
});

test('a truncation that can not remove a block leaves the size, and a later one goes through', async () => {
  await volume.writeFile('/file', Buffer.alloc(4 * BLOCK, 1));
  failOnBlocks('unlink', 'EIO', 3);
  await expect(volume.truncate('/file', 10)).rejects.toMatchObject({ code: 'EIO' });
  gate.before = () => {};
  expect((await volume.stat('/file')).size).toBe(4 * BLOCK);
  await volume.truncate('/file', 10);
  expect((await volume.readFile('/file')).length).toBe(10);
  expect(sharded.blocks()).toEqual([]);
});

test('a size that could not be told is not believed', async () => {
  await using file = await volume.open('/file', 'w+');
  await file.pwrite('12345', 0);
  gate.before = (fop) => {
    if (fop === 'fxattrop') throw new GlfsError('EIO');
  };
  await expect(file.pwrite('678', 5)).rejects.toMatchObject({ code: 'EIO' });
  gate.before = () => {};
  expect((await file.stat()).size).toBe(5);
  await file.pwrite('6', 5);
  expect((await file.stat()).size).toBe(6);
  expect((await file.pread(10, 0)).buffer.subarray(0, 6).toString()).toBe('123456');
});

test('fsync reaches all blocks that were written, and again those that failed', async () => {
  await using file = await volume.open('/file', 'w+');
  await file.pwrite(Buffer.alloc(3 * BLOCK, 1), 0);
  const failing = failOnBlocks('fsync', 'EIO', 2);
  await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
  expect(failing.count).toBe(2);
  const again = failOnBlocks('fsync', 'EIO', 100);
  await file.sync();
  expect(again.count).toBe(1);
  await file.sync();
  expect(again.count).toBe(1);
});

test('an fsync waits for what another has begun to sync', async () => {
  await using file = await volume.open('/file', 'w+');
  await file.pwrite(Buffer.alloc(2 * BLOCK, 1), 0);
  let goOn = (): void => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let begun = 0;
  gate.before = async (fop, request) => {
    if (fop !== 'fsync' || !(request as { fd: Fd }).fd.anonymous) return;
    begun++;
    await held;
  };
  const first = file.sync();
  await waitUntil(() => begun === 1, { what: 'the first fsync' });
  let done = false;
  const second = file.sync().then(() => {
    done = true;
  });
  await volume.stat('/file');
  await file.pread(1, 0);
  expect(done).toBe(false);
  goOn();
  await Promise.all([first, second]);
  expect(begun).toBe(1);
});

test('blocks that are too many to be remembered are synced at once', async () => {
  const few = await sharded.open({ options: ['option shard-lru-limit 20'] });
  const synced = failOnBlocks('fsync', 'EIO', 1000);
  await using file = await few.open('/file', 'w+');
  for (let block = 1; block <= 15; block++) await file.pwrite('x', block * BLOCK);
  await using other = await few.open('/other', 'w+');
  for (let block = 1; block <= 15; block++) await other.pwrite('x', block * BLOCK);
  await waitUntil(() => synced.count === 15, { what: 'the blocks of the first file to be synced' });
  await file.sync();
  expect(synced.count).toBe(15);
  await other.sync();
  expect(synced.count).toBe(30);
});

test('a block that others have made anew is found', async () => {
  await volume.writeFile('/file', Buffer.alloc(2 * BLOCK, 1));
  await using file = await volume.open('/file', 'r+');
  await file.pread(10, BLOCK);
  let stale = 1;
  gate.before = (fop, request) => {
    const { anonymous } = (request as { fd: Fd }).fd ?? {};
    if (anonymous && (fop === 'read' || fop === 'write') && stale-- > 0) throw new GlfsError('ESTALE');
  };
  expect((await file.pread(10, BLOCK)).buffer[0]).toBe(1);
  stale = 1;
  await file.pwrite('again', BLOCK);
  expect((await file.pread(5, BLOCK)).buffer.toString()).toBe('again');
});

describe('what is asked of the bricks', () => {
  test('to overwrite: the write alone', async () => {
    await volume.writeFile('/file', Buffer.alloc(2 * BLOCK, 1));
    const fresh = await sharded.open();
    await using file = await fresh.open('/file', 'r+');
    await file.pwrite('x', BLOCK + 5);
    expect(await callsOf(() => file.pwrite('y', BLOCK + 5))).toEqual(['write']);
    expect(await callsOf(() => file.pread(100, BLOCK))).toEqual(['read']);
  });

  test('to extend: the write and the size, once the lock is taken', async () => {
    await using file = await volume.open('/file', 'w+');
    const first = await callsOf(() => file.pwrite('x', 0));
    expect(first).toEqual(['inodelk', 'fstat', 'write', 'fxattrop']);
    expect(await callsOf(() => file.pwrite('x', 1))).toEqual(['write', 'fxattrop']);
    const later: FopName[] = [];
    gate.before = (fop) => {
      later.push(fop);
    };
    await waitUntil(() => later.includes('inodelk'), { what: 'the lock to be given back' });
  });
});

test('a graph without locks works all the same', async () => {
  const bare = await Sharded.start({ bricks: 1, onBricks: [] });
  try {
    await bare.volume.writeFile('/file', Buffer.alloc(2 * BLOCK, 1));
    await bare.volume.appendFile('/file', 'more');
    expect((await bare.volume.stat('/file')).size).toBe(2 * BLOCK + 4);
    await bare.volume.unlink('/file');
    await waitUntil(() => bare.blocks().length === 0, { what: 'the blocks to go' });
  } finally {
    await bare.stop();
  }
});
