import { afterEach, describe, expect, it } from 'vitest';
import { Fd } from '../../../../src/graph/index.ts';
import { HASH_MAX, parseRange } from '../../../../src/xlators/cluster/distribute/layout.ts';
import {
  at,
  coverage,
  exchangeRanges,
  hashedIndex,
  LAYOUT,
  MemoryCluster,
  nameOn,
  places,
} from '../../../helpers/memory-brick.ts';

let cluster: MemoryCluster;

afterEach(async () => {
  await cluster.idle();
  expect(cluster.locks).toEqual([]);
});

describe('files', () => {
  it('are made where their names hash to, and nowhere else', async () => {
    cluster = new MemoryCluster(4);
    await cluster.mkdir('/dir');
    for (let serial = 0; serial < 40; serial++) {
      await cluster.create(`/dir/name-${serial}`);
      expect(places(cluster, `/dir/name-${serial}`)).toEqual({
        data: [hashedIndex(cluster, '/dir', `name-${serial}`)],
        linkto: [],
      });
    }
    expect((await cluster.tree('/dir')).size).toBe(40);
  });

  it('nothing but its attributes is stored with a new file', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    await cluster.create('/dir/file');
    const node = at(cluster.brick(places(cluster, '/dir/file').data[0]!), '/dir/file')!;
    expect([...node.xattrs.keys()]).toEqual([]);
  });

  it('created after the ranges have changed go where they belong by then', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const loc = await cluster.place(`/dir/${nameOn(cluster, '/dir', 0)}`);
    exchangeRanges(cluster, '/dir', 0, 1);
    const { top, context } = cluster;
    await top.create({ loc, fd: new Fd(loc.inode, 2), flags: 2, mode: 0o644, umask: 0 }, context);
    expect(places(cluster, `/dir/${loc.name}`).data).toEqual([1]);
  });

  it('avoid a full brick, with a linkto file of the same gfid where the name hashes to', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const name = nameOn(cluster, '/dir', 1);
    Object.assign(cluster.brick(1).space, { free: 10 });
    Object.assign(cluster.brick(2).space, { free: 1 << 18 });
    await cluster.client.translator.state.freeSpace.refresh();
    // The figures are old after a second.
    const { freeSpace } = cluster.client.translator.state;
    Object.assign(freeSpace, { fetched: Number.NEGATIVE_INFINITY });
    await freeSpace.refresh();
    await expect.poll(() => freeSpace.isFilled(cluster.brick(1).subvolume)).toBe(true);
    const { gfid } = await cluster.create(`/dir/${name}`, 'text');
    expect(places(cluster, `/dir/${name}`)).toEqual({ data: [0], linkto: [[1, 'vol-client-0']] });
    expect(at(cluster.brick(1), `/dir/${name}`)!.gfid).toEqual(gfid);
    expect(await cluster.read(`/dir/${name}`)).toBe('text');
    await cluster.unlink(`/dir/${name}`);
    expect(places(cluster, `/dir/${name}`)).toEqual({ data: [], linkto: [] });
  });

  it('a create that fails elsewhere leaves no linkto file, unless it may have succeeded', async () => {
    cluster = new MemoryCluster(2);
    await cluster.mkdir('/dir');
    const name = nameOn(cluster, '/dir', 1);
    const { state } = cluster.client.translator;
    state.placement = { chooses: true, choose: () => cluster.brick(0).subvolume };
    cluster.brick(0).fail('create', 'ENOSPC');
    await expect(cluster.create(`/dir/${name}`)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(places(cluster, `/dir/${name}`)).toEqual({ data: [], linkto: [] });
    cluster.brick(0).fail('create', 'ENOTCONN', { outcome: 'unknown' });
    await expect(cluster.create(`/dir/${name}`)).rejects.toMatchObject({
      code: 'ENOTCONN',
      outcome: 'unknown',
    });
    expect(places(cluster, `/dir/${name}`)).toEqual({ data: [0], linkto: [[1, 'vol-client-0']] });
    expect(await cluster.exists(`/dir/${name}`)).toBe(true);
  });

  it('none is made on a brick that is being removed', async () => {
    cluster = new MemoryCluster(3);
    await cluster.mkdir('/old');
    const name = nameOn(cluster, '/old', 1);
    cluster = new MemoryCluster(cluster.bricks, { 'decommissioned-bricks': 'vol-client-1' });
    await cluster.mkdir('/new');
    expect(parseRange(at(cluster.brick(1), '/new')!.xattrs.get(LAYOUT))).toMatchObject({ start: 0, stop: 0 });
    expect(coverage(cluster, '/new')).toBe(HASH_MAX + 1);
    // The old directory still has it; its layout is read under a lock, and is still the same.
    await cluster.create(`/old/${name}`);
    expect(places(cluster, `/old/${name}`).data).toEqual([1]);
  });
});
