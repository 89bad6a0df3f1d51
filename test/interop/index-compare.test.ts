import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isGlfsError } from '../../src/errors.ts';
import { Fd, Inode, rootContext, type Subvolume } from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { gfidFromString, gfidToString, newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { S_IFMT } from '../../src/protocol/iatt.ts';
import { keys } from '../../src/protocol/keys.ts';
import { XattropFlag } from '../../src/protocol/messages.ts';
import { type Cluster, startCluster } from '../../src/testing/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type BrickAddress, connectBrick, credentialsIn } from '../helpers/connect-brick.ts';
import type { TestVolume } from '../helpers/volume.ts';

/** The same calls go to a brick of GlusterFS and to one of ours, both through protocol/client. */
interface Side {
  readonly brick: Subvolume;
  /** Its .glusterfs/indices. */
  readonly base: string;
}

const NAME = 'index-compare';
const PENDING = `trusted.afr.${NAME}-client-1`;
const OTHER = `trusted.afr.${NAME}-client-0`;
const DIRTY = 'trusted.afr.dirty';

const pool = attachPool();
const context = rootContext();
const root = new Inode(ROOT_GFID, 'directory');
const directory = new Inode(newGfid(), 'directory');
/** For the purge: a brick of GlusterFS doesn't notice that RMDIR took a directory's names, and answers ENOENT to the next. */
const other = new Inode(newGfid(), 'directory');
const files = ['a', 'b', 'c'].map((name) => ({ name, inode: new Inode(newGfid(), 'file') }));
const [a, b, c] = files.map(({ inode }) => inode) as [Inode, Inode, Inode];
const closing: (() => Promise<void>)[] = [];
let volume: TestVolume;
let cluster: Cluster;
let sides: readonly [Side, Side];

async function connected(address: BrickAddress): Promise<Subvolume> {
  const { brick, close } = await connectBrick(address);
  closing.push(close);
  return brick;
}

beforeAll(async () => {
  volume = await pool.createVolume(NAME, {
    bricks: 2,
    type: 'replica 2',
    nodes: [0],
    options: { 'cluster.self-heal-daemon': 'off' },
  });
  cluster = await startCluster({ volumes: { [NAME]: { type: 'replicate 2' } } });
  const theirs = volume.brick(0);
  const ours = cluster.bricks(NAME)[0]!;
  sides = [
    {
      brick: await connected({ host: theirs.host, path: theirs.path }),
      base: join(theirs.path, '.glusterfs/indices'),
    },
    {
      brick: await connected({
        host: cluster.host,
        path: ours.directory,
        port: ours.port,
        credentials: credentialsIn(cluster.volfile(NAME)),
      }),
      base: join(ours.directory, '.glusterfs/indices'),
    },
  ];
  for (const { brick } of sides) {
    const made = (inode: Inode, name: string) => ({
      loc: { inode, parent: root, name },
      mode: 0o644,
      umask: 0,
      xdata: new Dict().set(keys.gfidRequest, inode.gfid),
    });
    await brick.mkdir(made(directory, 'd'), context);
    await brick.mkdir(made(other, 'e'), context);
    for (const { name, inode } of files)
      await brick.mknod({ ...made(inode, name), dev: 0n, mode: 0o100644 }, context);
  }
});

afterAll(async () => {
  for (const close of closing) await close();
  await cluster?.stop();
  await volume?.delete();
});

/** What stands in the directories of the index. UUIDs of base files are the runs' own, names of gfids are not. */
function onDisk(base: string): Record<string, string[]> {
  const known = new Map(
    [...files, { name: 'd', inode: directory }, { name: 'e', inode: other }].map(({ name, inode }) => [
      gfidToString(inode.gfid),
      name,
    ]),
  );
  const shown = (name: string): string => {
    const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(name)?.[0];
    return uuid === undefined ? name : name.replace(uuid, known.get(uuid) ?? 'UUID');
  };
  const below = (path: string): string[] =>
    readdirSync(path, { withFileTypes: true })
      .flatMap((entry) => {
        const { nlink } = lstatSync(join(path, entry.name));
        const name = shown(entry.name);
        if (!entry.isDirectory()) return [`${name} ${nlink}`];
        return [`${name}/`, ...below(join(path, entry.name)).map((inner) => `${name}/${inner}`)];
      })
      .sort();
  return Object.fromEntries(
    readdirSync(base)
      .sort()
      .map((part) => [part, below(join(base, part))]),
  );
}

function plain(dict: Dict | undefined): Record<string, string> {
  return Object.fromEntries(
    [...(dict ?? [])]
      .map(([name, entry]): [string, string] => {
        const value = entry.type === 'bytes' ? Buffer.from(entry.value).toString('hex') : String(entry.value);
        return [name, `${entry.type} ${value}`];
      })
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

/** Runs a call on both sides: what it says (or its error) and what is on disk after it are the same. */
async function same(what: string, call: (side: Side) => Promise<unknown>): Promise<unknown> {
  const outcomes = [];
  for (const side of sides) {
    let said: unknown;
    try {
      said = await call(side);
    } catch (error) {
      if (!isGlfsError(error)) throw error;
      said = error.code;
    }
    outcomes.push({ said, disk: onDisk(side.base) });
  }
  expect({ what, ...outcomes[1]! }).toEqual({ what, ...outcomes[0]! });
  return outcomes[0]!.said;
}

function array(values: readonly number[], bits: 32 | 64 = 32): Buffer {
  const bytes = Buffer.alloc(bits === 32 ? 12 : 16);
  for (const [index, value] of values.entries())
    if (bits === 32) bytes.writeInt32BE(value, index * 4);
    else bytes.writeBigInt64BE(BigInt(value), index * 8);
  return bytes;
}

function adding(values: Record<string, number[]>, bits: 32 | 64 = 32) {
  const dict = new Dict();
  for (const [name, numbers] of Object.entries(values)) dict.setBytes(name, array(numbers, bits));
  return { dict, operation: bits === 32 ? XattropFlag.ADD_ARRAY : XattropFlag.ADD_ARRAY64 };
}

function xattrop(inode: Inode, values: Record<string, number[]>, xdata?: Dict, bits: 32 | 64 = 32) {
  return same(`xattrop ${JSON.stringify(values)}`, async ({ brick }) => {
    const reply = await brick.xattrop({ loc: { inode }, ...adding(values, bits), xdata }, context);
    return { dict: plain(reply.dict), xdata: plain(reply.xdata) };
  });
}

async function virtual({ brick }: Side, part: string): Promise<Inode> {
  const name = `glusterfs.xattrop_${part}_gfid`;
  const { dict } = await brick.getxattr({ loc: { inode: root }, name }, context);
  return new Inode(dict!.bytes(name)!, 'directory');
}

async function list(side: Side, inode: Inode, size: number, xdata?: Dict): Promise<string[]> {
  const fd = new Fd(inode, 0);
  await side.brick.opendir({ loc: { inode }, fd }, context);
  const found: string[] = [];
  for (let offset = 0n; ; ) {
    const { entries } = await side.brick.readdir({ fd, offset, size, xdata }, context);
    if (entries.length === 0) break;
    for (const { name, type, offset: next } of entries) {
      found.push(`${name.replace(/(?<=entry-changes-).*/, 'UUID')} ${xdata === undefined ? '' : type}`);
      offset = next;
    }
  }
  await side.brick.releasedir({ fd }, context);
  return found.sort();
}

test('both begin with the same directories', async () => {
  await same('nothing', async () => 'nothing');
  expect(onDisk(sides[1].base)).toEqual({ dirty: [], 'entry-changes': [], xattrop: [] });
});

test('pending and dirty attributes come and go', async () => {
  await xattrop(a, { [PENDING]: [1], [OTHER]: [0] });
  await xattrop(a, { [PENDING]: [0, 2], [DIRTY]: [1] });
  await xattrop(b, { [OTHER]: [0, 0, 1] });
  await xattrop(a, { [DIRTY]: [-1] });
  await xattrop(a, { [PENDING]: [-1] });
  await xattrop(a, { [PENDING]: [0, -2], [OTHER]: [0] });
  await xattrop(b, { [OTHER]: [0, 0, 0] });
  await xattrop(b, { 'trusted.afr.another-client-0': [1] });
  await same('fxattrop', async ({ brick }) => {
    const fd = new Fd(c, 2);
    await brick.open({ loc: { inode: c }, fd, flags: 2 }, context);
    const reply = await brick.fxattrop({ fd, ...adding({ [DIRTY]: [1], [PENDING]: [1] }) }, context);
    await brick.release({ fd }, context);
    return plain(reply.dict);
  });
});

test('arrays of 64 bits', async () => {
  await xattrop(c, { 'trusted.ec.dirty': [1] }, undefined, 64);
  await xattrop(c, { 'trusted.ec.dirty': [-1] }, undefined, 64);
  await xattrop(c, { [PENDING]: [0] }, undefined, 64);
});

test('counts, and whether there is any', async () => {
  const asking = new Dict().set(keys.linkCountOf, 'glusterfs.xattrop_index_count');
  const counts = (what: string) =>
    same(what, async ({ brick }) => {
      const said = [];
      for (const part of ['index', 'dirty']) {
        const name = `glusterfs.xattrop_${part}_count`;
        said.push(plain((await brick.getxattr({ loc: { inode: root }, name }, context)).dict));
      }
      const reply = await brick.lookup({ loc: { inode: root }, flags: 0, xdata: asking }, context);
      return [said, reply.xdata?.entry('link-count')];
    });
  await xattrop(b, { [OTHER]: [1] });
  await counts('some');
  await xattrop(b, { [OTHER]: [-1, 0, -1] });
  await xattrop(c, { [PENDING]: [-1], [DIRTY]: [-1] });
  await counts('what is left');
});

test('names in entry-changes', async () => {
  await xattrop(directory, { [PENDING]: [0, 0, 1] }, new Dict().set(keys.indexNameIn, 'one'));
  await xattrop(directory, { [PENDING]: [0, 0, 1] }, new Dict().set(keys.indexNameIn, 'two'));
  await xattrop(directory, { [PENDING]: [0, 0, -1] }, new Dict().set(keys.indexNameOut, 'one'));
  await xattrop(directory, { [PENDING]: [0, 0, 1] }, new Dict().set(keys.indexNameIn, 'x/y'));
});

test('the directories as clients see them', async () => {
  await xattrop(a, { [PENDING]: [1] });
  await xattrop(b, { [PENDING]: [1], [DIRTY]: [1] });
  for (const part of ['index', 'dirty', 'entry_changes'])
    for (const xdata of [undefined, new Dict().setEntry('get-gfid-type', { type: 'int', value: 1n })])
      await same(`listing of ${part}`, async (side) => list(side, await virtual(side, part), 4096, xdata));
  for (const part of ['index', 'dirty', 'entry_changes'])
    await same(`lookup of ${part}`, async (side) => {
      const inode = await virtual(side, part);
      const xdata = new Dict().setEntry('glusterfs.index-ia-type-get-req', { type: 'int', value: 1n });
      const { stat, xdata: said } = await side.brick.lookup({ loc: { inode }, flags: 0, xdata }, context);
      return [stat.mode, stat.ino, stat.uid, plain(said), Buffer.from(stat.gfid).equals(inode.gfid)];
    });
  for (const [name, known] of [
    [gfidToString(a.gfid), true],
    [gfidToString(newGfid()), false],
  ] as const)
    await same(`lookup of an entry that is ${known ? '' : 'not '}there`, async (side) => {
      const loc = { inode: new Inode(), parent: await virtual(side, 'index'), name };
      const { stat } = await side.brick.lookup({ loc, flags: 0 }, context);
      return [stat.mode & S_IFMT, stat.ino, stat.nlink];
    });
});

test('entries are taken away by unlink, those of directories by name', async () => {
  await same('unlink', async (side) => {
    const parent = await virtual(side, 'index');
    const loc = {
      inode: new Inode(gfidFromString(gfidToString(newGfid()))),
      parent,
      name: gfidToString(a.gfid),
    };
    const { preparent, postparent } = await side.brick.unlink({ loc, xflags: 0 }, context);
    return [preparent.mode, postparent.mode, preparent.ino, Buffer.from(preparent.gfid).equals(parent.gfid)];
  });
  await same('names', async (side) => {
    const changes = await virtual(side, 'entry_changes');
    const loc = { inode: new Inode(), parent: changes, name: gfidToString(directory.gfid) };
    const { stat } = await side.brick.lookup({ loc, flags: 0 }, context);
    const inside = new Inode(stat.gfid, 'directory');
    const before = await list(side, inside, 4096);
    await side.brick.unlink({ loc: { inode: new Inode(), parent: inside, name: 'two' }, xflags: 0 }, context);
    return [before, await list(side, inside, 4096)];
  });
  const name = gfidToString(directory.gfid);
  await same('rmdir', async (side) => {
    const parent = await virtual(side, 'entry_changes');
    await side.brick.rmdir({ loc: { inode: new Inode(), parent, name }, xflags: 0 }, context);
  });
});

test('a purge takes the names with the attributes, and leaves those that are not healed aside', async () => {
  const purge = (): Dict => new Dict().setEntry('glusterfs.xattrop-purge-index', { type: 'int', value: 1n });
  await xattrop(other, { [PENDING]: [0, 0, 1] }, new Dict().set(keys.indexNameIn, 'left'));
  await xattrop(other, { [PENDING]: [0, 0, 1] }, purge());
  await xattrop(other, { [PENDING]: [0, 0, -2] }, purge());
  await xattrop(other, { [PENDING]: [0, 0, 1] }, new Dict().set(keys.indexNameIn, 'healed'));
  await xattrop(other, { [PENDING]: [0, 0, 0] }, new Dict().set(keys.indexNameOut, 'healed'));
  await xattrop(other, { [PENDING]: [0, 0, -1] }, purge());
});
