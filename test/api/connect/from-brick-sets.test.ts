import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBricks } from '../../../src/api/index.ts';
import { type Cluster, startCluster } from '../../../src/testing/index.ts';
import { MemoryWorld } from '../../cli/world.ts';

/* Bricks that hold files together, copies or fragments, read without servers, and with some of them missing. */

const directory = mkdtempSync(join(tmpdir(), 'glfs-brick-sets-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Contents = ReadonlyMap<string, Buffer>;
interface Stopped {
  readonly bricks: readonly string[];
  readonly contents: Contents;
}

/** What reading must leave as it is. */
function snapshot(root: string): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    const { mode, size, mtimeNs, ctimeNs, ino, ...stat } = lstatSync(path, { bigint: true });
    hash.update(`${path} ${mode} ${size} ${mtimeNs} ${ctimeNs} ${ino} ${stat.nlink}\n`);
    const kind = lstatSync(path);
    if (kind.isFile()) hash.update(readFileSync(path));
    if (kind.isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
  };
  add(root);
  return hash.digest('hex');
}

/** A volume that clients have filled, and changed while `lost` were away; its bricks are stopped. */
async function makeVolume(name: string, type: string, lost: readonly number[] = []): Promise<Stopped> {
  mkdirSync(join(directory, name));
  await using cluster: Cluster = await startCluster({
    volumes: { [name]: { type } },
    directory: join(directory, name),
  });
  const bricks = cluster.bricks(name);
  const contents = new Map<string, Buffer>();
  const put = async (path: string, bytes: Buffer): Promise<void> => {
    await volume.writeFile(path, bytes);
    contents.set(path, bytes);
  };
  await using volume = await cluster.connect(name, { entryTimeout: 0 });
  await volume.mkdir('/d/e', { recursive: true });
  for (const [index, size] of [0, 1, 512, 2048, 10_000, 65_537].entries())
    await put(`${index % 2 === 0 ? '' : '/d/e'}/file-${index}`, randomBytes(size));
  await put('/changed', randomBytes(5000));
  await put('/gone', Buffer.from('gone'));
  await volume.link('/changed', '/d/second');
  await volume.symlink('changed', '/link');
  await volume.setxattr('/changed', 'user.colour', 'blue');
  for (const index of lost) await bricks[index]!.kill();
  if (lost.length > 0) {
    await put('/changed', randomBytes(7001));
    await put('/new', randomBytes(3333));
    await volume.unlink('/gone');
    contents.delete('/gone');
  }
  contents.set('/d/second', contents.get('/changed')!);
  return { bricks: bricks.map((brick) => brick.directory), contents };
}

async function expectAll(bricks: readonly string[], contents: Contents): Promise<void> {
  await using volume = await fromBricks(bricks);
  for (const [path, bytes] of contents) {
    expect(Buffer.compare(await volume.readFile(path), bytes), path).toBe(0);
    expect((await volume.stat(path)).size, path).toBe(bytes.length);
  }
  const names = (await volume.readdir('/')).sort();
  const files = [...contents.keys()].filter((path) => path.lastIndexOf('/') === 0);
  expect(names).toEqual(['d', 'link', ...files.map((path) => path.slice(1))].sort());
  expect(await volume.readlink('/link')).toBe('changed');
  expect((await volume.getxattr('/changed', 'user.colour')).toString()).toBe('blue');
  await expect(volume.writeFile('/x', 'x')).rejects.toMatchObject({ code: 'EROFS' });
}

const without = (bricks: readonly string[], ...missing: number[]): string[] =>
  bricks.map((brick, index) => (missing.includes(index) ? '-' : brick));

const refused = (code: string, message: RegExp) => ({
  code,
  message: expect.stringMatching(message) as string,
});

describe('a disperse set', () => {
  let stopped: Stopped;
  beforeAll(async () => {
    stopped = await makeVolume('fragments', 'disperse 4+2');
  });

  it('is read with any two bricks missing, and nothing in it changes', async () => {
    const { bricks, contents } = stopped;
    const before = bricks.map(snapshot);
    for (const all of [bricks, without(bricks, 0)]) await expectAll(all, contents);
    for (let one = 0; one < 6; one++)
      for (let other = one + 1; other < 6; other++) await expectAll(without(bricks, one, other), contents);
    expect(bricks.map(snapshot)).toEqual(before);
  });

  it('is refused where too many are missing, or have no place', async () => {
    const { bricks } = stopped;
    await expect(fromBricks(without(bricks, 0, 1, 2))).rejects.toMatchObject(refused('EINVAL', /too many/));
    await expect(fromBricks(bricks.slice(1))).rejects.toMatchObject(refused('EINVAL', /sets of 6 .* 5/));
  });

  it.each([
    ['two change places', [1, 0, 2, 3, 4, 5]],
    ['they stand in reverse, which fits all fragments', [5, 4, 3, 2, 1, 0]],
    ['the first comes last', [1, 2, 3, 4, 5, 0]],
  ])('is refused where %s', async (_what, order) => {
    const { bricks } = stopped;
    const shuffled = order.map((index) => bricks[index]!);
    await expect(fromBricks(shuffled)).rejects.toMatchObject(refused('EINVAL', /order/));
    await expect(fromBricks(without(shuffled, 2, 3))).rejects.toMatchObject(refused('EINVAL', /order/));
  });
});

describe('a disperse set of which one brick has missed changes', () => {
  let stopped: Stopped;
  beforeAll(async () => {
    stopped = await makeVolume('behind', 'disperse 2+1', [1]);
  });

  it('is read from those that have them', async () => {
    const { bricks, contents } = stopped;
    await expectAll(bricks, contents);
    await expectAll(without(bricks, 1), contents);
  });

  it('is not read from too few that have them', async () => {
    const { bricks, contents } = stopped;
    await using volume = await fromBricks(without(bricks, 0));
    await expect(volume.readFile('/changed')).rejects.toMatchObject({ code: 'EIO' });
    expect(Buffer.compare(await volume.readFile('/file-2'), contents.get('/file-2')!)).toBe(0);
  });
});

describe('a replica set', () => {
  let stopped: Stopped;
  beforeAll(async () => {
    stopped = await makeVolume('copies', 'replicate 3', [1]);
  });

  it('is read from copies that nobody accuses', async () => {
    const { bricks, contents } = stopped;
    const before = bricks.map(snapshot);
    for (const missing of [[], [0], [1], [2], [0, 1], [1, 2]])
      await expectAll(without(bricks, ...missing), contents);
    expect(bricks.map(snapshot)).toEqual(before);
  });

  it.each([
    ['the first comes last', [1, 2, 0]],
    ['two change places', [1, 0, 2]],
  ])('is refused where %s', async (_what, order) => {
    const shuffled = order.map((index) => stopped.bricks[index]!);
    await expect(fromBricks(shuffled)).rejects.toMatchObject(refused('EINVAL', /order/));
  });

  it('is refused where missing copies have no place', async () => {
    const [first] = stopped.bricks;
    await expect(fromBricks([first!])).rejects.toMatchObject(refused('EINVAL', /need their places/));
  });
});

it('a directory that misses names is not listed, though no file tells of it', async () => {
  mkdirSync(join(directory, 'names'));
  await using cluster = await startCluster({
    volumes: { names: { type: 'replicate 2' } },
    directory: join(directory, 'names'),
  });
  await using client = await cluster.connect('names', { entryTimeout: 0 });
  await client.mkdir('/d');
  for (const name of ['gone', 'there']) await client.writeFile(`/d/${name}`, name);
  const bricks = cluster.bricks('names');
  await bricks[0]!.kill();
  await client.unlink('/d/gone');
  await client.close();
  await bricks[1]!.kill();
  await using volume = await fromBricks(bricks.map((brick) => brick.directory));
  await expect(volume.stat('/d/gone')).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await volume.readdir('/d')).toEqual(['there']);
});

it('an arbiter tells which copy is good, and has no bytes', async () => {
  const { bricks, contents } = await makeVolume('arbiter', 'replicate 3 arbiter 1', [0]);
  await expectAll(bricks, contents);
  await expectAll(without(bricks, 0), contents);
  await using volume = await fromBricks(without(bricks, 1));
  await expect(volume.readFile('/changed')).rejects.toMatchObject({ code: 'EIO' });
  await using alone = await fromBricks(without(bricks, 0, 1));
  await expect(alone.readFile('/file-2')).rejects.toMatchObject({ code: 'ENOTCONN' });
});

it.each([
  ['replicate 2 x 2', [0, 3], [0, 1]],
  ['disperse 2+1 x 2', [2, 3], [0, 1]],
])('of %s each set may lack its own', async (type, some, many) => {
  const { bricks, contents } = await makeVolume(type.replaceAll(/\W/g, '-'), type);
  await expectAll(bricks, contents);
  await expectAll(without(bricks, ...some), contents);
  const turned = [bricks[0]!, ...bricks.slice(2), bricks[1]!];
  await expect(fromBricks(turned)).rejects.toMatchObject(refused('EINVAL', /order|need their places/));
  const less = without(bricks, ...many);
  await expect(fromBricks(less)).rejects.toMatchObject(refused('EINVAL', /missing/));
  await using volume = await fromBricks(less, { partial: true });
  const found = await Promise.all(
    [...contents].map(([path, bytes]) =>
      volume.readFile(path).then(
        (there) => Buffer.compare(there, bytes) === 0,
        (error: { code: string }) => error.code,
      ),
    ),
  );
  expect(new Set(found)).toEqual(new Set([true, 'ENOENT']));
});

it('glfs --bricks takes - for a missing brick', async () => {
  const { bricks, contents } = await makeVolume('cli', 'disperse 2+1');
  const { code, bytes } = await new MemoryWorld().glfs(['--bricks', ...without(bricks, 0), 'cat', '/file-4']);
  expect(code).toBe(0);
  expect(bytes).toEqual(contents.get('/file-4'));
});
