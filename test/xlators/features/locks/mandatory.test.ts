import { describe, expect, it } from 'vitest';
import { Fd } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { LockType, OpenFlag } from '../../../../src/protocol/messages.ts';
import {
  type Caller,
  contextOf,
  flockOf,
  LockBrick,
  newClient,
  outcome,
  settled,
  watch,
} from '../../../helpers/lock-brick.ts';

const one = newClient('one');
const two = newClient('two');
const a: Caller = { client: one, owner: 1 };
const b: Caller = { client: two, owner: 2 };

function setUp(mode: string) {
  const brick = new LockBrick({ 'mandatory-locking': mode });
  const waits = new Fd(brick.inode, OpenFlag.RDWR);
  const never = new Fd(brick.inode, OpenFlag.RDWR | OpenFlag.NONBLOCK);
  const write = (caller: Caller, fd: Fd, offset: number, size = 5) =>
    brick.top.write({ fd, offset, size, flags: 0, data: [new Uint8Array(size)] }, contextOf(caller));
  const read = (caller: Caller, fd: Fd, offset: number, size = 5) =>
    brick.top.read({ fd, offset, size, flags: 0 }, contextOf(caller));
  const mandatory = (caller: Caller, type: keyof typeof LockType) =>
    brick.top.lk(
      {
        fd: brick.fd,
        command: 1,
        type: LockType[type],
        flock: flockOf({ type, length: 10n }),
        xdata: new Dict().setEntry('glusterfs.lk.lkmode', { type: 'uint', value: 1n }),
      },
      contextOf(caller),
    );
  return { brick, waits, never, write, read, mandatory };
}

describe('mandatory locks', () => {
  it('forced: every lock keeps the writes of others out, write locks their reads as well', async () => {
    const { brick, never, write, read } = setUp('forced');
    await brick.lk(a, { type: 'READ', length: 10n });
    expect(await outcome(write(b, never, 9))).toBe('EAGAIN');
    expect(await outcome(write(b, never, 10))).toBe('ok');
    expect(await outcome(read(b, never, 0))).toBe('ok');
    expect(await outcome(write(a, never, 0))).toBe('ok');
    expect(await outcome(write({ ...b, pid: -6 }, never, 0))).toBe('ok');
    await brick.lk(a, { length: 10n });
    expect(await outcome(read(b, never, 0))).toBe('EAGAIN');
    const truncate = (offset: number) =>
      outcome(brick.top.truncate({ loc: { inode: brick.inode }, offset }, contextOf(b)));
    expect([await truncate(9), await truncate(10)]).toEqual(['EAGAIN', 'ok']);
    const zero = { fd: never, offset: 0, size: 1 };
    expect(await outcome(brick.top.zerofill(zero, contextOf(b)))).toBe('EAGAIN');
    expect(await outcome(brick.top.discard(zero, contextOf(b)))).toBe('EAGAIN');
    expect(await outcome(brick.top.ftruncate({ fd: never, offset: 3 }, contextOf(b)))).toBe('EAGAIN');
  });

  it('those who may wait, wait until the lock goes', async () => {
    const { brick, waits, write } = setUp('forced');
    await brick.lk(a, { length: 10n });
    const leaver = new AbortController();
    const waiter = watch(write(b, waits, 0));
    const left = watch(write({ ...b, signal: leaver.signal }, waits, 0));
    const gone = watch(write({ client: newClient('three'), owner: 3 }, waits, 0));
    await settled();
    expect(waiter.state).toBe('waits');
    leaver.abort();
    expect(await left.ended).toBe('ECANCELED');
    await brick.lk(a, { type: 'UNLOCK' });
    expect([await waiter.ended, await gone.ended]).toEqual(['ok', 'ok']);
    expect(brick.pins).toBe(0);
  });

  it('a write that waits ends with its client', async () => {
    const { brick, waits, write } = setUp('forced');
    await brick.lk(a, { length: 10n });
    const waiter = watch(write(b, waits, 0));
    await settled();
    brick.gone(two);
    expect(await waiter.ended).toBe('ENOTCONN');
    expect(brick.child.fops).not.toContain('write');
  });

  it('optimal: only those that were asked for as mandatory count', async () => {
    const { brick, never, write, mandatory } = setUp('optimal');
    await brick.lk(a, { length: 10n });
    expect(await outcome(write(b, never, 0))).toBe('ok');
    await brick.lk(a, { type: 'UNLOCK' });
    await mandatory(a, 'WRITE');
    expect(await outcome(write(b, never, 0))).toBe('EAGAIN');
  });

  it.each([
    ['forced', false, 'EAGAIN'],
    ['optimal', false, 'ok'],
    ['optimal', true, 'EAGAIN'],
    ['off', true, 'ok'],
    ['file', true, 'ok'],
  ])('%s: a file with locks (mandatory: %s) is opened with O_TRUNC: %s', async (mode, asked, expected) => {
    const { brick, mandatory } = setUp(mode);
    await (asked ? mandatory(a, 'READ') : brick.lk(a, { type: 'READ' }));
    const open = (flags: number) =>
      outcome(
        brick.top.open({ loc: { inode: brick.inode }, fd: new Fd(brick.inode, flags), flags }, contextOf(a)),
      );
    expect(await open(OpenFlag.RDWR | OpenFlag.TRUNC)).toBe(expected);
    expect(await open(OpenFlag.RDWR)).toBe('ok');
  });

  it('off: reads and writes do not pass through the translator at all', () => {
    const { brick } = setUp('off');
    expect(brick.top.discard).toBe(brick.child.subvolume.discard);
    expect(brick.top.truncate).toBe(brick.child.subvolume.truncate);
  });
});
