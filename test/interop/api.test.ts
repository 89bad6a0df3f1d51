import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, parseAcl, type Upcall, UpcallFlag, type Volume } from '../../src/api/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { brickState } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';
import { readXattr, readXattrs, setXattr } from '../helpers/xattr.ts';

const run = promisify(execFile);
const pool = attachPool();
let testVolume: TestVolume;
let mount: Mount;
let volume: Volume;

beforeAll(async () => {
  testVolume = await pool.createVolume('api', {
    bricks: 3,
    options: { 'features.cache-invalidation': 'on', 'features.leases': 'on' },
  });
  mount = await mountVolume(pool, { volume: 'api' });
  volume = await connect(testVolume.url);
});

afterAll(async () => {
  await volume?.close();
  await mount?.unmount();
  await testVolume?.delete();
});

/** Bytes of which no two pages are alike. */
function pattern(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 131 + (at >> 12) * 17) & 0xff;
  return bytes;
}

describe('the API against real bricks', () => {
  test('what it writes, a mount reads, byte by byte, and the other way round', async () => {
    for (const size of [0, 1, 4095, 131_073, 5 * 2 ** 20 + 3]) {
      const bytes = pattern(size);
      await volume.writeFile(`/there-${size}`, bytes);
      expect((await fs.readFile(mount.at(`there-${size}`))).equals(bytes)).toBe(true);
      await fs.writeFile(mount.at(`back-${size}`), bytes);
      expect((await volume.readFile(`/back-${size}`)).equals(bytes)).toBe(true);
      await using file = await volume.open(`/back-${size}`);
      const beyond = await file.pread(100, size + 10);
      expect([beyond.bytesRead, beyond.eof]).toEqual([0, true]);
      expect((await file.pread(100, Math.max(size - 1, 0))).bytesRead).toBe(Math.min(size, 1));
    }
  });

  test('streams carry a large file in both directions', async () => {
    const bytes = pattern(9 * 2 ** 20 + 11);
    await fs.writeFile(mount.at('stream'), bytes);
    await pipeline(
      volume.createReadStream('/stream', { highWaterMark: 300_000 }),
      volume.createWriteStream('/stream-copy', { flush: true }),
    );
    expect((await fs.readFile(mount.at('stream-copy'))).equals(bytes)).toBe(true);
  });

  test('appends from both sides lose nothing', async () => {
    await volume.writeFile('/log', '');
    await using file = await volume.open('/log', 'a');
    const theirs = await fs.open(mount.at('log'), 'a');
    for (let index = 0; index < 50; index++) {
      await file.write(`ours ${index}\n`);
      await theirs.write(`theirs ${index}\n`);
    }
    await theirs.close();
    const lines = (await volume.readFile('/log', { encoding: 'utf8' })).trim().split('\n');
    expect(lines).toHaveLength(100);
    expect(file.position).toBeLessThanOrEqual((await volume.stat('/log')).size);
    expect(lines.filter((line) => line.startsWith('ours'))).toEqual(
      Array.from({ length: 50 }, (_, index) => `ours ${index}`),
    );
  });

  test('attributes are those that a mount sees', async () => {
    await volume.writeFile('/attributes', 'x', { mode: 0o640 });
    await volume.chown('/attributes', 1234, 567);
    await volume.utimes('/attributes', 1_600_000_000_123_456_789n, 1_700_000_000_987_654_321n);
    const [ours, theirs] = [
      await volume.stat('/attributes', { bigint: true }),
      await fs.stat(mount.at('attributes'), { bigint: true }),
    ];
    // Node gives inode numbers beyond 2^63 as negative ones.
    expect(ours.ino).toBe(BigInt.asUintN(64, theirs.ino));
    for (const field of ['mode', 'nlink', 'uid', 'gid', 'size', 'mtimeNs', 'atimeNs'] as const)
      expect(ours[field], field).toBe(theirs[field]);
    await fs.chmod(mount.at('attributes'), 0o4755);
    expect((await volume.stat('/attributes')).mode & 0o7777).toBe(0o4755);
    await volume.mknod('/null', { type: 'character', major: 1, minor: 3 });
    expect((await volume.stat('/null')).rdev).toBe((await fs.stat(mount.at('null'))).rdev);
    const room = await volume.statfs();
    const seen = await fs.statfs(mount.path);
    expect([room.bsize, room.blocks, room.files]).toEqual([seen.bsize, seen.blocks, seen.files]);
  });

  test('extended attributes and ACLs are those that a mount sees', async () => {
    await volume.writeFile('/xattrs', '');
    await volume.setxattr('/xattrs', 'user.binary', Buffer.from([0, 1, 255]));
    expect(await readXattr(mount.at('xattrs'), 'user.binary')).toEqual(Buffer.from([0, 1, 255]));
    await setXattr(mount.at('xattrs'), 'user.theirs', Buffer.from('value'));
    expect((await volume.getxattr('/xattrs', 'user.theirs')).toString()).toBe('value');
    expect((await volume.listxattr('/xattrs')).sort()).toEqual(
      [...(await readXattrs(mount.at('xattrs'))).keys()].sort(),
    );
    await volume.removexattr('/xattrs', 'user.theirs');
    await expect(volume.getxattr('/xattrs', 'user.theirs')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(volume.setxattr('/xattrs', 'trusted.glusterfs.dht', 'x')).rejects.toMatchObject({
      code: 'EPERM',
    });

    const acl = parseAcl('u::rw-,u:1000:r--,g::r--,m::r--,o::---');
    await volume.setAcl('/xattrs', acl);
    expect(await volume.getAcl('/xattrs')).toEqual(acl);
    const onMount = await readXattr(mount.at('xattrs'), 'system.posix_acl_access');
    expect(onMount?.length).toBe(4 + 5 * 8);
    expect((await fs.stat(mount.at('xattrs'))).mode & 0o777).toBe(0o640);

    await volume.mkdir('/inherits');
    await volume.setAcl('/inherits', 'u::rwx,u:1001:rwx,g::r-x,m::rwx,o::r-x', 'default');
    await volume.writeFile('/inherits/file', '', { mode: 0o666 });
    // The default ACL takes the place of the umask.
    expect((await volume.stat('/inherits/file')).mode & 0o777).toBe(0o664);
    expect(await volume.getAcl('/inherits/file')).toContainEqual({
      tag: 'user',
      id: 1001,
      read: true,
      write: true,
      execute: true,
    });
    await volume.writeFile('/plain', '', { mode: 0o666 });
    expect((await fs.stat(mount.at('plain'))).mode & 0o777).toBe(0o644);
  });

  test('rights are those of the caller', async () => {
    await volume.mkdir('/private', { mode: 0o700 });
    await volume.writeFile('/private/secret', 'x');
    await volume.chmod('/private/secret', 0o666);
    await volume.mkdir('/open', { mode: 0o777 });
    await volume.chmod('/open', 0o777);
    const user = volume.as({ uid: 2000, gid: 2000, groups: [3000] });
    await expect(user.readFile('/private/secret')).rejects.toMatchObject({ code: 'EACCES' });
    await user.writeFile('/open/mine', 'y');
    const stats = await fs.stat(mount.at('open', 'mine'));
    expect([stats.uid, stats.gid]).toEqual([2000, 2000]);
    await expect(user.chown('/open/mine', 0, 0)).rejects.toMatchObject({ code: 'EPERM' });
    await volume.chown('/private', 0, 3000);
    await volume.chmod('/private', 0o750);
    expect(await user.readFile('/private/secret', { encoding: 'utf8' })).toBe('x');
  });

  test('names of any bytes, links, and listings of many', async () => {
    const raw = Buffer.from([0x2f, 0xe4, 0xff, 0x20, 0x41]);
    await volume.writeFile(raw, 'raw');
    const listed = await fs.readdir(mount.path, { encoding: 'buffer' });
    expect(listed.some((name) => name.equals(raw.subarray(1)))).toBe(true);
    await fs.symlink('many/../many', mount.at('link'));
    await fs.mkdir(mount.at('many'));
    const names = Array.from({ length: 500 }, (_, index) => `name-${index}`);
    await Promise.all(names.map((name) => volume.mknod(`/many/${name}`)));
    expect((await volume.readdir('/link')).sort()).toEqual(names.toSorted());
    expect((await fs.readdir(mount.at('many'))).sort()).toEqual(names.toSorted());

    await using directory = await volume.opendir('/many', { bufferSize: 4096 });
    const first = await directory.readBatch();
    const cookie = directory.tell();
    const rest: string[] = [];
    for await (const { name } of directory) rest.push(name);
    expect(first.length + rest.length).toBe(500);
    directory.seek(cookie);
    const again: string[] = [];
    for await (const { name, stats } of directory.entriesPlus()) {
      expect(stats?.isFile()).toBe(true);
      again.push(name);
    }
    expect(again.sort()).toEqual(rest.sort());
    await volume.rm('/many', { recursive: true });
    await expect(fs.stat(mount.at('many'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('handles find their file from another connection, and the way up', async () => {
    await volume.mkdir('/h/deep/er', { recursive: true });
    await volume.writeFile('/h/deep/er/file', 'found');
    using handle = await volume.handle('/h/deep/er/file');
    await fs.rename(mount.at('h', 'deep', 'er', 'file'), mount.at('h', 'moved'));
    await using other = await connect(testVolume.url);
    using again = await other.fromHandle(handle.toBytes());
    expect((await again.read(100, 0)).buffer.toString()).toBe('found');
    await again.write('F', 0);
    expect((await fs.readFile(mount.at('h', 'moved'))).toString()).toBe('Found');
    using deepest = await volume.handle('/h/deep/er');
    using unanchored = await other.fromHandle(deepest.toBytes());
    using top = await unanchored.lookup('../..');
    expect(top.gfid).toBe((await volume.stat('/h')).gfid);
    await fs.rm(mount.at('h', 'moved'));
    await expect(again.stat()).rejects.toMatchObject({ code: 'ESTALE' });
  });

  test('room is set aside, zeroed, cut out; data and holes are told apart', async () => {
    await using file = await volume.open('/sparse', 'w+');
    await file.fallocate(0, 2 ** 20);
    await file.pwrite(pattern(2 ** 20), 0);
    await file.discard(65_536, 131_072);
    await file.zerofill(2 ** 20 - 4096, 8192);
    await file.truncate(4 * 2 ** 20);
    await file.pwrite('end', 4 * 2 ** 20 - 3);
    await file.sync();
    const bytes = await fs.readFile(mount.at('sparse'));
    const expected = Buffer.alloc(4 * 2 ** 20);
    pattern(2 ** 20).copy(expected);
    expected
      .fill(0, 65_536, 65_536 + 131_072)
      .fill(0, 2 ** 20 - 4096, 2 ** 20)
      .write('end', 4 * 2 ** 20 - 3);
    expect(bytes.equals(expected)).toBe(true);
    expect(await file.seekHole(0)).toBe(65_536);
    expect(await file.seekData(65_536)).toBe(65_536 + 131_072);
    await expect(file.seekData(5 * 2 ** 20)).rejects.toMatchObject({ code: 'ENXIO' });
  });

  test('copies are whole, within a brick and between bricks', async () => {
    const bytes = pattern(3 * 2 ** 20 + 1);
    await volume.writeFile('/original', bytes);
    for (let index = 0; index < 6; index++) {
      await volume.copyFile('/original', `/copy-${index}`);
      expect((await fs.readFile(mount.at(`copy-${index}`))).equals(bytes)).toBe(true);
    }
  });

  test('locks keep other clients out, and go when their file is closed', async () => {
    await volume.writeFile('/locked', '');
    const file = await volume.open('/locked', 'r+');
    await file.lock('write', { start: 10, length: 10 });
    const attempt = (from: number): Promise<string> =>
      run('python3', ['-c', lockFromPython, mount.at('locked'), String(from)]).then(({ stdout }) =>
        stdout.trim(),
      );
    expect(await attempt(0)).toBe('granted');
    expect(await attempt(15)).toBe('refused');
    await file.close();
    expect(await attempt(15)).toBe('granted');
  });

  test('changes by others are told, and leases recalled', async () => {
    await volume.writeFile('/watched', 'old');
    await using upcalls = volume.upcalls();
    await volume.stat('/watched');
    const { gfid } = await volume.stat('/watched');
    await fs.writeFile(mount.at('watched'), 'longer than before');
    const isOurs = (upcall: Upcall): boolean => upcall.kind === 'invalidation' && upcall.gfid === gfid;
    for await (const upcall of upcalls) {
      if (!isOurs(upcall)) continue;
      expect(
        (upcall as Extract<Upcall, { kind: 'invalidation' }>).flags & (UpcallFlag.SIZE | UpcallFlag.TIMES),
      ).not.toBe(0);
      break;
    }

    await using file = await volume.open('/watched', 'r+');
    let recalled = false;
    const lease = await file.lease('read-write', {
      onRecall: () => {
        recalled = true;
      },
    });
    expect(await file.getLease()).toBe('read-write');
    const theirs = fs.open(mount.at('watched'), 'r+');
    await waitUntil(() => recalled, { what: 'the recall of the lease', timeoutMs: 20_000 });
    await lease.release();
    await (await theirs).close();
  });

  test('knows the volume, and leaves nothing at the bricks', async () => {
    const info = await fs.readFile(join(pool.directory, 'n1', 'work', 'vols', 'api', 'info'), 'utf8');
    expect(info).toContain(`volume-id=${await volume.volumeId()}`);
    expect(volume.volfile()).toContain('type cluster/distribute');
    expect(volume.statedump().fds).toEqual([]);
    await mount.unmount();
    for (const brick of testVolume.bricks) {
      const state = await brickState(brick);
      expect(state.locks).toEqual([]);
    }
  });
});

const lockFromPython = `
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR)
request = struct.pack('hhqqi', fcntl.F_WRLCK, os.SEEK_SET, int(sys.argv[2]), 1, 0)
try:
    fcntl.fcntl(fd, fcntl.F_SETLK, request)
    print('granted')
except OSError:
    print('refused')
`;
