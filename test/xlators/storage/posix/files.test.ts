import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blockChecksum } from '../../../../src/checksum/index.ts';
import { Fd, type Inode, rootContext, StampFlag } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import type { FileType } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { OpenFlag, SeekWhat } from '../../../../src/protocol/messages.ts';
import { openDescriptor } from '../../../../src/xlators/storage/posix/files/index.ts';
import { inSequence } from '../../../../src/xlators/storage/posix/files/sequence.ts';
import { hostErrno, hostError } from '../../../../src/xlators/storage/posix/host-error.ts';
import { DataBrick, stamping, storeKinds } from './data-brick.ts';

const asking = (...names: string[]) =>
  new Dict(names.map((name) => [name, { type: 'uint', value: 0n } as const]));

describe.each(storeKinds())('files of a brick, attributes kept as %s', (store) => {
  let data: DataBrick;
  let count = 0;
  beforeAll(async () => {
    data = await DataBrick.open(store);
  });
  afterAll(() => data.close());

  const fresh = (type?: FileType) => {
    const name = `file-${count++}`;
    return { name, inode: data.make(name, type) };
  };
  async function opened(flags?: number): Promise<{ name: string; inode: Inode; fd: Fd }> {
    const file = fresh();
    return { ...file, fd: await data.fd(file.inode, flags) };
  }
  const onDisk = (name: string) => readFileSync(data.path(name), 'latin1');
  const descriptors = () => readdirSync('/proc/self/fd').length;

  describe('open and release', () => {
    test('O_TRUNC empties the file, O_CREAT and O_EXCL are no matter of one that is there', async () => {
      const { name, inode, fd } = await opened();
      await data.write(fd, 'before');
      await data.fd(inode, OpenFlag.RDWR | OpenFlag.TRUNC | OpenFlag.CREAT | OpenFlag.EXCL);
      expect(onDisk(name)).toBe('');
    });

    test('O_DIRECT takes requests of any alignment', async () => {
      const { fd } = await opened(OpenFlag.RDWR | OpenFlag.DIRECT);
      await data.write(fd, 'odd', 1);
      expect(await data.read(fd, 1, 2)).toBe('od');
    });

    test.each([
      ['fifo', 'EINVAL'],
      ['symlink', 'ELOOP'],
    ] as const)('a %s is %s at once', async (type, code) => {
      const { inode } = fresh(type);
      for (const flags of [0, 1, 2]) await expect(data.fd(inode, flags)).rejects.toMatchObject({ code });
    });

    test('a directory is opened for reading only', async () => {
      const { inode } = fresh('directory');
      await expect(data.fd(inode, OpenFlag.RDWR)).rejects.toMatchObject({ code: 'EISDIR' });
      const fd = await data.fd(inode, OpenFlag.RDONLY);
      await expect(data.read(fd)).rejects.toMatchObject({ code: 'EISDIR' });
    });

    test('an unknown gfid is ESTALE', async () => {
      const { inode } = fresh();
      inode.gfid = newGfid();
      await expect(data.fd(inode)).rejects.toMatchObject({ code: 'ESTALE' });
    });

    test('every fd is counted and closed, also one that is released twice or in the middle of a call', async () => {
      const before = descriptors();
      const { inode, fd } = await opened();
      const other = await data.fd(inode, 0);
      expect(data.brick.openCount(inode.gfid)).toBe(2);
      const reading = data.write(fd, 'x'.repeat(1 << 20));
      await data.call('release', { fd });
      await data.call('release', { fd });
      expect((await reading).count).toBe(1 << 20);
      expect(data.brick.openCount(inode.gfid)).toBe(1);
      await data.call('release', { fd: other });
      expect(data.brick.openCount(inode.gfid)).toBe(0);
      expect(descriptors()).toBe(before);
    });

    test('an anonymous fd, and one that the brick has not seen, are good for any call', async () => {
      const { inode } = await opened();
      const before = descriptors();
      await data.write(new Fd(inode, 2, true), 'anonymous');
      expect(await data.read(new Fd(inode, 0))).toBe('anonymous');
      expect(descriptors()).toBe(before);
    });
  });

  describe('reading', () => {
    test('the end is told where it is touched', async () => {
      const { fd } = await opened();
      await data.write(fd, '0123456789');
      const eof = async (offset: number, size: number) =>
        (await data.call('read', { fd, offset, size, flags: 0 })).eof;
      expect([await eof(0, 9), await eof(0, 10), await eof(5, 100), await eof(100, 1)]).toEqual([
        false,
        true,
        true,
        true,
      ]);
    });

    test("into the caller's buffer, no further than asked", async () => {
      const { fd } = await opened();
      await data.write(fd, 'abcdef');
      const into = Buffer.alloc(6, '.');
      const reply = await data.call('read', { fd, offset: 1, size: 3, flags: 0, into });
      expect(reply.data.buffer).toBe(into.buffer);
      expect(Buffer.from(reply.data).toString()).toBe('bcd');
      expect(into.toString()).toBe('bcd...');
    });

    test('a size beyond all reason needs no memory', async () => {
      const { fd } = await opened();
      await data.write(fd, 'small');
      const reply = await data.call('read', { fd, offset: 1, size: 0xffff_ffff, flags: 0 });
      expect(Buffer.from(reply.data).toString()).toBe('mall');
      expect(reply.data.buffer.byteLength).toBeLessThan(100);
      expect((await data.call('rchecksum', { fd, offset: 0, size: 0xffff_ffff, flags: 0 })).weak).toBe(
        blockChecksum(Buffer.from('small')).weak,
      );
    });

    test('nothing at all is EINVAL, an fd for writing EBADF', async () => {
      const { inode, fd } = await opened();
      await expect(data.call('read', { fd, offset: 0, size: 0, flags: 0 })).rejects.toMatchObject({
        code: 'EINVAL',
      });
      const writer = await data.fd(inode, OpenFlag.WRONLY);
      await expect(data.read(writer)).rejects.toMatchObject({ code: 'EBADF' });
    });
  });

  describe('writing', () => {
    test('a list of buffers, longer than the system takes at once', async () => {
      const { name, fd } = await opened();
      const parts = Array.from({ length: 3000 }, (_, index) =>
        Buffer.from(String.fromCharCode(97 + (index % 26))),
      );
      const reply = await data.call('write', {
        fd,
        offset: 2,
        size: 3000,
        flags: OpenFlag.SYNC,
        data: parts,
      });
      expect(reply).toMatchObject({ count: 3000, prestat: { size: 0 }, poststat: { size: 3002 } });
      expect(onDisk(name)).toBe(`\0\0${Buffer.concat(parts).toString()}`);
    });

    test('an fd for appending appends, wherever the caller thought', async () => {
      const { name, inode } = fresh();
      const fd = await data.fd(inode, OpenFlag.RDWR | OpenFlag.APPEND);
      await data.write(fd, 'one');
      await data.write(fd, 'two', 0);
      expect(onDisk(name)).toBe('onetwo');
    });

    test('of several at once that ask, each is told by itself whether it appended', async () => {
      const { fd } = await opened();
      const xdata = asking(keys.writeIsAppend.name);
      const replies = await Promise.all(
        [0, 1000, 2000, 1500, 3000].map((offset) =>
          data.call('write', { fd, offset, size: 1000, flags: 0, data: [Buffer.alloc(1000)], xdata }),
        ),
      );
      expect(replies.map((reply) => reply.xdata!.get(keys.writeIsAppend))).toEqual([1, 1, 1, 0, 1]);
      expect(replies.map(({ prestat, poststat }) => [prestat.size, poststat.size])).toEqual([
        [0, 1000],
        [1000, 2000],
        [2000, 3000],
        [3000, 3000],
        [3000, 4000],
      ]);
    });

    test("a failed one doesn't hold up the next", async () => {
      const { inode, fd } = await opened();
      const failed = inSequence(data.brick, inode.gfid, () => Promise.reject(new Error('no')));
      const next = inSequence(data.brick, inode.gfid, () => data.write(fd, 'yes'));
      await expect(failed).rejects.toThrow('no');
      expect((await next).count).toBe(3);
    });

    test("a migration doesn't write over what the application has written", async () => {
      const { fd } = await opened();
      const request = { fd, offset: 0, size: 1, flags: 0, data: [Buffer.from('x')] };
      const careful = new Dict().set(keys.avoidOverwrite, 1);
      await data.call('write', { ...request, xdata: careful });
      const marks = new Dict().setBytes('trusted.glusterfs.protect.writes', Buffer.from('1'));
      await data.call('write', { ...request, xdata: marks });
      await expect(data.call('write', { ...request, xdata: careful })).rejects.toMatchObject({
        code: 'EBUSY',
      });
    });
  });

  describe('space', () => {
    test('truncate, by name and by fd, is dated by the stamp', async () => {
      const { inode, fd } = await opened();
      await data.write(fd, '0123456789');
      const { CTIME, MTIME } = StampFlag;
      const shorter = await data.call('truncate', { loc: { inode }, offset: 4 }, stamping(CTIME | MTIME, 77));
      expect(shorter).toMatchObject({ prestat: { size: 10 }, poststat: { size: 4, mtime: 77n } });
      expect((await data.call('ftruncate', { fd, offset: 6 })).poststat.size).toBe(6);
      expect(await data.read(fd)).toBe('0123\0\0');
    });

    test('truncate of what has no data', async () => {
      for (const [type, code] of [
        ['directory', 'EISDIR'],
        ['symlink', 'EINVAL'],
        ['fifo', 'EINVAL'],
      ] as const)
        await expect(
          data.call('truncate', { loc: { inode: fresh(type).inode }, offset: 0 }),
        ).rejects.toMatchObject({
          code,
        });
    });

    test('fallocate extends or keeps the size, seek finds data and holes', async () => {
      const { fd } = await opened();
      const size = async (flags: number) =>
        (await data.call('fallocate', { fd, flags, offset: 0, size: 1 << 20 })).poststat.size;
      expect([await size(1), await size(0)]).toEqual([0, 1 << 20]);
      await data.call('ftruncate', { fd, offset: 0 });
      await data.write(fd, 'x', 1 << 20);
      const seek = async (offset: number, what: number) =>
        (await data.call('seek', { fd, offset, what })).offset;
      expect(await seek(1 << 20, SeekWhat.DATA)).toBe(1 << 20);
      expect(await seek(1 << 20, SeekWhat.HOLE)).toBe((1 << 20) + 1);
      await expect(seek(1 << 21, SeekWhat.DATA)).rejects.toMatchObject({ code: 'ENXIO' });
      await expect(seek(0, 5)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    });

    test('a brick at its reserve takes what needs no more space, and internal calls', async () => {
      const full = await DataBrick.open(store, { reserve: '100%' });
      try {
        const fd = await full.fd(full.make('f'));
        const request = (text: string, offset: number) => ({
          fd,
          offset,
          size: text.length,
          flags: 0,
          data: [Buffer.from(text)],
        });
        const refused = { code: 'ENOSPC' };
        await expect(full.call('write', request('x', 0))).rejects.toMatchObject(refused);
        await full.call('write', request('0123', 0), rootContext({ pid: -6 }));
        await full.call('write', { ...request('4567', 4), xdata: new Dict().set(keys.internalFop, 1) });
        expect((await full.call('write', request('ab', 6))).count).toBe(2);
        await expect(full.call('write', request('ab', 7))).rejects.toMatchObject(refused);
        const range = { fd, offset: 0, size: 100 };
        await expect(full.call('fallocate', { ...range, flags: 0 })).rejects.toMatchObject(refused);
        await expect(full.call('zerofill', range)).rejects.toMatchObject(refused);
        await full.call('zerofill', { ...range, size: 1 });
        await full.call('discard', { ...range, size: 2 });
        expect(await full.read(fd)).toBe('\0\x002345ab');
        const set = {
          loc: { inode: fd.inode },
          dict: new Dict().setBytes('user.x', Buffer.from('x')),
          flags: 0,
        };
        await expect(full.call('setxattr', set)).rejects.toMatchObject(refused);
      } finally {
        await full.close();
      }
    });

    test('copy_file_range tells how much it copied', async () => {
      const source = await opened();
      const target = await opened();
      await data.write(source.fd, '0123456789');
      const copy = (sourceOffset: number, size: number) =>
        data.call('copyFileRange', {
          source: source.fd,
          target: target.fd,
          sourceOffset,
          targetOffset: 1,
          size,
          flags: 0,
        });
      expect(await copy(2, 3)).toMatchObject({
        count: 3,
        stat: { size: 10 },
        prestat: { size: 0 },
        poststat: { size: 4 },
      });
      expect((await copy(8, 100)).count).toBe(2);
      expect(onDisk(target.name)).toBe('\x0089' + '4');
    });
  });

  test('rchecksum: MD5, or SHA-256 where the brick is told to', async () => {
    const { fd } = await opened();
    await data.write(fd, 'some bytes');
    const block = { fd, offset: 5, size: 100, flags: 0 };
    expect(await data.call('rchecksum', block)).toMatchObject({
      flags: 0,
      ...blockChecksum(Buffer.from('bytes'), 'md5'),
    });
    const zeros = await data.call('rchecksum', { ...block, xdata: asking('check-zero-filled') });
    expect(zeros.xdata!.get(keys.zeroFilled)).toBe(0);
    const fips = await DataBrick.open(store, { 'fips-mode-rchecksum': 'on' });
    try {
      const other = await fips.fd(fips.make('f'));
      await fips.write(other, 'some bytes');
      const reply = await fips.call('rchecksum', { ...block, fd: other });
      expect(reply).toMatchObject({ flags: 1, ...blockChecksum(Buffer.from('bytes'), 'sha256') });
      expect(reply.xdata!.get(keys.fipsChecksum)).toBe(1);
    } finally {
      await fips.close();
    }
  });

  test('fsync, fdatasync, flush', async () => {
    const { fd } = await opened();
    await data.write(fd, 'abc');
    for (const datasync of [0, 1]) expect((await data.call('fsync', { fd, datasync })).poststat.size).toBe(3);
    expect(await data.call('flush', { fd })).toEqual({});
  });

  test('whatever is written, cut, punched and zeroed, a file holds what a buffer would', async () => {
    const at = fc.nat({ max: 20_000 });
    const size = fc.integer({ min: 1, max: 9000 });
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('write' as const),
        at,
        bytes: fc.uint8Array({ minLength: 1, maxLength: 6000 }),
      }),
      fc.record({ kind: fc.constantFrom('truncate' as const, 'ftruncate' as const), at }),
      fc.record({ kind: fc.constantFrom('zerofill' as const, 'fallocate' as const), at, size }),
      fc.record({ kind: fc.constant('discard' as const), at, size }),
    );
    /** What the step makes of a buffer. */
    const applied = (before: Buffer, each: typeof step extends fc.Arbitrary<infer T> ? T : never): Buffer => {
      if (!('size' in each) && !('bytes' in each)) {
        const cut = Buffer.alloc(each.at);
        before.copy(cut);
        return cut;
      }
      const end = each.at + ('bytes' in each ? each.bytes.length : each.size);
      const after = Buffer.alloc(each.kind === 'discard' ? before.length : Math.max(before.length, end));
      before.copy(after);
      if ('bytes' in each) after.set(each.bytes, each.at);
      else if (each.kind !== 'fallocate')
        after.fill(0, Math.min(each.at, after.length), Math.min(end, after.length));
      return after;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { name, inode, fd } = await opened();
        let model: Buffer = Buffer.alloc(0);
        for (const each of steps) {
          model = applied(model, each);
          if (each.kind === 'write') await data.write(fd, each.bytes, each.at);
          else if (each.kind === 'truncate') await data.call('truncate', { loc: { inode }, offset: each.at });
          else if (each.kind === 'ftruncate') await data.call('ftruncate', { fd, offset: each.at });
          else if ('size' in each) {
            const range = { fd, offset: each.at, size: each.size };
            if (each.kind === 'fallocate') await data.call('fallocate', { ...range, flags: 0 });
            else await data.call(each.kind, range);
          }
        }
        const { stat } = await data.call('fstat', { fd });
        expect(stat.size).toBe(model.length);
        expect(readFileSync(data.path(name)).equals(model)).toBe(true);
        expect(await data.read(fd)).toBe(model.toString('latin1'));
        await data.call('release', { fd });
      }),
      { numRuns: 40 },
    );
  });
});

describe('errors of the host', () => {
  test('keep their number, whatever Node calls them', () => {
    const error = (errno: number, code: string) => Object.assign(new Error('text'), { errno, code });
    expect(hostError(error(-95, 'ENOTSUP')).code).toBe('EOPNOTSUPP');
    expect(hostError(error(-122, 'Unknown system error -122')).code).toBe('EDQUOT');
    expect(hostError(new TypeError('a mistake')).code).toBe('EIO');
    expect(hostErrno(error(-28, 'ENOSPC'))).toBe(28);
  });

  test('a symbolic link is not followed', () => {
    expect(() => openDescriptor(Buffer.from('/proc/self/exe'), 0)).toThrow(/ELOOP/);
  });
});
