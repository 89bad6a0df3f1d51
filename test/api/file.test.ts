import { beforeEach, describe, expect, it } from 'vitest';
import { cut } from '../../src/api/transfer.ts';
import type { Volume } from '../../src/api/volume.ts';
import { GlfsError } from '../../src/errors.ts';
import type { Request } from '../../src/graph/index.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

const MIB = 1024 * 1024;

let memory: MemoryVolume;
let volume: Volume;

beforeEach(() => {
  memory = new MemoryVolume();
  volume = memory.volume();
});

function pattern(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let index = 0; index < size; index++) bytes[index] = (index * 31 + (index >> 8) * 7 + seed) & 0xff;
  return bytes;
}

describe('reading', () => {
  it('is exact at the end of the file', async () => {
    await volume.writeFile('/f', '0123456789');
    await using file = await volume.open('/f');
    const buffer = Buffer.alloc(6, '-');
    const first = await file.read(buffer);
    expect([first.bytesRead, first.eof, buffer.toString()]).toEqual([6, false, '012345']);
    const second = await file.read(buffer);
    expect([second.bytesRead, second.eof, buffer.toString()]).toEqual([4, true, '678945']);
    const third = await file.read(buffer);
    expect([third.bytesRead, third.eof, file.position]).toEqual([0, true, 10]);
    expect((await file.pread(100, 8)).buffer.toString()).toBe('89');
    expect((await file.pread(100, 1000)).bytesRead).toBe(0);
    expect((await file.pread(4, 3)).stats?.size).toBe(10);
    expect((await file.pread(0, 3)).bytesRead).toBe(0);
  });

  it('puts bytes into buffers of the caller, one or several', async () => {
    await volume.writeFile('/f', '0123456789');
    await using file = await volume.open('/f');
    const [a, b, c] = [Buffer.alloc(3), Buffer.alloc(0), Buffer.alloc(20, '.')];
    expect((await file.readv([a, b, c])).bytesRead).toBe(10);
    expect([a.toString(), c.toString()]).toEqual(['012', '3456789.............']);
    expect(file.position).toBe(10);
    expect((await file.readv([a], 7)).bytesRead).toBe(3);
    expect([a.toString(), file.position]).toEqual(['789', 10]);
  });

  it.each([3 * MIB + 17, 4 * MIB, MIB, MIB + 1])(
    'cuts %i bytes into pieces, in any direction',
    async (size) => {
      const bytes = pattern(size);
      await volume.writeFile('/big', bytes);
      const writes = memory.calls.filter(({ fop }) => fop === 'write');
      expect(
        Math.max(...writes.map(({ request }) => (request as Request<'write'>).size)),
      ).toBeLessThanOrEqual(MIB);
      expect((await volume.readFile('/big')).equals(bytes)).toBe(true);
      await using file = await volume.open('/big');
      const into = Buffer.alloc(size + 5 * MIB);
      const result = await file.pread(into, 0);
      expect([result.bytesRead, result.eof]).toEqual([size, true]);
      expect(into.subarray(0, size).equals(bytes)).toBe(true);
    },
  );

  it('asks again where an answer stops short of the end', async () => {
    const bytes = pattern(1000);
    await volume.writeFile('/f', bytes);
    const { read } = memory.fops;
    memory.fops.read = async (request, context) => {
      const reply = await read(request, context);
      const data = reply.data.subarray(0, 300);
      return { ...reply, data, eof: reply.eof && data.length === reply.data.length };
    };
    await using file = await volume.open('/f');
    expect((await file.pread(800, 100)).buffer.equals(bytes.subarray(100, 900))).toBe(true);
    const into = Buffer.alloc(2000);
    expect((await file.pread(into, 0)).bytesRead).toBe(1000);
    expect(into.subarray(0, 1000).equals(bytes)).toBe(true);
  });

  it('does not count what lies behind a piece that came short', async () => {
    await volume.writeFile('/f', pattern(3 * MIB));
    const { read } = memory.fops;
    // The second piece saw the end of the file, the third one came when it had grown.
    memory.fops.read = async (request, context) => {
      const reply = await read(request, context);
      if (request.offset < MIB || request.offset >= 2 * MIB) return reply;
      return { ...reply, data: reply.data.subarray(0, 10), eof: true };
    };
    await using file = await volume.open('/f');
    expect((await file.pread(3 * MIB, 0)).bytesRead).toBe(MIB + 10);
  });

  it('reads a file to its end, even where it grows meanwhile', async () => {
    await volume.writeFile('/f', 'begin ');
    memory.before = ({ fop }) => {
      if (fop !== 'read') return;
      memory.before = () => {};
      const node = memory.tree.child(memory.tree.root, 'f');
      memory.tree.resize(node, 10);
      node.data.write('more', 6);
    };
    expect((await volume.readFile('/f')).toString()).toBe('begin more');
    expect((await volume.readFile('/f', { encoding: 'hex' })).slice(0, 4)).toBe('6265');
  });
});

describe('writing', () => {
  it('goes on at the position, or where it is told', async () => {
    await using file = await volume.open('/f', 'w+');
    await file.write('hello');
    await file.write(' world');
    const result = await file.pwrite('J', 0);
    expect([result.bytesWritten, result.before?.size, result.after?.size]).toEqual([1, 11, 11]);
    expect(file.position).toBe(11);
    await file.seek(-5, 'end');
    await file.write('there');
    expect(await volume.readFile('/f', { encoding: 'utf8' })).toBe('Jello there');
    expect(await file.seek(2, 'current')).toBe(13);
    await expect(file.seek(-1)).rejects.toMatchObject({ code: 'EINVAL' });
    expect((await file.write('')).bytesWritten).toBe(0);
    await file.writev([Buffer.from('!'), Buffer.from('?')], 20);
    expect((await file.stat()).size).toBe(22);
  });

  it('keeps calls that use the position apart', async () => {
    await using file = await volume.open('/f', 'w+');
    await Promise.all(['a', 'b', 'c', 'd'].map((letter) => file.write(letter.repeat(3))));
    file.position = 0;
    const parts = await Promise.all([file.read(6), file.read(3), file.read(10)]);
    expect(parts.map(({ buffer }) => buffer.toString())).toEqual(['aaabbb', 'ccc', 'ddd']);
  });

  it('appends to the end as it is now, whatever the position', async () => {
    await volume.writeFile('/f', 'one');
    await using file = await volume.open('/f', 'a+');
    await using other = await volume.open('/f', 'a');
    await file.write(' two');
    await other.write(' three');
    await file.write(' four');
    expect(file.position).toBe(18);
    const large = pattern(2 * MIB + 3);
    await file.write(large);
    const bytes = await volume.readFile('/f');
    expect(bytes.subarray(0, 18).toString()).toBe('one two three four');
    expect(bytes.subarray(18).equals(large)).toBe(true);
    await volume.appendFile('/f', '.');
    expect((await volume.stat('/f')).size).toBe(18 + large.length + 1);
  });

  it('sends again what a server has not taken', async () => {
    memory.mostBytes = 1000;
    const bytes = pattern(4500);
    await volume.writeFile('/f', bytes);
    memory.mostBytes = Number.POSITIVE_INFINITY;
    expect((await volume.readFile('/f')).equals(bytes)).toBe(true);
  });

  it('tells of a failure, and begins no further pieces', async () => {
    await using file = await volume.open('/f', 'w');
    memory.before = ({ fop, request }) => {
      if (fop === 'write' && (request as Request<'write'>).offset === MIB) throw new GlfsError('ENOSPC');
    };
    memory.take();
    const failing = file.write(Buffer.alloc(40 * MIB));
    await expect(failing).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write', path: '/f' });
    expect(memory.take().length).toBeLessThan(10);
    memory.before = () => {};
  });

  it('cuts rows of buffers without copying', () => {
    const buffers = [pattern(5, 1), pattern(0), pattern(7, 2), pattern(1, 3)];
    const pieces = cut(buffers, 4);
    expect(pieces.map(({ length }) => length)).toEqual([4, 4, 4, 1]);
    expect(Buffer.concat(pieces.flatMap(({ parts }) => parts)).equals(Buffer.concat(buffers))).toBe(true);
    expect(pieces[0]!.parts[0]!.buffer).toBe(buffers[0]!.buffer);
  });
});

describe('an open file', () => {
  it('is set aside, zeroed, cut and made durable', async () => {
    await using file = await volume.open('/f', 'w+');
    expect((await file.fallocate(0, 100)).after.size).toBe(100);
    expect((await file.fallocate(0, 500, { keepSize: true })).after.size).toBe(100);
    await file.pwrite('x'.repeat(100), 0);
    await file.discard(10, 20);
    await file.zerofill(90, 20);
    const { buffer } = await file.pread(200, 0);
    expect(buffer.toString('latin1')).toBe(
      `${'x'.repeat(10)}${'\0'.repeat(20)}${'x'.repeat(60)}${'\0'.repeat(20)}`,
    );
    const { before, after } = await file.truncate(5);
    expect([before.size, after.size]).toEqual([110, 5]);
    await file.sync();
    await file.datasync();
    expect(
      memory.calls
        .filter(({ fop }) => fop === 'fsync')
        .map(({ request }) => (request as Request<'fsync'>).datasync),
    ).toEqual([0, 1]);
    expect(await file.seekData(0)).toBe(0);
    expect(await file.seekHole(0)).toBe(5);
    await expect(file.seekData(5)).rejects.toMatchObject({ code: 'ENXIO', syscall: 'lseek' });
    await expect(file.fallocate(0, 0)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('copies by reading and writing where the graph has no other way', async () => {
    const bytes = pattern(3 * MIB + 5);
    await volume.writeFile('/f', bytes);
    await using source = await volume.open('/f');
    await using target = await volume.open('/g', 'w+');
    const options = { offset: 5, targetOffset: 2, length: 100 * MIB };
    expect(await source.copyFileRange(target, options)).toBe(bytes.length - 5);
    const copy = await volume.readFile('/g');
    expect(copy.subarray(2).equals(bytes.subarray(5))).toBe(true);
    await using both = await volume.open('/f', 'r+');
    await expect(both.copyFileRange(both, { length: 10, targetOffset: 9 })).rejects.toMatchObject({
      code: 'EINVAL',
    });
    expect(await both.copyFileRange(both, { length: 10, targetOffset: 10 })).toBe(10);
    await volume.copyFile('/f', '/h');
    expect((await volume.readFile('/h')).equals(await volume.readFile('/f'))).toBe(true);
    await expect(volume.copyFile('/f', '/h', { exclusive: true })).rejects.toMatchObject({ code: 'EEXIST' });
    await volume.link('/f', '/same');
    await expect(volume.copyFile('/f', '/same')).rejects.toMatchObject({ code: 'EINVAL' });
    expect((await volume.stat('/f')).size).toBe(bytes.length);
  });

  it('says EIO where a server takes nothing and tells no reason, by any way of writing', async () => {
    await using file = await volume.open('/f', 'w');
    memory.mostBytes = 0;
    await expect(file.pwrite('abc', 0)).rejects.toMatchObject({ code: 'EIO' });
    await expect(file.pwrite('abc', 0, { timeout: 10_000 })).rejects.toMatchObject({ code: 'EIO' });
    await expect(file.pwrite(pattern(3 * MIB), 0)).rejects.toMatchObject({ code: 'EIO' });
    await expect(volume.writeFile('/g', 'abc')).rejects.toMatchObject({ code: 'EIO' });
  });

  it('copies here what a server took for copied without doing it', async () => {
    const bytes = pattern(5000);
    await volume.writeFile('/f', bytes);
    let asked = 0;
    memory.fops.copyFileRange = async ({ source, target }, context) => {
      asked++;
      const { stat } = await memory.fops.fstat({ fd: source }, context);
      const { stat: poststat } = await memory.fops.fstat({ fd: target }, context);
      return { stat, prestat: poststat, poststat, count: 0 };
    };
    await volume.copyFile('/f', '/g');
    expect(asked).toBe(1);
    expect((await volume.readFile('/g')).equals(bytes)).toBe(true);
  });

  it('goes on copying where a server has stopped', async () => {
    const bytes = pattern(5000);
    await volume.writeFile('/f', bytes);
    const { read, write, copyFileRange } = memory.fops;
    let asked = 0;
    memory.fops.copyFileRange = async (request, context) => {
      asked++;
      const { source, target, sourceOffset, targetOffset } = request;
      const size = Math.min(request.size, 2000);
      const { data, stat } = await read({ fd: source, offset: sourceOffset, size, flags: 0 }, context);
      const change = await write({ fd: target, offset: targetOffset, size, flags: 0, data: [data] }, context);
      return { ...change, stat, count: size };
    };
    await volume.copyFile('/f', '/g');
    expect(asked).toBe(1);
    expect((await volume.readFile('/g')).equals(bytes)).toBe(true);
    memory.fops.copyFileRange = copyFileRange;
  });

  it('has attributes', async () => {
    await using file = await volume.open('/f', 'w');
    await file.chmod(0o4711);
    await file.chown(3, 4);
    await file.utimes(-0.5, 1_234_567_890_123_456_789n);
    const stats = await file.stat({ bigint: true });
    expect([stats.mode & 0o7777n, stats.uid, stats.gid]).toEqual([0o4711n, 3n, 4n]);
    expect([stats.atimeNs, stats.mtimeNs]).toEqual([-500_000_000n, 1_234_567_890_123_456_789n]);
    await file.setxattr('user.a', 'v', { mode: 'create' });
    await expect(file.setxattr('user.a', 'w', { mode: 'create' })).rejects.toMatchObject({
      code: 'EEXIST',
      syscall: 'fsetxattr',
    });
    await expect(file.setxattr('user.b', 'w', { mode: 'replace' })).rejects.toMatchObject({
      code: 'ENODATA',
    });
    await expect(file.setxattr('trusted.afr.x', 'w')).rejects.toMatchObject({ code: 'EPERM' });
    expect([(await file.getxattr('user.a')).toString(), await file.listxattr()]).toEqual(['v', ['user.a']]);
    await file.removexattr('user.a');
    await expect(file.getxattr('user.a')).rejects.toMatchObject({ code: 'ENODATA' });
  });

  it('closes once, after all that is under way, and is of no use then', async () => {
    await volume.writeFile('/f', 'text');
    const file = await volume.open('/f', 'r+');
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    memory.before = ({ fop }) => (fop === 'write' ? gate : undefined);
    const writing = file.pwrite('T', 0);
    memory.take();
    const closing = file.close();
    expect(file.close()).toBeInstanceOf(Promise);
    await expect(file.read(1)).rejects.toMatchObject({ code: 'EBADF' });
    expect(memory.take()).toEqual([]);
    go();
    await writing;
    await closing;
    expect(memory.take()).toEqual(['flush', 'release']);
    await file.close();
    expect(memory.take()).toEqual([]);
    expect(() => file.dup()).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  it('reports what a flush fails with, and is released all the same', async () => {
    const file = await volume.open('/f', 'w');
    memory.before = ({ fop }) => {
      if (fop === 'flush') throw new GlfsError('EDQUOT');
    };
    await expect(file.close()).rejects.toMatchObject({ code: 'EDQUOT', syscall: 'close', path: '/f' });
    await expect(file.close()).rejects.toMatchObject({ code: 'EDQUOT' });
    expect(memory.openFds.size).toBe(0);
    expect(memory.opened.size).toBe(0);
  });

  it('spares readers the flush', async () => {
    await volume.writeFile('/f', 'x');
    memory.take();
    await volume.readFile('/f');
    expect(memory.take()).toEqual(['lookup', 'open', 'fstat', 'read', 'release']);
  });

  it('has duplicates with positions of their own, and is released with the last one', async () => {
    await volume.writeFile('/f', '0123456789');
    const file = await volume.open('/f');
    await file.read(2);
    const twin = file.dup();
    await file.read(2);
    expect([(await twin.read(2)).buffer.toString(), file.position]).toEqual(['23', 4]);
    await file.close();
    expect(memory.opened.size).toBe(1);
    expect((await twin.read(2)).buffer.toString()).toBe('45');
    await twin.close();
    expect(memory.opened.size).toBe(0);
  });
});
