import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { File, Volume } from '../../../../src/index.ts';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';
import { waitUntil } from '../../../helpers/wait.ts';

/** Another process, as far as bricks and shared connections are concerned. */
const apart = { translatorOptions: { 'r-client-*.frame-timeout': '1799' } };

async function withVolumes(
  body: (cluster: Cluster, first: Volume, second: Volume) => Promise<void>,
): Promise<void> {
  await using cluster = await startCluster({ volumes: { r: { type: 'replicate 3' } } });
  const first = await cluster.connect('r');
  const second = await cluster.connect('r', apart);
  try {
    await body(cluster, first, second);
  } finally {
    await first.close();
    await second.close();
  }
}

async function allUp(volume: Volume): Promise<void> {
  await waitUntil(() => !JSON.stringify(volume.statedump().translators).includes('"up":false'), {
    what: 'all copies',
  });
}

async function tryLock(file: File, range: { start?: number; length?: number } = {}): Promise<boolean> {
  try {
    await file.lock('write', { ...range, wait: false });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'EAGAIN' });
    return false;
  }
}

describe('locks of files on a replicated volume', () => {
  test('one that is aborted while it waits leaves nothing behind', async () => {
    await withVolumes(async (_cluster, first, second) => {
      await first.writeFile('/f', 'x');
      const mine = await first.open('/f', 'r+');
      const theirs = await second.open('/f', 'r+');
      const lock = await mine.lock('write');
      await expect(theirs.lock('write', { timeout: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      await lock.release();
      // Granted after all, to nobody, and given back.
      await waitUntil(() => tryLock(mine), { what: 'the lock again' });
      await mine.close();
      await theirs.close();
    });
  });

  test('outlive a graph switch, and the loss of a brick after it', async () => {
    await withVolumes(async (cluster, first, second) => {
      await first.writeFile('/f', 'x');
      const mine = await first.open('/f', 'r+');
      const theirs = await second.open('/f', 'r+');
      await mine.lock('write', { start: 0, length: 10 });
      await cluster.set('r', { 'cluster.read-hash-mode': '0' });
      await waitUntil(() => first.volfile().includes('read-hash-mode 0'), { what: 'the new graph' });
      for (const brick of cluster.bricks('r')) {
        await brick.restart();
        // The lock is taken again by the new graph.
        await waitUntil(async () => ((await brick.counts()).lk ?? 0) > 0, { what: 'the lock asked for' });
        await allUp(first);
        await allUp(second);
        expect(await tryLock(theirs, { start: 5, length: 1 })).toBe(false);
      }
      await mine.pwrite(Buffer.from('still mine'), 0);
      await mine.close();
      expect(await tryLock(theirs)).toBe(true);
      await theirs.close();
    });
  });

  test('are gone from all bricks with the volume', async () => {
    await withVolumes(async (_cluster, first, second) => {
      await first.writeFile('/f', 'x');
      const third = await first.open('/f', 'r+');
      await third.lock('write');
      const theirs = await second.open('/f', 'r+');
      expect(await tryLock(theirs)).toBe(false);
      await first.close();
      expect(await waitUntil(() => tryLock(theirs), { what: 'the lock' })).toBe(true);
      await theirs.close();
    });
  });
});

test('ranges are copied by reading and writing, the same on all copies', async () => {
  await withVolumes(async (cluster, first) => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    await first.writeFile('/from', bytes);
    await first.writeFile('/to', '');
    const source = await first.open('/from', 'r');
    const target = await first.open('/to', 'r+');
    expect(await source.copyFileRange(target, { offset: 10, targetOffset: 3, length: 200_000 })).toBe(
      200_000,
    );
    await source.close();
    await target.close();
    const expected = Buffer.concat([Buffer.alloc(3), bytes.subarray(10, 200_010)]);
    expect((await first.readFile('/to')).equals(expected)).toBe(true);
    for (const { directory } of cluster.bricks('r'))
      expect(readFileSync(join(directory, 'to')).equals(expected)).toBe(true);
  });
});
