import { afterEach, describe, expect, it } from 'vitest';
import { Inode } from '../../../../src/graph/index.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { S_IFDIR, S_IFREG } from '../../../../src/protocol/iatt.ts';
import { HASH_MAX, parseRange, rangeBytes } from '../../../../src/xlators/cluster/distribute/layout.ts';
import {
  at,
  coverage,
  exchangeRanges,
  LAYOUT,
  LINKTO,
  type MemoryBrick,
  MemoryCluster,
  nameOn,
  places,
} from '../../../helpers/memory-brick.ts';

let cluster: MemoryCluster;

afterEach(async () => {
  await cluster.idle();
  expect(cluster.locks).toEqual([]);
});

describe('lookups', () => {
  /** A file whose name hashes elsewhere by now, without linkto file: as after add-brick and fix-layout. */
  async function displaced(): Promise<{ name: string; from: number; to: number }> {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn(cluster, '/dir', 0);
    await cluster.create(`/dir/${name}`, 'data');
    exchangeRanges(cluster, '/dir', 0, 1);
    return { name, from: 0, to: 1 };
  }

  it('find a file away from its hashed brick where the commit hash is not the volume’s, and make the linkto file', async () => {
    const { name } = await displaced();
    for (const brick of cluster.bricks) {
      const node = at(brick, '/dir')!;
      node.xattrs.set(LAYOUT, rangeBytes({ ...parseRange(node.xattrs.get(LAYOUT))!, commitHash: 9 }));
    }
    expect(await cluster.read(`/dir/${name}`)).toBe('data');
    expect(places(cluster, `/dir/${name}`)).toEqual({ data: [0], linkto: [[1, 'vol-client-0']] });
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
    const name = nameOn(cluster, '/dir', 0);
    const brick = cluster.brick(0);
    const stale = brick.store.make(newGfid(), S_IFREG | 0o1000, 0, 0);
    stale.xattrs.set(LINKTO, Buffer.from('vol-client-1\0'));
    brick.store.put(at(brick, '/dir')!, name, stale);
    stale.opens = 1;
    expect(await cluster.exists(`/dir/${name}`)).toBe(false);
    expect(places(cluster, `/dir/${name}`).linkto).toHaveLength(1);
    stale.opens = 0;
    expect(await cluster.exists(`/dir/${name}`)).toBe(false);
    expect(places(cluster, `/dir/${name}`).linkto).toHaveLength(0);
  });

  it('keep a linkto file whose target is down: it may be all that tells of the data', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn(cluster, '/dir', 0);
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
    const name = nameOn(cluster, '/dir', 0);
    cluster.client.translator.state.placement = { chooses: true, choose: () => cluster.brick(1).subvolume };
    await cluster.create(`/dir/${name}`, 'here');
    at(cluster.brick(0), `/dir/${name}`)!.xattrs.set(LINKTO, Buffer.from('vol-client-2\0'));
    expect(await cluster.read(`/dir/${name}`)).toBe('here');
    expect(places(cluster, `/dir/${name}`)).toEqual({ data: [1], linkto: [[0, 'vol-client-1']] });
  });

  it('of a name that is a file here and a directory there: EIO', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn(cluster, '/dir', 0);
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
    await top.mkdir({ loc: { inode: new Inode(), parent, name: 'sub' }, mode: 0o755, umask: 0 }, context);
    expect(coverage(cluster, '/dir/sub')).toBe(HASH_MAX + 1);
  });
});
