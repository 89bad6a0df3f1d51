import { afterAll, beforeAll, expect, test } from 'vitest';
import { isGlfsError } from '../../src/errors.ts';
import { Fd, Inode, type Loc, rootContext, type Subvolume } from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { emptyIatt, S_IFCHR } from '../../src/protocol/iatt.ts';
import { keys } from '../../src/protocol/keys.ts';
import { OpenFlag, SetattrValid } from '../../src/protocol/messages.ts';
import { ACL_NO_ID, type Ace, AclTag, aclAttributes, encodeAces } from '../../src/protocol/posix-acl.ts';
import { type Cluster, startCluster } from '../../src/testing/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type BrickAddress, connectBrick, credentialsIn } from '../helpers/connect-brick.ts';
import type { TestVolume } from '../helpers/volume.ts';

/** The same calls by the same callers go to a brick of GlusterFS and to one of ours, both through protocol/client. */
const NAME = 'access-compare';
const pool = attachPool();
const closing: (() => Promise<void>)[] = [];
const root = new Inode(ROOT_GFID, 'directory');
const asRoot = rootContext();
let volume: TestVolume;
let cluster: Cluster;
let bricks: readonly [Subvolume, Subvolume];

async function connected(address: BrickAddress): Promise<Subvolume> {
  const { brick, close } = await connectBrick(address);
  closing.push(close);
  return brick;
}

beforeAll(async () => {
  volume = await pool.createVolume(NAME, { bricks: 1, nodes: [0] });
  cluster = await startCluster({ volumes: { [NAME]: { type: 'distribute 1' } } });
  const theirs = volume.brick(0);
  const ours = cluster.bricks(NAME)[0]!;
  bricks = [
    await connected({ host: theirs.host, path: theirs.path }),
    await connected({
      host: cluster.host,
      path: ours.directory,
      port: ours.port,
      credentials: credentialsIn(cluster.volfile(NAME)),
    }),
  ];
});

afterAll(async () => {
  for (const close of closing) await close();
  await cluster?.stop();
  await volume?.delete();
});

const callers = [
  { uid: 1001, gid: 1001, groups: [] },
  { uid: 1002, gid: 1002, groups: [] },
  { uid: 1005, gid: 1005, groups: [1001] },
  { uid: 1007, gid: 1007, groups: [] },
];
const ace = (tag: number, permissions: number, id = ACL_NO_ID): Ace => ({ tag, permissions, id });
const acl = (user: number, other: number): Buffer =>
  encodeAces([
    ace(AclTag.USER_OBJ, user),
    ace(AclTag.USER, 7, 1002),
    ace(AclTag.GROUP_OBJ, 0),
    ace(AclTag.MASK, 5),
    ace(AclTag.OTHER, other),
  ]);

/** What a scene is about: a file and a directory of 1001's, and entries of 1007's in it. */
interface Place {
  readonly brick: Subvolume;
  readonly file: Loc;
  readonly directory: Loc & { inode: Inode };
  readonly theirs: Loc;
}

let serial = 0;

async function place(brick: Subvolume, mode: number, withAcl: boolean): Promise<Place> {
  const loc = (parent: Inode, name: string, type: 'file' | 'directory'): Loc => ({
    inode: new Inode(newGfid(), type),
    parent,
    name,
  });
  const own = async (at: Loc, uid: number, permissions: number): Promise<void> => {
    const stat = { ...emptyIatt(), uid, gid: uid, mode: permissions };
    const { UID, GID, MODE } = SetattrValid;
    await brick.setattr({ loc: at, stat, valid: UID | GID }, asRoot);
    await brick.setattr({ loc: at, stat, valid: MODE }, asRoot);
  };
  const made = (at: Loc) => ({ loc: at, umask: 0, xdata: new Dict().set(keys.gfidRequest, at.inode.gfid) });
  const directory = loc(root, `directory-${serial}`, 'directory');
  const file = loc(root, `file-${serial}`, 'file');
  const theirs = loc(directory.inode, 'theirs', 'file');
  const doomed = loc(directory.inode, 'doomed', 'file');
  await brick.mkdir({ ...made(directory), mode: 0o755 }, asRoot);
  await brick.mknod({ ...made(file), mode: 0o100644, dev: 0n }, asRoot);
  await brick.mknod({ ...made(theirs), mode: 0o100644, dev: 0n }, asRoot);
  await brick.mknod({ ...made(doomed), mode: 0o100644, dev: 0n }, asRoot);
  await own(theirs, 1007, 0o644);
  await own(doomed, 1007, 0o644);
  for (const at of [directory, file]) {
    await own(at, 1001, mode);
    if (!withAcl) continue;
    const dict = new Dict().setBytes(aclAttributes.access, acl((mode >> 6) & 7, mode & 7));
    await brick.setxattr({ loc: at, dict, flags: 0 }, asRoot);
  }
  return { brick, file, directory, theirs };
}

type Context = ReturnType<typeof rootContext>;
const { MODE, UID, GID, MTIME } = SetattrValid;

function entry({ directory }: Place, name = 'new'): { loc: Loc; umask: number; xdata: Dict } {
  const inode = new Inode(newGfid());
  const xdata = new Dict().set(keys.gfidRequest, inode.gfid);
  return { loc: { inode, parent: directory.inode, name }, umask: 0o022, xdata };
}
function setattr(valid: number, values: (context: Context) => object) {
  return ({ brick, file }: Place, context: Context) =>
    brick.setattr({ loc: file, stat: { ...emptyIatt(), ...values(context) }, valid }, context);
}
function setxattr(name: string, value: Uint8Array = Buffer.from('x')) {
  return ({ brick, file }: Place, context: Context) =>
    brick.setxattr({ loc: file, dict: new Dict().setBytes(name, value), flags: 0 }, context);
}
function open(flags: number) {
  return ({ brick, file }: Place, context: Context) =>
    brick.open({ loc: file, fd: new Fd(file.inode, flags), flags }, context);
}

/** In this order on one scene for each caller: what changes it comes last. */
const calls: readonly (readonly [string, (place: Place, context: Context) => Promise<unknown>])[] = [
  [
    'lookup',
    ({ brick, theirs }, context) =>
      brick.lookup({ loc: { ...theirs, inode: new Inode() }, flags: 0 }, context),
  ],
  [
    'opendir',
    ({ brick, directory }, context) =>
      brick.opendir({ loc: directory, fd: new Fd(directory.inode, 0) }, context),
  ],
  ['open to read', open(0)],
  ['open to write', open(OpenFlag.WRONLY)],
  ['open for both', open(OpenFlag.RDWR)],
  ['access r', ({ brick, file }, context) => brick.access({ loc: file, mask: 4 }, context)],
  ['access wx', ({ brick, file }, context) => brick.access({ loc: file, mask: 3 }, context)],
  ['truncate', ({ brick, file }, context) => brick.truncate({ loc: file, offset: 0 }, context)],
  ['getxattr', ({ brick, file }, context) => brick.getxattr({ loc: file, name: 'user.none' }, context)],
  ['setxattr', setxattr('user.a')],
  [
    'mknod of a device',
    (at, context) => at.brick.mknod({ ...entry(at, 'device'), mode: S_IFCHR | 0o644, dev: 0n }, context),
  ],
  ['mkdir', (at, context) => at.brick.mkdir({ ...entry(at), mode: 0o755 }, context)],
  [
    'rmdir of one’s own',
    ({ brick, directory }, context) =>
      brick.rmdir({ loc: { inode: new Inode(), parent: directory.inode, name: 'new' }, xflags: 0 }, context),
  ],
  ['symlink', (at, context) => at.brick.symlink({ ...entry(at), target: 'x' }, context)],
  ['chmod', setattr(MODE, () => ({ mode: 0o640 }))],
  ['chown', setattr(UID, ({ uid }) => ({ uid }))],
  ['chgrp to a stranger’s', setattr(GID, () => ({ gid: 1099 }))],
  ['times', setattr(MTIME, () => ({ mtime: 5n }))],
  ['ACL', setxattr(aclAttributes.access, acl(6, 0))],
  ['open after it', open(0)],
  [
    'rename',
    ({ brick, directory, theirs }, context) =>
      brick.rename(
        {
          loc: { ...theirs, inode: new Inode(theirs.inode.gfid) },
          newLoc: { inode: new Inode(), parent: directory.inode, name: 'moved' },
        },
        context,
      ),
  ],
  [
    'unlink',
    ({ brick, directory }, context) =>
      brick.unlink(
        { loc: { inode: new Inode(), parent: directory.inode, name: 'doomed' }, xflags: 0 },
        context,
      ),
  ],
];

async function verdicts(at: Place, context: Context): Promise<string[]> {
  const said: string[] = [];
  for (const [name, call] of calls)
    try {
      await call(at, context);
      said.push(`${name}: ok`);
    } catch (error) {
      if (!isGlfsError(error)) throw error;
      said.push(`${name}: ${error.code}`);
    }
  return said;
}

/** What the kernel refuses, and a brick of GlusterFS that runs its calls as root doesn't. */
const stricter: ReadonlySet<string> = new Set([
  'mknod of a device: EPERM (GlusterFS: mknod of a device: ok)',
  'times: EPERM (GlusterFS: times: ok)',
  'rename: EACCES (GlusterFS: rename: ok)',
]);

const modes = [0o600, 0o640, 0o755, 0o775, 0o777, 0o1777, 0o000, 0o444];

test.each(modes.flatMap((mode) => [false, true].map((withAcl) => ({ mode, withAcl }))))(
  'mode $mode (with an ACL: $withAcl)',
  async ({ mode, withAcl }) => {
    for (const caller of callers) {
      serial++;
      const context = rootContext({ ...caller, pid: 100 });
      const [theirs, ours] = [
        await verdicts(await place(bricks[0], mode, withAcl), context),
        await verdicts(await place(bricks[1], mode, withAcl), context),
      ];
      const differing = ours.map((said, index) =>
        said === theirs[index] ? said : `${said} (GlusterFS: ${theirs[index]})`,
      );
      expect({
        caller,
        differing: differing.filter((said) => said.includes('GlusterFS') && !stricter.has(said)),
      }).toEqual({
        caller,
        differing: [],
      });
    }
  },
);

test('modes and ACLs that are inherited', async () => {
  serial++;
  const said = [];
  for (const brick of bricks) {
    const at = await place(brick, 0o777, false);
    const dict = new Dict().setBytes(aclAttributes.default, acl(7, 5));
    const results: unknown[] = [];
    for (const inherits of [false, true]) {
      if (inherits) await brick.setxattr({ loc: at.directory, dict, flags: 0 }, asRoot);
      for (const mode of [0o777, 0o640, 0o2700]) {
        const made = entry(at, `new-${results.length}`);
        const context = rootContext({ uid: 1002, gid: 1002, pid: 100 });
        const { stat } = await brick.mkdir({ ...made, mode }, context);
        const loc = { inode: new Inode(stat.gfid) };
        const asking = new Dict();
        for (const name of Object.values(aclAttributes)) asking.setEntry(name, { type: 'int', value: 0n });
        const { xdata } = await brick.lookup({ loc, flags: 0, xdata: asking }, asRoot);
        const acls = Object.values(aclAttributes).map((name) => xdata?.entry(name));
        results.push([stat.mode, stat.uid, stat.gid, acls]);
        await brick.rmdir({ loc: { ...made.loc, inode: new Inode(stat.gfid) }, xflags: 0 }, asRoot);
      }
    }
    said.push(results);
  }
  expect(said[1]).toEqual(said[0]);
});
