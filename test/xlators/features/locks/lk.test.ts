import { describe, expect, it } from 'vitest';
import { Fd } from '../../../../src/graph/index.ts';
import { LockType } from '../../../../src/protocol/messages.ts';
import {
  type Caller,
  contextOf,
  flockOf,
  LockBrick,
  newClient,
  outcome,
  type RangeLock,
  settled,
  watch,
} from '../../../helpers/lock-brick.ts';

const one = newClient('one');
const two = newClient('two');
const a: Caller = { client: one, owner: 1 };
const b: Caller = { client: one, owner: 2 };
const c: Caller = { client: two, owner: 1 };
const READ = { type: 'READ' } as const;
const UNLOCK = { type: 'UNLOCK' } as const;

type Step = readonly [Caller, RangeLock, string];

const stories: Record<string, readonly Step[]> = {
  'a write lock keeps others out': [
    [a, { length: 10n }, 'ok'],
    [b, { length: 10n }, 'EAGAIN'],
    [c, { ...READ, length: 10n }, 'EAGAIN'],
    [c, { start: 10n }, 'ok'],
  ],
  'an unlock in the middle splits': [
    [a, { length: 30n }, 'ok'],
    [a, { ...UNLOCK, start: 10n, length: 10n }, 'ok'],
    [b, { start: 10n, length: 10n }, 'ok'],
    [b, { start: 9n, length: 1n }, 'EAGAIN'],
    [b, { start: 20n, length: 1n }, 'EAGAIN'],
  ],
  'a lock becomes what it was asked for last': [
    [a, { length: 30n }, 'ok'],
    [a, { ...READ, start: 10n, length: 10n }, 'ok'],
    [b, { ...READ, start: 10n, length: 10n }, 'ok'],
    [b, { ...READ, start: 9n, length: 2n }, 'EAGAIN'],
    [a, { start: 10n, length: 10n }, 'EAGAIN'],
  ],
  'locks of one owner do not stack': [
    [a, {}, 'ok'],
    [a, {}, 'ok'],
    [a, UNLOCK, 'ok'],
    [b, {}, 'ok'],
  ],
  'an unlock of nothing is in order': [[a, UNLOCK, 'ok']],
  'a negative length means the bytes before': [
    [a, { start: 10n, length: (1n << 64n) - 4n }, 'ok'],
    [b, { start: 5n, length: 1n }, 'ok'],
    [b, { start: 6n, length: 1n }, 'EAGAIN'],
    [b, { start: 10n, length: 1n }, 'ok'],
    [a, { start: 3n, length: (1n << 64n) - 4n }, 'EINVAL'],
  ],
  'an owner must be one': [[{ client: one, owner: 0 }, {}, 'EINVAL']],
};

describe('lk', () => {
  it.each(Object.entries(stories))('%s', async (_name, steps) => {
    const brick = new LockBrick();
    for (const [index, [caller, lock, expected]] of steps.entries())
      expect(await outcome(brick.lk(caller, lock)), `step ${index}`).toBe(expected);
  });

  it('GETLK tells of the lock in the way, or that there is none', async () => {
    const brick = new LockBrick();
    await brick.lk(a, { ...READ, start: 5n, length: 10n });
    expect(await brick.lk(b, { ...READ, length: 100n }, true)).toMatchObject({
      type: LockType.UNLOCK,
      start: 0n,
      length: 100n,
    });
    expect(await brick.lk(b, {}, true)).toEqual({
      type: LockType.READ,
      whence: 0,
      start: 5n,
      length: 10n,
      pid: 7,
      owner: Uint8Array.of(0, 0, 0, 1),
    });
    expect((await brick.lk(a, {}, true)).type).toBe(LockType.UNLOCK);
    await brick.lk(a, { ...UNLOCK });
    await brick.lk(c, { start: 3n });
    expect(await brick.lk(a, {}, true)).toMatchObject({ type: LockType.WRITE, start: 3n, length: 0n });
  });

  it('an unlock that leaves the fd with locks is answered as a read lock', async () => {
    const brick = new LockBrick();
    await brick.lk(a, { length: 10n });
    expect((await brick.lk(a, { ...UNLOCK, length: 5n })).type).toBe(LockType.READ);
    expect((await brick.lk(a, { ...UNLOCK, length: 10n })).type).toBe(LockType.UNLOCK);
  });

  it('refuses reservations and unknown types', async () => {
    const brick = new LockBrick();
    const request = { fd: brick.fd, command: 3, type: LockType.WRITE, flock: flockOf({}) };
    expect(await outcome(brick.top.lk(request, contextOf(a)))).toBe('EOPNOTSUPP');
    expect(await outcome(brick.top.lk({ ...request, command: 1, type: 3 }, contextOf(a)))).toBe('EINVAL');
    expect(brick.pins).toBe(0);
  });

  it('SETLKW waits until the blocker goes, and gives up its own range meanwhile', async () => {
    const brick = new LockBrick();
    await brick.lk(a, { ...READ, length: 10n });
    await brick.lk(b, { ...READ, length: 10n });
    const upgradeOfA = watch(brick.lk(a, { length: 10n, wait: true }));
    const upgradeOfB = watch(brick.lk(b, { length: 10n, wait: true }));
    await settled();
    // a's wish to write gave up its read lock: b is served, instead of both waiting for each other.
    expect([upgradeOfA.state, upgradeOfB.state]).toEqual(['waits', 'ok']);
    await brick.lk(b, UNLOCK);
    expect(await upgradeOfA.ended).toBe('ok');
  });

  it('readers that wait are let in together', async () => {
    const brick = new LockBrick();
    await brick.lk(a, {});
    const readers = [b, c].map((caller) => watch(brick.lk(caller, { ...READ, wait: true })));
    await settled();
    await brick.lk(a, { ...READ });
    expect(await Promise.all(readers.map(({ ended }) => ended))).toEqual(['ok', 'ok']);
  });

  it('a waiter that leaves is never granted', async () => {
    const brick = new LockBrick();
    await brick.lk(a);
    const leaver = new AbortController();
    const waiter = watch(brick.lk({ ...b, signal: leaver.signal }, { wait: true }));
    await settled();
    leaver.abort();
    expect(await waiter.ended).toBe('ECANCELED');
    await brick.lk(a, UNLOCK);
    expect([brick.files, brick.pins]).toEqual([[], 0]);
  });

  it('flush drops the locks of its owner, whatever fd they came by', async () => {
    const brick = new LockBrick();
    const other = new Fd(brick.inode, 2);
    await brick.lk(a, { length: 5n, fd: other });
    await brick.lk(b, { start: 10n });
    const waiter = watch(brick.lk(c, { length: 5n, wait: true }));
    await settled();
    await brick.top.flush({ fd: brick.fd }, contextOf(a));
    expect(await waiter.ended).toBe('ok');
    expect(await outcome(brick.lk(c, { start: 10n, length: 1n }))).toBe('EAGAIN');
    expect(brick.child.last.fop).toBe('flush');
  });

  it('flush without an owner and release drop the locks of the fd, waiters among them', async () => {
    for (const fop of ['flush', 'release'] as const) {
      const brick = new LockBrick();
      const other = new Fd(brick.inode, 2);
      await brick.lk(a, { length: 5n });
      await brick.lk(b, { start: 10n, fd: other });
      const waiter = watch(brick.lk(c, { start: 10n, wait: true }));
      await settled();
      await brick.top[fop]({ fd: brick.fd }, { ...contextOf(a), lkOwner: new Uint8Array(0) });
      expect(await waiter.ended).toBe('EAGAIN');
      expect(await outcome(brick.lk(c, { length: 5n }))).toBe('ok');
      expect(await outcome(brick.lk(c, { start: 10n }))).toBe('EAGAIN');
    }
  });

  it('of a client that goes is free', async () => {
    const brick = new LockBrick();
    await brick.lk(a, { length: 5n });
    const own = watch(brick.lk(b, { length: 5n, wait: true }));
    const other = watch(brick.lk(c, { length: 5n, wait: true }));
    await settled();
    brick.gone(one);
    expect([await own.ended, await other.ended]).toEqual(['EAGAIN', 'ok']);
    brick.gone(two);
    expect([brick.files, brick.pins]).toEqual([[], 0]);
  });

  it('active locks are listed, and set where there are none', async () => {
    const from = new LockBrick();
    await from.lk(a, { start: 3n, length: 4n });
    await from.lk(c, { ...READ, start: 100n });
    const { locks } = await from.top.getactivelk({ loc: { inode: from.inode } }, contextOf(a));
    expect(locks.map(({ client, flock }) => [client, flock.type, flock.start, flock.length])).toEqual([
      ['one', LockType.WRITE, 3n, 4n],
      ['two', LockType.READ, 100n, 0n],
    ]);
    const to = new LockBrick();
    const mover = newClient('mover');
    const set = (given: typeof locks) =>
      to.top.setactivelk({ loc: { inode: to.inode }, locks: given }, contextOf({ client: mover, owner: 9 }));
    expect(await outcome(set([]))).toBe('EINVAL');
    await set(locks);
    expect(await outcome(set(locks))).toBe('EINVAL');
    expect(await outcome(to.lk(b, { start: 3n, length: 1n }))).toBe('EAGAIN');
    to.gone(one);
    expect(await outcome(to.lk(c, { start: 3n, length: 1n }))).toBe('ok');
    to.gone(mover);
    to.gone(two);
    expect(to.pins).toBe(0);
  });
});

describe('lockinfo', () => {
  const LOCKINFO = 'trusted.glusterfs.lockinfo';

  it('takes the locks of an fd to another connection', async () => {
    const brick = new LockBrick();
    const fresh = new Fd(brick.inode, 2);
    const ask = (fd: Fd) => brick.top.fgetxattr({ fd, name: LOCKINFO }, contextOf(a));
    expect((await ask(brick.fd)).dict?.size).toBe(0);
    await brick.lk(a, { length: 5n });
    const { dict } = await ask(brick.fd);
    await brick.top.fsetxattr({ fd: fresh, flags: 0, dict }, contextOf(c));
    expect(brick.child.fops).not.toContain('fsetxattr');
    brick.gone(one);
    expect(await outcome(brick.lk(b, { length: 5n }))).toBe('ENOTCONN');
    const third: Caller = { client: newClient('three'), owner: 1 };
    expect(await outcome(brick.lk(third, { length: 5n }))).toBe('EAGAIN');
    expect(await outcome(brick.lk(c, { length: 5n }))).toBe('ok');
    await brick.top.release({ fd: fresh }, contextOf(c));
    expect(await outcome(brick.lk(third, { length: 1n }))).toBe('EAGAIN');
  });

  it('that nobody made is EINVAL, and one of another brick nothing', async () => {
    const brick = new LockBrick();
    const { dict } = await new LockBrick().top.fgetxattr({ fd: brick.fd, name: LOCKINFO }, contextOf(a));
    dict!.setBytes(LOCKINFO, Uint8Array.of(1, 2, 3));
    const set = () => brick.top.fsetxattr({ fd: brick.fd, flags: 0, dict }, contextOf(a));
    expect(await outcome(set())).toBe('EINVAL');
    dict!.setBytes(LOCKINFO, new Uint8Array(4));
    expect(await outcome(set())).toBe('ok');
  });
});
