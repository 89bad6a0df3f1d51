import { beforeEach, describe, expect, it } from 'vitest';
import { BigIntStats, Stats } from '../../src/api/stats.ts';
import { type Upcall, UpcallFlag } from '../../src/api/upcalls.ts';
import type { Volume } from '../../src/api/volume.ts';
import { GlfsError } from '../../src/errors.ts';
import { emptyIatt, S_IFREG } from '../../src/protocol/iatt.ts';
import { LeaseType } from '../../src/protocol/messages.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

let memory: MemoryVolume;
let volume: Volume;

beforeEach(async () => {
  memory = new MemoryVolume();
  volume = memory.volume();
  await volume.writeFile('/f', 'text');
});

describe('statx', () => {
  const told = { btime: 1_600_000_000n, btimeNsec: 5, attributes: 0x10n, attributesMask: 0x30n };

  it('gives the time of birth and the attributes that the servers know', async () => {
    const node = await volume.stat('/f', { bigint: true });
    Object.assign(memory.tree.child(memory.tree.root, 'f').stat, told, { flags: 0xfffn });
    const statx = await volume.statx('/f');
    expect(statx).toMatchObject({ type: 'file', hasBirthtime: true, mask: 0xfffn });
    expect(statx).toMatchObject({ attributes: 0x10n, attributesMask: 0x30n });
    expect(statx.stats.birthtimeNs).toBe(1_600_000_000_000_000_005n);
    expect([statx.stats.ino, statx.stats.size]).toEqual([node.ino, 4n]);
    await using file = await volume.open('/f');
    expect((await file.statx()).stats.birthtimeNs).toBe(statx.stats.birthtimeNs);
  });

  it('says what they do not know', async () => {
    Object.assign(memory.tree.child(memory.tree.root, 'f').stat, told, { flags: 0x7ffn });
    const { stats, hasBirthtime, mask } = await volume.statx('/f');
    expect([hasBirthtime, mask]).toEqual([false, 0x7ffn]);
    expect(stats.birthtimeNs).toBe(stats.ctimeNs);
  });

  it('follows links unless it is told not to', async () => {
    await volume.symlink('f', '/l');
    expect((await volume.statx('/l')).type).toBe('file');
    expect((await volume.statx('/l', { follow: false })).type).toBe('symlink');
    await expect(volume.statx('/none')).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'statx',
      path: '/none',
    });
  });
});

describe('a volume', () => {
  it('acts on behalf of others, and keeps that with what is opened', async () => {
    const user = volume.as({ uid: 1000, gid: 100, groups: [5, 6], pid: 42, umask: 0o77 });
    await user.writeFile('/mine', '');
    const stats = await volume.stat('/mine');
    expect([stats.uid, stats.gid, stats.mode & 0o777]).toEqual([1000, 100, 0o600]);
    memory.calls.length = 0;
    await using file = await user.open('/mine');
    await file.stat();
    for (const { context } of memory.calls)
      expect(context).toMatchObject({ uid: 1000, gid: 100, groups: [5, 6], pid: 42 });
    // A view of a view takes over what is not said anew.
    await user.as({ uid: 7 }).stat('/');
    expect(memory.calls.at(-1)?.context).toMatchObject({ uid: 7, gid: 100, groups: [5, 6] });
    for (const wrong of [
      { uid: -1 },
      { gid: 2 ** 32 },
      { groups: [0.5] },
      { umask: 0o1000 },
      { lkOwner: new Uint8Array(0) },
    ])
      expect(() => volume.as(wrong), JSON.stringify(wrong)).toThrow(
        expect.objectContaining({ code: 'EINVAL' }),
      );
  });

  it('sets attributes by path, of links themselves where asked', async () => {
    await volume.symlink('f', '/l');
    await volume.chmod('/l', 0o600);
    await volume.chown('/l', 5, 6);
    await volume.lchown('/l', 7, -1);
    await volume.lutimes('/l', 1, 2);
    await volume.utimes('/l', new Date(3500), 4n);
    const [file, link] = [await volume.stat('/l'), await volume.lstat('/l')];
    expect([file.mode & 0o777, file.uid, file.gid, file.atimeMs, file.mtimeMs]).toEqual([
      0o600, 5, 6, 3500, 4e-6,
    ]);
    expect([link.uid, link.atimeMs, link.mtimeMs]).toEqual([7, 1000, 2000]);
    const { before, after } = await volume.setattr('/f', { size: 2, mode: 0o644, mtime: 'now' });
    expect([before.size, after.size, after.mode & 0o777]).toEqual([4, 2, 0o644]);
    expect(Math.abs(after.mtimeMs - Date.now())).toBeLessThan(60_000);
    await expect(volume.utimes('/f', Number.NaN, 0)).rejects.toMatchObject({ code: 'EINVAL' });
    expect((await volume.truncate('/f')).after.size).toBe(0);
  });

  it('tells rights, room, existence, identity', async () => {
    await volume.chmod('/f', 0o640);
    const user = volume.as({ uid: 9, gid: 9, groups: [] });
    await user.access('/f');
    await expect(user.access('/f', 4)).rejects.toMatchObject({ code: 'EACCES' });
    await expect(user.access('/f', 8)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(await volume.exists('/n')).toBe(false);
    expect(await volume.exists('/f/n')).toBe(false);
    expect(await volume.statfs()).toMatchObject({ bsize: 4096, blocks: 1000, bavail: 400, fsid: 7n });
    expect(await volume.volumeId()).toMatch(/^[0-9a-f-]{36}$/);
    expect(volume.volfile()).toContain('end-volume');
    expect(volume.name).toBe('memory');
  });

  it('shows its state as plain data', async () => {
    await using file = await volume.open('/f');
    const dump = JSON.parse(JSON.stringify(volume.statedump()));
    expect(dump.fds).toEqual([{ gfid: file.gfid, type: 'file', flags: 0 }]);
    expect(dump.translators.memory.type).toBe('test/memory');
    expect(dump.inodes.known).toBeGreaterThan(1);
  });

  it('closes what is open when it is closed, once', async () => {
    const file = await volume.open('/f', 'r+');
    const directory = await volume.as({ uid: 0 }).opendir('/');
    const upcalls = volume.upcalls();
    const waiting = upcalls.next();
    await volume.as({ uid: 5 }).close();
    expect(memory.closed).toBe(false);
    await Promise.all([volume.close(), volume.close()]);
    expect([memory.closed, memory.openFds.size, memory.listening]).toEqual([true, 0, 0]);
    expect([file.closed, await waiting]).toEqual([true, { value: undefined, done: true }]);
    await expect(directory.read()).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('lets a change that nobody waits for come to its end before it is closed', async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    memory.before = ({ fop }) => (fop === 'rename' ? gate : undefined);
    await expect(volume.rename('/f', '/g', { timeout: 20 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      outcome: 'unknown',
    });
    const closing = volume.close();
    await new Promise((next) => setImmediate(next));
    expect(memory.closed).toBe(false);
    go();
    await closing;
    expect([...memory.tree.root.entries.keys()]).toEqual(['g']);
  });

  it('is closed even where a file could not be flushed, and says so', async () => {
    await volume.open('/f', 'r+');
    memory.before = ({ fop }) => {
      if (fop === 'flush') throw new GlfsError('EIO');
    };
    await expect(volume.close()).rejects.toMatchObject({ code: 'EIO', syscall: 'close', path: '/f' });
    expect(memory.closed).toBe(true);
  });
});

describe('upcalls', () => {
  it('come as they happen, changes of one file together', async () => {
    const { gfid } = memory.tree.child(memory.tree.root, 'f');
    await using upcalls = volume.upcalls();
    expect(upcalls.poll()).toBeUndefined();
    const stat = { ...emptyIatt(), gfid, mode: S_IFREG | 0o644, size: 9 };
    const change = { kind: 'cache-invalidation', gfid, expiresIn: 60 } as const;
    memory.emit({ ...change, flags: UpcallFlag.SIZE });
    memory.emit({ ...change, flags: UpcallFlag.TIMES, stat });
    memory.emit({ kind: 'lease-recall', gfid, leaseId: new Uint8Array(16), type: LeaseType.READ });
    memory.emit({ kind: 'locks-lost', gfid, reason: new GlfsError('ENOTCONN') });
    memory.emit({ kind: 'child-up' });
    const seen: Upcall[] = [];
    for await (const upcall of upcalls) {
      seen.push(upcall);
      if (seen.length === 3) break;
    }
    expect(seen.map(({ kind }) => kind)).toEqual(['invalidation', 'lease-recall', 'locks-lost']);
    expect(seen[0]).toMatchObject({
      flags: UpcallFlag.SIZE | UpcallFlag.TIMES,
      stats: { size: 9 },
      expiresIn: 60,
    });
    expect(seen[1]).toMatchObject({ type: 'read' });
    using handle = (seen[0] as Extract<Upcall, { kind: 'invalidation' }>).handle();
    expect((await handle.stat()).size).toBe(4);
    await using file = await handle.open();
    expect((await file.readFile()).toString()).toBe('text');
    // Leaving the loop has ended it.
    expect([memory.listening, await upcalls.next()]).toEqual([0, { value: undefined, done: true }]);
  });

  it('wake who waits', async () => {
    await using upcalls = volume.upcalls();
    const waiting = upcalls.next();
    const { gfid } = memory.tree.root;
    memory.emit({
      kind: 'cache-invalidation',
      gfid,
      flags: UpcallFlag.NLINK,
      expiresIn: 1,
      parent: memory.tree.root.stat,
    });
    expect((await waiting).value).toMatchObject({
      kind: 'invalidation',
      parent: { gfid: volume.as({}).name && expect.any(String) },
    });
  });
});

describe('stats', () => {
  const iatt = {
    ...emptyIatt(),
    gfid: Uint8Array.from({ length: 16 }, (_, index) => 0xf0 + index),
    mode: S_IFREG | 0o644,
    size: 5,
    atime: -2n,
    atimeNsec: 500_000_000,
    mtime: 1_700_000_000n,
    mtimeNsec: 123_456_789,
    ctime: 3n,
    rdev: (8n << 32n) | 257n,
  };

  it('have the shape of node:fs', () => {
    const stats = new Stats(iatt, 77);
    expect([stats.atimeMs, stats.mtimeMs, stats.ctime.getTime()]).toEqual([
      -1500, 1_700_000_000_123.4568, 3000,
    ]);
    expect(stats.birthtimeMs).toBe(stats.ctimeMs);
    expect([stats.dev, stats.rdev]).toEqual([77, 0x100801]);
    const big = new BigIntStats(iatt, 77);
    expect([big.atimeNs, big.mtimeNs, big.mtimeMs]).toEqual([
      -1_500_000_000n,
      1_700_000_000_123_456_789n,
      1_700_000_000_123n,
    ]);
    expect(big.ino).toBe(0xf8f9fafbfcfdfeffn);
    expect([big.isFile(), big.isDirectory(), stats.isSymbolicLink()]).toEqual([true, false, false]);
  });

  it('take the time of birth where servers know it', () => {
    const born = { ...iatt, flags: 0x1fffn, btime: 1n };
    expect(new Stats(born).birthtimeMs).toBe(1000);
  });
});
