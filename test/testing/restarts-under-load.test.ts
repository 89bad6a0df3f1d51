import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toGlfsError } from '../../src/errors.ts';
import type { Volume } from '../../src/index.ts';
import { type Cluster, startCluster } from '../../src/testing/index.ts';

const BLOCK = 8192;
const CYCLES = 12;
const WRITERS = 4;

let cluster: Cluster;
let volume: Volume;

beforeAll(async () => {
  cluster = await startCluster({ volumes: { demo: { type: 'distribute 1' } } });
  volume = await cluster.connect('demo');
});
afterAll(async () => {
  await volume.close();
  await cluster.stop();
});

/** Makes the call again where its outcome is unknown. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const { code } = toGlfsError(error);
      if (code !== 'ENOTCONN') throw error;
    }
  }
}

test('a brick that is killed and restarted in the middle of writes has all that was synced', async () => {
  const brick = cluster.bricks('demo')[0]!;
  await volume.writeFile('/bystander', 'untouched');
  let stop = false;
  const synced: number[] = [];

  /** Writes block after block, syncs now and then, and renames a small file over another. */
  const writer = async (id: number): Promise<void> => {
    const file = await insist(() => volume.open(`/file-${id}`, 'w+'));
    synced[id] = 0;
    for (let block = 0; !stop; block++) {
      const data = Buffer.alloc(BLOCK, (id * 50 + block) % 251);
      await insist(() => file.pwrite(data, block * BLOCK));
      if (block % 4 !== 3) continue;
      // What a killed brick had not been told to sync may be lost on real disks, never here: the host lives on.
      await insist(() => file.sync());
      synced[id] = block + 1;
      await insist(() => volume.writeFile(`/new-${id}`, `${block}`.repeat(100)));
      await insist(() => volume.rename(`/new-${id}`, `/old-${id}`)).catch((error) => {
        // Done before its answer was lost.
        if (toGlfsError(error).code !== 'ENOENT') throw error;
      });
    }
    await insist(() => file.close());
  };
  const writers = Array.from({ length: WRITERS }, (_, id) => writer(id));
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    await sleep(20 + (cycle % 5) * 10);
    if (cycle % 2 === 0) await brick.restart();
    else {
      await brick.kill();
      await brick.restart();
    }
  }
  stop = true;
  await Promise.all(writers);

  for (let id = 0; id < WRITERS; id++) {
    expect(synced[id], `blocks of writer ${id}`).toBeGreaterThan(0);
    const content = await volume.readFile(`/file-${id}`);
    for (let block = 0; block < synced[id]!; block++) {
      const part = content.subarray(block * BLOCK, (block + 1) * BLOCK);
      expect(part.equals(Buffer.alloc(BLOCK, (id * 50 + block) % 251)), `file ${id}, block ${block}`).toBe(
        true,
      );
    }
    const old = (await volume.readFile(`/old-${id}`)).toString();
    expect(old).toBe(old.slice(0, old.length / 100).repeat(100));
  }
  expect((await volume.readFile('/bystander')).toString()).toBe('untouched');
});
