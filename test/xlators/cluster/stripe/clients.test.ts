import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Volume } from '../../../../src/index.ts';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';
import { waitUntil } from '../../../helpers/wait.ts';

/* Over the wire: bricks that go and come back, clients next to each other. */

const BLOCK = 16 * 1024;
const options = { 'cluster.stripe-block-size': '16KB' };
const impatient = { entryTimeout: 0, translatorOptions: { '*-client-*.reconnect-grace': '0' } };
let cluster: Cluster;
let volume: Volume;

beforeEach(async () => {
  cluster = await startCluster({
    volumes: { s: { type: 'stripe 3', options }, ds: { type: 'stripe 2 x 2', options } },
  });
  volume = await cluster.connect('s', impatient);
});
afterEach(async () => {
  await volume.close();
  await cluster.stop();
});

const bytes = Buffer.from(Array.from({ length: 7 * BLOCK }, (_, at) => (at * 7 + (at >> 9)) & 0xff));

describe('a subvolume that is down', () => {
  test('takes the files with it, and gives them back', async () => {
    await volume.mkdir('/dir');
    await volume.writeFile('/dir/file', bytes);
    const file = await volume.open('/dir/file', 'r+');
    await cluster.bricks('s')[1]!.kill();
    const gone = { code: 'ENOTCONN' };
    await expect(file.pread(3 * BLOCK, 0)).rejects.toMatchObject(gone);
    await expect(volume.readFile('/dir/file')).rejects.toMatchObject(gone);
    await expect(volume.stat('/dir/file')).rejects.toMatchObject(gone);
    await expect(volume.writeFile('/dir/new', 'x')).rejects.toMatchObject(gone);
    await expect(volume.unlink('/dir/file')).rejects.toMatchObject(gone);
    await expect(volume.rename('/dir', '/moved')).rejects.toMatchObject(gone);
    await expect(volume.mkdir('/more')).rejects.toMatchObject(gone);
    await expect(file.truncate(0)).rejects.toMatchObject(gone);
    expect(await volume.readdir('/dir')).toEqual(['file']);
    expect((await volume.stat('/dir')).isDirectory()).toBe(true);
    const { buffer } = await file.pread(BLOCK, 2 * BLOCK);
    expect(buffer.equals(bytes.subarray(2 * BLOCK, 3 * BLOCK))).toBe(true);

    await cluster.bricks('s')[1]!.restart();
    await waitUntil(async () => (await volume.stat('/dir/file')).size > 0, { what: 'the stripe' });
    expect((await volume.readFile('/dir/file')).equals(bytes)).toBe(true);
    await file.pwrite(Buffer.from('after'), 4 * BLOCK);
    await file.close();
    expect(String((await volume.readFile('/dir/file')).subarray(4 * BLOCK, 4 * BLOCK + 5))).toBe('after');
    expect(await volume.readdir('/')).toEqual(['dir']);
  });

  test('is all there is to say where it is the first', async () => {
    await volume.writeFile('/file', bytes);
    await cluster.bricks('s')[0]!.kill();
    await expect(volume.readdir('/')).rejects.toMatchObject({ code: 'ENOTCONN' });
    await expect(volume.stat('/')).rejects.toMatchObject({ code: 'ENOTCONN' });
    await cluster.bricks('s')[0]!.restart();
    await waitUntil(async () => (await volume.readdir('/')).length === 1, { what: 'the first subvolume' });
    expect((await volume.readFile('/file')).equals(bytes)).toBe(true);
  });

  test('does not keep a client from what is on the others', async () => {
    await volume.mkdir('/dir');
    await volume.close();
    await cluster.bricks('s')[2]!.kill();
    volume = await cluster.connect('s', impatient);
    expect(await volume.readdir('/')).toEqual(['dir']);
  });
});

describe('two clients', () => {
  test('append without losing anything', async () => {
    const other = await cluster.connect('s', impatient);
    const files = [await volume.open('/log', 'a'), await other.open('/log', 'a')];
    const lines = 30;
    await Promise.all(
      files.map(async (file, writer) => {
        for (let line = 0; line < lines; line++)
          await file.write(`${writer}:${line}`.padEnd(999, '.').concat('\n'));
      }),
    );
    const found = String(await volume.readFile('/log'))
      .split('\n')
      .filter(Boolean);
    expect(found.length).toBe(2 * lines);
    expect(new Set(found.map((line) => line.replace(/\.+$/, ''))).size).toBe(2 * lines);
    for (const file of files) await file.close();
    await other.close();
  });

  test('make, rename and remove the same names, and no file is half of one', async () => {
    const other = await cluster.connect('s', impatient);
    const settled: PromiseSettledResult<unknown>[] = [];
    for (let round = 0; round < 12; round++) {
      const work = [volume, other].flatMap((client, at) => [
        client.writeFile('/a', `${at}`),
        client.rename('/a', '/b'),
        client.unlink('/b'),
      ]);
      settled.push(...(await Promise.allSettled(work)));
    }
    const codes = settled.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as { code: string }).code] : [],
    );
    expect(codes.filter((code) => code !== 'ENOENT' && code !== 'ESTALE')).toEqual([]);
    expect(settled.some(({ status }) => status === 'fulfilled')).toBe(true);
    for (const name of await volume.readdir('/')) {
      await volume.readFile(`/${name}`);
      await volume.unlink(`/${name}`);
    }
    await other.close();
  });
});

describe('distributed stripes', () => {
  test('have each file on one set, in stripes', async () => {
    const client = await cluster.connect('ds', impatient);
    await client.mkdir('/dir');
    const names = Array.from({ length: 12 }, (_, at) => `/dir/file-${at}`);
    for (const name of names) await client.writeFile(name, bytes);
    for (const name of names) expect((await client.readFile(name)).equals(bytes)).toBe(true);
    expect((await client.readdir('/dir')).length).toBe(12);
    const where = await Promise.all(names.map((name) => client.getxattr(name, 'glusterfs.pathinfo')));
    const sets = where.map((text) => /<STRIPE:(ds-stripe-\d):\[16384\]>/.exec(String(text))?.[1]);
    expect([...new Set(sets)].sort()).toEqual(['ds-stripe-0', 'ds-stripe-1']);
    for (const name of names) await client.rename(name, `${name}-moved`);
    for (const name of names) expect((await client.stat(`${name}-moved`)).size).toBe(bytes.length);
    const entries = await client.readdir('/dir', { withFileTypes: true });
    expect(entries.every((entry) => entry.isFile())).toBe(true);
    await client.close();
  });
});
