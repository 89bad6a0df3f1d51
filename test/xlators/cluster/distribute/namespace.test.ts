import { afterEach, describe, expect, it } from 'vitest';
import { Inode } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { S_IFDIR, S_IFREG } from '../../../../src/protocol/iatt.ts';
import { daviesMeyer } from '../../../../src/xlators/cluster/distribute/hash.ts';
import { HASH_MAX, parseRange, rangeBytes } from '../../../../src/xlators/cluster/distribute/layout.ts';
import {
  isLinktoNode,
  LINKTO,
  type MemoryBrick,
  MemoryCluster,
  type Node,
} from '../../../helpers/memory-brick.ts';

const LAYOUT = 'trusted.glusterfs.dht';

let cluster: MemoryCluster;

afterEach(async () => {
  await cluster.idle();
  expect(cluster.locks).toEqual([]);
});

function at(brick: MemoryBrick, path: string): Node | undefined {
  let node: Node | undefined = brick.store.root;
  for (const name of path.split('/').filter((part) => part !== '')) node = node?.entries.get(name)?.node;
  return node;
}

/** Index of the brick whose range in the directory has the name. */
function hashedIndex(directory: string, name: string): number {
  const hash = daviesMeyer(Buffer.from(name));
  return cluster.bricks.findIndex((brick) => {
    const range = parseRange(at(brick, directory)?.xattrs.get(LAYOUT));
    return range !== undefined && range.start !== range.stop && range.start <= hash && hash <= range.stop;
  });
}

/** Names that hash to a brick, in a directory. */
function nameOn(directory: string, index: number, prefix = 'f'): string {
  for (let serial = 0; ; serial++) {
    if (hashedIndex(directory, `${prefix}${serial}`) === index) return `${prefix}${serial}`;
  }
}

/** Where a path has data, and where linkto files. */
function places(path: string): { data: number[]; linkto: [number, string][] } {
  const data: number[] = [];
  const linkto: [number, string][] = [];
  for (const [index, brick] of cluster.bricks.entries()) {
    const node = at(brick, path);
    if (node === undefined) continue;
    if (isLinktoNode(node))
      linkto.push([index, Buffer.from(node.xattrs.get(LINKTO)!).toString().replace('\0', '')]);
    else data.push(index);
  }
  return { data, linkto };
}

function coverage(directory: string): number {
  const ranges = cluster.bricks
    .map((brick) => parseRange(at(brick, directory)?.xattrs.get(LAYOUT)))
    .filter((range) => range !== undefined && range.start !== range.stop)
    .map((range) => range!)
    .sort((a, b) => a.start - b.start);
  let next = 0;
  for (const { start, stop } of ranges) {
    if (start !== next) return -1;
    next = stop + 1;
  }
  return next;
}

/** Lets a directory be as if a rebalance had exchanged the ranges of two bricks, with no file moved. */
function exchangeRanges(directory: string, a: number, b: number): void {
  const [first, second] = [a, b].map((index) => at(cluster.brick(index), directory)!);
  const range = first!.xattrs.get(LAYOUT)!;
  first!.xattrs.set(LAYOUT, second!.xattrs.get(LAYOUT)!);
  second!.xattrs.set(LAYOUT, range);
}

describe('directories', () => {
  it('the root of a new volume gets a layout at its first lookup', async () => {
    cluster = new MemoryCluster(3);
    await cluster.resolve('/');
    expect(coverage('/')).toBe(HASH_MAX + 1);
    // Commit hash 1: names that are absent where they hash to are looked for everywhere.
    expect(parseRange(at(cluster.brick(0), '/')!.xattrs.get(LAYOUT))!.commitHash).toBe(1);
  });

  it('are made on all bricks with one gfid, one metadata brick and ranges for all names', async () => {
    cluster = new MemoryCluster(5);
    const inode = await cluster.mkdir('/dir');
    for (const brick of cluster.bricks) expect(at(brick, '/dir')!.gfid).toEqual(inode.gfid);
    expect(coverage('/dir')).toBe(HASH_MAX + 1);
    const marked = cluster.bricks.filter((brick) =>
      at(brick, '/dir')!.xattrs.has('trusted.glusterfs.dht.mds'),
    );
    expect(marked).toEqual([cluster.brick(hashedIndex('/', 'dir'))]);
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
    const down = (hashedIndex('/', 'dir') + 1) % 3;
    cluster.brick(down).down();
    const inode = await cluster.mkdir('/dir');
    expect(at(cluster.brick(down), '/dir')).toBeUndefined();
    expect(coverage('/dir')).toBe(HASH_MAX + 1);
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
    const mds = cluster.brick(hashedIndex('/', 'dir'));
    const other = cluster.bricks.find((brick) => brick !== mds)!;
    Object.assign(at(mds, '/dir')!, { mode: S_IFDIR | 0o2750, uid: 7, gid: 8 });
    at(mds, '/dir')!.xattrs.set('user.a', Buffer.from('b'));
    other.store.drop(other.store.root, 'dir');
    await cluster.resolve('/dir');
    expect(at(other, '/dir')).toMatchObject({ mode: S_IFDIR | 0o2750, uid: 7, gid: 8 });
    expect(at(other, '/dir')!.xattrs.get('user.a')).toEqual(Buffer.from('b'));
    // All bricks that had it besides the metadata brick as well.
    for (const brick of cluster.bricks) expect(at(brick, '/dir')!.mode).toBe(S_IFDIR | 0o2750);
    expect(coverage('/dir')).toBe(HASH_MAX + 1);
  });

  it('no ranges are given out while a brick is down', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    for (const brick of cluster.bricks) at(brick, '/dir')!.xattrs.delete(LAYOUT);
    const down = (hashedIndex('/', 'dir') + 1) % 3;
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
    const name = nameOn('/dir', 1);
    const other = nameOn('/dir', 2);
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
    const name = nameOn('/dir', 0);
    exchangeRanges('/dir', 0, 1);
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
    const lacking = (hashedIndex('/a', 'b') + 1) % 3;
    const brick = cluster.brick(lacking);
    brick.store.drop(at(brick, '/a')!, 'b');
    const { stat } = await cluster.top.lookup({ loc: { inode: new Inode(gfid) }, flags: 0 }, cluster.context);
    expect(stat.gfid).toEqual(gfid);
    expect(at(brick, '/a/b')!.gfid).toEqual(gfid);
    expect(coverage('/a/b')).toBe(HASH_MAX + 1);
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
    cluster.brick((hashedIndex('/', 'dir') + 1) % 3).down();
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
      const hashed = hashedIndex('/', 'dir');
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

describe('files', () => {
  it('are made where their names hash to, and nowhere else', async () => {
    cluster = new MemoryCluster(4);
    await cluster.mkdir('/dir');
    for (let serial = 0; serial < 40; serial++) {
      await cluster.create(`/dir/name-${serial}`);
      expect(places(`/dir/name-${serial}`)).toEqual({
        data: [hashedIndex('/dir', `name-${serial}`)],
        linkto: [],
      });
    }
    expect((await cluster.tree('/dir')).size).toBe(40);
  });

  it('nothing but its attributes is stored with a new file', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    await cluster.create('/dir/file');
    const node = at(cluster.brick(places('/dir/file').data[0]!), '/dir/file')!;
    expect([...node.xattrs.keys()]).toEqual([]);
  });

  it('created after the ranges have changed go where they belong by then', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const loc = await cluster.place(`/dir/${nameOn('/dir', 0)}`);
    exchangeRanges('/dir', 0, 1);
    const { top, context } = cluster;
    const { Fd } = await import('../../../../src/graph/index.ts');
    await top.create({ loc, fd: new Fd(loc.inode, 2), flags: 2, mode: 0o644, umask: 0 }, context);
    expect(places(`/dir/${loc.name}`).data).toEqual([1]);
  });

  it('avoid a full brick, with a linkto file of the same gfid where the name hashes to', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const name = nameOn('/dir', 1);
    Object.assign(cluster.brick(1).space, { free: 10 });
    Object.assign(cluster.brick(2).space, { free: 1 << 18 });
    await cluster.client.translator.state.freeSpace.refresh();
    // The figures are old after a second.
    const { freeSpace } = cluster.client.translator.state;
    Object.assign(freeSpace, { fetched: Number.NEGATIVE_INFINITY });
    await freeSpace.refresh();
    await expect.poll(() => freeSpace.isFilled(cluster.brick(1).subvolume)).toBe(true);
    const { gfid } = await cluster.create(`/dir/${name}`, 'text');
    expect(places(`/dir/${name}`)).toEqual({ data: [0], linkto: [[1, 'vol-client-0']] });
    expect(at(cluster.brick(1), `/dir/${name}`)!.gfid).toEqual(gfid);
    expect(await cluster.read(`/dir/${name}`)).toBe('text');
    await cluster.unlink(`/dir/${name}`);
    expect(places(`/dir/${name}`)).toEqual({ data: [], linkto: [] });
  });

  it('a create that fails elsewhere leaves no linkto file, unless it may have succeeded', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn('/dir', 1);
    const { state } = cluster.client.translator;
    state.placement = { chooses: true, choose: () => cluster.brick(0).subvolume };
    cluster.brick(0).fail('create', 'ENOSPC');
    await expect(cluster.create(`/dir/${name}`)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(places(`/dir/${name}`)).toEqual({ data: [], linkto: [] });
    cluster.brick(0).fail('create', 'ENOTCONN', { outcome: 'unknown' });
    await expect(cluster.create(`/dir/${name}`)).rejects.toMatchObject({
      code: 'ENOTCONN',
      outcome: 'unknown',
    });
    expect(places(`/dir/${name}`)).toEqual({ data: [0], linkto: [[1, 'vol-client-0']] });
    expect(await cluster.exists(`/dir/${name}`)).toBe(true);
  });

  it('none is made on a brick that is being removed', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/old');
    const name = nameOn('/old', 1);
    cluster = new MemoryCluster(cluster.bricks, { 'decommissioned-bricks': 'vol-client-1' });
    await cluster.mkdir('/new');
    expect(parseRange(at(cluster.brick(1), '/new')!.xattrs.get(LAYOUT))).toMatchObject({ start: 0, stop: 0 });
    expect(coverage('/new')).toBe(HASH_MAX + 1);
    // The old directory still has it; its layout is read under a lock, and is still the same.
    await cluster.create(`/old/${name}`);
    expect(places(`/old/${name}`).data).toEqual([1]);
  });
});

describe('lookups', () => {
  /** A file whose name hashes elsewhere by now, without linkto file: as after add-brick and fix-layout. */
  async function displaced(): Promise<{ name: string; from: number; to: number }> {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn('/dir', 0);
    await cluster.create(`/dir/${name}`, 'data');
    exchangeRanges('/dir', 0, 1);
    return { name, from: 0, to: 1 };
  }

  it('find a file away from its hashed brick where the commit hash is not the volume’s, and make the linkto file', async () => {
    const { name } = await displaced();
    for (const brick of cluster.bricks) {
      const node = at(brick, '/dir')!;
      node.xattrs.set(LAYOUT, rangeBytes({ ...parseRange(node.xattrs.get(LAYOUT))!, commitHash: 9 }));
    }
    expect(await cluster.read(`/dir/${name}`)).toBe('data');
    expect(places(`/dir/${name}`)).toEqual({ data: [0], linkto: [[1, 'vol-client-0']] });
    // From now on it is two calls, not a search.
    const before = cluster.brick(0).calls.length;
    await cluster.resolve(`/dir/${name}`);
    expect(cluster.brick(0).calls.length - before).toBeLessThan(5);
  });

  it('don’t search where the directory is balanced (lookup-optimize)', async () => {
    const { name } = await displaced();
    expect(await cluster.exists(`/dir/${name}`)).toBe(false);
  });

  it('search where lookup-optimize is off', async () => {
    const { name } = await displaced();
    cluster = new MemoryCluster(cluster.bricks, { 'lookup-optimize': 'off' });
    expect(await cluster.exists(`/dir/${name}`)).toBe(true);
  });

  it('remove a linkto file that leads nowhere, unless it is open', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn('/dir', 0);
    const brick = cluster.brick(0);
    const stale = brick.store.make(newGfid(), S_IFREG | 0o1000, 0, 0);
    stale.xattrs.set(LINKTO, Buffer.from('vol-client-1\0'));
    brick.store.put(at(brick, '/dir')!, name, stale);
    stale.opens = 1;
    expect(await cluster.exists(`/dir/${name}`)).toBe(false);
    expect(places(`/dir/${name}`).linkto).toHaveLength(1);
    stale.opens = 0;
    expect(await cluster.exists(`/dir/${name}`)).toBe(false);
    expect(places(`/dir/${name}`).linkto).toHaveLength(0);
  });

  it('keep a linkto file whose target is down: it may be all that tells of the data', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn('/dir', 0);
    cluster.client.translator.state.placement = { chooses: true, choose: () => cluster.brick(1).subvolume };
    await cluster.create(`/dir/${name}`, 'kept');
    cluster.brick(1).down();
    await expect(cluster.resolve(`/dir/${name}`)).rejects.toMatchObject({ code: 'ENOTCONN' });
    cluster.brick(1).up();
    expect(await cluster.read(`/dir/${name}`)).toBe('kept');
  });

  it('put a linkto file right that leads to the wrong brick', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const name = nameOn('/dir', 0);
    cluster.client.translator.state.placement = { chooses: true, choose: () => cluster.brick(1).subvolume };
    await cluster.create(`/dir/${name}`, 'here');
    at(cluster.brick(0), `/dir/${name}`)!.xattrs.set(LINKTO, Buffer.from('vol-client-2\0'));
    expect(await cluster.read(`/dir/${name}`)).toBe('here');
    expect(places(`/dir/${name}`)).toEqual({ data: [1], linkto: [[0, 'vol-client-1']] });
  });

  it('of a name that is a file here and a directory there: EIO', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn('/dir', 0);
    const [a, b] = cluster.bricks as [MemoryBrick, MemoryBrick];
    a.store.put(at(a, '/dir')!, name, a.store.make(newGfid(), S_IFDIR | 0o755, 0, 0));
    b.store.put(at(b, '/dir')!, name, b.store.make(newGfid(), S_IFREG | 0o644, 0, 0));
    await expect(cluster.resolve(`/dir/${name}`)).rejects.toMatchObject({ code: 'EIO' });
  });

  it('by gfid find file and directory with nothing known, as after a graph switch', async () => {
    cluster = new MemoryCluster(3);
    const { gfid: directory } = await cluster.mkdir('/dir');
    const { gfid: file } = await cluster.create('/dir/file', 'text');
    const fresh = new MemoryCluster(cluster.bricks);
    for (const gfid of [directory, file]) {
      const { stat } = await fresh.top.stat({ loc: { inode: new Inode(gfid) } }, fresh.context);
      expect(stat.gfid).toEqual(gfid);
    }
    const loc = { inode: new Inode(newGfid()) };
    await expect(fresh.top.stat({ loc }, fresh.context)).rejects.toMatchObject({ code: 'ESTALE' });
    cluster.brick(1).down();
    await expect(fresh.top.stat({ loc }, fresh.context)).rejects.toMatchObject({ code: 'ENOTCONN' });
    cluster.brick(1).up();
    const parent = new Inode(directory);
    const { top, context } = new MemoryCluster(cluster.bricks);
    const xdata = new Dict();
    await top.mkdir(
      { loc: { inode: new Inode(), parent, name: 'sub' }, mode: 0o755, umask: 0, xdata },
      context,
    );
    expect(coverage('/dir/sub')).toBe(HASH_MAX + 1);
    expect(ROOT_GFID).toHaveLength(16);
  });
});
