import { describe, expect, it } from 'vitest';
import { type Caller, LockBrick, newClient, outcome, settled, watch } from '../../../helpers/lock-brick.ts';

const one = newClient('one');
const two = newClient('two');
const a: Caller = { client: one, owner: 1, pid: 11 };
const b: Caller = { client: two, owner: 2, pid: 22 };
const c: Caller = { client: two, owner: 3, pid: 33 };

describe('a holder whose inodelk is wanted', () => {
  it('is told at once, and then at most every five seconds', async () => {
    const brick = new LockBrick();
    await brick.inodelk(a, { start: 1n, length: 5n });
    await outcome(brick.inodelk(b, {}));
    expect(brick.events).toEqual([
      {
        kind: 'inodelk-contention',
        gfid: brick.inode.gfid,
        domain: 'd',
        client: one,
        pid: 11,
        flock: { type: 1, whence: 0, start: 1n, length: 5n, pid: 7, owner: new Uint8Array(0) },
      },
    ]);
    brick.time = 4999;
    await outcome(brick.inodelk(b, {}));
    expect(brick.events).toHaveLength(1);
    brick.time = 5000;
    await outcome(brick.inodelk(c, {}));
    expect(brick.events).toHaveLength(2);
  });

  it('is told by waiters, too, and so are all holders that are in the way', async () => {
    const brick = new LockBrick();
    await brick.inodelk(a, { type: 'READ' });
    await brick.inodelk(b, { type: 'READ', start: 5n, length: 5n });
    const waiter = watch(brick.inodelk(c, { wait: true }));
    await settled();
    expect(brick.events.map((event) => 'client' in event && event.client?.id)).toEqual(['one', 'two']);
    // After the unlock b is still in the way, and has just been told.
    await brick.inodelk(a, { type: 'UNLOCK' });
    expect(brick.events).toHaveLength(2);
    expect(waiter.state).toBe('waits');
  });

  it('hears nothing when it has given the lock back in the meantime, of itself, or with the option off', async () => {
    const brick = new LockBrick();
    await brick.inodelk(a);
    const refused = outcome(brick.inodelk(b));
    const back = brick.inodelk(a, { type: 'UNLOCK' });
    expect(await refused).toBe('EAGAIN');
    await back;
    await brick.inodelk(a);
    await brick.inodelk(a);
    expect(brick.events).toEqual([]);
    const silent = new LockBrick({ 'notify-contention': 'off' });
    await silent.inodelk(a);
    await outcome(silent.inodelk(b));
    expect(silent.events).toEqual([]);
  });
});

it('a holder of a name is told which one', async () => {
  const brick = new LockBrick({ 'notify-contention-delay': '0' });
  await brick.entrylk(a, { name: 'x' });
  await brick.entrylk(a, {});
  await outcome(brick.entrylk(b, { name: 'x' }));
  const gfid = brick.directory.gfid;
  const common = { kind: 'entrylk-contention', gfid, domain: 'd', client: one, pid: 11, type: 1 };
  expect(brick.events).toEqual([
    { ...common, name: 'x' },
    { ...common, name: '' },
  ]);
  await outcome(brick.entrylk(b, { name: 'x' }));
  expect(brick.events).toHaveLength(4);
});
