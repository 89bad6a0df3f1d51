import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toGlfsError } from '../../../../src/errors.ts';
import { buildGraph, Fd, type Graph, Inode, type Loc, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { gfidToString, newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { SetattrValid, XattropFlag } from '../../../../src/protocol/messages.ts';
import { type Ace, aclAttributes, decodeAces, encodeAces } from '../../../../src/protocol/posix-acl.ts';
import { syscalls } from '../../../../src/syscalls.ts';
import { parseVolfile } from '../../../../src/volfile/index.ts';
import '../../../../src/xlators/index.ts';
import { acl } from '../../../helpers/acl-entries.ts';
import { recordingEnvironment } from '../../../helpers/recording-child.ts';

const root = new Inode(ROOT_GFID, 'directory');
const by = (uid: number) => rootContext({ uid, gid: uid, pid: 100 });

// trusted.* attributes and ACLs on the files themselves are root's, and the addon's.
const stores = process.getuid?.() === 0 && syscalls() !== undefined ? ['xattr', 'sidecar'] : ['sidecar'];

describe.each(stores)('a brick with attributes in %s', (store) => {
  let directory: string;
  let graph: Graph;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'glfs-brick-'));
    const volfile = `
volume posix
  type storage/posix
  option directory ${directory}
  option attribute-store ${store}
end-volume
volume access
  type features/access-control
  subvolumes posix
end-volume
volume index
  type features/index
  option index-base ${directory}/.glusterfs/indices
  option xattrop-pending-watchlist trusted.afr.vol-
  subvolumes access
end-volume`;
    graph = buildGraph(parseVolfile(volfile), recordingEnvironment());
    await graph.start();
  });
  afterEach(async () => {
    await graph.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function make(parent: Inode, name: string, mode: number, uid = 0): Promise<Loc> {
    const inode = new Inode(newGfid());
    const xdata = new Dict().set(keys.gfidRequest, inode.gfid);
    const loc = { inode, parent, name };
    const fop = (mode & 0o040000) === 0 ? 'mknod' : 'mkdir';
    const request = {
      loc,
      mode: fop === 'mknod' ? 0o100000 | mode : mode & 0o7777,
      umask: 0o022,
      xdata,
      dev: 0n,
    };
    await (fop === 'mknod' ? graph.top.mknod(request, by(0)) : graph.top.mkdir(request, by(0)));
    const stat = { ...emptyIatt(), uid, gid: uid };
    await graph.top.setattr({ loc, stat, valid: SetattrValid.UID | SetattrValid.GID }, by(0));
    return loc;
  }
  async function open(loc: Loc, uid: number, flags = 0): Promise<string> {
    return graph.top.open({ loc, fd: new Fd(loc.inode, flags), flags }, by(uid)).then(
      () => 'ok',
      (error: unknown) => toGlfsError(error).code,
    );
  }
  async function modeAndAcl(loc: Loc): Promise<[number, Ace[] | undefined]> {
    const { stat, xdata } = await graph.top.lookup(
      { loc: { inode: new Inode(loc.inode.gfid) }, flags: 0 },
      by(0),
    );
    const bytes = xdata?.bytes(aclAttributes.access);
    return [stat.mode & 0o7777, bytes && decodeAces(bytes)];
  }

  it('keeps mode and ACL in step, whichever is set, and what callers may do with them', async () => {
    const file = await make(root, 'file', 0o640, 1000);
    expect([await open(file, 1000, 2), await open(file, 2000)]).toEqual(['ok', 'EACCES']);
    const dict = new Dict().setBytes(aclAttributes.access, encodeAces(acl(6, 6, 4, 6, 0)));
    await graph.top.setxattr({ loc: file, dict, flags: 0 }, by(1000));
    expect(await modeAndAcl(file)).toEqual([0o660, acl(6, 6, 4, 6, 0)]);
    expect([await open(file, 2000, 2), await open(file, 2001)]).toEqual(['ok', 'EACCES']);
    const stat = { ...emptyIatt(), mode: 0o604 };
    await graph.top.setattr({ loc: file, stat, valid: SetattrValid.MODE }, by(1000));
    expect(await modeAndAcl(file)).toEqual([0o604, acl(6, 6, 4, 0, 4)]);
    expect([await open(file, 2000), await open(file, 2001)]).toEqual(['EACCES', 'ok']);
    await graph.top.removexattr({ loc: file, name: aclAttributes.access }, by(1000));
    expect((await modeAndAcl(file))[1]).toBeUndefined();
  });

  it('lets files inherit', async () => {
    const parent = await make(root, 'parent', 0o040777);
    const dict = new Dict().setBytes(aclAttributes.default, encodeAces(acl(7, 6, 5, 7, 0)));
    await graph.top.setxattr({ loc: parent, dict, flags: 0 }, by(0));
    const file = await make(parent.inode, 'file', 0o666, 1000);
    expect(await modeAndAcl(file)).toEqual([0o660, acl(6, 6, 5, 6, 0)]);
    expect([await open(file, 2000, 2), await open(file, 2001)]).toEqual(['ok', 'EACCES']);
    const below = await make(parent.inode, 'below', 0o040755);
    const inner = await make(below.inode, 'inner', 0o644);
    expect((await modeAndAcl(inner))[1]).toEqual(acl(6, 6, 5, 4, 0));
  });

  it('indexes what is pending', async () => {
    const file = await make(root, 'file', 0o644);
    const value = (byte: number) => Buffer.from([0, 0, 0, byte, 0, 0, 0, 0, 0, 0, 0, 0]);
    const add = async (bytes: Buffer) => {
      const dict = new Dict().setBytes('trusted.afr.vol-client-0', bytes);
      await graph.top.xattrop({ loc: file, operation: XattropFlag.ADD_ARRAY, dict }, by(0));
    };
    const listed = () =>
      readdirSync(join(directory, '.glusterfs/indices/xattrop')).filter(
        (name) => !name.startsWith('xattrop-'),
      );
    await add(value(1));
    expect(listed()).toEqual([gfidToString(file.inode.gfid)]);
    await add(Buffer.from('ffffffff0000000000000000', 'hex'));
    expect(listed()).toEqual([]);
  });
});
