import { afterEach, describe, expect, it } from 'vitest';
import { Inode } from '../../../../src/graph/index.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { S_IFDIR, S_IFREG } from '../../../../src/protocol/iatt.ts';
import { daviesMeyer } from '../../../../src/xlators/cluster/distribute/hash.ts';
import { HASH_MAX, parseRange } from '../../../../src/xlators/cluster/distribute/layout.ts';
import {
  at,
  coverage,
  exchangeRanges,
  hashedIndex,
  LAYOUT,
  LINKTO,
  MemoryCluster,
  nameOn,
} from '../../../helpers/memory-brick.ts';

let cluster: MemoryCluster;

afterEach(async () => {
  await cluster.idle();
  expect(cluster.locks).toEqual([]);
});

describe('directories', () => {
  it('the root of a new volume gets a layout at its first lookup', async () => {
    cluster = new MemoryCluster(3);
    await cluster.resolve('/');
    expect(coverage(cluster, '/')).toBe(HASH_MAX + 1);
    // Commit hash 1: names that are absent where they hash to are looked for everywhere.
    expect(parseRange(at(cluster.brick(0), '/')!.xattrs.get(LAYOUT))!.commitHash).toBe(1);
  });

  it('are made on all bricks with one gfid, one metadata brick and ranges for all names', async () => {
    cluster = new MemoryCluster(5);
    const inode = await cluster.mkdir('/dir');
    for (const brick of cluster.bricks) expect(at(brick, '/dir')!.gfid).toEqual(inode.gfid);
    expect(coverage(cluster, '/dir')).toBe(HASH_MAX + 1);
    const marked = cluster.bricks.filter((brick) =>
      at(brick, '/dir')!.xattrs.has('trusted.glusterfs.dht.mds'),
    );
    expect(marked).toEqual([cluster.brick(hashedIndex(cluster, '/', 'dir'))]);
    expect(parseRange(at(cluster.brick(0), '/dir')!.xattrs.get(LAYOUT))!.commitHash).toBe(0);
  });

  it('ranges start at the brick that the path hashes to', async () => {
    cluster = new MemoryCluster(3);
    for (const path of ['/a', '/b', '/a/c', '/a/c/d']) {
      await cluster.mkdir(path);
      const first = cluster.bricks.findIndex(
        (brick) => parseRange(at(brick, path)!.xattrs.get(LAYOUT))!.start === 0,
      );
      expect(first).toBe(daviesMeyer(Buffer.from(path)) % 3);
    }
  });

  it('made while a brick is down are healed there when it is back', async () => {
    cluster = new MemoryCluster(3);
    await cluster.resolve('/');
    const down = (hashedIndex(cluster, '/', 'dir') + 1) % 3;
    cluster.brick(down).down();
    const inode = await cluster.mkdir('/dir');
    expect(at(cluster.brick(down), '/dir')).toBeUndefined();
    expect(coverage(cluster, '/dir')).toBe(HASH_MAX + 1);
    cluster.brick(down).up();
    await cluster.resolve('/dir');
    const healed = at(cluster.brick(down), '/dir')!;
    expect(healed.gfid).toEqual(inode.gfid);
    expect(parseRange(healed.xattrs.get(LAYOUT))).toEqual({ commitHash: 0, type: 0, start: 0, stop: 0 });
    await expect(cluster.create('/dir/file')).resolves.toBeDefined();
  });

  it('a missing one comes back with owner, mode and user attributes', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const mds = cluster.brick(hashedIndex(cluster, '/', 'dir'));
    const other = cluster.bricks.find((brick) => brick !== mds)!;
    Object.assign(at(mds, '/dir')!, { mode: S_IFDIR | 0o2750, uid: 7, gid: 8 });
    at(mds, '/dir')!.xattrs.set('user.a', Buffer.from('b'));
    other.store.drop(other.store.root, 'dir');
    await cluster.resolve('/dir');
    expect(at(other, '/dir')).toMatchObject({ mode: S_IFDIR | 0o2750, uid: 7, gid: 8 });
    expect(at(other, '/dir')!.xattrs.get('user.a')).toEqual(Buffer.from('b'));
    // All bricks that had it besides the metadata brick as well.
    for (const brick of cluster.bricks) expect(at(brick, '/dir')!.mode).toBe(S_IFDIR | 0o2750);
    expect(coverage(cluster, '/dir')).toBe(HASH_MAX + 1);
  });

  it('no ranges are given out while a brick is down', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    for (const brick of cluster.bricks) at(brick, '/dir')!.xattrs.delete(LAYOUT);
    const down = (hashedIndex(cluster, '/', 'dir') + 1) % 3;
    cluster.brick(down).down();
    await cluster.resolve('/dir');
    for (const brick of cluster.bricks) expect(at(brick, '/dir')!.xattrs.has(LAYOUT)).toBe(false);
    await expect(cluster.create('/dir/file')).rejects.toMatchObject({
      code: 'ENOTCONN',
      translator: `vol-client-${down}`,
    });
  });

  it('a name that hashes to a brick that is down: ENOTCONN, and it says whose', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const name = nameOn(cluster, '/dir', 1);
    const other = nameOn(cluster, '/dir', 2);
    cluster.brick(1).down();
    await expect(cluster.create(`/dir/${name}`)).rejects.toMatchObject({
      code: 'ENOTCONN',
      translator: 'vol-client-1',
    });
    await expect(cluster.create(`/dir/${other}`)).resolves.toBeDefined();
  });

  it('with two gfids are refused', async () => {
    cluster = new MemoryCluster(2);
    await cluster.resolve('/');
    for (const brick of cluster.bricks) {
      brick.store.put(brick.store.root, 'dir', brick.store.make(newGfid(), S_IFDIR | 0o755, 0, 0));
    }
    await expect(cluster.resolve('/dir')).rejects.toMatchObject({ code: 'EIO' });
  });

  it('mkdir goes where the name belongs after the ranges have changed behind our back', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const parent = await cluster.resolve('/dir');
    const name = nameOn(cluster, '/dir', 0);
    exchangeRanges(cluster, '/dir', 0, 1);
    const loc = { inode: new Inode(), parent, name };
    await cluster.top.mkdir({ loc, mode: 0o755, umask: 0 }, cluster.context);
    expect(at(cluster.brick(1), `/dir/${name}`)!.xattrs.has('trusted.glusterfs.dht.mds')).toBe(true);
    expect(at(cluster.brick(0), `/dir/${name}`)!.xattrs.has('trusted.glusterfs.dht.mds')).toBe(false);
  });

  it('EIO for another reason stays EIO', async () => {
    cluster = new MemoryCluster(2);
    await cluster.resolve('/');
    for (const brick of cluster.bricks) brick.fail('mkdir', 'EIO', { times: 9 });
    await expect(cluster.mkdir('/dir')).rejects.toMatchObject({ code: 'EIO' });
  });

  it('a discovered directory is healed by its path', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/a');
    const { gfid } = await cluster.mkdir('/a/b');
    const lacking = (hashedIndex(cluster, '/a', 'b') + 1) % 3;
    const brick = cluster.brick(lacking);
    brick.store.drop(at(brick, '/a')!, 'b');
    const { stat } = await cluster.top.lookup({ loc: { inode: new Inode(gfid) }, flags: 0 }, cluster.context);
    expect(stat.gfid).toEqual(gfid);
    expect(at(brick, '/a/b')!.gfid).toEqual(gfid);
    expect(coverage(cluster, '/a/b')).toBe(HASH_MAX + 1);
  });
});

describe('rmdir', () => {
  it('removes the directory everywhere, and linkto files that lead nowhere with it', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const brick = cluster.brick(1);
    const stray = brick.store.make(newGfid(), S_IFREG | 0o1000, 0, 0);
    stray.xattrs.set(LINKTO, Buffer.from('vol-client-2\0'));
    brick.store.put(at(brick, '/dir')!, 'stray', stray);
    await cluster.rmdir('/dir');
    for (const one of cluster.bricks) expect(at(one, '/dir')).toBeUndefined();
  });

  it('with a file on any brick: ENOTEMPTY, and nothing is removed', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    await cluster.create('/dir/file');
    await expect(cluster.rmdir('/dir')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    for (const brick of cluster.bricks) expect(at(brick, '/dir')).toBeDefined();
  });

  it('while a brick is down fails, and nothing is removed', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const loc = await cluster.entry('/dir');
    cluster.brick((hashedIndex(cluster, '/', 'dir') + 1) % 3).down();
    await expect(cluster.top.rmdir({ loc, xflags: 0 }, cluster.context)).rejects.toMatchObject({
      code: 'ENOTCONN',
    });
    expect(cluster.bricks.every((brick) => at(brick, '/dir') !== undefined)).toBe(true);
  });

  it.each(['hashed', 'other'])(
    'refused by the %s brick, the directory is made again with its ranges',
    async (who) => {
      cluster = new MemoryCluster(3);
      const { gfid } = await cluster.mkdir('/dir');
      const before = cluster.bricks.map((brick) => parseRange(at(brick, '/dir')!.xattrs.get(LAYOUT)));
      const hashed = hashedIndex(cluster, '/', 'dir');
      cluster.brick(who === 'hashed' ? hashed : (hashed + 1) % 3).fail('rmdir', 'EBUSY');
      await expect(cluster.rmdir('/dir')).rejects.toMatchObject({ code: 'EBUSY' });
      await cluster.idle();
      for (const brick of cluster.bricks) expect(at(brick, '/dir')!.gfid).toEqual(gfid);
      expect(cluster.bricks.map((brick) => parseRange(at(brick, '/dir')!.xattrs.get(LAYOUT)))).toEqual(
        before,
      );
    },
  );
});
