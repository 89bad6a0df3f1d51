import { describe, expect, test } from 'vitest';
import type { Client, Fd } from '../../../../src/graph/index.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { waitUntil } from '../../../helpers/wait.ts';
import { failure } from '../../../rpc/calls.ts';
import { openToAll, Served } from './served.ts';
import { root } from './wire-client.ts';

const SET = 1;
const SET_WAIT = 2;
const WRITE_LOCK = 1;

/** The client of a call, as translators of the brick see it. */
function clientsOf(served: Served, fop: string): unknown[] {
  return served.seen(fop).map(({ context }) => context.client);
}

/** Resolves when nothing of a client is left. */
async function gone(served: Served, clients = 0): Promise<void> {
  await waitUntil(() => (served.server.dump().clients as unknown[]).length === clients, {
    what: 'the client to be gone',
    everyMs: 2,
  });
}

describe('numbers of open files', () => {
  test('begin at 0; the lowest that is free comes first', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid, fd: first } = await client.create('f');
    const [second, third] = [await client.openFile(gfid), await client.openFile(gfid)];
    expect([first, second, third]).toEqual([0n, 1n, 2n]);
    await client.fop('release', { gfid, fd: second });
    await client.fop('release', { gfid, fd: first });
    expect([await client.openFile(gfid), await client.openFile(gfid), await client.openFile(gfid)]).toEqual([
      0n,
      1n,
      3n,
    ]);
  });

  test('are the client’s own', async () => {
    await using served = await Served.start();
    const [one, other] = [await served.client(), await served.client()];
    const { gfid, fd } = await one.create('f');
    expect((await other.read(gfid, fd)).error).toBe('EBADF');
    expect(await other.openFile(gfid)).toBe(0n);
  });

  test.each([7n, -1n, -3n, 2n ** 62n, -(2n ** 63n)])(
    '%s is nobody’s: EBADF, and released without complaint',
    async (fd) => {
      await using served = await Served.start();
      const client = await served.client();
      expect((await client.read(ROOT_GFID, fd)).error).toBe('EBADF');
      expect((await client.fop('release', { gfid: ROOT_GFID, fd })).ret).toBe(0);
    },
  );

  test('the number goes before the gfid that comes along', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { fd, gfid } = await client.create('f');
    await client.write(gfid, fd, 'of f');
    expect((await client.read(ROOT_GFID, fd)).rest.toString()).toBe('of f');
  });

  test('-2 is a file that nobody has opened', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { fd, gfid } = await client.create('f');
    await client.fop('release', { gfid, fd });
    expect((await client.write(gfid, -2n, 'text')).ret).toBe(4);
    expect((await client.read(gfid, -2n)).rest.toString()).toBe('text');
    const { fd: used } = served.seen('read').at(-1)!.request as { fd: Fd };
    expect([used.anonymous, used.inode.gfid]).toEqual([true, gfid]);
    expect((await client.read(Buffer.alloc(16, 9), -2n)).error).toBe('ENOENT');
  });

  test('an open file keeps its inode in the table, however small that is', async () => {
    await using served = await Served.start({ ...openToAll, 'inode-lru-limit': '4' });
    const client = await served.client();
    const { gfid } = await client.create('open');
    const opened = served.seen('create')[0]!.request as { fd: Fd };
    for (let count = 0; count < 50; count++) await client.mkdir(`d${count}`);
    await client.fop('stat', { gfid });
    const { loc } = served.seen('stat').at(-1)!.request as { loc: { inode: object } };
    expect(loc.inode).toBe(opened.fd.inode);
    expect((served.server.dump().inodes as Record<string, number>)['/bricks/b0']).toBeLessThan(10);
  });

  test('RELEASE waits for the calls on the file, and frees the number at once', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { fd, gfid } = await client.create('f');
    let finish = (): void => {};
    const stopped = new Promise<void>((resolve) => {
      finish = resolve;
    });
    served.brick.before = (fop) => (fop === 'write' ? stopped : undefined);
    const writing = client.write(gfid, fd, 'late');
    await waitUntil(() => served.seen('write').length > 0, { what: 'the write', everyMs: 2 });
    expect((await client.fop('release', { gfid, fd })).ret).toBe(0);
    expect(await client.openFile(gfid)).toBe(fd);
    expect(served.seen('release')).toEqual([]);
    finish();
    expect((await writing).ret).toBe(4);
    await waitUntil(() => served.seen('release').length === 1, { what: 'the release', everyMs: 2 });
  });
});

describe('connections of one process-uuid', () => {
  test('are one client: open files, and who the brick sees', async () => {
    await using served = await Served.start();
    const uuid = { 'process-uuid': 'both' };
    const [one, other] = [await served.client(uuid), await served.client(uuid)];
    const stranger = await served.client();
    const { fd, gfid } = await one.create('f');
    await other.write(gfid, fd, 'shared');
    expect((await one.read(gfid, fd)).rest.toString()).toBe('shared');
    expect((await stranger.read(gfid, fd)).error).toBe('EBADF');
    await stranger.lookup(ROOT_GFID, 'f');
    const [created] = clientsOf(served, 'create');
    expect(clientsOf(served, 'write')).toEqual([created]);
    expect(clientsOf(served, 'lookup').at(-1)).not.toBe(created);
    expect(created).toMatchObject({ id: 'both' });
  });

  test('the last one to end closes the files, the first does not', async () => {
    await using served = await Served.start();
    const uuid = { 'process-uuid': 'both' };
    const [one, other] = [await served.client(uuid), await served.client(uuid)];
    const { fd, gfid } = await one.create('f');
    one.close();
    await waitUntil(() => served.server.rpc.connections.size === 1, { what: 'one connection', everyMs: 2 });
    expect((await other.write(gfid, fd, 'still')).ret).toBe(5);
    expect(served.seen('release')).toEqual([]);
    other.close();
    await waitUntil(() => served.seen('release').length === 1, { what: 'the release', everyMs: 2 });
    expect(served.seen('flush')).toHaveLength(1);
    const [created] = clientsOf(served, 'create');
    expect(clientsOf(served, 'flush')).toEqual([created]);
  });

  test('one that comes after the end is another client', async () => {
    await using served = await Served.start();
    const uuid = { 'process-uuid': 'again' };
    const one = await served.client(uuid);
    const { fd, gfid } = await one.create('f');
    one.close();
    await gone(served);
    const next = await served.client(uuid);
    expect((await next.read(gfid, fd)).error).toBe('EBADF');
    await next.lookup(ROOT_GFID, 'f');
    expect(clientsOf(served, 'lookup').at(-1)).not.toBe(clientsOf(served, 'create')[0]);
  });

  test('attaching twice makes the connection the new client’s', async () => {
    await using served = await Served.start();
    const client = await served.client({ 'process-uuid': 'first' });
    const { fd, gfid } = await client.create('f');
    await client.attach({ 'process-uuid': 'second' });
    expect((await client.read(gfid, fd)).error).toBe('EBADF');
    await waitUntil(() => served.seen('release').length === 1, { what: 'the release', everyMs: 2 });
  });
});

describe('a client that goes', () => {
  test('calls under way end, then its files are flushed and released, then every translator hears of it, once', async () => {
    await using served = await Served.start();
    const order: string[] = [];
    served.brick.clientGone = (client: Client) => {
      order.push(`gone ${client.id}`);
    };
    let finish = (): void => {};
    const stopped = new Promise<void>((resolve) => {
      finish = resolve;
    });
    served.brick.before = async (fop) => {
      if (fop === 'write' || fop === 'flush' || fop === 'release' || fop === 'releasedir') order.push(fop);
      if (fop === 'write') await stopped;
      if (fop === 'write') order.push('written');
    };
    const client = await served.client({ 'process-uuid': 'leaver' });
    const { fd, gfid } = await client.create('f');
    await client.openFile(gfid);
    await client.fop('opendir', { gfid: ROOT_GFID });
    const writing = failure(client.write(gfid, fd, 'x'));
    await waitUntil(() => order.includes('write'), { what: 'the write', everyMs: 2 });
    client.close();
    await writing;
    await gone(served);
    expect(order).toEqual(['write']);
    finish();
    await waitUntil(() => order.includes('gone leaver'), { what: 'the end', everyMs: 2 });
    expect(order.slice(0, 2)).toEqual(['write', 'written']);
    expect(order.slice(2, -1).sort()).toEqual(['flush', 'flush', 'release', 'release', 'releasedir']);
    expect(order.at(-1)).toBe('gone leaver');
  });

  test('its POSIX locks are free, and what it waited for is forgotten', async () => {
    await using served = await Served.start(openToAll, { between: ['features/locks'] });
    const [holder, waiter, third] = [await served.client(), await served.client(), await served.client()];
    const { fd, gfid } = await holder.create('f');
    expect((await holder.lk(gfid, fd, SET, WRITE_LOCK)).ret).toBe(0);
    const others = [await waiter.openFile(gfid), await third.openFile(gfid)] as const;
    expect((await third.lk(gfid, others[1], SET, WRITE_LOCK)).error).toBe('EAGAIN');
    // The one who waits goes first: nothing may be granted to it later.
    const waiting = failure(waiter.lk(gfid, others[0], SET_WAIT, WRITE_LOCK));
    await waitUntil(() => served.server.rpc.connections.size === 3, { what: 'all', everyMs: 2 });
    await waiter.byGfid(gfid);
    waiter.close();
    await waiting;
    await gone(served, 2);
    holder.close();
    await gone(served, 1);
    await waitUntil(async () => (await third.lk(gfid, others[1], SET, WRITE_LOCK)).ret === 0, {
      what: 'the lock to be free',
      everyMs: 5,
    });
  });

  test('a lock that is waited for is granted when its holder goes, on two clients of one owner', async () => {
    await using served = await Served.start(openToAll, { between: ['features/locks'] });
    const [holder, waiter] = [await served.client(), await served.client()];
    const { fd, gfid } = await holder.create('f');
    await holder.lk(gfid, fd, SET, WRITE_LOCK);
    const other = await waiter.openFile(gfid);
    const waiting = waiter.lk(gfid, other, SET_WAIT, WRITE_LOCK);
    // It does not hold up the others of its connection.
    for (let count = 0; count < 70; count++) await waiter.byGfid(gfid);
    holder.close();
    expect((await waiting).ret).toBe(0);
  });

  test('the server ends only when all has been given up', async () => {
    const served = await Served.start();
    const client = await served.client();
    await client.create('f');
    await client.create('g');
    await served.server.close();
    expect(served.seen('release')).toHaveLength(2);
    expect(client.open).toBe(false);
    await served[Symbol.asyncDispose]();
  });
});

describe('who calls', () => {
  const pool = {
    'auth.login./bricks/b0.allow': 'pool',
    'auth.login.pool.password': 'pw',
  };
  const user = { username: 'pool', password: 'pw' };

  async function seenAs(
    options: Record<string, string>,
    login: Record<string, string>,
    who: Partial<typeof root>,
  ) {
    await using served = await Served.start({ ...openToAll, ...pool, ...options });
    const client = await served.client(login);
    client.identity = { ...root, ...who };
    await client.fop('stat', { gfid: ROOT_GFID });
    const { context } = served.seen('stat')[0]!;
    const { uid, gid, groups, pid } = context as unknown as typeof root;
    return { uid, gid, groups, pid };
  }

  test('is who the credential says', async () => {
    const who = { uid: 1000, gid: 100, groups: [0, 4, 5], pid: -6 };
    expect(await seenAs({}, {}, who)).toEqual(who);
  });

  test.each([
    ['root', {}, { uid: 0, gid: 0, groups: [0, 5] }, { uid: 65534, gid: 65534, groups: [65534, 5] }],
    ['a user', {}, { uid: 7, gid: 8, groups: [5] }, { uid: 7, gid: 8, groups: [5] }],
    ['heal of a stranger', {}, { uid: 0, pid: -6 }, { uid: 65534, gid: 65534 }],
    ['heal of the pool', user, { uid: 0, pid: -6 }, { uid: 0, gid: 0 }],
    ['rebalance of the pool', user, { uid: 0, pid: -3 }, { uid: 0, gid: 0 }],
    ['a mount of the pool', user, { uid: 0, pid: 99 }, { uid: 65534, gid: 65534 }],
    ['a mount of the pool that asks not to be', user, { uid: 0, pid: -4 }, { uid: 0, gid: 0 }],
    ['NFS of the pool', user, { uid: 0, pid: 1 }, { uid: 65534, gid: 65534 }],
  ] as [string, Record<string, string>, Partial<typeof root>, object][])(
    'root-squash: %s',
    async (_what, login, who, expected) => {
      expect(await seenAs({ 'root-squash': 'on' }, login, who)).toMatchObject(expected);
    },
  );

  test('all-squash: everybody, with ids of the administrator’s choice', async () => {
    const options = { 'all-squash': 'on', anonuid: '500', anongid: '600' };
    expect(await seenAs(options, {}, { uid: 7, gid: 8, groups: [0, 5] })).toMatchObject({
      uid: 500,
      gid: 600,
      groups: [],
    });
    expect(await seenAs(options, user, { uid: 7, gid: 8, pid: -6 })).toMatchObject({ uid: 7, gid: 8 });
  });

  test('owner and stamp of the credential come along', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const stamp = { flags: 3, seconds: 5, nanoseconds: 6 };
    client.identity = { ...root, lkOwner: Buffer.from([9, 8, 7]), stamp };
    await client.fop('stat', { gfid: ROOT_GFID });
    expect(served.seen('stat')[0]!.context).toMatchObject({ lkOwner: new Uint8Array([9, 8, 7]), stamp });
  });

  test('a stamp without flags is the caller’s time; who has none sends zeros', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const stamp = { flags: 0, seconds: 5, nanoseconds: 6 };
    client.identity = { ...root, stamp };
    await client.fop('stat', { gfid: ROOT_GFID });
    client.identity = { ...root, stamp: { flags: 0, seconds: 0, nanoseconds: 0 } };
    await client.fop('stat', { gfid: ROOT_GFID });
    const [first, second] = served.seen('stat');
    expect(first!.context).toMatchObject({ stamp });
    expect(second!.context).toMatchObject({ stamp: undefined });
  });
});
