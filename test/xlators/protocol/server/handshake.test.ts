import { describe, expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import {
  dumpReply,
  dumpRequest,
  getSpecReply,
  getSpecRequest,
  procedures,
  programs,
} from '../../../../src/protocol/handshake.ts';
import type { Iatt } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { XdrWriter } from '../../../../src/xdr/index.ts';
import { MemoryBrick } from '../../../helpers/memory-brick.ts';
import { failure } from '../../../rpc/calls.ts';
import { BRICK, openToAll, Served, VOLUME_ID } from './served.ts';

const login = {
  ...openToAll,
  [`auth.login.${BRICK}.allow`]: 'alice',
  'auth.login.alice.password': 'secret',
};
const NOTHING = new Uint8Array(0);

describe('SETVOLUME', () => {
  test('says what real bricks say', async () => {
    await using served = await Served.start();
    const client = await served.stranger();
    const { ret, error, said } = await client.setVolume();
    // Real ones have errno 22 there.
    expect([ret, error]).toEqual([0, 'EINVAL']);
    expect(Object.fromEntries(said)).toEqual({
      'transport-ptr': expect.stringMatching(/^\d+$/),
      'clnt-lk-version': '0',
      'process-uuid': expect.stringMatching(/^[0-9a-f-]{36}$/),
      ERROR: 'Success',
      'volume-id': VOLUME_ID,
      child_up: '1',
    });
  });

  test.each([
    ['nothing else', {}, 0, 'EINVAL'],
    ['a version that is no file program', { 'fops-version': '1' }, -1, 'EINVAL'],
    ['no version', { 'fops-version': '' }, -1, 'EINVAL'],
    ['no uuid', { 'process-uuid': '' }, -1, 'EINVAL'],
    ['no subvolume', { 'remote-subvolume': '' }, -1, 'EINVAL'],
    ['another brick', { 'remote-subvolume': '/bricks/b1' }, -1, 'ENOENT'],
    ['the right volume-id', { 'volume-id': VOLUME_ID }, 0, 'EINVAL'],
    ['another volume-id', { 'volume-id': VOLUME_ID.replace('6', '7') }, -1, 'EINVAL'],
    ['user and password', { username: 'alice', password: 'secret' }, 0, 'EINVAL'],
    ['a wrong password', { username: 'alice', password: 'guess' }, -1, 'EACCES'],
    ['an unknown user', { username: 'mallory', password: 'x' }, 0, 'EINVAL'],
    ['a bad volfile-checksum', { 'volfile-checksum': '77' }, 0, 'EINVAL'],
    ['a directory that is not there', { 'subdir-mount': '/none' }, -1, 'ENOENT'],
  ] as [string, Record<string, string>, number, string][])(
    'with %s: %j gives %s %s',
    async (_what, given, ret, error) => {
      await using served = await Served.start(login);
      const client = await served.stranger();
      const reply = await client.setVolume(given);
      expect([reply.ret, reply.error]).toEqual([ret, error]);
      // The connection stays, and may try again.
      expect(client.open).toBe(true);
      if (ret < 0) {
        expect(reply.said.get('ERROR')).toBeTruthy();
        expect(await failure(client.lookup(ROOT_GFID, 'x'))).toMatchObject({ code: 'EPROTO' });
        await client.attach({ username: 'alice', password: 'secret' });
      }
      expect((await client.lookup(ROOT_GFID, 'x')).error).toBe('ENOENT');
    },
  );

  test.each([
    ['a dict that lies', Buffer.from('000000050000000100000001', 'hex')],
    ['no dict', NOTHING],
  ])('%s is EINVAL', async (_what, dict) => {
    await using served = await Served.start();
    const client = await served.stranger();
    expect(await client.setVolumeBytes(dict)).toMatchObject({ ret: -1, error: 'EINVAL' });
  });

  test('a request that does not decode is garbage, and the connection stays', async () => {
    await using served = await Served.start();
    const client = await served.stranger();
    const error = await failure(client.raw(procedures.setVolume, Buffer.from([0, 0, 1, 0]), () => 0));
    expect(error).toMatchObject({ code: 'EPROTO' });
    await client.attach();
  });

  test('a brick that is not up says so, and tells its clients when it comes and goes', async () => {
    await using served = await Served.start();
    const attached = await served.client();
    served.brick.down();
    const late = await served.stranger();
    expect(await late.setVolume()).toMatchObject({ ret: -1, error: 'EAGAIN' });
    served.brick.up();
    await late.attach();
    // CHILD_DOWN, CHILD_UP.
    expect(attached.callbacks.map(({ procedure, body }) => [procedure, body.length])).toEqual([
      [7, 0],
      [6, 0],
    ]);
    expect(late.callbacks).toEqual([]);
  });

  test('any translator of the brick may be named', async () => {
    await using served = await Served.start(openToAll, { between: ['features/read-only'] });
    const client = await served.client();
    expect((await client.lookup(ROOT_GFID, 'x')).error).toBe('ENOENT');
  });

  test('an address that is not allowed', async () => {
    await using served = await Served.start({ [`auth.addr.${BRICK}.allow`]: '10.*' });
    const client = await served.stranger();
    expect(await client.setVolume()).toMatchObject({ ret: -1, error: 'EACCES' });
  });

  test('a server that nobody could attach to is not built', async () => {
    expect(await failure(Served.start({}))).toMatchObject({ code: 'EINVAL' });
  });
});

describe('before the handshake', () => {
  test('DUMP tells the programs', async () => {
    await using served = await Served.start();
    const client = await served.stranger();
    const writer = new XdrWriter(8);
    dumpRequest.encode(writer, { id: 51949n });
    const reply = await client.raw(procedures.dump, writer.bytes, (reader) => dumpReply.decode(reader));
    expect(reply.programs.map(({ number, version }) => [number, version])).toEqual([
      [1298437n, 400n],
      [1298437n, 330n],
      [123451501n, 1n],
      [14398633n, 2n],
    ]);
  });

  test.each([
    ['dump', { ...programs.dump, procedure: 2 }],
    ['handshake', procedures.ping],
  ])('PING of the %s program', async (_name, procedure) => {
    await using served = await Served.start();
    const client = await served.stranger();
    expect(
      await client.raw(procedure, NOTHING, (reader) => [reader.i32(), reader.i32(), reader.remaining]),
    ).toEqual([0, 0, 4]);
  });

  test('GETSPEC is not for bricks', async () => {
    await using served = await Served.start();
    const client = await served.stranger();
    const writer = new XdrWriter(64);
    getSpecRequest.encode(writer, { flags: 0, key: 'v', xdata: NOTHING });
    const { ret, errno } = await client.raw(procedures.getSpec, writer.bytes, (reader) =>
      getSpecReply.decode(reader),
    );
    expect([ret, errno]).toEqual([-1, 38]);
  });

  test.each([
    [{ program: 99, version: 1, procedure: 1 }, 'EPROTONOSUPPORT'],
    [{ program: 14398633, version: 3, procedure: 1 }, 'EPROTONOSUPPORT'],
    [{ program: 14398633, version: 2, procedure: 77 }, 'EPROTONOSUPPORT'],
    [{ program: 1298437, version: 310, procedure: 1 }, 'EPROTONOSUPPORT'],
    [{ program: 1298437, version: 400, procedure: 99 }, 'EPROTONOSUPPORT'],
    [{ program: 1298437, version: 400, procedure: 1 }, 'EPROTO'],
    [{ program: 1298437, version: 330, procedure: 41 }, 'EPROTO'],
  ])('%j is refused: %s', async (procedure, code) => {
    await using served = await Served.start();
    const client = await served.stranger();
    expect(await failure(client.raw(procedure, NOTHING, () => 0))).toMatchObject({ code });
    await client.attach();
  });

  test('who connects from a port above 1023 is denied where that is asked for', async () => {
    await using served = await Served.start({ ...openToAll, 'rpc-auth-allow-insecure': 'off' });
    const client = await served.stranger();
    expect(await failure(client.setVolume())).toMatchObject({ code: 'EACCES' });
  });

  test('records are bounded to 1 MiB, and to more afterwards', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { fd, gfid } = await client.create('big');
    const reply = await client.write(gfid, fd, 'x'.repeat(3 << 20));
    expect(reply.ret).toBe(3 << 20);
    const stranger = await served.stranger();
    const error = await failure(stranger.raw(procedures.setVolume, Buffer.alloc(2 << 20), () => 0));
    expect(error).toMatchObject({ code: 'ENOTCONN' });
    expect(client.open).toBe(true);
  });
});

describe('a directory for a root', () => {
  async function withDirectory(): Promise<{ served: Served; inner: Iatt; outer: Iatt }> {
    const served = await Served.start();
    const admin = await served.client();
    const outer = await admin.mkdir('a');
    const inner = await admin.mkdir('b', outer.gfid);
    await admin.mkdir('c', inner.gfid);
    await admin.create('file', outer.gfid);
    return { served, inner, outer };
  }

  test('is the root, with its gfid and its inode number', async () => {
    const { served, inner } = await withDirectory();
    await using _closing = served;
    const client = await served.client({ 'subdir-mount': '//a/b/' });
    const top = await client.byGfid(ROOT_GFID);
    expect(top.fields.stat).toMatchObject({ gfid: ROOT_GFID, ino: 1n });
    expect((await client.lookup(ROOT_GFID, 'c')).ret).toBe(0);
    expect((await client.lookup(ROOT_GFID, 'a')).error).toBe('ENOENT');
    const xdata = new Dict().set(keys.gfidRequest, newGfid());
    const made = await client.fop(
      'mkdir',
      { pargfid: ROOT_GFID, mode: 0o755, umask: 0, bname: 'd' },
      { xdata },
    );
    expect(made.fields.postparent).toMatchObject({ gfid: ROOT_GFID, ino: 1n });
    // Elsewhere it is itself.
    const other = await served.client();
    expect((await other.byGfid(inner.gfid)).fields.stat).toMatchObject({ gfid: inner.gfid });
    const listing = await client.fop('opendir', { gfid: ROOT_GFID });
    const fd = listing.fields.remoteFd;
    const entries = (await client.fop('readdirp', { gfid: ROOT_GFID, fd, offset: 0n, size: 4096 })).fields
      .entries;
    expect((entries as { name: string }[]).map(({ name }) => name)).toContain('c');
  });

  test.each([
    ['/a/../a/b', 'by way of ..'],
    ['/..', 'above the root'],
    ['/a/./b', 'by way of .'],
    ['/a/file', 'that is a file'],
    ['/a/b/none', 'that is missing'],
    ['/.glusterfs', "of the brick's own"],
  ])('%s, %s, is refused', async (path) => {
    const { served } = await withDirectory();
    await using _closing = served;
    const client = await served.stranger();
    expect(await client.setVolume({ 'subdir-mount': path })).toMatchObject({ ret: -1, error: 'ENOENT' });
    expect(await failure(client.byGfid(ROOT_GFID))).toMatchObject({ code: 'EPROTO' });
  });

  test('nothing leads out of it by name', async () => {
    const { served } = await withDirectory();
    await using _closing = served;
    const client = await served.client({ 'subdir-mount': '/a/b' });
    expect((await client.fop('opendir', { gfid: ROOT_GFID })).ret).toBe(0);
    expect((await client.lookup(ROOT_GFID, '../file')).error).toBe('EPERM');
  });

  test('directories that some may mount and others not', async () => {
    const brick = new MemoryBrick(BRICK);
    await using served = await Served.start(
      { [`auth.addr.${BRICK}.allow`]: '/(10.*),/a(127.0.0.1)' },
      { brick },
    );
    const loc = { parent: new Inode(ROOT_GFID), name: 'a', inode: new Inode() };
    const xdata = new Dict().set(keys.gfidRequest, newGfid());
    await brick.subvolume.mkdir({ loc, mode: 0o755, umask: 0, xdata }, rootContext());
    const client = await served.stranger();
    expect(await client.setVolume()).toMatchObject({ ret: -1, error: 'EACCES' });
    expect(await client.setVolume({ 'subdir-mount': '/a' })).toMatchObject({ ret: 0 });
  });
});
