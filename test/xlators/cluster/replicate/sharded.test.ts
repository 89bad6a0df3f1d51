import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Volume } from '../../../../src/index.ts';
import { type Cluster, startCluster, type TestBrick } from '../../../../src/testing/index.ts';
import { differencesOfBricks, indexedOn } from '../../../helpers/bricks-identical.ts';
import { numbered } from '../../../helpers/healing.ts';
import { noticed, upForVolume } from '../../../helpers/replicate-story/both.ts';
import { waitUntil } from '../../../helpers/wait.ts';

/* features/shard over replica sets: each block is a file of its own that copies may lack or have too much of, the size is an attribute of block 0. */

const BLOCK = 4 * 2 ** 20;
const scenes = [
  { type: 'replicate 3', arbiter: undefined, victim: 0 },
  { type: 'replicate 3 arbiter 1', arbiter: 2, victim: 1 },
];

describe.each(scenes)('$type, brick $victim goes and comes back', ({ type, arbiter, victim }) => {
  let cluster: Cluster;
  let one: Volume;
  let other: Volume;
  let bricks: readonly TestBrick[];
  beforeAll(async () => {
    const options = {
      'features.shard': 'on',
      'features.shard-block-size': '4MB',
      // Bricks tell of those who wait for a lock every 5 s only: clients would wait a second for each other's appends.
      'cluster.post-op-delay-secs': '0',
    };
    cluster = await startCluster({ volumes: { r: { type, options } } });
    one = await cluster.connect('r', { entryTimeout: 0 });
    other = await cluster.connect('r', { entryTimeout: 0 });
    bricks = cluster.bricks('r');
  });
  afterAll(async () => {
    await one?.close();
    await other?.close();
    await cluster?.stop();
  });

  const views = () => [one, other].map((volume) => () => upForVolume(volume));
  const names = (below: string): string[][] =>
    bricks.map(({ directory }) => {
      const place = join(directory, below);
      return existsSync(place) ? readdirSync(place).sort() : [];
    });
  const blocks = (): string[][] => names('.shard').map((row) => row.filter((name) => name !== '.remove_me'));
  const markers = (): string[][] => names('.shard/.remove_me');

  async function leave(): Promise<void> {
    await bricks[victim]!.kill();
    await noticed(
      bricks.map(({ index }) => index !== victim),
      ...views(),
    );
  }

  async function back(): Promise<void> {
    await bricks[victim]!.restart();
    await noticed(
      bricks.map(() => true),
      ...views(),
    );
  }

  /** All is healed by one run, and the bricks are copies of each other. */
  async function healed(): Promise<void> {
    const statuses = new Set<string>();
    for await (const { status } of one.healer().start()) statuses.add(status);
    expect([...statuses]).toEqual(['healed']);
    const directories = bricks.map(({ directory }) => directory);
    const differences = () => differencesOfBricks(directories, { arbiter, mtimes: false });
    await waitUntil(() => differences().length === 0, { what: 'equal bricks', timeoutMs: 3000 }).catch(
      () => {},
    );
    expect(differences()).toEqual([]);
    expect(directories.flatMap((directory) => indexedOn(directory))).toEqual([]);
  }

  /** Both clients see these bytes, whichever copies they read. */
  async function expectBytes(path: string, bytes: Buffer): Promise<void> {
    for (const volume of [one, other]) {
      expect((await volume.stat(path)).size, path).toBe(bytes.length);
      expect((await volume.readFile(path)).equals(bytes), path).toBe(true);
    }
  }

  const opened = async (
    path: string,
    flags: 'r+' | 'a',
  ): Promise<[Awaited<ReturnType<Volume['open']>>, Awaited<ReturnType<Volume['open']>>]> => [
    await one.open(path, flags),
    await other.open(path, flags),
  ];

  test('while writes cross blocks, the file shrinks and grows, and two clients append', async () => {
    const whole = numbered(2 * BLOCK + 1000, 1);
    for (const path of ['/written', '/shrunk', '/regrown']) await one.writeFile(path, whole);
    await one.writeFile('/log', whole.subarray(0, BLOCK - 100));
    const written = await opened('/written', 'r+');
    const logs = await opened('/log', 'a');
    const words = Array.from({ length: 40 }, (_, at) => `<${at % 2}:${String(at).padStart(3, '0')}>`);
    const half = words.length / 2;
    const append = (from: number, to: number) =>
      Promise.all(
        logs.map(async (log, client) => {
          for (let at = from + client; at < to; at += 2) await log.write(words[at]!);
        }),
      );
    await append(0, half);
    // In the middle of appends and of a write that crosses into a new block.
    const grown = numbered(BLOCK + 2000, 2);
    await Promise.all([
      append(half, words.length),
      written[0].pwrite(grown, 2 * BLOCK - 500),
      written[1].pwrite(numbered(3000, 3), BLOCK - 1500),
      leave(),
    ]);
    await one.truncate('/shrunk', BLOCK + 17);
    await other.truncate('/regrown', 100);
    await one.truncate('/regrown', 3 * BLOCK + 5);
    await written[1].pwrite(numbered(10, 4), 4 * BLOCK - 5);
    await other.writeFile('/new', whole);

    const expected = {
      '/written': Buffer.alloc(4 * BLOCK + 5),
      '/shrunk': whole.subarray(0, BLOCK + 17),
      '/regrown': Buffer.concat([whole.subarray(0, 100), Buffer.alloc(3 * BLOCK + 5 - 100)]),
      '/new': whole,
    };
    whole.copy(expected['/written']);
    grown.copy(expected['/written'], 2 * BLOCK - 500);
    numbered(3000, 3).copy(expected['/written'], BLOCK - 1500);
    numbered(10, 4).copy(expected['/written'], 4 * BLOCK - 5);
    for (const [path, bytes] of Object.entries(expected)) await expectBytes(path, bytes);
    const log = (await other.readFile('/log', 'latin1')).slice(BLOCK - 100);
    expect(log.match(/<\d:\d{3}>/g)?.sort()).toEqual([...words].sort());
    expect(log).toHaveLength(words.join('').length);

    await back();
    for (const [path, bytes] of Object.entries(expected)) await expectBytes(path, bytes);
    for (const file of [...written, ...logs]) await file.close();
    await healed();
    for (const [path, bytes] of Object.entries(expected)) await expectBytes(path, bytes);
    // Blocks 1 to 4 of /written, 1 of /shrunk, 3 of /regrown or none where it is a hole, and so on: the same on all.
    expect(new Set(blocks().map(String)).size).toBe(1);
    expect(markers()).toEqual(bricks.map(() => []));
  });

  test('while files of many blocks are removed and renamed over', async () => {
    const whole = numbered(BLOCK + 1000, 5);
    const before = blocks()[0]!;
    for (const path of ['/gone', '/over', '/kept', '/late']) await one.writeFile(path, whole);
    const held = await other.open('/kept', 'r');
    await leave();
    await one.unlink('/gone');
    await one.writeFile('/fresh', 'small');
    await other.rename('/fresh', '/over');
    // Open with another client, which goes on reading until its blocks are removed in turn.
    await one.unlink('/kept');
    await held.close();
    await back();
    // Deferred removals go on where the brick is back, and those that it has missed are healed.
    await other.unlink('/late');
    await healedRemovals(before);
    await expectBytes('/over', Buffer.from('small'));
    for (const path of ['/gone', '/kept', '/late', '/fresh'])
      await expect(other.stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  async function healedRemovals(before: readonly string[]): Promise<void> {
    await waitUntil(
      async () => {
        // What another had open is removed with the next removal of whoever removed its name.
        await one.writeFile('/next', 'x');
        await one.unlink('/next');
        for await (const _ of one.healer().start()) {
          // to the end
        }
        return blocks().every((row) => String(row) === String(before));
      },
      { what: 'blocks to go', timeoutMs: 6000 },
    ).catch(() => {});
    await waitUntil(() => markers().flat().length === 0, { what: 'markers to go', timeoutMs: 6000 }).catch(
      () => {},
    );
    expect({ blocks: blocks(), markers: markers() }).toEqual({
      blocks: bricks.map(() => before),
      markers: bricks.map(() => []),
    });
    const directories = bricks.map(({ directory }) => directory);
    const differences = () => differencesOfBricks(directories, { arbiter, mtimes: false });
    await waitUntil(() => differences().length === 0, { what: 'equal bricks', timeoutMs: 3000 }).catch(
      () => {},
    );
    expect(differences()).toEqual([]);
    expect(directories.flatMap((directory) => indexedOn(directory))).toEqual([]);
  }
});
