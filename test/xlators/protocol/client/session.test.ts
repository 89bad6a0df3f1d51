import { describe, expect, test } from 'vitest';
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { LockCommand, LockType } from '../../../../src/protocol/messages.ts';
import { waitUntil } from '../../../helpers/wait.ts';
import { failure } from '../../../rpc/calls.ts';
import { ClientUnderTest, ScriptedBrick } from './scripted-brick.ts';

const context = rootContext();
const read = (fd: Fd, more = {}) => ({ fd, offset: 0, size: 100, flags: 0, ...more });
const write = (fd: Fd, text = 'abc') => ({
  fd,
  offset: 0,
  size: text.length,
  flags: 0,
  data: [Buffer.from(text)],
});
const lock = (fd: Fd, type: number, start = 0n, length = 10n) => ({
  fd,
  command: LockCommand.SET,
  type,
  flock: { type, whence: 0, start, length, pid: 0, owner: new Uint8Array(0) },
});

/* Credential of version 3: pid, uid, gid, flags, ctime (u32, u64), groups<>, owner<>. */
const uidOf = (credential: Buffer): number => credential.readUInt32BE(4);
const ownerOf = (credential: Buffer): string => {
  const at = 32 + credential.readUInt32BE(28) * 4;
  return credential.toString('hex', at + 4, at + 4 + credential.readUInt32BE(at));
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

async function reconnected(brick: ScriptedBrick, client: ClientUnderTest, link: number): Promise<void> {
  await waitUntil(() => client.dump().connected === true && brick.linkCount >= link, {
    what: `connection ${link}`,
    everyMs: 2,
  });
}

describe('RULE 1: numbers of fds', () => {
  test('RELEASE goes out only when every call on the fd was answered', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    brick.decide = ({ fop }) => (fop === 'read' ? 'hold' : 'answer');
    const reads = [client.fops.read(read(fd), context), client.fops.read(read(fd), context)];
    const held = await brick.got('read', 2);
    const released = client.fops.release({ fd }, context);
    // A call on another file passes: it is not the order of the socket that holds the RELEASE back.
    const other = await client.openFile();
    expect(brick.names).not.toContain('release');
    held[0]!.reply({}, Buffer.from('one'));
    await reads[0];
    await client.fops.fstat({ fd: other }, context);
    expect(brick.names).not.toContain('release');
    held[1]!.reply({}, Buffer.from('two'));
    expect(Buffer.from((await reads[1]!).data).toString()).toBe('two');
    await released;
    await brick.got('release');
    await waitUntil(() => brick.open(1).length === 1, { what: 'the number to be free', everyMs: 2 });
  });

  test('an aborted call keeps its number from release until the brick has answered', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    brick.decide = ({ fop }) => (fop === 'write' ? 'hold' : 'answer');
    const ending = new AbortController();
    const writing = failure(client.fops.write(write(fd), { ...context, signal: ending.signal }));
    const [held] = await brick.got('write');
    ending.abort();
    expect(await writing).toMatchObject({ code: 'ECANCELED', outcome: 'unknown' });
    // The caller need not wait for it.
    await client.fops.release({ fd }, context);
    const other = await client.openFile();
    expect(brick.open(1)).toEqual([0, 1]);
    await client.fops.fstat({ fd: other }, context);
    expect(brick.names).not.toContain('release');
    held!.reply();
    await brick.got('release');
    const [release] = await brick.got('release');
    expect(release!.fields.fd).toBe(0n);
  });

  test('a call that waits for a lazy OPEN while the file is closed is never sent on its number', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    brick.cut();
    await reconnected(brick, client, 2);
    brick.decide = ({ fop }) => (fop === 'open' ? 'hold' : 'answer');
    const reading = client.fops.read(read(fd), context).catch((error: unknown) => error);
    const opens = await brick.got('open', 2);
    const released = client.fops.release({ fd }, context);
    fd.closed = true;
    opens[1]!.reply();
    await released;
    await reading;
    const [release] = await brick.got('release');
    const order = brick.seen.filter(({ link }) => link === 2).map(({ fop }) => fop);
    expect(order.indexOf('read') < order.indexOf('release')).toBe(true);
    expect(release!.link).toBe(2);
    await waitUntil(() => brick.open(2).length === 0, { what: 'nothing open', everyMs: 2 });
  });

  test('the caller’s wait ends while the file is opened anew; the open file is kept for the next', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    brick.cut();
    await reconnected(brick, client, 2);
    brick.decide = ({ fop }) => (fop === 'open' ? 'hold' : 'answer');
    const reading = failure(client.fops.read(read(fd), { ...context, deadline: performance.now() + 50 }));
    const opens = await brick.got('open', 2);
    expect(await reading).toMatchObject({ code: 'ETIMEDOUT', outcome: 'failed' });
    opens[1]!.reply();
    expect((await client.fops.read(read(fd), context)).data.length).toBe(4);
    expect((await brick.got('open', 2)).length).toBe(2);
    expect((await brick.got('read')).length).toBe(1);
  });

  test('a second OPEN of the same fd gives the first number back', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    await client.fops.open({ loc: { inode: fd.inode }, fd, flags: 2 }, context);
    await waitUntil(() => brick.open(1).join() === '1', { what: 'one number', everyMs: 2 });
    await client.fops.fstat({ fd }, context);
    expect((await brick.got('fstat'))[0]!.fields.fd).toBe(1n);
    await client.fops.release({ fd }, context);
    await waitUntil(() => brick.open(1).length === 0, { what: 'nothing open', everyMs: 2 });
  });

  test('releasing on a connection that breaks is no error: it has given everything back', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    const other = await client.openFile();
    brick.decide = ({ fop }) => (fop === 'release' ? 'cut' : 'answer');
    await client.fops.release({ fd }, context);
    await reconnected(brick, client, 2);
    // Never opened on the new connection: nothing to release there.
    await client.fops.release({ fd: other }, context);
    expect((await brick.got('release')).length).toBe(1);
  });
});

describe('RULE 2: calls in flight when the connection breaks', () => {
  test('reads are made again; what changes something ends with ENOTCONN, outcome unknown; what was not sent is sent', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    brick.decide = ({ fop, link }) => (link === 1 && fop !== 'open' ? 'hold' : 'answer');
    const into = Buffer.alloc(100);
    const reading = client.fops.read(read(fd, { into }), context);
    const stating = client.fops.fstat({ fd }, context);
    // 64 calls at once: the last writes wait for their turn.
    const writes = Array.from({ length: 80 }, (_, index) =>
      client.fops.write(write(fd, `w${index}`), context).then(
        () => 'done',
        (error: { code: string; outcome: string }) => `${error.code} ${error.outcome}`,
      ),
    );
    await brick.got('write', 62);
    brick.cut();
    expect(Buffer.from((await reading).data).toString()).toBe('data');
    expect(into.subarray(0, 4).toString()).toBe('data');
    expect((await stating).stat.gfid).toEqual(fd.inode.gfid);
    const outcomes = await Promise.all(writes);
    expect(outcomes.slice(0, 62)).toEqual(Array(62).fill('ENOTCONN unknown'));
    expect(outcomes.slice(62)).toEqual(Array(18).fill('done'));
    const again = brick.seen.filter(({ fop, link }) => fop === 'write' && link === 2);
    expect(again.map(({ payload }) => payload.toString())).toEqual(
      Array.from({ length: 18 }, (_, index) => `w${index + 62}`),
    );
  });

  test('what each fop does when its answer is lost', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    const parent = fd.inode;
    const entry = () => ({ loc: { inode: fd.inode, parent, name: 'n' } });
    const { fops } = client;
    const calls: [name: string, again: boolean, run: () => Promise<unknown>][] = [
      ['lookup', true, () => fops.lookup({ ...entry(), flags: 0 }, context)],
      ['stat', true, () => fops.stat({ loc: { inode: fd.inode } }, context)],
      ['fsync', true, () => fops.fsync({ fd, datasync: 0 }, context)],
      ['flush', true, () => fops.flush({ fd }, context)],
      ['readdirp', true, () => fops.readdirp({ fd, offset: 0n, size: 100 }, context)],
      ['lk', true, () => fops.lk(lock(fd, LockType.WRITE), context)],
      ['mkdir', false, () => fops.mkdir({ ...entry(), mode: 0, umask: 0 }, context)],
      ['unlink', false, () => fops.unlink({ ...entry(), xflags: 0 }, context)],
      ['ftruncate', false, () => fops.ftruncate({ fd, offset: 1 }, context)],
      [
        'setattr',
        false,
        () => fops.setattr({ loc: { inode: fd.inode }, stat: emptyIatt(), valid: 1 }, context),
      ],
      [
        'inodelk',
        false,
        () =>
          fops.inodelk(
            { loc: { inode: fd.inode }, command: 1, type: 1, flock: lock(fd, 1).flock, domain: 'd' },
            context,
          ),
      ],
    ];
    for (const [name, again, run] of calls) {
      let cuts = 0;
      brick.decide = ({ fop }) => (fop === name && cuts++ === 0 ? 'cut' : 'answer');
      const before = brick.seen.filter(({ fop }) => fop === name).length;
      const result = await run().then(
        () => 'done',
        (error: { code: string; outcome: string }) => `${error.code} ${error.outcome}`,
      );
      expect([name, result]).toEqual([name, again ? 'done' : 'ENOTCONN unknown']);
      const made = brick.seen.filter(({ fop }) => fop === name).length - before;
      expect([name, made]).toEqual([name, again ? 2 : 1]);
    }
  });

  test('an error that the brick answers is no lost connection, whatever its number', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    brick.decide = ({ fop }) => (fop === 'read' ? 107 : 'answer');
    expect(await failure(client.fops.read(read(fd), context))).toMatchObject({
      code: 'ENOTCONN',
      outcome: 'failed',
    });
    expect((await brick.got('read')).length).toBe(1);
  });

  test('callers wait for the grace, and no longer: then ENOTCONN that names the brick', async () => {
    const brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint, { 'reconnect-grace': '0.2' });
    const fd = await client.openFile();
    await brick[Symbol.asyncDispose]();
    const error = await failure(client.fops.read(read(fd), context));
    expect(error).toMatchObject({ code: 'ENOTCONN', outcome: 'failed' });
    expect(error.message).toContain('127.1.18.1:/brick');
    await waitUntil(() => client.events.some(({ kind }) => kind === 'child-down'), { what: 'child-down' });
    expect(client.events.map(({ kind }) => kind)).toEqual(['child-up', 'child-down']);
    // Later ones fail at once.
    expect(await failure(client.fops.read(read(fd), context))).toMatchObject({ code: 'ENOTCONN' });
  });

  test('who waits for the brick may leave', async () => {
    const brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    await brick[Symbol.asyncDispose]();
    await waitUntil(() => client.dump().connected === false, { what: 'the loss', everyMs: 2 });
    const ending = new AbortController();
    const reading = failure(client.fops.read(read(fd), { ...context, signal: ending.signal }));
    const timed = failure(client.fops.read(read(fd), { ...context, deadline: performance.now() + 30 }));
    ending.abort();
    expect(await reading).toMatchObject({ code: 'ECANCELED' });
    expect(await timed).toMatchObject({ code: 'ETIMEDOUT' });
  });
});

describe('fds after a reconnect', () => {
  test('are opened again by gfid at first use, as root, without CREAT, EXCL and TRUNC; once for many calls', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const flags = 2 | 0o100 | 0o200 | 0o1000 | 0o2000;
    const fd = await client.openFile(flags, rootContext({ uid: 1000 }));
    // Another file takes number 0 on the next connection.
    const other = await client.openFile();
    brick.cut();
    await reconnected(brick, client, 2);
    await client.fops.fstat({ fd: other }, context);
    const user = rootContext({ uid: 1000, gid: 1000 });
    await Promise.all(Array.from({ length: 10 }, () => client.fops.read(read(fd), user)));
    const opens = brick.seen.filter(({ fop, link }) => fop === 'open' && link === 2);
    expect(opens.length).toBe(2);
    expect(opens[1]!.fields).toMatchObject({ gfid: fd.inode.gfid, flags: 2 | 0o2000 });
    expect(uidOf(opens[1]!.call.credential)).toBe(0);
    const reads = await brick.got('read', 10);
    expect(uidOf(reads[0]!.call.credential)).toBe(1000);
    expect(new Set(reads.map(({ fields }) => fields.fd))).toEqual(new Set([1n]));
  });

  test('a file that is gone fails its calls with what OPEN said; nothing is sent on old numbers', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    brick.decide = ({ fop, link }) => (fop === 'open' && link === 2 ? 116 : 'answer');
    brick.cut();
    await reconnected(brick, client, 2);
    expect(await failure(client.fops.write(write(fd), context))).toMatchObject({
      code: 'ESTALE',
      outcome: 'failed',
    });
    expect(brick.names).toBe('open@1 open@2');
    await client.fops.release({ fd }, context);
    expect(client.dump().fds).toBe(0);
  });

  test('directories are opened by OPENDIR; anonymous fds not at all', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const directory = new Fd(new Inode(newGfid(), 'directory'), 0);
    await client.fops.readdirp({ fd: directory, offset: 0n, size: 100 }, context);
    expect(brick.names).toBe('opendir@1 readdirp@1');
    await client.fops.releasedir({ fd: directory }, context);
    await brick.got('releasedir');
    const anonymous = new Fd(new Inode(newGfid(), 'file'), 0, true);
    await client.fops.read(read(anonymous), context);
    expect((await brick.got('read'))[0]!.fields.fd).toBe(-2n);
    expect(brick.names).not.toContain('open@');
  });
});

describe('RULE 3: locks', () => {
  test('are taken again without blocking, each with its owner, before anything else is sent', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    const alice = rootContext();
    const bob = rootContext();
    await client.fops.lk({ ...lock(fd, LockType.WRITE, 0n, 100n), command: LockCommand.SET_WAIT }, alice);
    await client.fops.lk(lock(fd, LockType.UNLOCK, 20n, 10n), alice);
    await client.fops.lk(lock(fd, LockType.READ, 200n, 0n), bob);
    // Given up entirely: not taken again.
    const other = await client.openFile();
    await client.fops.lk(lock(other, LockType.WRITE), alice);
    await client.fops.flush({ fd: other }, alice);
    brick.decide = ({ fop, link }) => (fop === 'read' && link === 1 ? 'hold' : 'answer');
    const reading = client.fops.read(read(fd), context);
    await brick.got('read');
    brick.cut();
    await reading;
    const second = brick.seen.filter(({ link }) => link === 2);
    expect(second.map(({ fop }) => fop)).toEqual(['open', 'lk', 'lk', 'lk', 'read']);
    expect(
      second
        .filter(({ fop }) => fop === 'lk')
        .map(({ fields, call }) => {
          const { start, length, owner } = fields.flock as {
            start: bigint;
            length: bigint;
            owner: Uint8Array;
          };
          expect(ownerOf(call.credential)).toBe(hex(owner));
          return [fields.command, fields.type, start, length, hex(owner)];
        }),
    ).toEqual([
      [LockCommand.SET, LockType.WRITE, 0n, 20n, hex(alice.lkOwner)],
      [LockCommand.SET, LockType.WRITE, 30n, 70n, hex(alice.lkOwner)],
      [LockCommand.SET, LockType.READ, 200n, 0n, hex(bob.lkOwner)],
    ]);
    expect(fd.poisoned).toBe(undefined);
  });

  test('a lock that another client has got poisons the fd, for calls that waited as well; others go on', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    const other = await client.openFile();
    await client.fops.lk(lock(fd, LockType.WRITE), context);
    brick.decide = ({ fop, link }) => {
      if (link === 1) return 'hold';
      return fop === 'lk' ? 11 : 'answer';
    };
    const waiting = failure(client.fops.fstat({ fd }, context));
    const fine = client.fops.fstat({ fd: other }, context);
    await brick.got('fstat', 2);
    brick.cut();
    expect(await waiting).toMatchObject({ name: 'GlfsError', code: 'EBADFD' });
    await fine;
    expect(fd.poisoned).toMatchObject({ code: 'EBADFD', cause: { code: 'EAGAIN' } });
    expect(client.events.filter(({ kind }) => kind === 'locks-lost')).toEqual([
      expect.objectContaining({ gfid: fd.inode.gfid }),
    ]);
    await client.fops.release({ fd }, context);
    await waitUntil(() => brick.open(2).length === 1, { what: 'the release', everyMs: 2 });
  });

  test('a write that was not sent before the loss is not sent without its lock', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    await client.fops.lk(lock(fd, LockType.WRITE), context);
    brick.decide = ({ fop, link }) => {
      if (link === 1) return 'hold';
      return fop === 'lk' ? 11 : 'answer';
    };
    const writes = Array.from({ length: 66 }, () => failure(client.fops.write(write(fd), context)));
    await brick.got('write', 64);
    brick.cut();
    const codes = (await Promise.all(writes)).map(({ code, outcome }) => `${code} ${outcome}`);
    expect(codes).toEqual([...Array(64).fill('ENOTCONN unknown'), 'EBADFD failed', 'EBADFD failed']);
    expect(brick.seen.filter(({ fop, link }) => fop === 'write' && link === 2)).toEqual([]);
  });

  test('strict-locks: locks that another client may have held in between are lost', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint, { 'strict-locks': 'on' });
    const fd = await client.openFile();
    const other = await client.openFile();
    await client.fops.lk(lock(fd, LockType.READ), context);
    brick.cut();
    await reconnected(brick, client, 2);
    expect(fd.poisoned?.message).toContain('EBADFD');
    expect(brick.seen.some(({ fop, link }) => fop === 'lk' && link === 2)).toBe(false);
    await client.fops.fstat({ fd: other }, context);
    expect(other.poisoned).toBe(undefined);
  });

  test('retake-locks off: no lock is taken again and no fd poisoned, and every loss is told at once', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint, {
      'retake-locks': 'off',
      'reconnect-grace': '3600',
      'strict-locks': 'on',
    });
    const fd = await client.openFile();
    await client.fops.lk(lock(fd, LockType.WRITE), context);
    brick.cut();
    await waitUntil(() => client.events.some(({ kind }) => kind === 'child-down'), { what: 'the loss told' });
    await reconnected(brick, client, 2);
    await client.fops.fstat({ fd }, context);
    expect(fd.poisoned).toBe(undefined);
    expect(brick.seen.some(({ fop, link }) => fop === 'lk' && link === 2)).toBe(false);
  });

  test('a connection that breaks while locks are taken again: all of them are, on the next', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    await client.fops.lk(lock(fd, LockType.WRITE, 0n, 1n), context);
    await client.fops.lk(lock(fd, LockType.WRITE, 5n, 1n), context);
    let cuts = 0;
    brick.decide = ({ fop, link, fields }) => {
      const second = fop === 'lk' && (fields.flock as { start: bigint }).start === 5n;
      return link === 2 && second && cuts++ === 0 ? 'cut' : 'answer';
    };
    brick.cut();
    await reconnected(brick, client, 3);
    expect(brick.seen.filter(({ link }) => link === 3).map(({ fop }) => fop)).toEqual(['open', 'lk', 'lk']);
    expect(fd.poisoned).toBe(undefined);
  });
});

describe('what is never sent', () => {
  test('setactivelk, which kills bricks', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    const call = client.fops.setactivelk({ loc: { inode: fd.inode }, locks: [] }, context);
    expect(await failure(call)).toMatchObject({ code: 'EOPNOTSUPP', fop: 'setactivelk' });
    expect(brick.names).toBe('open@1');
  });

  test('what the brick’s version of the program does not have', async () => {
    await using brick = await ScriptedBrick.start();
    brick.versions = [330];
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    const fd = await client.openFile();
    expect(client.dump().program).toBe(330);
    const copy = { source: fd, target: fd, sourceOffset: 0, targetOffset: 0, size: 1, flags: 0 };
    expect(await failure(client.fops.copyFileRange(copy, context))).toMatchObject({ code: 'EOPNOTSUPP' });
    expect((await client.fops.read(read(fd), context)).data.length).toBe(4);
  });
});
