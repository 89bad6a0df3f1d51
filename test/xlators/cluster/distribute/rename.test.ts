import { afterEach, describe, expect, it } from 'vitest';
import type { Inode } from '../../../../src/graph/index.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';
import { daviesMeyer } from '../../../../src/xlators/cluster/distribute/hash.ts';
import { parseRange } from '../../../../src/xlators/cluster/distribute/layout.ts';
import { isLinktoNode, LINKTO, MemoryBrick, MemoryCluster } from '../../../helpers/memory-brick.ts';

const BRICKS = 4;
const CHANGES: ReadonlySet<FopName> = new Set(['mknod', 'link', 'rename', 'unlink']);

function bricks(): MemoryBrick[] {
  return Array.from({ length: BRICKS }, (_, index) => new MemoryBrick(`vol-client-${index}`));
}

function nameOn(cluster: MemoryCluster, index: number, prefix: string): string {
  const node = cluster.brick(index).store.root.entries.get('dir')!.node;
  const { start, stop } = parseRange(node.xattrs.get('trusted.glusterfs.dht'))!;
  for (let serial = 0; ; serial++) {
    const hash = daviesMeyer(Buffer.from(`${prefix}${serial}`));
    if (hash >= start && hash <= stop) return `${prefix}${serial}`;
  }
}

/** What each brick has under a name: nothing, `data`, or where its linkto file leads. */
function shape(cluster: MemoryCluster, name: string): string[] {
  return cluster.bricks.map((brick) => {
    const node = brick.store.root.entries.get('dir')!.node.entries.get(name)?.node;
    if (node === undefined) return '-';
    if (!isLinktoNode(node)) return 'data';
    return Buffer.from(node.xattrs.get(LINKTO)!).toString().replace('\0', '').replace('vol-client-', '→');
  });
}

interface Case {
  /** Bricks: what the old name hashes to, where the data are, what the new name hashes to, where old data are. */
  sh: number;
  sc: number;
  dh: number;
  dc: number | undefined;
}

interface Prepared {
  cluster: MemoryCluster;
  from: string;
  to: string;
  file: Inode;
  old: Inode | undefined;
}

/** A directory with both names as the case wants them; files away from their hash have linkto files. */
async function prepare({ sh, sc, dh, dc }: Case): Promise<Prepared> {
  const cluster = new MemoryCluster(bricks());
  await cluster.mkdir('/dir');
  const from = nameOn(cluster, sh, 'from');
  const to = nameOn(cluster, dh, 'to');
  const { state } = cluster.client.translator;
  const make = async (name: string, on: number, text: string): Promise<Inode> => {
    state.placement = { chooses: true, choose: () => cluster.brick(on).subvolume };
    return cluster.create(`/dir/${name}`, text);
  };
  const file = await make(from, sc, 'new');
  const old = dc === undefined ? undefined : await make(to, dc, 'old');
  for (const brick of cluster.bricks) brick.calls.length = 0;
  return { cluster, from, to, file, old };
}

/** All ways in which the four bricks can be the same or different; which ones they are makes no difference. */
const cases: Case[] = [];
for (const [sc, dh] of [
  [0, 0],
  [0, 1],
  [0, 2],
] as const) {
  for (const sh of [0, 1, 2, 3]) {
    for (const dc of [undefined, 0, 1, 2, 3]) {
      if (new Set([sc, sh, dh, dc]).size <= BRICKS) cases.push({ sh, sc, dh, dc });
    }
  }
}

const named = cases.map((one): [string, Case] => [
  `old name on ${one.sh}, data on ${one.sc}, new name on ${one.dh}, ${one.dc === undefined ? 'free' : `replacing data on ${one.dc}`}`,
  one,
]);

/** What a new client, which trusts linkto files, reads under a name. */
async function text(cluster: MemoryCluster, name: string): Promise<string | undefined> {
  const other = new MemoryCluster(cluster.bricks);
  return (await other.exists(`/dir/${name}`)) ? other.read(`/dir/${name}`) : undefined;
}

let last: MemoryCluster | undefined;
afterEach(async () => {
  await last?.idle();
  expect(last?.locks ?? []).toEqual([]);
});

describe('renaming a file', () => {
  it.each(named)('is where it should be: %s', async (_, one) => {
    const { cluster, from, to, file } = await prepare(one);
    last = cluster;
    await cluster.rename(`/dir/${from}`, `/dir/${to}`);
    await cluster.idle();
    const wanted = Array.from({ length: BRICKS }, (_, index) =>
      index === one.sc ? 'data' : index === one.dh ? `→${one.sc}` : '-',
    );
    expect(shape(cluster, to)).toEqual(wanted);
    expect(shape(cluster, from)).toEqual(['-', '-', '-', '-']);
    expect(await text(cluster, to)).toBe('new');
    expect(await text(cluster, from)).toBeUndefined();
    const found = await cluster.resolve(`/dir/${to}`);
    expect(found.gfid).toEqual(file.gfid);
    const { stat } = await cluster.top.stat({ loc: { inode: found } }, cluster.context);
    expect(stat.nlink).toBe(1);
  });

  /** Runs the rename with the n-th change on any brick failing. @returns false where there were fewer changes. */
  async function withFault(one: Case, n: number, outcome: 'failed' | 'unknown'): Promise<boolean> {
    const { cluster, from, to, old } = await prepare(one);
    last = cluster;
    // Looked up beforehand: what is cleaned up on the way is not the rename's.
    const request = { loc: await cluster.entry(`/dir/${from}`), newLoc: await cluster.place(`/dir/${to}`) };
    let changes = 0;
    let hit = false;
    for (const brick of cluster.bricks) {
      brick.before = (fop) => {
        if (!CHANGES.has(fop) || hit) return;
        if (changes++ !== n) return;
        hit = true;
        brick.fail(fop, outcome === 'unknown' ? 'ENOTCONN' : 'EIO', { outcome });
      };
    }
    const result = await cluster.top.rename(request, cluster.context).then(
      () => 'done' as const,
      (error: { outcome: string }) => error.outcome,
    );
    await cluster.idle();
    expect(cluster.locks).toEqual([]);
    const [under, there] = [await text(cluster, from), await text(cluster, to)];
    if (result === 'done') expect(there).toBe('new');
    else if (result === 'failed') expect([under, there]).toEqual(['new', old && 'old']);
    else expect([under, there]).toContain('new');
    return hit;
  }

  it.each(named)(
    'any single failure leaves both files as they were, or the rename done: %s',
    async (_, one) => {
      let n = 0;
      while (await withFault(one, n, 'failed')) n++;
      expect(n).toBeGreaterThan(0);
    },
  );

  it.each(named)('any single lost answer loses no file: %s', async (_, one) => {
    let n = 0;
    while (await withFault(one, n, 'unknown')) n++;
    expect(n).toBeGreaterThan(0);
  });

  it('to another name of the same file does nothing', async () => {
    const { cluster, from } = await prepare({ sh: 0, sc: 0, dh: 1, dc: undefined });
    await cluster.link(`/dir/${from}`, '/dir/other');
    await cluster.rename(`/dir/${from}`, '/dir/other');
    expect(await text(cluster, from)).toBe('new');
    expect(await text(cluster, 'other')).toBe('new');
  });

  it('onto a directory is EISDIR, of a directory onto a file ENOTDIR', async () => {
    const { cluster, from } = await prepare({ sh: 0, sc: 0, dh: 1, dc: undefined });
    await cluster.mkdir('/dir/sub');
    await expect(cluster.rename(`/dir/${from}`, '/dir/sub')).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(cluster.rename('/dir/sub', `/dir/${from}`)).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('by one who may not write to the old directory is refused before anything is done', async () => {
    const { cluster, from } = await prepare({ sh: 0, sc: 0, dh: 1, dc: undefined });
    const open = await cluster.mkdir('/open');
    for (const brick of cluster.bricks) brick.store.find(open.gfid)!.mode |= 0o777;
    const request = { loc: await cluster.entry(`/dir/${from}`), newLoc: await cluster.place('/open/x') };
    const user = { ...cluster.context, uid: 1000, gid: 1000 };
    await expect(cluster.top.rename(request, user)).rejects.toMatchObject({ code: 'EACCES' });
    expect(await text(cluster, from)).toBe('new');
    expect((await cluster.tree('/open')).size).toBe(0);
  });

  it('goes on to its end when the caller stops waiting', async () => {
    const { cluster, from, to } = await prepare({ sh: 0, sc: 0, dh: 1, dc: 1 });
    const request = { loc: await cluster.entry(`/dir/${from}`), newLoc: await cluster.place(`/dir/${to}`) };
    const controller = new AbortController();
    cluster.brick(0).before = (fop) => {
      if (fop === 'link') controller.abort();
    };
    const renaming = cluster.top.rename(request, { ...cluster.context, signal: controller.signal });
    await expect(renaming).rejects.toMatchObject({ code: 'ECANCELED', outcome: 'unknown' });
    await expect.poll(() => cluster.locks).toEqual([]);
    expect(await text(cluster, to)).toBe('new');
    expect(await text(cluster, from)).toBeUndefined();
  });
});

describe('renaming a directory', () => {
  it('takes its content along on all bricks', async () => {
    const cluster = new MemoryCluster(3);
    const { gfid } = await cluster.mkdir('/a');
    await cluster.create('/a/file', 'text');
    await cluster.rename('/a', '/b');
    for (const brick of cluster.bricks) {
      expect([...brick.store.root.entries.keys()]).toEqual(['b']);
      expect(brick.store.root.entries.get('b')!.node.gfid).toEqual(gfid);
    }
    expect(await cluster.read('/b/file')).toBe('text');
    expect(cluster.locks).toEqual([]);
  });

  it('replaces an empty one, not a full one', async () => {
    const cluster = new MemoryCluster(3);
    const { gfid } = await cluster.mkdir('/a');
    await cluster.mkdir('/b');
    await cluster.create('/b/file');
    await expect(cluster.rename('/a', '/b')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await cluster.unlink('/b/file');
    await cluster.rename('/a', '/b');
    expect((await cluster.resolve('/b')).gfid).toEqual(gfid);
    expect(await cluster.exists('/a')).toBe(false);
  });

  it.each([0, 1, 2])('refused by brick %i it keeps its name everywhere', async (index) => {
    const cluster = new MemoryCluster(3);
    const { gfid } = await cluster.mkdir('/a');
    cluster.brick(index).fail('rename', 'EIO');
    await expect(cluster.rename('/a', '/b')).rejects.toMatchObject({ code: 'EIO' });
    for (const brick of cluster.bricks) {
      expect([...brick.store.root.entries.keys()]).toEqual(['a']);
      expect(brick.store.root.entries.get('a')!.node.gfid).toEqual(gfid);
    }
    expect(cluster.locks).toEqual([]);
  });

  it('is refused while a brick is down, by name', async () => {
    const cluster = new MemoryCluster(3);
    await cluster.mkdir('/a');
    const request = { loc: await cluster.entry('/a'), newLoc: await cluster.place('/b') };
    cluster.brick(2).down();
    await expect(cluster.top.rename(request, cluster.context)).rejects.toMatchObject({
      code: 'ENOTCONN',
      translator: 'vol-client-2',
    });
  });
});

describe('links and unlinks', () => {
  it('a second name away from the data gets a linkto file, and goes without the first', async () => {
    const { cluster, from, to } = await prepare({ sh: 0, sc: 0, dh: 1, dc: undefined });
    last = cluster;
    await cluster.link(`/dir/${from}`, `/dir/${to}`);
    expect(shape(cluster, to)).toEqual(['data', '→0', '-', '-']);
    await cluster.unlink(`/dir/${from}`);
    expect(await text(cluster, to)).toBe('new');
    await cluster.unlink(`/dir/${to}`);
    expect(shape(cluster, to)).toEqual(['-', '-', '-', '-']);
  });

  it('a link that fails leaves no linkto file', async () => {
    const { cluster, from, to } = await prepare({ sh: 0, sc: 0, dh: 1, dc: undefined });
    last = cluster;
    cluster.brick(0).fail('link', 'EMLINK');
    await expect(cluster.link(`/dir/${from}`, `/dir/${to}`)).rejects.toMatchObject({ code: 'EMLINK' });
    expect(shape(cluster, to)).toEqual(['-', '-', '-', '-']);
  });

  it('a link to a name that exists elsewhere is EEXIST', async () => {
    const { cluster, from, to } = await prepare({ sh: 0, sc: 0, dh: 1, dc: 2 });
    last = cluster;
    await expect(cluster.link(`/dir/${from}`, `/dir/${to}`)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await text(cluster, to)).toBe('old');
  });

  it('an unlink finds a file that was migrated since', async () => {
    const { cluster, from, file } = await prepare({ sh: 0, sc: 1, dh: 1, dc: undefined });
    last = cluster;
    const loc = await cluster.entry(`/dir/${from}`);
    // A rebalance has brought it to where its name hashes to.
    const [a, b] = [cluster.brick(0), cluster.brick(1)] as [MemoryBrick, MemoryBrick];
    const directory = (brick: MemoryBrick) => brick.store.root.entries.get('dir')!.node;
    b.store.drop(directory(b), from);
    const linkto = a.store.find(file.gfid)!;
    linkto.xattrs.delete(LINKTO);
    linkto.mode = 0o100644;
    await cluster.top.unlink({ loc, xflags: 0 }, cluster.context);
    expect(shape(cluster, from)).toEqual(['-', '-', '-', '-']);
  });
});
