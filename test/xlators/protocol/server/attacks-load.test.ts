import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { errnoToCode } from '../../../../src/errors.ts';
import { dialect400 } from '../../../../src/protocol/dialect.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { serializeDict } from '../../../../src/protocol/dict-serialized.ts';
import { FOP_PROGRAM, type FopName } from '../../../../src/protocol/fops.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { procedures, setVolumeRequest } from '../../../../src/protocol/handshake.ts';
import { emptyIatt, type Iatt } from '../../../../src/protocol/iatt.ts';
import { encodeCredential } from '../../../../src/rpc/index.ts';
import { XdrWriter } from '../../../../src/xdr/index.ts';
import { waitUntil } from '../../../helpers/wait.ts';
import { failure } from '../../../rpc/calls.ts';
import { callRecord, RawPeer } from '../../../rpc/served.ts';
import { Attacked, user, withGfid } from './attacked.ts';
import { root, type WireClient, type WireReply } from './wire-client.ts';

const MIB = 1 << 20;
const NO_GFID = new Uint8Array(16);

let attacked: Attacked;
let attacker: WireClient;

beforeAll(async () => {
  attacked = await Attacked.start();
});
afterEach(async () => {
  attacker.close();
  await attacked.stillServes();
});
afterAll(() => attacked[Symbol.asyncDispose]());

async function attack(login: Record<string, string> = {}): Promise<WireClient> {
  attacker = await attacked.client(login);
  return attacker;
}

const unique = (): string => crypto.randomUUID();

function onDisk(name: string): string {
  return join(attacked.directory, name);
}

function setVolume(brick: string): Uint8Array {
  const said = { 'remote-subvolume': brick, 'process-uuid': unique(), 'fops-version': '1298437' };
  const pairs = Object.entries(said).map(([key, value]) => [key, { type: 'str', value }] as const);
  const writer = new XdrWriter(256);
  setVolumeRequest.encode(writer, { dict: serializeDict(new Dict(pairs)) });
  return writer.bytes;
}

/** Attached, and free to send what it likes. */
async function attachedPeer(): Promise<RawPeer> {
  const peer = await RawPeer.connect(attacked.port);
  peer.send(callRecord(1, setVolume(attacked.directory), { to: procedures.setVolume }));
  await peer.answers(1);
  return peer;
}

function rawCall(fop: FopName, fields: Record<string, unknown>, xid: number, identity = root): Buffer {
  const layout = dialect400.layout(fop)!;
  const writer = new XdrWriter(128);
  layout.request.encode(writer, fields);
  dialect400.dict.encode(writer, undefined);
  const to = { program: FOP_PROGRAM, version: dialect400.version, procedure: layout.procedure };
  return callRecord(xid, writer.bytes, { to, credential: encodeCredential('v3', identity) });
}

/** A lock on a whole file for `owner`; `wait` waits. */
function inodelk(client: WireClient, gfid: Uint8Array, owner: string, wait: boolean): Promise<WireReply> {
  const identity = { ...root, lkOwner: Buffer.from(owner) };
  client.identity = identity;
  const flock = { type: 1, whence: 0, start: 0n, length: 0n, pid: 1, owner: identity.lkOwner };
  return client.fop(
    'inodelk',
    { gfid, volume: 'attack', domain: 'attack', command: wait ? 2 : 1, type: 1, flock },
    { blocking: wait },
  );
}

describe('memory', () => {
  test('READs of much, and nobody takes the answers', async () => {
    const client = await attack();
    const name = unique();
    const { gfid } = await client.create(name);
    truncateSync(onDisk(name), 100 * MIB);
    const before = process.memoryUsage().rss;
    using peer = await attachedPeer();
    peer.socket.pause();
    const read = { gfid, fd: -2n, offset: 0, size: 100 * MIB, flags: 0 };
    peer.send(Buffer.concat(Array.from({ length: 300 }, (_, index) => rawCall('read', read, 2 + index))));
    let most = 0;
    for (let turn = 0; turn < 5; turn++) {
      await attacked.stillServes();
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    // All of them would be 30 GB, those that may be outstanding six.
    expect(most).toBeLessThan(600 * MIB);
  });

  test('a listing that brings along what all the files hold', async () => {
    const client = await attack();
    const directory = unique();
    const { gfid } = await client.mkdir(directory);
    for (let index = 0; index < 30; index++) {
      await client.create(`f${index}`, gfid);
      truncateSync(onDisk(join(directory, `f${index}`)), MIB);
    }
    const fd = (await client.fop('opendir', { gfid })).fields.remoteFd as bigint;
    const xdata = new Dict().setEntry('glusterfs.content', { type: 'int', value: BigInt(MIB) });
    const names = new Set<string>();
    let calls = 0;
    for (let offset = 0n; ; calls++) {
      const reply = await client.fop('readdirp', { gfid, fd, offset, size: 0xffff_ffff }, { xdata });
      const entries = reply.fields.entries as { name: string; offset: bigint; xdata: Dict | undefined }[];
      if (entries.length === 0) break;
      const brought = entries.reduce(
        (sum, entry) => sum + (entry.xdata?.bytes('glusterfs.content')?.length ?? 0),
        0,
      );
      expect(brought).toBeLessThanOrEqual(5 * MIB);
      for (const entry of entries) names.add(entry.name);
      offset = entries.at(-1)!.offset;
    }
    expect(names.size).toBe(32);
    expect(calls).toBeGreaterThan(5);
  });
});

describe('time', () => {
  test('patterns that match in a thousand ways, and thousands of keys', async () => {
    const client = await attack();
    const { gfid } = await client.create(unique());
    const dict = new Dict().setBytes(`user.${'a'.repeat(240)}`, Buffer.from('x'));
    expect((await client.fop('setxattr', { gfid, flags: 0, dict })).error).toBeUndefined();
    const xdata = new Dict();
    for (let index = 0; index < 4000; index++)
      xdata.setEntry(`${'*a'.repeat(100)}*b${index}`, { type: 'int', value: 0n });
    const began = performance.now();
    const call = { gfid, pargfid: NO_GFID, bname: '', flags: 0 };
    const looked = client.fop('lookup', call, { xdata });
    await attacked.stillServes();
    expect((await looked).error).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  test('more keys than a dict may have, and a dict that says it has', async () => {
    const client = await attack();
    const xdata = new Dict();
    for (let index = 0; index < 5000; index++) xdata.setEntry(`key.${index}`, { type: 'int', value: 0n });
    const call = { gfid: ROOT_GFID, pargfid: NO_GFID, bname: '', flags: 0 };
    expect(await failure(client.fop('lookup', call, { xdata }))).toMatchObject({ code: 'EPROTO' });
    expect((await client.byGfid(ROOT_GFID)).error).toBeUndefined();
  });

  test('waiting locks by the thousand, up to where there is an end to them; then their client vanishes', async () => {
    const client = await attack();
    const { gfid } = await client.create(unique());
    using peer = await attachedPeer();
    const flock = { type: 1, whence: 0, start: 0n, length: 0n, pid: 1, owner: Buffer.from('x') };
    const wanted = { gfid, volume: 'attack', domain: 'attack', command: 2, type: 1, flock };
    // The first one gets it.
    const calls = Array.from({ length: 1 + 16_384 + 100 }, (_, index) =>
      rawCall('inodelk', wanted, index + 2, { ...root, lkOwner: Buffer.from(`waiter-${index}`) }),
    );
    peer.send(Buffer.concat(calls));
    const answers = (await peer.answers(1 + 1 + 100)).slice(1);
    const refused = answers.filter((answer) => answer.readInt32BE(24) < 0);
    expect(refused.map((answer) => errnoToCode(answer.readInt32BE(28)))).toEqual(Array(100).fill('ENOLCK'));
    await attacked.stillServes();
    const healthy = await attacked.client();
    const mine = inodelk(healthy, gfid, 'healthy', true);
    await healthy.byGfid(ROOT_GFID);
    const began = performance.now();
    peer.socket.destroy();
    expect((await mine).error).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(15_000);
    healthy.close();
  });

  test('a lock is not granted to a connection that has ended, while the client has another', async () => {
    const uuid = { 'process-uuid': unique() };
    const holder = await attacked.client();
    const [one, other] = [await attack(uuid), await attacked.client(uuid)];
    const { gfid } = await holder.create(unique());
    await inodelk(holder, gfid, 'holder', false);
    const waiting = inodelk(one, gfid, 'waiter', true).catch(() => undefined);
    await one.byGfid(ROOT_GFID);
    one.close();
    await waiting;
    // By its own order of calls the server has seen the end by then.
    await attacked.stillServes();
    holder.close();
    await waitUntil(async () => (await inodelk(other, gfid, 'third', false)).error === undefined, {
      what: 'the lock to be free',
    });
    other.close();
  });
});

describe('numbers at their limits', () => {
  test('are refused or answered, and nothing else', async () => {
    const client = await attack();
    const { gfid, fd } = await client.create(unique());
    const huge = Number.MAX_SAFE_INTEGER;
    const range = { gfid, fd, offset: huge - 1, size: huge - 1 };
    for (const fop of ['fallocate', 'discard', 'zerofill'] as const) {
      const reply = await client.fop(fop, { ...range, flags: 0, xdata: undefined });
      expect(reply.error, fop).toMatch(/^(EFBIG|EINVAL|ENOSPC|EOPNOTSUPP)$/);
    }
    expect((await client.fop('truncate', { gfid, offset: huge })).error).toMatch(/^(EFBIG|EINVAL)$/);
    expect((await client.fop('ftruncate', { gfid, fd, offset: huge })).error).toMatch(/^(EFBIG|EINVAL)$/);
    expect((await client.fop('read', { gfid, fd, offset: huge, size: 0xffff_ffff, flags: 0 })).error).toBe(
      'EINVAL',
    );
    expect((await client.fop('read', { gfid, fd, offset: huge, size: 1000, flags: 0 })).error ?? '').toMatch(
      /^(EINVAL|)$/,
    );
    expect((await client.fop('seek', { gfid, fd, offset: huge, what: 0 })).error).toBeDefined();
    expect((await client.fop('rchecksum', { gfid, fd, offset: 0, size: 0xffff_ffff, flags: 0 })).error).toBe(
      'EINVAL',
    );
    const write = { gfid, fd, offset: huge, size: 1, flags: 0 };
    expect((await client.fop('write', write, { payload: Buffer.from('x') })).error).toMatch(
      /^(EFBIG|EINVAL)$/,
    );
    const listing = (await client.fop('opendir', { gfid: ROOT_GFID })).fields.remoteFd as bigint;
    const far = { gfid: ROOT_GFID, fd: listing, offset: 2n ** 63n - 1n, size: 0xffff_ffff };
    for (const fop of ['readdir', 'readdirp'] as const) {
      expect((await client.fop(fop, far)).fields.entries ?? []).toEqual([]);
      await client.fop(fop, { ...far, offset: 2n ** 64n - 1n });
    }
    const times = {
      ...emptyIatt(),
      atime: 2n ** 63n - 1n,
      mtime: -(2n ** 63n),
      atimeNsec: 0xffff_ffff,
      mtimeNsec: 0xffff_ffff,
    };
    await client.fop('setattr', { gfid, stat: times, valid: 0x30 });
    expect((await client.byGfid(gfid)).error).toBeUndefined();
  });

  test('names and values of attributes', async () => {
    const client = await attack();
    const { gfid } = await client.create(unique());
    const set = (name: string, length = 1) =>
      client.fop('setxattr', { gfid, flags: 0, dict: new Dict().setBytes(name, Buffer.alloc(length)) });
    expect((await set(`user.${'n'.repeat(4000)}`)).error).toBe('ERANGE');
    expect((await set('user.v', 65_537)).error).toBe('E2BIG');
    expect((await set('')).error).toBeDefined();
    expect((await client.fop('removexattr', { gfid, name: `user.${'n'.repeat(4000)}` })).error).toBe(
      'ERANGE',
    );
  });
});

describe('file numbers', () => {
  test('given back twice, taken again, used for what they are not', async () => {
    const client = await attack();
    const { gfid, fd } = await client.create(unique());
    expect((await client.fop('readdir', { gfid, fd, offset: 0n, size: 1000 })).error).toBe('ENOTDIR');
    const directory = (await client.fop('opendir', { gfid: ROOT_GFID })).fields.remoteFd as bigint;
    expect((await client.read(ROOT_GFID, directory)).error).toBe('EISDIR');
    expect((await client.write(ROOT_GFID, directory, 'x')).error).toBe('EBADF');
    expect((await client.fop('ftruncate', { gfid, fd: directory, offset: 0 })).error).toMatch(
      /^(EINVAL|EBADF)$/,
    );
    await client.fop('release', { gfid, fd });
    await client.fop('release', { gfid, fd });
    await client.fop('releasedir', { gfid, fd });
    expect((await client.read(gfid, fd)).error).toBe('EBADF');
    const again = await client.create(unique());
    expect(again.fd).toBe(fd);
    // The number goes before the gfid: it is the new file that is read.
    await client.write(again.gfid, fd, 'new');
    expect((await client.read(gfid, fd)).rest.toString()).toBe('new');
  });

  test('SETVOLUME once more, as somebody else: what was open is closed', async () => {
    const client = await attack();
    const { gfid, fd } = await client.create(unique());
    await inodelk(client, gfid, 'holder', false);
    await client.attach({ 'remote-subvolume': attacked.directory, 'process-uuid': unique() });
    expect((await client.read(gfid, fd)).error).toBe('EBADF');
    const other = await attacked.client();
    await waitUntil(async () => (await inodelk(other, gfid, 'other', false)).error === undefined, {
      what: 'the lock',
    });
    expect((await client.setVolume({ 'remote-subvolume': '/etc' })).error).toBe('ENOENT');
    expect((await client.byGfid(ROOT_GFID)).error).toBeUndefined();
  });
});

describe('callers without privileges', () => {
  test('set no attributes of the volume or of kernels, by whatever way', async () => {
    const client = await attack();
    client.identity = user(0);
    const directory = await client.mkdir(unique());
    const stat = { ...emptyIatt(), mode: 0o777 };
    await client.fop('setattr', { gfid: directory.gfid, stat, valid: 1 });
    client.identity = user(1000);
    const { gfid } = await client.create('mine', directory.gfid);
    const set = (name: string, xdata?: Dict) =>
      client.fop(
        'setxattr',
        { gfid, flags: 0, dict: new Dict().setBytes(name, Buffer.from('x')) },
        { xdata },
      );
    expect((await set('user.fine')).error).toBeUndefined();
    for (const name of [
      'trusted.x',
      'trusted.glusterfs.volume-id',
      'security.capability',
      'security.ima',
      'security.evm',
    ])
      expect((await set(name)).error, name).toBe('EPERM');
    const made = { pargfid: directory.gfid, bname: 'capable', umask: 0, mode: 0o755 };
    const xdata = withGfid(undefined, [['security.capability', 'x']]);
    expect((await client.fop('create', { ...made, flags: 0o102 }, { xdata })).error).toBe('EPERM');
    expect((await client.fop('mknod', { ...made, mode: 0o100755, dev: 0n }, { xdata })).error).toBe('EPERM');
    client.identity = user(0);
    await set('trusted.kept');
    client.identity = user(1000);
    const all = new Dict().setBytes('trusted.kept', Buffer.from(''));
    expect((await client.fop('removexattr', { gfid, name: '' }, { xdata: all })).error).toBe('EPERM');
    client.identity = user(0);
    const kept = await client.fop('getxattr', { gfid, namelen: 12, name: 'trusted.kept' });
    expect(kept.error).toBeUndefined();
  });

  test.each(['root-squash', 'all-squash'])(
    '%s: neither root nor an internal process can be played',
    async (option) => {
      await using squashed = await Attacked.start({ [`server.${option}`]: 'on' }, false);
      writeFileSync(join(squashed.directory, 'private'), 'secret', { mode: 0o600 });
      attacker = await squashed.client();
      const stranger = await squashed.client();
      for (const identity of [
        user(0),
        user(0, { pid: -6 }),
        user(1000, { pid: -1 }),
        user(7, { pid: -3 }),
        user(0, { pid: -2 }),
      ]) {
        stranger.identity = identity;
        const { stat } = (
          await stranger.fop(
            'lookup',
            { gfid: NO_GFID, pargfid: ROOT_GFID, bname: 'private', flags: 0 },
            { xdata: withGfid() },
          )
        ).fields;
        const { gfid } = stat as Iatt;
        expect((await stranger.fop('open', { gfid, flags: 0 })).error).toBe('EACCES');
        expect((await stranger.read(gfid, -2n)).error).toBe('EACCES');
      }
    },
  );
});

describe('logins', () => {
  test('whoever guesses is put out, others log in', async () => {
    await using guarded = await Attacked.start({ 'auth.allow': '10.1.2.3' }, false);
    const login = { 'remote-subvolume': guarded.directory, username: 'x' };
    const stranger = await guarded.stranger();
    attacker = stranger;
    for (const password of ['', 'a', 'b'])
      expect((await stranger.setVolume({ ...login, password })).error).toBe('EACCES');
    await waitUntil(() => !stranger.open, { what: 'it to be put out' });
    // Nor does the management server tell.
    const { id, host } = { id: guarded.directory.replace(/^\//, '').replaceAll('/', '-'), host: '127.0.0.1' };
    const volfile = await guarded.volfile(`v.${host}.${id}`);
    expect(volfile).toContain('type protocol/server');
    expect(volfile).not.toMatch(/password/);
    expect(await guarded.volfile('v')).not.toMatch(/password/);
  });

  test('a process-uuid of the pool’s gives a stranger nothing of the pool’s client', async () => {
    const uuid = unique();
    const [, username = '', password = ''] =
      /option username (\S+)\s+option password (\S+)/.exec(attacked.cluster.volfile('v')) ?? [];
    expect(password).not.toBe('');
    const pool = await attacked.client({ 'process-uuid': uuid, username, password });
    const { gfid, fd } = await pool.create(unique());
    const stranger = await attack({ 'process-uuid': uuid });
    expect((await stranger.read(gfid, fd)).error).toBe('EBADF');
    await stranger.fop('release', { gfid, fd });
    stranger.close();
    expect((await pool.write(gfid, fd, 'mine')).error).toBeUndefined();
    pool.close();
  });
});
