import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../src/errors.ts';
import {
  checked,
  checkName,
  Fd,
  type FopTable,
  HEAL_PID,
  Inode,
  rootContext,
} from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { OpenFlag } from '../../src/protocol/messages.ts';
import { RecordingChild } from '../helpers/recording-child.ts';

const application = rootContext({ pid: 100 });
const root = new Inode(ROOT_GFID, 'directory');

function setUp() {
  const child = new RecordingChild();
  return { child, table: checked(child.subvolume) };
}

function open(flags: number = OpenFlag.RDWR): Fd {
  return new Fd(new Inode(newGfid(), 'file'), flags);
}

async function refused(child: RecordingChild, call: Promise<unknown>, code: string): Promise<void> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GlfsError);
  expect(error).toMatchObject({ code });
  expect((error as GlfsError).errno).toBeLessThan(0);
  expect((error as GlfsError).fop, 'names its fop').toBeDefined();
  expect(child.calls).toEqual([]);
}

const write = (table: FopTable, fd: Fd, offset: number, size: number, bytes = size) =>
  table.write({ fd, offset, size, flags: 0, data: [new Uint8Array(bytes)] }, application);

describe('checks at the top of the graph', () => {
  it('lets through what is in order', async () => {
    const { child, table } = setUp();
    const fd = open();
    await write(table, fd, 0, 3);
    await table.read({ fd, offset: 2 ** 53 - 1, size: 1, flags: 0, into: new Uint8Array(1) }, application);
    await table.lookup({ loc: { inode: root }, flags: 0 }, application);
    await table.lookup({ loc: { inode: new Inode(), parent: root, name: 'a b' }, flags: 0 }, application);
    await table.setxattr({ loc: { inode: root }, flags: 0, dict: xattr('user.comment') }, application);
    expect(child.fops).toEqual(['write', 'read', 'lookup', 'lookup', 'setxattr']);
  });

  it('refuses every call on a poisoned or closed fd, but lets its release through', async () => {
    const { child, table } = setUp();
    const [poisoned, closed] = [open(), open()];
    poisoned.poisoned = new GlfsError('ENOLCK', 'locks were lost');
    closed.closed = true;
    await refused(child, table.fstat({ fd: poisoned }, application), 'EBADFD');
    await refused(child, write(table, poisoned, 0, 1), 'EBADFD');
    await refused(child, table.flush({ fd: closed }, application), 'EBADF');
    const copy = { sourceOffset: 0, targetOffset: 0, size: 1, flags: 0 };
    await refused(
      child,
      table.copyFileRange({ source: open(), target: poisoned, ...copy }, application),
      'EBADFD',
    );
    await refused(
      child,
      table.copyFileRange({ source: closed, target: open(), ...copy }, application),
      'EBADF',
    );
    await table.release({ fd: poisoned }, application);
    await table.release({ fd: closed }, application);
    expect(child.fops).toEqual(['release', 'release']);
  });

  it('holds reads and writes to the access mode', async () => {
    const { child, table } = setUp();
    const [reading, writing] = [open(OpenFlag.RDONLY), open(OpenFlag.WRONLY)];
    await refused(child, table.read({ fd: writing, offset: 0, size: 1, flags: 0 }, application), 'EBADF');
    await refused(child, write(table, reading, 0, 1), 'EBADF');
    await refused(child, table.ftruncate({ fd: reading, offset: 0 }, application), 'EINVAL');
    await refused(child, table.discard({ fd: reading, offset: 0, size: 1 }, application), 'EBADF');
    const copy = { sourceOffset: 0, targetOffset: 0, size: 1, flags: 0 };
    const append = open(OpenFlag.RDWR | OpenFlag.APPEND);
    for (const [source, target] of [
      [writing, open()],
      [open(), reading],
      [open(), append],
    ] as const) {
      await refused(child, table.copyFileRange({ source, target, ...copy }, application), 'EBADF');
    }
    const directory = new Fd(root, OpenFlag.RDONLY);
    await refused(child, table.read({ fd: directory, offset: 0, size: 1, flags: 0 }, application), 'EISDIR');
    await refused(child, table.readdir({ fd: open(), offset: 0n, size: 100 }, application), 'ENOTDIR');
    await refused(child, write(table, new Fd(root, OpenFlag.RDONLY, true), 0, 1), 'EISDIR');
  });

  it('leaves the access mode of an anonymous fd to its maker', async () => {
    const { child, table } = setUp();
    await write(table, new Fd(new Inode(newGfid(), 'file'), OpenFlag.RDONLY, true), 0, 1);
    expect(child.fops).toEqual(['write']);
  });

  it.each([
    [-1, 1, 'EINVAL'],
    [0.5, 1, 'EINVAL'],
    [Number.NaN, 1, 'EINVAL'],
    [2 ** 63, 1, 'EINVAL'],
    [2 ** 60, 1, 'EFBIG'],
    [2 ** 53 - 1, 1, 'EFBIG'],
    [0, -1, 'EINVAL'],
    [0, 1.5, 'EINVAL'],
    [0, 2 ** 32, 'EINVAL'],
  ])('refuses to write at %s, %s bytes', async (offset, size, code) => {
    const { child, table } = setUp();
    await refused(child, write(table, open(), offset, size, 1), code);
  });

  it('never lets a number through that the wire cannot hold', async () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger());
    await fc.assert(
      fc.asyncProperty(number, number, async (offset, size) => {
        const { child, table } = setUp();
        const fd = open();
        const calls = [
          table.zerofill({ fd, offset, size }, application),
          table.read({ fd, offset, size, flags: 0 }, application),
          table.ftruncate({ fd, offset }, application),
        ];
        const results = await Promise.allSettled(calls);
        for (const { request } of child.calls) {
          const { offset: at, size: many = 0 } = request as { offset: number; size?: number };
          expect(Number.isSafeInteger(at) && at >= 0 && Number.isSafeInteger(many) && many >= 0).toBe(true);
        }
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(GlfsError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('compares sizes with the buffers that came along', async () => {
    const { child, table } = setUp();
    const fd = open();
    await refused(child, write(table, fd, 0, 4, 3), 'EINVAL');
    const into = new Uint8Array(3);
    await refused(child, table.read({ fd, offset: 0, size: 4, flags: 0, into }, application), 'EINVAL');
    await refused(child, table.zerofill({ fd, offset: 0, size: 0 }, application), 'EINVAL');
    const directory = new Fd(root, 0);
    await refused(child, table.readdir({ fd: directory, offset: -1n, size: 1 }, application), 'EINVAL');
    await refused(
      child,
      table.readdirp({ fd: directory, offset: 2n ** 63n, size: 1 }, application),
      'EINVAL',
    );
  });

  it.each([
    ['', 'EINVAL'],
    ['a/b', 'EINVAL'],
    ['a\0b', 'EINVAL'],
    ['.', 'EINVAL'],
    ['..', 'EINVAL'],
    ['x'.repeat(256), 'ENAMETOOLONG'],
    ['ä'.repeat(128), 'ENAMETOOLONG'],
  ])('refuses the name %j', async (name, code) => {
    const { child, table } = setUp();
    const loc = { inode: new Inode(), parent: root, name };
    const file = { inode: new Inode(newGfid()), parent: root, name: 'fine' };
    await refused(child, table.lookup({ loc, flags: 0 }, application), code);
    await refused(child, table.unlink({ loc, xflags: 0 }, application), code);
    await refused(child, table.rename({ loc: file, newLoc: loc }, application), code);
    await refused(child, table.rename({ loc, newLoc: file }, application), code);
    const made = name === '.' || name === '..' ? 'EEXIST' : code;
    await refused(child, table.mkdir({ loc, mode: 0o755, umask: 0 }, application), made);
    await refused(child, table.link({ loc: file, newLoc: loc }, application), made);
  });

  it('counts the bytes of a name, not its characters', () => {
    expect(() => checkName('x'.repeat(255))).not.toThrow();
    expect(() => checkName('ä'.repeat(127))).not.toThrow();
    // 255 bytes that are not UTF-8, as they come from the wire.
    expect(() => checkName('\udcff'.repeat(255))).not.toThrow();
    expect(() => checkName('\udcff'.repeat(256))).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
  });

  it('wants a parent that is a directory, and a file that is known', async () => {
    const { child, table } = setUp();
    const file = new Inode(newGfid(), 'file');
    const at = (parent: Inode | undefined) => ({ loc: { inode: new Inode(), parent, name: 'a' }, xflags: 0 });
    await refused(child, table.unlink(at(file), application), 'ENOTDIR');
    await refused(child, table.unlink(at(undefined), application), 'EINVAL');
    await refused(child, table.unlink(at(new Inode()), application), 'EINVAL');
    await refused(child, table.lookup({ loc: { inode: new Inode() }, flags: 0 }, application), 'EINVAL');
  });

  it.each([
    'trusted.afr.dirty',
    'trusted.ec.version',
    'trusted.glusterfs.dht',
    'trusted.glusterfs.dht.linkto',
    'trusted.gfid',
    'trusted.gfid2path.0123',
    'trusted.glusterfs.mdata',
    'trusted.glusterfs.volume-id',
    'trusted.glusterfs.shard.file-size',
    'glusterfs.gfid.newfile',
  ])('keeps applications, root too, from changing %s (rule 6)', async (name) => {
    const { child, table } = setUp();
    const loc = { inode: root };
    const fd = open();
    const dict = xattr('user.fine').merge(xattr(name));
    await refused(child, table.setxattr({ loc, flags: 0, dict }, application), 'EPERM');
    await refused(child, table.fsetxattr({ fd, flags: 0, dict }, application), 'EPERM');
    await refused(child, table.removexattr({ loc, name }, application), 'EPERM');
    await refused(child, table.fremovexattr({ fd, name }, application), 'EPERM');
    await refused(child, table.xattrop({ loc, operation: 0, dict }, application), 'EPERM');
    await table.setxattr({ loc, flags: 0, dict }, rootContext({ pid: HEAL_PID }));
    await table.getxattr({ loc, name }, application);
    expect(child.fops).toEqual(['setxattr', 'getxattr']);
  });

  it('bounds names and values of attributes as Linux does', async () => {
    const { child, table } = setUp();
    const loc = { inode: root };
    const big = new Dict().setBytes('user.big', new Uint8Array(65537));
    await refused(child, table.setxattr({ loc, flags: 0, dict: big }, application), 'E2BIG');
    await refused(child, table.removexattr({ loc, name: '' }, application), 'EINVAL');
    await refused(child, table.removexattr({ loc, name: `user.${'x'.repeat(300)}` }, application), 'ERANGE');
  });

  it('does not begin a call whose caller no longer waits', async () => {
    const { child, table } = setUp();
    const signal = AbortSignal.abort();
    await refused(child, table.statfs({ loc: { inode: root } }, rootContext({ signal })), 'ECANCELED');
    await refused(child, table.statfs({ loc: { inode: root } }, rootContext({ deadline: 0 })), 'ETIMEDOUT');
  });

  it('turns whatever is thrown below into a GlfsError that names its fop', async () => {
    const { child, table } = setUp();
    child.answer('statfs', () => {
      throw new TypeError('a bug');
    });
    child.answer('stat', () => {
      throw new GlfsError('ESTALE', undefined, { fop: 'lookup' });
    });
    await expect(table.statfs({ loc: { inode: root } }, application)).rejects.toMatchObject({
      name: 'GlfsError',
      code: 'EIO',
      fop: 'statfs',
      cause: expect.any(TypeError),
    });
    await expect(table.stat({ loc: { inode: root } }, application)).rejects.toMatchObject({ fop: 'lookup' });
  });
});

function xattr(name: string): Dict {
  return new Dict().setBytes(name, Uint8Array.of(1));
}
