import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Dict } from '../../src/protocol/dict.ts';
import type { FopName } from '../../src/protocol/fops.ts';
import { newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { keys } from '../../src/protocol/keys.ts';
import { type Cluster, startCluster } from '../../src/testing/index.ts';
import { attachPool } from '../helpers/attach.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { WireClient, type WireReply } from '../xlators/protocol/server/wire-client.ts';

const pool = attachPool();

/** What a brick holds before the first request, by name. */
interface Scene {
  readonly client: WireClient;
  readonly gfids: Readonly<Record<'root' | 'dir' | 'file' | 'unknown' | 'none', Uint8Array>>;
  readonly fd: bigint;
  readonly reading: bigint;
  readonly listing: bigint;
}

async function sceneOf(client: WireClient): Promise<Scene> {
  const dir = (await client.mkdir('dir')).gfid;
  await client.mkdir('inner', dir);
  const { gfid: file, fd } = await client.create('file');
  await client.write(file, fd, 'content');
  const reading = await client.openFile(file, 0);
  const listing = (await client.fop('opendir', { gfid: ROOT_GFID })).fields.remoteFd as bigint;
  const gfids = { root: ROOT_GFID, dir, file, unknown: Buffer.alloc(16, 0xab), none: new Uint8Array(16) };
  return { client, gfids, fd, reading, listing };
}

type Ask = (scene: Scene) => Promise<WireReply>;

const request = () => new Dict().set(keys.gfidRequest, newGfid());
const making = { mode: 0o755, umask: 0 };

const by =
  (fop: FopName, of: keyof Scene['gfids'], more: object = {}): Ask =>
  ({ client, gfids }) =>
    client.fop(fop, { gfid: gfids[of], ...more });
const within =
  (fop: FopName, parent: keyof Scene['gfids'], bname: string, more: object = {}): Ask =>
  ({ client, gfids }) =>
    client.fop(fop, { pargfid: gfids[parent], bname, ...more }, { xdata: request() });
const find =
  (parent: keyof Scene['gfids'], bname: string): Ask =>
  ({ client, gfids }) =>
    client.lookup(gfids[parent], bname);
const move =
  (oldbname: string, newbname: string, to: keyof Scene['gfids'] = 'root'): Ask =>
  ({ client, gfids }) =>
    client.fop('rename', { oldgfid: ROOT_GFID, oldbname, newgfid: gfids[to], newbname });
const link =
  (of: keyof Scene['gfids'], to: keyof Scene['gfids'], newbname: string): Ask =>
  ({ client, gfids }) =>
    client.fop('link', { oldgfid: gfids[of], newgfid: gfids[to], newbname });
const on =
  (fop: FopName, fd: (scene: Scene) => bigint, more: object = {}, gfid: keyof Scene['gfids'] = 'file'): Ask =>
  (scene) =>
    scene.client.fop(fop, { gfid: scene.gfids[gfid], fd: fd(scene), ...more });

const range = { offset: 0, size: 100, flags: 0 };
const none = (): bigint => 99n;
const anonymous = (): bigint => -2n;

/**
 * Requests that leave what the next ones need. None that a real brick dies of, nor a rename over itself, which takes the
 * file's handle away there.
 */
const asks: Record<string, Ask> = {
  'lookup of a missing name': find('root', 'x'),
  'lookup in an unknown directory': find('unknown', 'x'),
  'lookup in a file': find('file', 'x'),
  'lookup of a slash': find('root', '/'),
  'lookup of a path': find('root', 'dir/inner'),
  'lookup of the private directory': find('root', '.glusterfs'),
  'lookup of . in the root': find('root', '.'),
  'lookup of . in a directory': find('dir', '.'),
  'lookup of .. in a directory': find('dir', '..'),
  'lookup of an unknown gfid': ({ client, gfids }) => client.byGfid(gfids.unknown),
  'lookup of no gfid': ({ client, gfids }) => client.byGfid(gfids.none),
  'lookup of the root': ({ client }) => client.byGfid(ROOT_GFID),
  'mkdir of what is there': within('mkdir', 'root', 'dir', making),
  'mkdir in an unknown directory': within('mkdir', 'unknown', 'x', making),
  'mkdir in a file': within('mkdir', 'file', 'x', making),
  'mkdir of a path': within('mkdir', 'root', 'dir/x', making),
  'mkdir of the private directory': within('mkdir', 'root', '.glusterfs', making),
  'mkdir without gfid-req': ({ client }) =>
    client.fop('mkdir', { pargfid: ROOT_GFID, bname: 'bare', ...making }),
  'create of what is there, exclusively': within('create', 'root', 'file', { flags: 0o302, ...making }),
  'create in an unknown directory': within('create', 'unknown', 'x', { flags: 0o102, ...making }),
  'create in a file': within('create', 'file', 'x', { flags: 0o102, ...making }),
  'unlink of a missing name': within('unlink', 'root', 'x', { xflags: 0 }),
  'unlink of a directory': within('unlink', 'root', 'dir', { xflags: 0 }),
  'unlink in an unknown directory': within('unlink', 'unknown', 'x', { xflags: 0 }),
  'rmdir of a missing name': within('rmdir', 'root', 'x', { xflags: 0 }),
  'rmdir of a file': within('rmdir', 'root', 'file', { xflags: 0 }),
  'rmdir of a directory that is not empty': within('rmdir', 'root', 'dir', { xflags: 0 }),
  'rename of a missing name': move('x', 'y'),
  'rename into an unknown directory': move('file', 'y', 'unknown'),
  'rename into a file': move('file', 'y', 'file'),
  'rename of a directory into itself': move('dir', 'y', 'dir'),
  'rename of a file over a directory': move('file', 'dir'),
  'link to what is there': link('file', 'root', 'dir'),
  'link of a directory': link('dir', 'root', 'y'),
  'link of an unknown file': link('unknown', 'root', 'y'),
  'link into an unknown directory': link('file', 'unknown', 'y'),
  'stat of an unknown gfid': by('stat', 'unknown'),
  'stat of no gfid': by('stat', 'none'),
  'truncate of an unknown gfid': by('truncate', 'unknown', { offset: 0 }),
  'readlink of a file': by('readlink', 'file', { size: 4096 }),
  'open of an unknown gfid': by('open', 'unknown', { flags: 0 }),
  'opendir of an unknown gfid': by('opendir', 'unknown'),
  'opendir of a file': by('opendir', 'file'),
  'statfs of an unknown gfid': by('statfs', 'unknown'),
  'getxattr of what is missing': by('getxattr', 'file', { namelen: 6, name: 'user.x' }),
  'getxattr of an unknown gfid': by('getxattr', 'unknown', { namelen: 6, name: 'user.x' }),
  'removexattr of what is missing': by('removexattr', 'file', { name: 'user.x' }),
  'read of a number that nobody opened': on('read', none, range),
  'write to a number that nobody opened': on('write', none, range),
  'fstat of a number that nobody opened': on('fstat', none),
  'flush of a number that nobody opened': on('flush', none),
  'release of a number that nobody opened': on('release', none),
  'releasedir of a number that nobody opened': on('releasedir', none),
  'readdir of a number that nobody opened': on('readdir', none, { offset: 0n, size: 4096 }),
  'read without opening': on('read', anonymous, range),
  'read of an unknown file without opening': on('read', anonymous, range, 'unknown'),
  'fstat without opening': on('fstat', anonymous),
  'fsync without opening': on('fsync', anonymous, { datasync: 0 }),
  'read to the end': on('read', ({ reading }) => reading, range),
  'read of a part': on('read', ({ reading }) => reading, { ...range, size: 3 }),
  'read behind the end': on('read', ({ reading }) => reading, { ...range, offset: 4096 }),
  'read by another gfid': on('read', ({ reading }) => reading, range, 'root'),
  'write to what is open for reading': ({ client, gfids, reading }) =>
    client.write(gfids.file, reading, 'no'),
  'write of nothing': ({ client, gfids, fd }) => client.write(gfids.file, fd, ''),
  'write without opening': ({ client, gfids }) => client.write(gfids.file, -2n, 'content'),
  'a listing': on('readdirp', ({ listing }) => listing, { offset: 0n, size: 131072 }, 'root'),
  'a listing without attributes': on(
    'readdir',
    ({ listing }) => listing,
    { offset: 0n, size: 131072 },
    'root',
  ),
};

/** What can be compared: whether and how it failed, what it returned, whether a READ or a listing says that it is at its end. */
function outcomeOf(name: string, { ret, error, errno, rest }: WireReply): object {
  const atEnd = /^(read|a listing)/.test(name) && ret >= 0 ? { errno } : {};
  return { ret, error, ...atEnd, rest: rest.toString() };
}

describe("a real brick's answers and ours", () => {
  let real: Scene;
  let ours: Scene;
  let cluster: Cluster;
  let volume: TestVolume;
  beforeAll(async () => {
    volume = await pool.createVolume('server-compare', { bricks: 1, nodes: [0] });
    const [brick] = volume.bricks;
    const theirs = await WireClient.connect({ host: brick!.host, port: brick!.port });
    await theirs.attach({ 'remote-subvolume': brick!.path });
    real = await sceneOf(theirs);
    cluster = await startCluster({ volumes: { demo: { type: 'distribute 1' } } });
    const [served] = cluster.bricks('demo');
    const mine = await WireClient.connect({ host: cluster.host, port: served!.port });
    await mine.attach({ 'remote-subvolume': served!.directory });
    ours = await sceneOf(mine);
  });
  afterAll(async () => {
    real?.client.close();
    ours?.client.close();
    await cluster?.stop();
    await volume?.delete();
  });

  test.each(Object.entries(asks))('%s', async (name, ask) => {
    const [theirs, mine] = [await ask(real), await ask(ours)];
    expect(outcomeOf(name, mine)).toEqual(outcomeOf(name, theirs));
  });
});
