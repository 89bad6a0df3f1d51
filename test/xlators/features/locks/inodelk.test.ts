import { describe, expect, it } from 'vitest';
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
/** The same owner at another client. */
const c: Caller = { client: two, owner: 1 };
const d: Caller = { client: two, owner: 2 };

type Step = readonly [Caller, RangeLock, string];
const part = { start: 0n, length: 10n };

const stories: Record<string, readonly Step[]> = {
  'a write lock keeps others out': [
    [a, part, 'ok'],
    [b, part, 'EAGAIN'],
    [b, { ...part, type: 'READ' }, 'EAGAIN'],
    [c, part, 'EAGAIN'],
  ],
  'read locks are shared': [
    [a, { type: 'READ' }, 'ok'],
    [b, { type: 'READ' }, 'ok'],
    [c, {}, 'EAGAIN'],
  ],
  'what does not overlap is free': [
    [a, part, 'ok'],
    [b, { start: 10n, length: 1n }, 'ok'],
    [c, { start: 9n, length: 1n }, 'EAGAIN'],
    [c, { start: 11n }, 'ok'],
  ],
  'locks of one owner stack, and each is given back': [
    [a, part, 'ok'],
    [a, part, 'ok'],
    [a, { ...part, type: 'READ' }, 'ok'],
    [a, { ...part, type: 'UNLOCK' }, 'ok'],
    [b, { ...part, type: 'READ' }, 'EAGAIN'],
    [a, { ...part, type: 'UNLOCK' }, 'ok'],
    [b, part, 'EAGAIN'],
    [a, { ...part, type: 'UNLOCK' }, 'ok'],
    [b, part, 'ok'],
    [a, { ...part, type: 'UNLOCK' }, 'EINVAL'],
  ],
  'the latest is given back first': [
    [a, { ...part, type: 'READ' }, 'ok'],
    [a, part, 'ok'],
    [a, { ...part, type: 'UNLOCK' }, 'ok'],
    [b, { ...part, type: 'READ' }, 'ok'],
  ],
  'an unlock must name the very range': [
    [a, part, 'ok'],
    [a, { start: 0n, length: 9n, type: 'UNLOCK' }, 'EINVAL'],
    [a, { start: 0n, type: 'UNLOCK' }, 'EINVAL'],
    [b, { ...part, type: 'UNLOCK' }, 'EINVAL'],
    [c, { ...part, type: 'UNLOCK' }, 'EINVAL'],
    [a, { ...part, type: 'UNLOCK' }, 'ok'],
  ],
  'domains do not know of each other': [
    [a, { domain: 'x' }, 'ok'],
    [b, { domain: 'y' }, 'ok'],
    [a, { domain: 'y', type: 'UNLOCK' }, 'EINVAL'],
  ],
  'the range of metadata has a domain of its own': [
    [a, {}, 'ok'],
    [b, { start: (1n << 63n) - 2n }, 'ok'],
    [c, { start: (1n << 63n) - 2n }, 'EAGAIN'],
    [c, { start: (1n << 63n) - 2n, domain: 'd:metadata' }, 'EAGAIN'],
  ],
  'ranges must be ranges': [
    [a, { start: 1n << 63n }, 'EINVAL'],
    [a, { start: 0n, length: 1n << 63n }, 'EINVAL'],
  ],
  'an owner must be one': [
    [{ client: one, owner: 0 }, {}, 'EINVAL'],
    [{ owner: 0 }, { type: 'UNLOCK' }, 'EINVAL'],
  ],
  'without a client all callers are one': [
    [{ owner: 1 }, {}, 'ok'],
    [{ owner: 1 }, {}, 'ok'],
    [{ owner: 2 }, {}, 'EAGAIN'],
  ],
};

describe('inodelk', () => {
  it.each(Object.entries(stories))('%s', async (_name, steps) => {
    const brick = new LockBrick();
    for (const [index, [caller, lock, expected]] of steps.entries())
      expect(await outcome(brick.inodelk(caller, lock)), `step ${index}`).toBe(expected);
  });

  it('by fd is the same lock', async () => {
    const brick = new LockBrick();
    await brick.inodelk(a);
    const request = { fd: brick.fd, command: 1, type: LockType.WRITE, flock: flockOf({}), domain: 'd' };
    expect(await outcome(brick.top.finodelk(request, contextOf(b)))).toBe('EAGAIN');
    await brick.top.finodelk({ ...request, type: LockType.UNLOCK }, contextOf(a));
    await brick.top.finodelk(request, contextOf(b));
  });

  it('knows SETLK and SETLKW only', async () => {
    const brick = new LockBrick();
    const request = { fd: brick.fd, command: 0, type: LockType.WRITE, flock: flockOf({}), domain: 'd' };
    expect(await outcome(brick.top.finodelk(request, contextOf(a)))).toBe('EOPNOTSUPP');
    expect(await outcome(brick.top.finodelk({ ...request, command: 1, type: 3 }, contextOf(a)))).toBe(
      'EINVAL',
    );
    expect(brick.pins).toBe(0);
  });

  it('waits in order, and new ones go behind those who wait', async () => {
    const brick = new LockBrick();
    await brick.inodelk(a, part);
    const second = watch(brick.inodelk(b, { wait: true }));
    const third = watch(brick.inodelk(c, { start: 20n, length: 5n, wait: true }));
    await settled();
    expect([second.state, third.state]).toEqual(['waits', 'waits']);
    // Free, but b was first. Who has a lock already needs the next one to come to an end.
    expect(await outcome(brick.inodelk(d, { start: 20n, length: 5n }))).toBe('EAGAIN');
    expect(await outcome(brick.inodelk(a, { start: 30n, length: 5n }))).toBe('ok');
    await brick.inodelk(a, { start: 30n, length: 5n, type: 'UNLOCK' });
    await brick.inodelk(a, { ...part, type: 'UNLOCK' });
    expect(await second.ended).toBe('ok');
    expect(third.state).toBe('waits');
    await brick.inodelk(b, { type: 'UNLOCK' });
    expect(await third.ended).toBe('ok');
  });

  it('a waiter that leaves is never granted, and lets those behind it go on', async () => {
    const brick = new LockBrick();
    await brick.inodelk(a, { type: 'READ' });
    const leaver = new AbortController();
    const writer = watch(brick.inodelk({ ...b, signal: leaver.signal }, { wait: true }));
    const reader = watch(brick.inodelk(c, { type: 'READ', wait: true }));
    await settled();
    leaver.abort();
    expect(await writer.ended).toBe('ECANCELED');
    expect(await reader.ended).toBe('ok');
    await brick.inodelk(a, { type: 'UNLOCK' });
    await brick.inodelk(c, { type: 'UNLOCK' });
    expect(brick.files).toEqual([]);
    expect(brick.pins).toBe(0);
    const late = AbortSignal.abort();
    await brick.inodelk(a);
    expect(await outcome(brick.inodelk({ ...b, signal: late }, { wait: true }))).toBe('ECANCELED');
    expect(brick.files).toHaveLength(1);
  });

  it('of a client that goes is free, its waits are over', async () => {
    const brick = new LockBrick();
    await brick.inodelk(a, part);
    await brick.inodelk(b, { start: 50n, length: 1n });
    const own = watch(brick.inodelk(b, { ...part, wait: true }));
    const other = watch(brick.inodelk(c, { wait: true }));
    await settled();
    brick.gone(one);
    expect([await own.ended, await other.ended]).toEqual(['EAGAIN', 'ok']);
    expect(await outcome(brick.inodelk(a, { start: 90n }))).toBe('ENOTCONN');
    brick.gone(two);
    expect([brick.files, brick.pins]).toEqual([[], 0]);
  });

  it('asks whether a file that it has not met exists', async () => {
    const brick = new LockBrick();
    brick.inode.type = 'unknown';
    brick.child.answer('stat', () => {
      throw Object.assign(new Error('gone'), { code: 'ESTALE' });
    });
    await expect(brick.inodelk(a)).rejects.toMatchObject({ code: 'ESTALE' });
    expect(brick.pins).toBe(0);
  });

  it('pins the inode while there are locks', async () => {
    const brick = new LockBrick();
    await brick.inodelk(a, { domain: 'x' });
    await brick.inodelk(a, { domain: 'y' });
    await brick.lk(a);
    expect(brick.inode.pins).toBe(1);
    await brick.inodelk(a, { domain: 'x', type: 'UNLOCK' });
    await brick.lk(a, { type: 'UNLOCK' });
    expect(brick.inode.pins).toBe(1);
    await brick.inodelk(a, { domain: 'y', type: 'UNLOCK' });
    expect(brick.inode.pins).toBe(0);
  });
});
