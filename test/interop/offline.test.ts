import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, fromBricks } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { mountVolume } from '../helpers/mount.ts';
import type { TestVolume } from '../helpers/volume.ts';

/* The brick directories of real volumes that are stopped, read without any server. */

const pool = attachPool();
const contents = new Map<string, string>();
let volume: TestVolume;

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** All that is on a brick: names, attributes, times, trusted.* values. */
function state(path: string): string {
  const find = execFileSync('find', [path, '-printf', '%p %i %m %u %g %s %T@ %C@ %n %l\n'], {
    maxBuffer: 1 << 26,
  });
  const attributes = execFileSync(
    'getfattr',
    ['-R', '-h', '-d', '-m', '.', '-e', 'hex', '--absolute-names', path],
    {
      maxBuffer: 1 << 26,
    },
  );
  return digest(Buffer.concat([find, attributes]));
}

beforeAll(async () => {
  volume = await pool.createVolume('offline', { bricks: 3 });
  await using connected = await connect(volume.url);
  await connected.mkdir('/a/b', { recursive: true });
  for (let number = 0; number < 30; number++) {
    const bytes = randomBytes(number * 3001);
    const name = `file-${number}`;
    await connected.writeFile(`/a/b/${name}`, bytes);
    // Renamed: away from their hashed brick, behind linkto files.
    const path = number % 2 === 0 ? `/a/b/${name}` : `/a/moved-${number}`;
    if (number % 2 === 1) await connected.rename(`/a/b/${name}`, path);
    contents.set(path, digest(bytes));
  }
  await connected.setxattr('/a/b/file-0', 'user.colour', Buffer.from('blue'));
  await connected.symlink('b/file-0', '/a/link');
  await volume.cli('stop', volume.name, 'force');
});

afterAll(() => volume.delete());

describe('a stopped volume', () => {
  it('gives its files from the brick directories, and keeps every byte and attribute', async () => {
    const bricks = volume.bricks.map(({ path }) => path);
    const before = bricks.map(state);
    for (const order of [bricks, [...bricks].reverse()]) {
      await using offline = await fromBricks(order);
      for (const [path, expected] of contents)
        expect(digest(await offline.readFile(path)), path).toBe(expected);
      expect(await offline.readdir('/a/b')).toHaveLength(15);
      expect((await offline.readdir('/a')).sort()).toEqual(
        [
          'b',
          'link',
          ...[...contents.keys()].filter((path) => path.includes('moved')).map((path) => path.slice(3)),
        ].sort(),
      );
      expect((await offline.getxattr('/a/link', 'user.colour')).toString()).toBe('blue');
      await expect(offline.unlink('/a/link')).rejects.toMatchObject({ code: 'EROFS' });
    }
    expect(bricks.map(state)).toEqual(before);
  });

  it('is refused where a brick was not named', async () => {
    const [, ...some] = volume.bricks.map(({ path }) => path);
    await expect(fromBricks(some)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('serves as before once it is started again', async () => {
    await volume.start();
    await using connected = await connect(volume.url);
    for (const [path, expected] of contents) expect(digest(await connected.readFile(path))).toBe(expected);
  });
});

describe.each([
  { type: 'replica 2', count: 2, redundancy: 1 },
  { type: 'replica 3 arbiter 1', count: 3, redundancy: 1 },
  { type: 'disperse 3 redundancy 1', count: 3, redundancy: 1 },
  { type: 'disperse 6 redundancy 2', count: 6, redundancy: 2 },
])('a stopped $type volume that a mount has written to', ({ type, count, redundancy }) => {
  it('gives its files, with bricks missing or behind, and keeps every byte and attribute', async () => {
    const name = `offline-${type.split(' ')[0]}-${count}`;
    const options = { 'disperse.background-heals': '0', 'cluster.self-heal-daemon': 'off' };
    const disperse = type.startsWith('disperse');
    await using sets = await pool.createVolume(name, {
      bricks: count,
      type,
      options: disperse ? { 'cluster.disperse-self-heal-daemon': 'off' } : options,
    });
    const written = new Map<string, Buffer>();
    const victim = count - 2;
    {
      await using mount = await mountVolume(pool, { volume: name });
      const put = async (path: string, size: number): Promise<void> => {
        written.set(path, randomBytes(size));
        await writeFile(mount.at(path), written.get(path)!);
      };
      await mkdir(mount.at('d'));
      for (const size of [0, 1, 4096, 70_001]) await put(`d/file-${size}`, size);
      await put('changed', 50_000);
      await sets.killBrick(victim);
      await put('changed', 33_333);
      await put('new', 2000);
    }
    await sets.cli('stop', name, 'force');
    const bricks = sets.bricks.map(({ path }) => path);
    const before = bricks.map(state);
    const others = bricks.map((_, index) => index).filter((index) => index !== victim);
    const spare = others.slice(0, redundancy - 1);
    for (const missing of [[], [victim], [victim, ...spare], spare]) {
      await using volume = await fromBricks(bricks.map((path, at) => (missing.includes(at) ? '-' : path)));
      for (const [path, bytes] of written)
        expect((await volume.readFile(`/${path}`)).equals(bytes), `${path} without ${missing}`).toBe(true);
      expect((await volume.readdir('/')).sort()).toEqual(['changed', 'd', 'new']);
    }
    const turned = [...bricks.slice(1), bricks[0]!];
    await expect(fromBricks(turned)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(bricks.map(state)).toEqual(before);
  });
});
