import { describe, expect, it } from 'vitest';
import type { FopName } from '../../../../src/protocol/fops.ts';
import { daviesMeyer } from '../../../../src/xlators/cluster/distribute/hash.ts';
import { HASH_MAX, parseRange } from '../../../../src/xlators/cluster/distribute/layout.ts';
import {
  at,
  coverage,
  LAYOUT,
  MemoryBrick,
  MemoryCluster,
  nameOn,
  places,
} from '../../../helpers/memory-brick.ts';

type Space = Partial<MemoryBrick['space']>;

/** Bricks with space of their own from the start, since figures are asked for with the first file. */
function clusterOf(options: Record<string, string>, spaces: readonly Space[]): MemoryCluster {
  const bricks = spaces.map((space, index) => {
    const brick = new MemoryBrick(`vol-client-${index}`);
    Object.assign(brick.space, space);
    return brick;
  });
  return new MemoryCluster(bricks, options);
}

const even: readonly Space[] = [{}, {}, {}];

/** Hashes that each brick has in a directory. */
function shares(cluster: MemoryCluster, directory: string): number[] {
  return cluster.bricks.map((brick) => {
    const range = parseRange(at(brick, directory)?.xattrs.get(LAYOUT));
    return range === undefined || range.start === range.stop ? 0 : range.stop - range.start + 1;
  });
}

/** Where the data of a new file go whose name hashes to brick 0; the others have more room than brick 0. */
async function placeOfFileOn0(options: Record<string, string>, space: Space): Promise<number> {
  const cluster = clusterOf(options, even);
  await cluster.mkdir('/d');
  const name = nameOn(cluster, '/d', 0);
  // It fills up later: a brick that is full gets no range in new directories. Figures are good for a second.
  for (const { calls } of cluster.bricks) calls.length = 0;
  Object.assign(cluster.brick(0).space, space);
  const { freeSpace } = cluster.client.translator.state;
  Object.assign(freeSpace, { fetched: Number.NEGATIVE_INFINITY });
  await freeSpace.refresh();
  await cluster.idle();
  const asked = () => cluster.bricks.every(({ calls }) => calls.some(({ fop }) => fop === 'statfs'));
  await expect.poll(asked).toBe(true);
  await cluster.create(`/d/${name}`, 'text');
  await cluster.idle();
  const { data, linkto } = places(cluster, `/d/${name}`);
  expect(data).toHaveLength(1);
  expect(linkto).toEqual(data[0] === 0 ? [] : [[0, `vol-client-${data[0]}`]]);
  expect(await cluster.read(`/d/${name}`)).toBe('text');
  return data[0]!;
}

describe('where new files go', () => {
  const percent = (share: number): Space => ({ blocks: 1 << 20, free: Math.ceil(((1 << 20) * share) / 100) });
  const inodes = (share: number): Space => ({ files: 1 << 20, ffree: Math.ceil(((1 << 20) * share) / 100) });

  it.each<[option: string, value: string, space: Space, away: boolean]>([
    ['min-free-disk', '10%', percent(15), false],
    ['min-free-disk', '20%', percent(15), true],
    ['min-free-disk', '5%', percent(7), false],
    ['min-free-disk', '1GB', { free: (1 << 30) / 4096 }, false],
    ['min-free-disk', '1GB', { free: (1 << 30) / 4096 - 1 }, true],
    ['min-free-inodes', '5%', inodes(7), false],
    ['min-free-inodes', '10%', inodes(7), true],
    ['min-free-inodes', '0', inodes(0), false],
    ['min-free-inodes', '5%', { files: 0, ffree: 0 }, false],
  ])('%s %s with %j: away from the hashed brick %s', async (option, value, space, away) => {
    expect((await placeOfFileOn0({ [option]: value }, space)) !== 0).toBe(away);
  });
});

describe('ranges of new directories', () => {
  const small = { blocks: 1 << 18, free: 1 << 17 };
  const large = { blocks: 3 << 18, free: 3 << 17 };

  it.each<[option: string, value: string, spaces: readonly Space[], quarters: number[]]>([
    ['weighted-rebalance', 'on', [small, large], [1, 3]],
    ['weighted-rebalance', 'off', [small, large], [2, 2]],
    ['directory-layout-spread', '0', [{}, {}, {}, {}], [1, 1, 1, 1]],
    ['directory-layout-spread', '2', [{}, {}, {}, {}], [0, 0, 2, 2]],
    ['directory-layout-spread', '1', [{}, {}, {}, {}], [0, 0, 0, 4]],
    ['decommissioned-bricks', 'vol-client-1', [{}, {}, {}], [0, 2, 2]],
    ['decommissioned-bricks', 'vol-client-0,vol-client-2', [{}, {}, {}], [0, 0, 4]],
  ])('%s %s over %j', async (option, value, spaces, quarters) => {
    const cluster = clusterOf({ [option]: value }, spaces);
    await cluster.mkdir('/d');
    await cluster.idle();
    const given = shares(cluster, '/d');
    const rounded = given.map((share) => Math.round((share * 4) / HASH_MAX));
    // Which brick is the first depends on the directory's path.
    expect(rounded.toSorted((a, b) => a - b)).toEqual(quarters);
    expect(coverage(cluster, '/d')).toBe(HASH_MAX + 1);
    if (option === 'weighted-rebalance' && value === 'on') expect(given[1]).toBeGreaterThan(given[0]!);
    if (option === 'decommissioned-bricks')
      for (const name of value.split(',')) expect(given[Number(name.at(-1))]).toBe(0);
  });

  it('decommissioned-bricks that name no subvolume are refused', () => {
    expect(() => clusterOf({ 'decommissioned-bricks': 'vol-client-7' }, even)).toThrow(
      /no subvolume vol-client-7/,
    );
  });

  it('no new file is made on a brick that is being removed', async () => {
    const cluster = clusterOf({ 'decommissioned-bricks': 'vol-client-1' }, even);
    await cluster.mkdir('/d');
    for (let serial = 0; serial < 30; serial++) await cluster.create(`/d/f${serial}`);
    await cluster.idle();
    expect([...at(cluster.brick(1), '/d')!.entries.keys()]).toEqual([]);
    expect((await cluster.tree('/d')).size).toBe(30);
  });
});

describe('what is hashed of a name', () => {
  it.each<[options: Record<string, string>, name: string, hashed: string]>([
    [{}, '.movie.mkv.Xy12Ab', 'movie.mkv'],
    [{ 'rsync-hash-regex': 'none' }, '.movie.mkv.Xy12Ab', '.movie.mkv.Xy12Ab'],
    [{ 'rsync-hash-regex': '^tmp-(.+)$' }, 'tmp-movie.mkv', 'movie.mkv'],
    [{ 'rsync-hash-regex': '^tmp-(.+)$' }, '.movie.mkv.Xy12Ab', '.movie.mkv.Xy12Ab'],
    [{ 'extra-hash-regex': '^(.+)~$' }, 'movie.mkv~', 'movie.mkv'],
    [{ 'extra-hash-regex': '^(.+)~$' }, '.movie.mkv.Xy12Ab', 'movie.mkv'],
    [{ 'extra-hash-regex': '^[.]([^.]+)' }, '.movie.mkv.Xy12Ab', 'movie'],
  ])('%j: %s as %s', async (options, name, hashed) => {
    const cluster = clusterOf(options, [{}, {}, {}, {}, {}, {}, {}]);
    const hash = daviesMeyer(Buffer.from(hashed));
    // In several directories, so that it can't be so by chance.
    for (const directory of ['/a', '/b', '/c', '/d']) {
      await cluster.mkdir(directory);
      await cluster.create(`${directory}/${name}`);
      const owner = cluster.bricks.findIndex((brick) => {
        const { start, stop } = parseRange(at(brick, directory)!.xattrs.get(LAYOUT))!;
        return start !== stop && start <= hash && hash <= stop;
      });
      expect(places(cluster, `${directory}/${name}`)).toEqual({ data: [owner], linkto: [] });
    }
    await cluster.idle();
  });
});

describe('calls that are made or spared', () => {
  function fops(cluster: MemoryCluster): FopName[] {
    return cluster.bricks.flatMap(({ calls }) => calls.map(({ fop }) => fop));
  }

  it.each([
    ['on', false],
    ['off', true],
  ])('rmdir-optimize %s: rmdir lists the directory first: %s', async (value, lists) => {
    const cluster = clusterOf({ 'rmdir-optimize': value }, even);
    await cluster.mkdir('/d');
    await cluster.create('/d/f');
    const before = fops(cluster).length;
    await expect(cluster.rmdir('/d')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    const refused = fops(cluster).slice(before);
    expect((await cluster.tree('/d')).size).toBe(1);
    await cluster.unlink('/d/f');
    for (const { calls } of cluster.bricks) calls.length = 0;
    await cluster.rmdir('/d');
    await cluster.idle();
    expect(fops(cluster).some((fop) => fop === 'readdirp' || fop === 'readdir')).toBe(lists);
    if (lists) expect(refused).not.toContain('rmdir');
    expect(cluster.bricks.map((brick) => at(brick, '/d'))).toEqual([undefined, undefined, undefined]);
  });

  it.each(['on', 'off', 'auto', 'yes', 'no'])(
    'lookup-unhashed %s: a file away from its hashed brick is found all the same',
    async (value) => {
      const cluster = clusterOf({ 'lookup-unhashed': value, 'lookup-optimize': 'off' }, even);
      await cluster.mkdir('/d');
      const name = nameOn(cluster, '/d', 0);
      await cluster.create(`/d/${name}`, 'text');
      // As after a rename whose linkto file got lost.
      const [from, to] = [at(cluster.brick(0), '/d')!, at(cluster.brick(2), '/d')!];
      const entry = from.entries.get(name)!;
      from.entries.delete(name);
      entry.node.nlink = 0;
      cluster.brick(2).store.put(to, name, entry.node);
      expect(await cluster.read(`/d/${name}`)).toBe('text');
      await cluster.idle();
    },
  );
});

describe('lock domains, by which all clients of a volume meet', () => {
  it.each<[what: string, domains: string[], act: (cluster: MemoryCluster) => Promise<void>]>([
    ['mkdir', ['dht.layout.heal', 'dht.entry.sync'], async (cluster) => void (await cluster.mkdir('/d/e'))],
    ['rmdir', ['dht.layout.heal', 'dht.entry.sync'], (cluster) => cluster.rmdir('/d/empty')],
    [
      'rename of a file',
      ['dht.layout.heal', 'dht.entry.sync', 'dht.file.migrate'],
      (cluster) => cluster.rename('/d/f', '/d/g'),
    ],
  ])('%s takes %j, and nothing else', async (_what, domains, act) => {
    const cluster = clusterOf({}, even);
    await cluster.mkdir('/d');
    await cluster.mkdir('/d/empty');
    await cluster.create('/d/f');
    await cluster.idle();
    for (const { calls } of cluster.bricks) calls.length = 0;
    await act(cluster);
    await cluster.idle();
    const seen = cluster.bricks.flatMap(({ calls }) =>
      calls
        .filter(({ fop }) => fop === 'inodelk' || fop === 'entrylk')
        .map(({ fop, request }) => ({ fop, domain: (request as { domain: string }).domain })),
    );
    expect([...new Set(seen.map(({ domain }) => domain))].toSorted()).toEqual(domains.toSorted());
    for (const { fop, domain } of seen) expect(fop).toBe(domain === 'dht.entry.sync' ? 'entrylk' : 'inodelk');
    expect(cluster.locks).toEqual([]);
  });
});
