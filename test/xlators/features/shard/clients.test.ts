import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Volume } from '../../../../src/index.ts';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';
import { waitUntil } from '../../../helpers/wait.ts';

const BLOCK = 4 * 2 ** 20;

let cluster: Cluster;
let one: Volume;
let other: Volume;
beforeAll(async () => {
  const options = { 'features.shard': 'on', 'features.shard-block-size': '4MB' };
  cluster = await startCluster({ volumes: { vol: { type: 'distribute 3', options } } });
  one = await cluster.connect('vol', { entryTimeout: 0 });
  other = await cluster.connect('vol', { entryTimeout: 0 });
}, 60_000);
afterAll(async () => {
  await one?.close();
  await other?.close();
  await cluster?.stop();
});

/** Blocks and markers on all bricks. */
function left(): string[] {
  return cluster
    .bricks('vol')
    .flatMap(({ directory }) => readdirSync(join(directory, '.shard'), { recursive: true }).map(String))
    .filter((name) => name !== '.remove_me');
}

describe('two clients at once', () => {
  test('append, and nothing is lost', async () => {
    await one.writeFile('/log', Buffer.alloc(BLOCK - 200, '-'));
    const files = [await one.open('/log', 'a'), await other.open('/log', 'a')];
    const words = files.map((_, client) =>
      Array.from({ length: 25 }, (_, index) => `<${client}:${String(index).padStart(4, '0')}>`),
    );
    await Promise.all(
      files.map(async (file, client) => {
        for (const word of words[client]!) await file.write(word);
      }),
    );
    for (const file of files) await file.close();
    const text = (await other.readFile('/log')).toString('latin1');
    const found = text.slice(BLOCK - 200).match(/<\d:\d{4}>/g) ?? [];
    expect([...found].sort()).toEqual(words.flat().sort());
    expect(text.length).toBe(BLOCK - 200 + 50 * 8);
    // Each client's own are in its order.
    for (const [client, own] of words.entries())
      expect(found.filter((word) => word.startsWith(`<${client}`))).toEqual(own);
  });

  test('extend, and the size is that of the longest', async () => {
    await one.writeFile('/extended', '');
    const files = [await one.open('/extended', 'r+'), await other.open('/extended', 'r+')];
    await Promise.all(
      files.map(async (file, client) => {
        for (let at = client; at < 40; at += 2) await file.pwrite(Buffer.alloc(100, client + 1), at * 100);
      }),
    );
    await Promise.all(files.map((file, client) => file.pwrite('end', 2 * BLOCK + client)));
    for (const file of files) expect((await file.stat()).size).toBe(2 * BLOCK + 4);
    const data = await one.readFile('/extended');
    for (let at = 0; at < 40; at++) expect(data[at * 100 + 50]).toBe((at % 2) + 1);
    const blocks = (await one.stat('/extended')).blocks;
    expect(blocks).toBe((await other.stat('/extended')).blocks);
    for (const file of files) await file.close();
  });

  test('truncate and write, and neither believes what it knew', async () => {
    await one.writeFile('/shared', Buffer.alloc(2 * BLOCK, 1));
    const mine = await one.open('/shared', 'r+');
    const theirs = await other.open('/shared', 'r+');
    expect((await theirs.pread(5, 2 * BLOCK - 5)).bytesRead).toBe(5);
    await mine.truncate(100);
    // By what it knew all of that is within the file.
    expect((await theirs.pread(5, 2 * BLOCK - 5)).bytesRead).toBe(0);
    expect((await theirs.pread(500, 0)).bytesRead).toBe(100);
    await theirs.pwrite('back', BLOCK + 50);
    expect((await mine.stat()).size).toBe(BLOCK + 54);
    const { buffer, bytesRead } = await mine.pread(BLOCK, 100);
    expect(bytesRead).toBe(BLOCK - 46);
    expect(buffer.subarray(0, BLOCK - 50).every((byte) => byte === 0)).toBe(true);
    expect(buffer.subarray(BLOCK - 50, BLOCK - 46).toString()).toBe('back');
    await mine.close();
    await theirs.close();
  });

  test('see what the other has just written', async () => {
    await one.writeFile('/seen', 'first');
    await using reader = await other.open('/seen', 'r');
    expect((await reader.pread(100, 0)).buffer.toString('latin1', 0, 5)).toBe('first');
    await one.appendFile('/seen', ' second');
    const { buffer, bytesRead } = await reader.pread(100, 0);
    expect(buffer.toString('latin1', 0, bytesRead)).toBe('first second');
  });

  test('remove one file each, while the other has it open', async () => {
    for (const name of await one.readdir('/')) await one.unlink(`/${name}`);
    await one.writeFile('/open', Buffer.alloc(3 * BLOCK, 5));
    const file = await other.open('/open', 'r');
    await one.unlink('/open');
    const { buffer } = await file.pread(10, 2 * BLOCK);
    expect(buffer[0]).toBe(5);
    await file.close();
    // Nobody tells the client that has removed it; its next removal finds what is left.
    await waitUntil(
      async () => {
        await one.writeFile('/next', 'x');
        await one.unlink('/next');
        return left().every((name) => !/\.\d+$/.test(name));
      },
      { what: 'the blocks to go' },
    );
    await waitUntil(() => left().length === 0, { what: 'the markers to go' });
  });
});
