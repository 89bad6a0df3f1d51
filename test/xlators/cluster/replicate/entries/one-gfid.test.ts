import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fd, Inode, rootContext, type Subvolume } from '../../../../../src/graph/index.ts';
import { Dict } from '../../../../../src/protocol/dict.ts';
import { type Gfid, gfidToString, newGfid, ROOT_GFID } from '../../../../../src/protocol/gfid.ts';
import { keys } from '../../../../../src/protocol/keys.ts';
import { OpenFlag } from '../../../../../src/protocol/messages.ts';
import { type Cluster, startCluster, type TestBrick } from '../../../../../src/testing/index.ts';
import { blamesOf, expectBlames } from '../../../../helpers/blames.ts';
import { brickAlone, translatorOf } from '../../../../helpers/cluster-graph.ts';

/* Replicate's fops by themselves: no lookup has seen to it that the copies agree. */

const context = rootContext();
const root = new Inode(ROOT_GFID, 'directory');
const S_IFREG = 0o100000;

let cluster: Cluster;
let bricks: readonly TestBrick[];
let replicate: Subvolume;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  cluster = await startCluster({
    volumes: { r: { type: 'replicate 3', options: { 'cluster.post-op-delay-secs': '0' } } },
  });
  bricks = cluster.bricks('r');
  const { subvolume, close } = await translatorOf(cluster, 'r', 'cluster/replicate');
  replicate = subvolume;
  closing.push(close);
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await cluster.stop();
});

const withGfid = (gfid: Gfid): Dict => new Dict().set(keys.gfidRequest, gfid);
const at = (name: string, inode = new Inode()) => ({ inode, parent: root, name });

/** On one brick, without the others: as after a crash of both sides. */
async function makeOn(index: number, name: string, gfid: Gfid): Promise<void> {
  const { brick, close } = await brickAlone(cluster, 'r', index);
  await brick.mknod(
    { loc: at(name), mode: S_IFREG | 0o644, dev: 0n, umask: 0, xdata: withGfid(gfid) },
    context,
  );
  await close();
}

async function removeOn(index: number, name: string): Promise<void> {
  const { brick, close } = await brickAlone(cluster, 'r', index);
  await brick.unlink({ loc: at(name), xflags: 0 }, context);
  await close();
}

async function gfidOn(index: number, name: string): Promise<string> {
  const { brick, close } = await brickAlone(cluster, 'r', index);
  const { stat } = await brick.lookup({ loc: at(name), flags: 0 }, context);
  await close();
  return gfidToString(stat.gfid);
}

function create(name: string, gfid: Gfid, flags: number) {
  const inode = new Inode();
  const fd = new Fd(inode, OpenFlag.RDWR);
  const xdata = withGfid(gfid);
  return replicate.create(
    { loc: at(name, inode), fd, flags: OpenFlag.RDWR | OpenFlag.CREAT | flags, mode: 0o644, umask: 0, xdata },
    context,
  );
}

describe('a file that CREATE makes on some copies and finds on others', () => {
  test('is the one that most say, if that is the new one', async () => {
    const [left, made] = [newGfid(), newGfid()];
    await makeOn(1, 'name', left);
    const { stat } = await create('name', made, 0);
    expect(gfidToString(stat.gfid)).toBe(gfidToString(made));
    await expectBlames(bricks, '.', {
      '/': ['0: client-1 0 0 1', '2: client-1 0 0 1'],
      name: ['0: client-1 1 1 0', '2: client-1 1 1 0'],
    });
    // What is written from now on does not go into the other file.
    expect(await Promise.all(bricks.map(async (brick) => (await brick.counts()).release))).toEqual([
      undefined,
      1,
      undefined,
    ]);
  });

  test('is the one that most say, if that is the old one', async () => {
    const [there, made] = [newGfid(), newGfid()];
    for (const index of [0, 2]) await makeOn(index, 'name', there);
    const { stat } = await create('name', made, 0);
    expect(gfidToString(stat.gfid)).toBe(gfidToString(there));
    expect(await gfidOn(1, 'name')).toBe(gfidToString(made));
    await expectBlames(bricks, '.', {
      '/': ['0: client-1 0 0 1', '2: client-1 0 0 1'],
      name: ['0: client-1 1 1 0', '2: client-1 1 1 0'],
    });
  });

  test('is refused where it must be new, by the copy that has it only, which is to be healed', async () => {
    const [left, made] = [newGfid(), newGfid()];
    await makeOn(1, 'name', left);
    const { stat } = await create('name', made, OpenFlag.EXCL);
    expect(gfidToString(stat.gfid)).toBe(gfidToString(made));
    expect(blamesOf(bricks, '.')['/']).toEqual(['0: client-1 0 0 1', '2: client-1 0 0 1']);
  });
});

test('a rename that hits another file on one copy has not been done there', async () => {
  const [file, stranger] = [newGfid(), newGfid()];
  await create('old', file, OpenFlag.EXCL);
  await removeOn(1, 'old');
  await makeOn(1, 'old', stranger);
  const inode = new Inode(file, 'file');
  const { stat } = await replicate.rename({ loc: at('old', inode), newLoc: at('new') }, context);
  expect(gfidToString(stat.gfid)).toBe(gfidToString(file));
  expect(blamesOf(bricks, '.')['/']).toEqual(['0: client-1 0 0 2', '2: client-1 0 0 2']);
});

test('without a wish of the caller all copies get one gfid', async () => {
  const loc = at('fifo');
  const { stat } = await replicate.mknod({ loc, mode: 0o010644, dev: 0n, umask: 0 }, context);
  expect(loc.inode.known).toBe(true);
  const gfids = await Promise.all(bricks.map((_, index) => gfidOn(index, 'fifo')));
  expect(new Set(gfids)).toEqual(new Set([gfidToString(stat.gfid)]));
});

test('a file that is made is open on all copies; one that could not be made stays open on none', async () => {
  const inode = new Inode();
  const fd = new Fd(inode, OpenFlag.RDWR);
  const request = { loc: at('a', inode), fd, flags: OpenFlag.RDWR | OpenFlag.CREAT, mode: 0o644, umask: 0 };
  await replicate.create(request, context);
  await replicate.ftruncate({ fd, offset: 10 }, context);
  for (const brick of bricks) {
    const counts = await brick.counts();
    expect([counts.create, counts.open, counts.release]).toEqual([1, undefined, undefined]);
  }
  for (const brick of bricks.slice(1)) await brick.fault({ fop: 'create', action: 'fail', errno: 'ENOSPC' });
  await expect(create('b', newGfid(), OpenFlag.EXCL)).rejects.toMatchObject({ code: 'ENOSPC' });
  expect((await bricks[0]!.counts()).release).toBe(1);
});

test('of a file that has just been made nobody is asked', async () => {
  const gfid = newGfid();
  const inode = new Inode(gfid, 'file');
  await create('name', gfid, OpenFlag.EXCL);
  const before = await Promise.all(bricks.map((brick) => brick.counts()));
  const stat = { ...(await replicate.stat({ loc: { inode } }, context)).stat, mode: S_IFREG | 0o600 };
  await replicate.setattr({ loc: { inode }, stat, valid: 1 }, context);
  const after = await Promise.all(bricks.map((brick) => brick.counts()));
  const difference = after.map((counts, index) => (counts.lookup ?? 0) - (before[index]!.lookup ?? 0));
  expect(difference).toEqual([0, 0, 0]);
});
