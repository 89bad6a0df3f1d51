import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GlfsError } from '../../src/errors.ts';
import type { MemoryVolume } from '../helpers/memory-volume/volume.ts';
import { MemoryWorld } from './world.ts';

const URL = 'gluster://h/vol';
const OTHER = 'gluster://h/other';
let world: MemoryWorld;
let memory: MemoryVolume;
let here: string;

beforeEach(() => {
  here = mkdtempSync(join(tmpdir(), 'glfs-copy-'));
  world = new MemoryWorld();
  memory = world.add('vol');
});
afterEach(() => rmSync(here, { recursive: true, force: true }));

const at = (...names: string[]) => join(here, ...names);
const read = (path: string) => memory.volume().readFile(path, { encoding: 'utf8' });
const good = { code: 0, stderr: '' };

describe('put and get', () => {
  test('bytes are the same, whatever the size', async () => {
    for (const size of [0, 1, 65_535, 65_536, 1024 ** 2, 1024 ** 2 + 1, 5 * 1024 ** 2 + 17]) {
      const content = Buffer.from(Array.from({ length: size }, (_, index) => (index * 31) >> 3));
      writeFileSync(at('in'), content);
      expect(await world.glfs(['put', at('in'), `${URL}/f`])).toMatchObject(good);
      expect((await memory.volume().readFile('/f')).equals(content)).toBe(true);
      expect(await world.glfs(['get', `${URL}/f`, at('out')])).toMatchObject(good);
      expect(readFileSync(at('out')).equals(content)).toBe(true);
    }
  });

  test('files of a source without a size are read to their end', async () => {
    expect(await world.glfs(['put', '/proc/self/status', `${URL}/status`])).toMatchObject(good);
    expect(await read('/status')).toContain('Name:');
  });

  test('a new file has the mode of its source without the umask, an old one keeps its own', async () => {
    writeFileSync(at('in'), 'x');
    chmodSync(at('in'), 0o4777);
    await memory.volume().writeFile('/old', 'longer than before', { mode: 0o600 });
    await world.glfs(['put', at('in'), `${URL}/new`]);
    await world.glfs(['put', at('in'), `${URL}/old`]);
    const modes = await Promise.all(
      ['/new', '/old'].map(async (path) => (await memory.volume().stat(path)).mode & 0o7777),
    );
    expect(modes).toEqual([0o755, 0o600]);
    expect(await read('/old')).toBe('x');
  });

  test('-p keeps mode and times to the nanosecond', async () => {
    writeFileSync(at('in'), 'x');
    utimesSync(at('in'), 1_000_000_000.123, 1_500_000_000.456);
    chmodSync(at('in'), 0o4711);
    // Reading it sets the time of access.
    const local = statSync(at('in'), { bigint: true });
    expect(await world.glfs(['put', '-p', at('in'), `${URL}/f`])).toMatchObject(good);
    const stats = await memory.volume().stat('/f', { bigint: true });
    expect([stats.mode, stats.mtimeNs, stats.atimeNs]).toEqual([local.mode, local.mtimeNs, local.atimeNs]);
    expect(await world.glfs(['get', '-p', `${URL}/f`, at('out')])).toMatchObject(good);
    expect(statSync(at('out')).mode).toBe(statSync(at('in')).mode);
    expect(statSync(at('out')).mtimeMs).toBeCloseTo(statSync(at('in')).mtimeMs, 2);
  });

  test('trees come back as they were, odd names and links included', async () => {
    const bad = Buffer.concat([Buffer.from(at('tree/')), Buffer.from([0xff, 0x41])]);
    mkdirSync(at('tree/sub dir/deep'), { recursive: true });
    mkdirSync(at('tree/locked'));
    writeFileSync(bad, 'bad');
    for (const name of ["it's", 'new\nline', '%41', 'grün', '-rf', '.hidden'])
      writeFileSync(at('tree', name), name);
    writeFileSync(at('tree/sub dir/file'), 'content');
    symlinkSync('../nowhere', at('tree/dangling'));
    symlinkSync('sub dir', at('tree/link'));
    chmodSync(at('tree/locked'), 0o500);
    expect(await world.glfs(['put', '-r', at('tree'), `${URL}/tree`])).toMatchObject(good);
    expect((await memory.volume().readdir('/tree')).sort()).toEqual(
      [
        '%41',
        '-rf',
        '.hidden',
        'dangling',
        'grün',
        "it's",
        'link',
        'locked',
        'new\nline',
        'sub dir',
        '\udcffA',
      ].sort(),
    );
    expect(await memory.volume().readlink('/tree/dangling')).toBe('../nowhere');
    expect((await memory.volume().stat('/tree/locked')).mode & 0o777).toBe(0o500);
    mkdirSync(at('back'));
    expect(await world.glfs(['get', '-r', `${URL}/tree`, at('back')])).toMatchObject(good);
    expect(readFileSync(at('back/tree/sub dir/file'), 'utf8')).toBe('content');
    expect(
      readFileSync(Buffer.concat([Buffer.from(at('back/tree/')), Buffer.from([0xff, 0x41])]), 'utf8'),
    ).toBe('bad');
    expect(readlinkSync(at('back/tree/link'))).toBe('sub dir');
    expect(existsSync(at('back/tree/sub dir/deep'))).toBe(true);
    expect(lstatSync(at('back/tree/locked')).mode & 0o777).toBe(0o500);
    chmodSync(at('tree/locked'), 0o700);
  });

  test('-L follows links, but not for ever', async () => {
    mkdirSync(at('tree'));
    writeFileSync(at('tree/file'), 'content');
    symlinkSync('file', at('tree/link'));
    symlinkSync('.', at('tree/round'));
    expect(await world.glfs(['put', '-rL', at('tree'), `${URL}/tree`])).toMatchObject({
      code: 1,
      stderr: `glfs: cannot copy cyclic symbolic link '${at('tree/round')}'\n`,
    });
    expect((await memory.volume().lstat('/tree/link')).isFile()).toBe(true);
  });

  test('a link that leads nowhere is not written through', async () => {
    writeFileSync(at('in'), 'x');
    await memory.volume().symlink('nowhere', '/dangling');
    expect(await world.glfs(['put', at('in'), `${URL}/dangling`])).toMatchObject({
      code: 1,
      stderr: `glfs: not writing through dangling symlink '${URL}/dangling'\n`,
    });
  });

  test('holes stay holes', async () => {
    writeFileSync(at('sparse'), 'begin');
    truncateSync(at('sparse'), 20 * 1024 ** 2);
    memory.take();
    expect(await world.glfs(['put', at('sparse'), `${URL}/sparse`])).toMatchObject(good);
    const written = memory.calls
      .filter(({ fop }) => fop === 'write')
      .map(({ request }) => (request as { size: number }).size);
    expect(written).toEqual([1024 ** 2]);
    const content = await memory.volume().readFile('/sparse');
    expect(content.equals(readFileSync(at('sparse')))).toBe(true);
  });

  test('- is standard input and standard output', async () => {
    expect(await world.glfs(['put', '-', `${URL}/f`], { input: 'hello' })).toMatchObject(good);
    expect(await world.glfs(['get', `${URL}/f`, '-'])).toMatchObject({ ...good, stdout: 'hello' });
    expect(await world.glfs(['put', '-', `${URL}/`], { input: 'x' })).toMatchObject({
      code: 1,
      stderr: `glfs: cannot overwrite directory '${URL}/' with standard input\n`,
    });
  });

  test('several sources go into a directory, and never over each other', async () => {
    mkdirSync(at('a'));
    mkdirSync(at('b'));
    for (const name of ['a/x', 'b/x', 'y']) writeFileSync(at(name), name);
    await memory.volume().mkdir('/d');
    const { code, stderr } = await world.glfs(['put', at('a/x'), at('b/x'), at('y'), `${URL}/d`]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `glfs: will not overwrite just-created '${URL}/d/x' with '${at('b/x')}'\n`,
    });
    expect([await read('/d/x'), await read('/d/y')]).toEqual(['a/x', 'y']);
    expect(await world.glfs(['put', at('y'), at('a/x'), `${URL}/d/y`])).toMatchObject({
      code: 1,
      stderr: `glfs: target '${URL}/d/y': Not a directory\n`,
    });
  });

  test('-v and --json tell what was copied', async () => {
    writeFileSync(at('in'), 'four');
    const paths = { source: at('in'), target: `${URL}/f` };
    expect((await world.glfs(['put', '-v', at('in'), `${URL}/f`])).stdout).toBe(
      `'${paths.source}' -> '${paths.target}'\n`,
    );
    const { stdout } = await world.glfs(['put', '--json', at('in'), `${URL}/f`]);
    expect(JSON.parse(stdout)).toEqual([{ ...paths, type: 'file', size: 4 }]);
  });

  test('-n leaves alone what exists', async () => {
    writeFileSync(at('in'), 'new');
    await memory.volume().writeFile('/f', 'old');
    expect(await world.glfs(['put', '-n', at('in'), `${URL}/f`])).toMatchObject(good);
    expect(await read('/f')).toBe('old');
  });

  test('--fsync asks for it before the file is closed', async () => {
    writeFileSync(at('in'), 'x');
    memory.take();
    await world.glfs(['put', '--fsync', at('in'), `${URL}/f`]);
    const fops = memory.take();
    expect(fops.indexOf('fsync')).toBeGreaterThan(fops.indexOf('write'));
    await world.glfs(['put', at('in'), `${URL}/f`]);
    expect(memory.take()).not.toContain('fsync');
  });

  test('a write that fails leaves what is there, says how much, and the rest is copied', async () => {
    mkdirSync(at('tree'));
    writeFileSync(at('tree/big'), Buffer.alloc(4 * 1024 ** 2, 'x'));
    writeFileSync(at('tree/small'), 'small');
    memory.before = ({ fop, request }) => {
      if (fop === 'write' && (request as { offset: number }).offset >= 2 * 1024 ** 2)
        throw new GlfsError('ENOSPC');
    };
    const { code, stderr } = await world.glfs(['put', '-r', at('tree'), `${URL}/tree`]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `glfs: error writing '${URL}/tree/big': No space left on device; '${URL}/tree/big' is incomplete (2097152 bytes were written)\n`,
    );
    expect((await memory.volume().stat('/tree/big')).size).toBe(2 * 1024 ** 2);
    expect(await read('/tree/small')).toBe('small');
    expect(memory.opened.size).toBe(0);
  });

  test('bytes that did not arrive are found out', async () => {
    writeFileSync(at('in'), 'twelve bytes');
    const { fops } = memory;
    const original = fops.fstat;
    Object.assign(fops, {
      fstat: async (...args: Parameters<typeof original>) => {
        const reply = await original(...args);
        return { ...reply, stat: { ...reply.stat, size: Math.max(reply.stat.size - 2, 0) } };
      },
    });
    expect((await world.glfs(['put', at('in'), `${URL}/f`])).stderr).toBe(
      `glfs: error writing '${URL}/f': 12 bytes were written, but it has 10\n`,
    );
  });
});

describe('cp and mv', () => {
  test('cp within a volume and to another one', async () => {
    const other = world.add('other');
    await memory.volume().writeFile('/f', 'content');
    expect(await world.glfs(['cp', `${URL}/f`, `${URL}/g`])).toMatchObject(good);
    expect(await world.glfs(['cp', `${URL}/f`, `${URL}/g`, `${OTHER}/`])).toMatchObject(good);
    expect([await read('/g'), (await other.volume().readFile('/g')).toString()]).toEqual([
      'content',
      'content',
    ]);
    expect((await other.volume().readdir('/')).sort()).toEqual(['f', 'g']);
  });

  test.each(['cp', 'mv'])('%s knows a volume under the names of its other servers', async (name) => {
    await memory.volume().writeFile('/f', 'content');
    const { code, stderr } = await world.glfs([name, 'gluster://h/vol/f', 'gluster://h2/vol/f']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "glfs: 'gluster://h/vol/f' and 'gluster://h2/vol/f' are the same file\n",
    });
    expect(await read('/f')).toBe('content');
  });

  test('a tree is not copied into itself, links or not', async () => {
    const volume = memory.volume();
    await volume.mkdir('/d/sub', { recursive: true });
    await volume.symlink('d', '/link');
    for (const target of ['d/x', 'd/sub', 'link/x']) {
      const { code, stderr } = await world.glfs(['cp', '-r', `${URL}/d`, `${URL}/${target}`]);
      expect(stderr).toContain(`cannot copy a directory, '${URL}/d', into itself, `);
      expect(code).toBe(1);
    }
    expect(await volume.readdir('/d')).toEqual(['sub']);
  });

  test('mv renames, and refuses what rename would', async () => {
    const volume = memory.volume();
    await volume.mkdir('/d/sub', { recursive: true });
    await volume.writeFile('/f', 'content');
    memory.take();
    expect(await world.glfs(['mv', '-v', `${URL}/f`, `${URL}/d`])).toMatchObject({
      ...good,
      stdout: `renamed '${URL}/f' -> '${URL}/d/f'\n`,
    });
    expect(memory.take()).not.toContain('write');
    expect(await world.glfs(['mv', `${URL}/d`, `${URL}/d/sub`])).toMatchObject({
      code: 1,
      stderr: `glfs: cannot move '${URL}/d' to a subdirectory of itself, '${URL}/d/sub/d'\n`,
    });
    expect(await world.glfs(['mv', `${URL}/d`, `${URL}/d/f`])).toMatchObject({ code: 1 });
    expect(await volume.readdir('/d')).toEqual(['sub', 'f']);
  });

  test('mv to another volume copies all and then removes', async () => {
    const other = world.add('other');
    const volume = memory.volume();
    await volume.mkdir('/d/sub', { recursive: true });
    await volume.writeFile('/d/sub/f', 'content');
    await volume.symlink('sub', '/d/link');
    await volume.chmod('/d/sub/f', 0o4640);
    expect(await world.glfs(['mv', '--json', `${URL}/d`, `${OTHER}/`])).toMatchObject(good);
    expect(await volume.readdir('/')).toEqual([]);
    expect((await other.volume().readFile('/d/sub/f')).toString()).toBe('content');
    expect((await other.volume().stat('/d/sub/f')).mode & 0o7777).toBe(0o4640);
    expect(await other.volume().readlink('/d/link')).toBe('sub');
    expect(other.take()).toContain('fsync');
  });

  test('mv to another volume removes nothing where something could not be copied', async () => {
    const other = world.add('other');
    const volume = memory.volume();
    await volume.mkdir('/d');
    for (const name of ['a', 'b']) await volume.writeFile(`/d/${name}`, name);
    other.before = ({ fop, request }) => {
      if (fop === 'create' && (request as { loc: { name: string } }).loc.name === 'b')
        throw new GlfsError('EDQUOT');
    };
    expect(await world.glfs(['mv', `${URL}/d`, `${OTHER}/d`])).toMatchObject({
      code: 1,
      stderr: `glfs: cannot create regular file '${OTHER}/d/b': Disk quota exceeded\n`,
    });
    expect((await volume.readdir('/d')).sort()).toEqual(['a', 'b']);
  });
});

describe('rm', () => {
  test('-r removes a tree, and leaves what can not go', async () => {
    const volume = memory.volume();
    await volume.mkdir('/d/sub', { recursive: true });
    for (let index = 0; index < 150; index++) await volume.writeFile(`/d/sub/f${index}`, '');
    await volume.writeFile('/d/stays', '');
    memory.before = ({ fop, request }) => {
      if (fop === 'unlink' && (request as { loc: { name: string } }).loc.name === 'stays')
        throw new GlfsError('EPERM');
    };
    expect(await world.glfs(['rm', '-r', `${URL}/d`])).toMatchObject({
      code: 1,
      stderr: `glfs: cannot remove '${URL}/d/stays': Operation not permitted\n`,
    });
    expect(await volume.readdir('/d')).toEqual(['stays']);
    memory.before = () => {};
    expect(await world.glfs(['rm', '-rf', `${URL}/d`, `${URL}/gone`])).toMatchObject(good);
    expect(await volume.readdir('/')).toEqual([]);
  });

  test('never the whole volume', async () => {
    await memory.volume().writeFile('/f', '');
    for (const url of [URL, `${URL}/`, `${URL}//`]) {
      const { code, stderr } = await world.glfs(['rm', '-rf', url]);
      expect(code).toBe(1);
      expect(stderr).toContain('it is dangerous to operate recursively');
    }
    expect(await memory.volume().readdir('/')).toEqual(['f']);
  });
});
