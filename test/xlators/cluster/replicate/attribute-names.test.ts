import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fd, Inode, rootContext, type Subvolume } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { OpenFlag, XattropFlag } from '../../../../src/protocol/messages.ts';
import { type Cluster, startCluster, type TestBrick } from '../../../../src/testing/index.ts';
import { expectBlames, heldBy } from '../../../helpers/blames.ts';
import { translatorOf } from '../../../helpers/cluster-graph.ts';

/* What the graph's checks keep from applications reaches replicate from its siblings, and from internal callers. */

const context = rootContext();
const root = new Inode(ROOT_GFID, 'directory');

let cluster: Cluster;
let bricks: readonly TestBrick[];
let replicate: Subvolume;
let close: () => Promise<void>;

beforeAll(async () => {
  cluster = await startCluster({
    volumes: { r: { type: 'replicate 3', options: { 'cluster.post-op-delay-secs': '0' } } },
  });
  bricks = cluster.bricks('r');
  ({ subvolume: replicate, close } = await translatorOf(cluster, 'r', 'cluster/replicate'));
});

afterAll(async () => {
  await close();
  await cluster.stop();
});

/** A directory with one open file in it. */
async function openedIn(directory: string): Promise<Fd> {
  const parent = new Inode();
  const xdata = () => new Dict().set(keys.gfidRequest, newGfid());
  await replicate.mkdir(
    { loc: { inode: parent, parent: root, name: directory }, mode: 0o755, umask: 0, xdata: xdata() },
    context,
  );
  const inode = new Inode();
  const fd = new Fd(inode, OpenFlag.RDWR);
  const flags = OpenFlag.RDWR | OpenFlag.CREAT;
  const loc = { inode, parent, name: 'file' };
  await replicate.create({ loc, fd, flags, mode: 0o644, umask: 0, xdata: xdata() }, context);
  return fd;
}

test.each(['trusted.afr.r-client-0', 'trusted.afr.dirty', 'trusted.glusterfs.afr.x'])(
  '%s can be set by nobody, nor removed',
  async (reserved) => {
    const fd = await openedIn(`reserved-${reserved}`);
    const loc = { inode: fd.inode };
    const dict = new Dict()
      .setBytes('user.harmless', new Uint8Array(1))
      .setBytes(reserved, new Uint8Array(12));
    const internal = { ...context, pid: -6 };
    for (const call of [
      () => replicate.setxattr({ loc, dict, flags: 0 }, internal),
      () => replicate.fsetxattr({ fd, dict, flags: 0 }, internal),
      () => replicate.removexattr({ loc, name: reserved }, internal),
      () => replicate.fremovexattr({ fd, name: reserved }, internal),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'EPERM' });
    }
    const { dict: found } = await replicate.getxattr({ loc, name: '' }, context);
    expect([...(found?.names() ?? [])]).not.toContain('user.harmless');
  },
);

test.each(['trusted.add-brick', 'trusted.replace-brick'])('%s is no attribute', async (order) => {
  const dict = new Dict().setBytes(order, new Uint8Array(1));
  const call = replicate.setxattr({ loc: { inode: root }, dict, flags: 0 }, context);
  await expect(call).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
});

const counted = 'trusted.test.count';

function adding(): Dict {
  const bytes = new Uint8Array(4);
  bytes[3] = 1;
  return new Dict().setBytes(counted, bytes);
}

const sums = {
  xattrop: (fd: Fd) =>
    replicate.xattrop(
      { loc: { inode: fd.inode }, operation: XattropFlag.ADD_ARRAY, dict: adding() },
      context,
    ),
  fxattrop: (fd: Fd) => replicate.fxattrop({ fd, operation: XattropFlag.ADD_ARRAY, dict: adding() }, context),
} as const;

test.each([
  ['xattrop', 0],
  ['xattrop', 1],
  ['fxattrop', 0],
  ['fxattrop', 2],
] as const)(
  '%s that brick %i misses: it is accused, and sums are those of the others',
  async (fop, missing) => {
    const directory = `${fop}-${missing}`;
    const fd = await openedIn(directory);
    await bricks[missing]!.fault({ fop, action: 'fail', errno: 'EIO' });
    const sum = async (): Promise<number> => (await sums[fop](fd)).dict!.bytes(counted)!.at(-1)!;
    const others = [0, 1, 2].filter((index) => index !== missing);
    expect(await sum()).toBe(1);
    const accusation = { file: '0 1 0' };
    await expectBlames(bricks, directory, heldBy(others, accusation, `client-${missing}`));
    expect(await sum()).toBe(2);
    expect(await sum()).toBe(3);
  },
);
