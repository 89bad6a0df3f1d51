import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBricks } from '../../../src/api/index.ts';
import { connect } from '../../../src/index.ts';
import { startCluster } from '../../../src/testing/index.ts';
import { MemoryWorld } from '../../cli/world.ts';

const directory = mkdtempSync(join(tmpdir(), 'glfs-from-bricks-'));
const contents = new Map<string, Buffer>();
let bricks: string[];
let strangers: string[];

/** Every file below a directory with its bytes and times: what reading must leave as it is. */
function snapshot(root: string): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    const stat = lstatSync(path, { bigint: true });
    hash.update(
      `${path} ${stat.mode} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.atimeNs} ${stat.ino}\n`,
    );
    if (stat.isFile()) hash.update(readFileSync(path));
    if (stat.isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
  };
  add(root);
  return hash.digest('hex');
}

async function makeVolume(name: string, fill: boolean): Promise<string[]> {
  await using cluster = await startCluster({
    volumes: { [name]: { type: 'distribute 3' } },
    directory: join(directory, name),
  });
  await using volume = await connect(cluster.url(name));
  await volume.mkdir('/deep/er', { recursive: true });
  for (let number = 0; fill && number < 20; number++) {
    const path = `${number % 2 === 0 ? '/deep/er' : ''}/file-${number}`;
    contents.set(path, randomBytes(number * 1000));
    await volume.writeFile(path, contents.get(path)!);
  }
  await volume.symlink('file-1', '/link');
  // Renamed files lie away from where their names say: linkto files lead to them.
  for (let number = 1; fill && number < 20; number += 2) {
    await volume.rename(`/file-${number}`, `/renamed-${number}`);
    contents.set(`/renamed-${number}`, contents.get(`/file-${number}`)!);
    contents.delete(`/file-${number}`);
  }
  return cluster.bricks(name).map((brick) => brick.directory);
}

beforeAll(async () => {
  bricks = await makeVolume('demo', true);
  strangers = await makeVolume('other', false);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a volume read from its bricks', () => {
  it('has the files that clients wrote, whatever the order of the bricks', async () => {
    for (const order of [bricks, [...bricks].reverse(), [bricks[1]!, bricks[2]!, bricks[0]!]]) {
      await using volume = await fromBricks(order);
      for (const [path, bytes] of contents) expect(await volume.readFile(path), path).toEqual(bytes);
      const names = (await volume.readdir('/')).sort();
      const expected = [...contents.keys()]
        .filter((path) => path.startsWith('/r'))
        .map((path) => path.slice(1));
      expect(names).toEqual(['deep', 'link', ...expected].sort());
      expect((await volume.readdir('/deep/er')).length).toBe(10);
      expect(await volume.readlink('/link')).toBe('file-1');
    }
  });

  it('changes nothing in them, and refuses to', async () => {
    // The first look moves times of access (relatime).
    bricks.map(snapshot);
    const before = bricks.map(snapshot);
    {
      await using volume = await fromBricks(bricks);
      for (const path of contents.keys()) await volume.readFile(path);
      await volume.readdir('/deep/er');
      await expect(volume.writeFile('/new', 'x')).rejects.toMatchObject({ code: 'EROFS' });
      await expect(volume.unlink('/link')).rejects.toMatchObject({ code: 'EROFS' });
      await expect(volume.chmod('/deep', 0o600)).rejects.toMatchObject({ code: 'EROFS' });
      await expect(volume.stat('/nothing')).rejects.toMatchObject({ code: 'ENOENT' });
    }
    expect(bricks.map(snapshot)).toEqual(before);
  });

  it('has the id of the volume', async () => {
    await using volume = await fromBricks(bricks);
    expect(await volume.volumeId()).toMatch(/^[0-9a-f]{8}-/);
  });

  it('is refused where a brick is missing, unless that is wanted', async () => {
    const some = bricks.slice(0, 2);
    await expect(fromBricks(some)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(/bricks are missing: about \d+ %/) as string,
    });
    await using volume = await fromBricks(some, { partial: true });
    let found = 0;
    for (const [path, bytes] of contents) {
      const there = await volume.readFile(path).catch((error: { code: string }) => error.code);
      if (typeof there === 'string') expect(there).toBe('ENOENT');
      else {
        expect(there).toEqual(bytes);
        found++;
      }
    }
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(contents.size);
  });

  it.each([
    ['no brick at all', () => [], /no brick is named/],
    ['one brick twice', () => [bricks[0]!, bricks[0]!], /named twice/],
    ['bricks of two volumes', () => [bricks[0]!, strangers[1]!], /different volumes/],
    ['a directory that is no brick', () => [directory], /no brick/],
  ])('is refused for %s', async (_what, which, message) => {
    await expect(fromBricks(which())).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(message) as string,
    });
  });

  it('is refused for a directory that is not there', async () => {
    await expect(fromBricks([join(directory, 'nowhere')])).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

it('a single fragment among whole files is refused, whatever the sample said', async () => {
  const { openBrick } = await import('./brick-graph.ts');
  const [kept] = await makeVolume('mixed', false);
  const all = [0, 1, 2].map((index) => kept!.replace(/brick-0$/, `brick-${index}`));
  {
    await using cluster = await startCluster({
      volumes: { mixed: { type: 'distribute 3' } },
      directory: join(directory, 'mixed'),
    });
    await using volume = await connect(cluster.url('mixed'));
    // More than the sample takes.
    for (let number = 0; number < 300; number++) await volume.writeFile(`/whole-${number}`, 'whole');
    await volume.writeFile('/zz', 'fragment');
  }
  for (const brick of all) {
    await using root = await openBrick(brick);
    await root.mark('zz', 'trusted.ec.size');
  }
  const opened = await fromBricks(all).catch((error: { code: string }) => error.code);
  // The sample may have met it.
  if (typeof opened === 'string') return expect(opened).toBe('EOPNOTSUPP');
  await using volume = opened;
  expect((await volume.readFile('/whole-7')).toString()).toBe('whole');
  await expect(volume.readFile('/zz')).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  await expect(volume.stat('/zz')).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
});

describe('glfs --bricks', () => {
  const world = new MemoryWorld();

  it('lists, prints and copies out', async () => {
    const listed = await world.glfs(['--bricks', ...bricks, 'ls', '/deep/er']);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout.trim().split('\n').length).toBe(10);
    const printed = await world.glfs(['--bricks', ...bricks, 'cat', '/renamed-7']);
    expect(printed.bytes).toEqual(contents.get('/renamed-7'));
    const target = join(directory, 'out');
    expect(await world.glfs(['--bricks', ...bricks, 'get', 'deep/er/file-8', target])).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(readFileSync(target)).toEqual(contents.get('/deep/er/file-8'));
    const root = await world.glfs([`--bricks=${bricks[0]}`, ...bricks.slice(1), 'ls']);
    expect(root.stdout).toContain('renamed-1\n');
    expect(world.connected).toEqual([]);
  });

  it('tells what is wrong', async () => {
    const cases: [string[], number, RegExp][] = [
      [['--bricks', 'ls', '/'], 2, /--bricks needs directories/],
      [['--bricks', ...bricks, 'rm', '/link'], 2, /rm does not go with --bricks/],
      [['--bricks', bricks[0]!, 'ls'], 2, /bricks are missing/],
      [['--bricks', ...bricks, 'cat', '/nothing'], 1, /bricks:\/nothing: No such file or directory/],
      [['ls', 'bricks:/'], 2, /needs the option --bricks/],
    ];
    for (const [argv, code, message] of cases) {
      const result = await world.glfs(argv);
      expect(result.code, argv.join(' ')).toBe(code);
      expect(result.stderr).toMatch(message);
    }
    expect((await world.glfs(['--bricks', bricks[0]!, '--partial', 'ls'])).code).toBe(0);
  });
});
