import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GlfsError, toGlfsError } from '../../src/errors.ts';
import { hostSyscalls, type RawEntry, type Syscalls, syscalls } from '../../src/syscalls.ts';
import { fallbackSyscalls } from '../../src/syscalls-fallback.ts';

const addon = syscalls();
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const ZERO_RANGE = 16;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;
/** O_TMPFILE of x86 and arm64; node:fs doesn't know it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

let place: string;
const descriptors: number[] = [];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'glfs-syscalls-'));
});

afterEach(() => {
  for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
  rmSync(place, { recursive: true, force: true });
});

function open(path: string | Buffer, flags: string | number = 'r'): number {
  const descriptor = openSync(path, flags, 0o600);
  descriptors.push(descriptor);
  return descriptor;
}

/** A path below the test's directory, as the calls take it. */
function at(name: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${place}/`), Buffer.from(name)]);
}

function file(name: string | Buffer, content: string | Uint8Array = ''): Buffer {
  const path = at(name);
  writeFileSync(path, content);
  return path;
}

function directory(name: string): Buffer {
  mkdirSync(at(name));
  return at(name);
}

const bytes = (text: string): Buffer => Buffer.from(text);

/** What a call throws, as far as its callers look at it. */
async function failure(call: () => unknown): Promise<Record<string, unknown>> {
  try {
    await call();
  } catch (error) {
    const { code, errno, syscall, path, message } = error as NodeJS.ErrnoException;
    return { code, errno, syscall, path, message };
  }
  throw new Error('the call was expected to fail');
}

function has(tool: string): boolean {
  return spawnSync(tool, ['--version']).error === undefined;
}

/** Whether a user may keep attributes where the tests run. */
function keepsAttributes(): boolean {
  if (addon === undefined) return false;
  const probe = join(mkdtempSync(join(tmpdir(), 'glfs-syscalls-')), 'probe');
  writeFileSync(probe, '');
  try {
    addon.setxattr(bytes(probe), bytes('user.glfs'), bytes('1'), 0);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(join(probe, '..'), { recursive: true });
  }
}

it.runIf(isLinux && addon !== undefined)('the calls of the addon are taken where it is there', () => {
  expect(hostSyscalls()).toBe(addon);
});

// Where the addon is built, nothing falls back; test/conformance/without-addon.test.ts has a host without it.
it.skipIf(addon !== undefined)('without the addon node:fs does what it can', () => {
  expect(hostSyscalls()).toBe(fallbackSyscalls);
});

// Some file systems for temporary files keep no extended attributes.
describe.skipIf(!keepsAttributes())(
  'extended attributes (skipped without the addon or user.* in /tmp)',
  () => {
    const { getxattr, setxattr, removexattr, listxattr } = addon ?? fallbackSyscalls;
    const name = bytes('user.glfs');

    it.each([
      ['a file', () => file('file')],
      ['a name that is not UTF-8', () => file(Buffer.from([0x66, 0xff, 0xc3]))],
      ['a directory', () => directory('dir')],
      ['a descriptor', () => open(file('open'))],
      ['a descriptor of a directory', () => open(place)],
    ])('are set, read, listed and removed: %s', (_, make) => {
      const target = make();
      const value = Buffer.from([0, 1, 0xff, 0, 10]);
      setxattr(target, name, value, 0);
      setxattr(target, bytes('user.empty'), new Uint8Array(0), XATTR_CREATE);
      expect(getxattr(target, name)).toEqual(value);
      expect(getxattr(target, bytes('user.empty'))).toEqual(Buffer.alloc(0));
      expect(listxattr(target).map(String).sort()).toEqual(['user.empty', 'user.glfs']);
      setxattr(target, name, bytes('other'), XATTR_REPLACE);
      expect(getxattr(target, name)).toEqual(bytes('other'));
      removexattr(target, name);
      removexattr(target, bytes('user.empty'));
      expect(listxattr(target)).toEqual([]);
    });

    it.runIf(has('getfattr'))('are those that getfattr and setfattr know', () => {
      const path = file('file');
      const long = Buffer.alloc(2000, 'x');
      setxattr(path, name, long, 0);
      const shown = execFileSync('getfattr', [
        '--only-values',
        '-n',
        'user.glfs',
        '--absolute-names',
        path.toString(),
      ]);
      expect(shown).toEqual(long);
      execFileSync('setfattr', ['-n', 'user.tool', '-v', '0x00ff0a', path.toString()]);
      expect(getxattr(path, bytes('user.tool'))).toEqual(Buffer.from([0, 0xff, 10]));
    });

    it('values are views of any buffer, and paths too', () => {
      const pool = Buffer.concat([bytes('....'), file('file'), bytes('tail')]);
      const path = new Uint8Array(pool.buffer, pool.byteOffset + 4, pool.length - 8);
      setxattr(path, name, bytes('abcdef').subarray(2, 4), 0);
      expect(String(getxattr(at('file'), name))).toBe('cd');
    });

    it('fail as the kernel says', async () => {
      const path = file('file');
      expect(await failure(() => getxattr(path, name))).toEqual({
        code: 'ENODATA',
        errno: -61,
        syscall: 'lgetxattr',
        path: path.toString(),
        message: `ENODATA: no data available, lgetxattr '${path}'`,
      });
      const descriptor = open(path);
      expect(await failure(() => getxattr(descriptor, name))).toMatchObject({
        code: 'ENODATA',
        syscall: 'fgetxattr',
        path: undefined,
      });
      const code = async (call: () => unknown) => {
        const { code, errno } = await failure(call);
        expect(toGlfsError(Object.assign(new Error(), { code })).errno).toBe(errno);
        return code;
      };
      expect(await code(() => removexattr(path, name))).toBe('ENODATA');
      expect(await code(() => setxattr(path, name, bytes(''), XATTR_REPLACE))).toBe('ENODATA');
      setxattr(path, name, bytes('1'), 0);
      expect(await code(() => setxattr(path, name, bytes('2'), XATTR_CREATE))).toBe('EEXIST');
      expect(await code(() => setxattr(path, name, bytes('2'), 77))).toBe('EINVAL');
      expect(await code(() => getxattr(at('absent'), name))).toBe('ENOENT');
      expect(await code(() => listxattr(at('file/below')))).toBe('ENOTDIR');
      expect(await code(() => listxattr(2 ** 30))).toBe('EBADF');
      expect(await code(() => getxattr(path, bytes(`user.${'n'.repeat(300)}`)))).toBe('ERANGE');
      expect(await code(() => setxattr(path, name, Buffer.alloc(65537), 0))).toBe('E2BIG');
      expect(await code(() => setxattr(path, bytes('nowhere.glfs'), bytes(''), 0))).toBe('ENOTSUP');
      expect(await code(() => getxattr(path, bytes('user.a\0b')))).toBe('EINVAL');
      expect(await code(() => getxattr(bytes('/tmp\0/x'), name))).toBe('EINVAL');
      expect(String(getxattr(path, name))).toBe('1');
    });

    it('of a symbolic link are its own', async () => {
      setxattr(file('file'), name, bytes('1'), 0);
      symlinkSync('file', at('link'));
      expect(await failure(() => setxattr(at('link'), name, bytes('2'), 0))).toMatchObject({ code: 'EPERM' });
      expect(listxattr(at('link'))).toEqual([]);
      expect(String(getxattr(at('file'), name))).toBe('1');
    });

    it.runIf(isRoot)('trusted.* stand on links, fifos and directories (skipped: only root may)', () => {
      symlinkSync('nowhere', at('link'));
      addon!.mknod(at('fifo'), constants.S_IFIFO | 0o600, 0n);
      mkdirSync(at('dir'));
      for (const target of ['link', 'fifo', 'dir']) {
        const gfid = Buffer.from(target.padEnd(16, '\0'));
        setxattr(at(target), bytes('trusted.gfid'), gfid, XATTR_CREATE);
        expect(getxattr(at(target), bytes('trusted.gfid'))).toEqual(gfid);
        expect(listxattr(at(target)).map(String)).toEqual(['trusted.gfid']);
      }
    });
  },
);

// node:fs has no such calls: where the addon is not built there is nothing to test.
describe.skipIf(addon === undefined)('what only the addon has', () => {
  const calls = addon ?? fallbackSyscalls;

  it('mknod makes fifos and sockets, as the umask lets it', () => {
    const umask = process.umask(0);
    try {
      calls.mknod(at('fifo'), constants.S_IFIFO | 0o620, 0n);
      calls.mknod(at(Buffer.from([0xfe])), constants.S_IFSOCK | 0o755, 0n);
    } finally {
      process.umask(umask);
    }
    expect(lstatSync(at('fifo')).mode).toBe(constants.S_IFIFO | 0o620);
    expect(lstatSync(at(Buffer.from([0xfe]))).mode).toBe(constants.S_IFSOCK | 0o755);
  });

  it.runIf(isRoot)('mknod makes devices with numbers of 32 bits (skipped: only root may)', () => {
    // makedev(0x123, 0x45678) as glibc spreads it.
    const device = 0x45612378n;
    calls.mknod(at('block'), constants.S_IFBLK | 0o600, device);
    expect(execFileSync('stat', ['-c', '%t %T', at('block').toString()], { encoding: 'utf8' }).trim()).toBe(
      '123 45678',
    );
    expect(lstatSync(at('block'), { bigint: true }).rdev).toBe(device);
  });

  it('mknod fails where there is something', async () => {
    const path = file('file');
    expect(await failure(() => calls.mknod(path, constants.S_IFIFO, 0n))).toMatchObject({
      code: 'EEXIST',
      errno: -17,
      syscall: 'mknod',
      path: path.toString(),
    });
  });

  it('seek finds holes', async () => {
    const path = at('sparse');
    const descriptor = open(path, 'w+');
    writeSync(descriptor, Buffer.alloc(4096, 1), 0, 4096, 2 ** 20);
    truncateSync(path, 2 ** 22);
    expect(calls.seek(descriptor, 0, SEEK_HOLE)).toBe(0);
    expect(calls.seek(descriptor, 0, SEEK_DATA)).toBe(2 ** 20);
    expect(calls.seek(descriptor, 2 ** 20, SEEK_HOLE)).toBe(2 ** 20 + 4096);
    expect(await failure(() => calls.seek(descriptor, 2 ** 21, SEEK_DATA))).toMatchObject({ code: 'ENXIO' });
  });

  it('seek knows offsets beyond 32 bits', () => {
    const path = at('large');
    const descriptor = open(path, 'w+');
    writeSync(descriptor, Buffer.alloc(4096, 1), 0, 4096, 2 ** 40);
    expect(calls.seek(descriptor, 4096, SEEK_DATA)).toBe(2 ** 40);
  });

  it('fallocate reserves space, and gives it back', async () => {
    const path = at('space');
    const descriptor = open(path, 'w+');
    await calls.fallocate(descriptor, KEEP_SIZE, 0, 2 ** 20);
    expect(statSync(path)).toMatchObject({ size: 0 });
    expect(statSync(path).blocks).toBeGreaterThanOrEqual(2 ** 11);
    await calls.fallocate(descriptor, 0, 0, 2 ** 20);
    expect(statSync(path).size).toBe(2 ** 20);
    await calls.fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, 0, 2 ** 20);
    expect(statSync(path).blocks).toBeLessThan(2 ** 11);
  });

  it('utimens sets nanoseconds, before 1970 and after 2038', () => {
    const path = file('file');
    const stat = () => lstatSync(path, { bigint: true });
    calls.utimens(path, -1n, 2n ** 31n * 10n ** 9n + 123_456_789n);
    expect(stat()).toMatchObject({ atimeNs: -1n, mtimeNs: 2147483648_123456789n });
    calls.utimens(path, undefined, -1_500_000_000n);
    expect(stat()).toMatchObject({ atimeNs: -1n, mtimeNs: -1_500_000_000n });
    calls.utimens(open(path), 1_700_000_000_000_000_007n, undefined);
    expect(stat()).toMatchObject({ atimeNs: 1_700_000_000_000_000_007n, mtimeNs: -1_500_000_000n });
    // Seconds of 64 bits: file systems take as much of them as they can.
    calls.utimens(path, 2n ** 62n * 10n ** 9n, undefined);
    expect(stat().atimeNs).toBeGreaterThan(2n ** 31n * 10n ** 9n);
  });

  it('linkDescriptor names an open file', async () => {
    const descriptor = open(file('file', 'content'));
    calls.linkDescriptor(descriptor, at('second'));
    expect(lstatSync(at('second')).ino).toBe(fstatSync(descriptor).ino);
    expect(await failure(() => calls.linkDescriptor(descriptor, at('second')))).toMatchObject({
      code: 'EEXIST',
      syscall: 'linkat',
      path: at('second').toString(),
    });
    unlinkSync(at('file'));
    unlinkSync(at('second'));
    expect(await failure(() => calls.linkDescriptor(descriptor, at('third')))).toMatchObject({
      code: 'ENOENT',
    });
  });

  it('linkDescriptor gives a file of O_TMPFILE its first name', () => {
    const descriptor = open(place, O_TMPFILE | constants.O_RDWR);
    writeSync(descriptor, 'content');
    calls.linkDescriptor(descriptor, at('named'));
    expect(readFileSync(at('named'), 'utf8')).toBe('content');
  });

  it('arguments of other kinds are TypeErrors, and nothing is called', () => {
    const path = file('file', 'content');
    const descriptor = open(path, 'r+');
    const wrong = calls as unknown as Record<string, (...values: unknown[]) => unknown>;
    const table: [string, unknown[]][] = [
      ['getxattr', []],
      ['getxattr', ['/tmp', bytes('user.x')]],
      ['getxattr', [1.5, bytes('user.x')]],
      ['getxattr', [path, 'user.x']],
      ['getxattr', [new Uint16Array(2), bytes('user.x')]],
      ['setxattr', [path, bytes('user.x'), 'value', 0]],
      ['setxattr', [path, bytes('user.x'), bytes('value')]],
      ['removexattr', [path]],
      ['listxattr', [null]],
      ['mknod', [at('fifo'), 0o10600, 0]],
      ['mknod', [at('fifo'), 0o10600, -1n]],
      ['mknod', [at('fifo'), 0o10600, 2n ** 64n]],
      ['fallocate', [descriptor, 0, 0, 2 ** 60]],
      ['fallocate', [descriptor, 0, 0, 0.5]],
      ['fallocate', [descriptor, 0, 0, 100n]],
      ['fallocate', [2 ** 31, 0, 0, 100]],
      ['seek', [descriptor, Number.NaN, 3]],
      ['copyFileRange', [descriptor, 0, descriptor, 0, '1']],
      ['readdir', [descriptor, 0, 10]],
      ['readdir', [descriptor, 2n ** 63n, 10]],
      ['utimens', [path, 0, 0n]],
      ['utimens', [path, 0n, 2n ** 100n]],
      ['utimens', [path, 0n, 2n ** 200n]],
      ['linkDescriptor', [descriptor, 'name']],
    ];
    const before = statSync(path, { bigint: true });
    for (const [name, values] of table)
      expect(() => wrong[name]!(...values), `${name} ${values}`).toThrow(TypeError);
    expect(statSync(path, { bigint: true })).toEqual(before);
    expect(readdirSync(place)).toEqual(['file']);
  });

  it('a worker that is ended under its calls takes nothing along', async () => {
    const path = file('file', Buffer.alloc(1 << 20, 7));
    const source = `
      const { workerData: [addon, path], parentPort } = require('node:worker_threads');
      const { syscalls } = require(addon);
      const descriptor = require('node:fs').openSync(path, 'r+');
      for (let i = 1; i < 50; i++) syscalls.copyFileRange(descriptor, 0, descriptor, i << 20, 1 << 20);
      parentPort.postMessage('begun');
      setInterval(() => {}, 1000);`;
    const location = resolve(import.meta.dirname, '../../native/build/Release/glfs_native.node');
    const worker = new Worker(source, { eval: true, workerData: [location, path.toString()] });
    await new Promise((begun, reject) => worker.once('message', begun).once('error', reject));
    expect(await worker.terminate()).toBe(1);
  });
});

describe('what node:fs can not do is refused without the addon', () => {
  const path = Buffer.from('/');
  it.each([
    ['getxattr', () => fallbackSyscalls.getxattr(path, bytes('user.x'))],
    ['setxattr', () => fallbackSyscalls.setxattr(path, bytes('user.x'), bytes(''), 0)],
    ['removexattr', () => fallbackSyscalls.removexattr(path, bytes('user.x'))],
    ['listxattr', () => fallbackSyscalls.listxattr(path)],
    ['mknod', () => fallbackSyscalls.mknod(path, constants.S_IFIFO, 0n)],
    ['linkat', () => fallbackSyscalls.linkDescriptor(0, path)],
  ])('%s', async (syscall, call) => {
    expect(await failure(call)).toMatchObject({
      code: 'ENOTSUP',
      errno: -95,
      syscall,
      message: `ENOTSUP: operation not supported, ${syscall}`,
    });
    const error = toGlfsError(await failure(call));
    expect(error).toBeInstanceOf(GlfsError);
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', errno: -95 });
  });

  it('seek: data everywhere, a hole at the end', async () => {
    const descriptor = open(file('file', '0123456789'));
    expect(fallbackSyscalls.seek(descriptor, 3, SEEK_DATA)).toBe(3);
    expect(fallbackSyscalls.seek(descriptor, 3, SEEK_HOLE)).toBe(10);
    expect(await failure(() => fallbackSyscalls.seek(descriptor, 3, 9))).toMatchObject({ code: 'EINVAL' });
  });
});

const both: [string, Syscalls][] = [['node:fs', fallbackSyscalls]];
if (addon !== undefined) both.push(['the addon', addon]);

// The fallback finds an open directory by /proc, and the addon's calls are Linux's.
describe.skipIf(!isLinux).each(both)('by %s', (_, calls) => {
  it('fallocate extends, keeps, and writes zeros', async () => {
    const path = file('file', 'abcdefghij');
    const descriptor = open(path, 'r+');
    await calls.fallocate(descriptor, KEEP_SIZE, 5, 100);
    expect(readFileSync(path, 'utf8')).toBe('abcdefghij');
    await calls.fallocate(descriptor, 0, 2, 10);
    expect(readFileSync(path, 'utf8')).toBe('abcdefghij\0\0');
    await calls.fallocate(descriptor, 0, 0, 1);
    expect(statSync(path).size).toBe(12);
    await calls.fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, 2, 3);
    expect(readFileSync(path, 'utf8')).toBe('ab\0\0\0fghij\0\0');
    await calls.fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, 8, 1000);
    expect(readFileSync(path, 'utf8')).toBe('ab\0\0\0fgh\0\0\0\0');
    await calls.fallocate(descriptor, PUNCH_HOLE | KEEP_SIZE, 100, 10);
    expect(statSync(path).size).toBe(12);
    const error = await failure(() => calls.fallocate(descriptor, 0, 0, 0));
    expect(error).toMatchObject({ code: 'EINVAL', errno: -22, syscall: 'fallocate' });
    expect(await failure(() => calls.fallocate(descriptor, 0, -1, 10))).toMatchObject({ code: 'EINVAL' });
    expect(await failure(() => calls.fallocate(descriptor, PUNCH_HOLE, 0, 10))).toMatchObject({
      code: 'ENOTSUP',
    });
    const reader = open(path);
    expect(await failure(() => calls.fallocate(reader, 0, 0, 10))).toMatchObject({ code: 'EBADF' });
  });

  it('fallocate zeroes ranges of some MiB, within the file or beyond its end', async () => {
    const path = file('file', Buffer.alloc(3 << 20, 1));
    const descriptor = open(path, 'r+');
    try {
      await calls.fallocate(descriptor, ZERO_RANGE | KEEP_SIZE, 100, 10 << 20);
    } catch (error) {
      // A file system without ZERO_RANGE (tmpfs) says so.
      expect(error).toMatchObject({ code: 'ENOTSUP' });
      return;
    }
    const expected = Buffer.alloc(3 << 20);
    expected.fill(1, 0, 100);
    expect(readFileSync(path).equals(expected)).toBe(true);
    await calls.fallocate(descriptor, ZERO_RANGE, 50, 4 << 20);
    const after = Buffer.alloc((4 << 20) + 50);
    after.fill(1, 0, 50);
    expect(readFileSync(path).equals(after)).toBe(true);
  });

  it('seek ends with the file', async () => {
    const descriptor = open(file('file', Buffer.alloc(100_000, 1)));
    expect(calls.seek(descriptor, 0, SEEK_DATA)).toBe(0);
    expect(calls.seek(descriptor, 0, SEEK_HOLE)).toBe(100_000);
    for (const whence of [SEEK_DATA, SEEK_HOLE])
      for (const offset of [100_000, 200_000, -1])
        expect(await failure(() => calls.seek(descriptor, offset, whence))).toMatchObject({
          code: 'ENXIO',
          errno: -6,
          syscall: 'lseek',
        });
    expect(await failure(() => calls.seek(2 ** 30, 0, SEEK_DATA))).toMatchObject({ code: 'EBADF' });
  });

  it('copyFileRange copies what there is', async () => {
    const content = Buffer.from(Array.from({ length: 3 << 20 }, (_, index) => index * 7));
    const source = open(file('source', content));
    const target = open(file('target', 'keep'), 'r+');
    let done = 0;
    while (done < content.length - 10) {
      const count = await calls.copyFileRange(source, 10 + done, target, 4 + done, 1 << 30);
      expect(count).toBeGreaterThan(0);
      done += count;
    }
    expect(await calls.copyFileRange(source, content.length, target, 0, 10)).toBe(0);
    expect(readFileSync(at('target')).equals(Buffer.concat([bytes('keep'), content.subarray(10)]))).toBe(
      true,
    );
  });

  it('copyFileRange within a file, and what it refuses', async () => {
    const path = file('file', 'abcdefghij');
    const descriptor = open(path, 'r+');
    expect(await calls.copyFileRange(descriptor, 0, descriptor, 5, 5)).toBe(5);
    expect(readFileSync(path, 'utf8')).toBe('abcdeabcde');
    const code = async (...values: Parameters<Syscalls['copyFileRange']>) =>
      (await failure(() => calls.copyFileRange(...values))).code;
    expect(await code(descriptor, 0, descriptor, 3, 5)).toBe('EINVAL');
    expect(await code(descriptor, 0, open(path), 20, 5)).toBe('EBADF');
    expect(await code(descriptor, 0, open(place), 20, 5)).toMatch(/EISDIR|EBADF/);
    expect(await code(2 ** 30, 0, descriptor, 20, 5)).toBe('EBADF');
  });

  it('utimens leaves links alone that it is not given, and times', () => {
    file('file');
    symlinkSync('file', at('link'));
    const before = lstatSync(at('file'), { bigint: true });
    const second = 10n ** 9n;
    calls.utimens(at('link'), 1_000n * second, 2_000n * second + 500_000_000n);
    expect(lstatSync(at('link'), { bigint: true })).toMatchObject({
      atimeNs: 1_000n * second,
      mtimeNs: 2_000n * second + 500_000_000n,
    });
    expect(lstatSync(at('file'), { bigint: true })).toMatchObject({
      atimeNs: before.atimeNs,
      mtimeNs: before.mtimeNs,
    });
    calls.utimens(at('link'), undefined, 3_000n * second);
    expect(lstatSync(at('link'), { bigint: true })).toMatchObject({
      atimeNs: 1_000n * second,
      mtimeNs: 3_000n * second,
    });
    const descriptor = open(at('file'));
    calls.utimens(descriptor, 4_000n * second, 5_000n * second);
    calls.utimens(descriptor, undefined, undefined);
    expect(fstatSync(descriptor, { bigint: true })).toMatchObject({
      atimeNs: 4_000n * second,
      mtimeNs: 5_000n * second,
    });
  });

  it('utimens sets times before 1970', () => {
    file('file');
    const second = 10n ** 9n;
    calls.utimens(at('file'), -second, (-3n * second) / 2n);
    const { atimeNs, mtimeNs } = lstatSync(at('file'), { bigint: true });
    expect({ atimeNs, mtimeNs }).toEqual({ atimeNs: -second, mtimeNs: (-3n * second) / 2n });
    const descriptor = open(at('file'));
    calls.utimens(descriptor, -86_400n * second, undefined);
    const later = fstatSync(descriptor, { bigint: true });
    expect([later.atimeNs, later.mtimeNs]).toEqual([-86_400n * second, mtimeNs]);
  });

  it('utimens of a file that is not there', async () => {
    expect(await failure(() => calls.utimens(at('absent'), 0n, 0n))).toMatchObject({
      code: 'ENOENT',
      errno: -2,
    });
    expect(await failure(() => calls.utimens(at('a\0b'), 0n, 0n))).toMatchObject({ code: 'EINVAL' });
    expect(await failure(() => calls.utimens(2 ** 30, 0n, 0n))).toMatchObject({ code: 'EBADF' });
  });

  /** A directory page by page; `between` runs after each. */
  function list(
    descriptor: number,
    page: number,
    start = 0n,
    between?: (read: RawEntry[]) => void,
  ): RawEntry[] {
    const entries: RawEntry[] = [];
    for (let offset = start; ; offset = entries.at(-1)!.offset) {
      const some = calls.readdir(descriptor, offset, page);
      expect(some.length).toBeLessThanOrEqual(page);
      if (some.length === 0) return entries;
      entries.push(...some);
      between?.(entries);
    }
  }

  const names = (entries: readonly RawEntry[]): string[] =>
    entries.map(({ name }) => name.toString('latin1'));

  it('readdir tells name, inode and kind of each entry', () => {
    mkdirSync(at('dir'));
    file('dir/file');
    file(Buffer.concat([bytes('dir/'), Buffer.from([0xff, 0x0a, 0xc3])]));
    file(`dir/${'l'.repeat(255)}`);
    symlinkSync('nowhere', at('dir/link'));
    mkdirSync(at('dir/sub'));
    execFileSync('mkfifo', [at('dir/fifo').toString()]);
    const entries = list(open(at('dir')), 100);
    expect(names(entries).sort()).toEqual(
      ['.', '..', 'fifo', 'file', 'link', 'l'.repeat(255), 'sub', '\xff\n\xc3'].sort(),
    );
    const types: Record<string, number> = { '.': 4, '..': 4, sub: 4, fifo: 1, file: 8, link: 10 };
    for (const { name, ino, type } of entries) {
      expect(ino).toBe(lstatSync(Buffer.concat([at('dir/'), name]), { bigint: true }).ino);
      if (name.toString() in types)
        expect([name.toString(), type]).toEqual([name.toString(), types[name.toString()]]);
    }
  });

  it('readdir goes on behind any entry', () => {
    for (let i = 0; i < 50; i++) file(`entry-${i}`);
    const descriptor = open(place);
    const entries = list(descriptor, 1);
    expect(entries).toHaveLength(52);
    expect(new Set(entries.map(({ offset }) => offset)).size).toBe(52);
    entries.forEach(({ offset }, index) => {
      expect(names(list(descriptor, 7, offset))).toEqual(names(entries.slice(index + 1)));
    });
    expect(names(list(descriptor, 1000))).toEqual(names(entries));
  });

  it('readdir of 5,000 entries: each once, whatever is removed between pages', { timeout: 60_000 }, () => {
    for (let i = 0; i < 5000; i++) file(`entry-${i}`);
    const descriptor = open(place);
    const everything = names(list(descriptor, 500));
    expect(new Set(everything).size).toBe(5002);
    expect(everything).toHaveLength(5002);
    // What was read last goes: the offset behind it holds. What stays is listed once.
    const seen = list(descriptor, 100, 0n, (read) => {
      const last = read.at(-1)!.name;
      if (last[0] === 0x65) unlinkSync(at(last));
    });
    expect(names(seen).sort()).toEqual(everything.sort());
    const left = readdirSync(place).length;
    expect(left).toBeLessThan(5000);
    // All that was read goes, from one page to the next: rm -r over a wire.
    const removed: string[] = [];
    let done = 0;
    list(descriptor, 300, 0n, (read) => {
      for (const { name } of read.slice(done)) {
        if (name[0] !== 0x65) continue;
        unlinkSync(at(name));
        removed.push(name.toString());
      }
      done = read.length;
    });
    expect(removed).toHaveLength(left);
    expect(readdirSync(place)).toEqual([]);
  });

  it('readdir of a directory that is gone, of a file, of nothing', async () => {
    mkdirSync(at('dir'));
    const descriptor = open(at('dir'));
    rmSync(at('dir'), { recursive: true });
    expect(names(calls.readdir(descriptor, 0n, 10)).filter((name) => name !== '.' && name !== '..')).toEqual(
      [],
    );
    expect(await failure(() => calls.readdir(open(file('file')), 0n, 10))).toMatchObject({
      code: 'ENOTDIR',
      errno: -20,
      syscall: 'getdents64',
    });
    expect(await failure(() => calls.readdir(2 ** 30, 0n, 10))).toMatchObject({ code: 'EBADF', errno: -9 });
  });
});
