import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
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

it.each([
  ['replica 2', 2],
  ['disperse 3 redundancy 1', 3],
])('a %s volume is refused by name', async (type, bricks) => {
  const other = await pool.createVolume(`offline-${type.split(' ')[0]}`, { bricks, type });
  try {
    // glfs can't write to it yet; a mount of GlusterFS leaves what such a volume bears.
    const mount = await mountVolume(pool, { volume: other.name });
    execFileSync('sh', ['-c', `echo x >${mount.path}/file`]);
    await mount.unmount();
    await other.cli('stop', other.name, 'force');
    await expect(fromBricks(other.bricks.map(({ path }) => path))).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
    });
  } finally {
    await other.delete();
  }
});
