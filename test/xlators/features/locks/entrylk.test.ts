import { describe, expect, it } from 'vitest';
import {
  type Caller,
  contextOf,
  LockBrick,
  type NameLock,
  newClient,
  outcome,
  settled,
  watch,
} from '../../../helpers/lock-brick.ts';

const one = newClient('one');
const two = newClient('two');
const a: Caller = { client: one, owner: 1 };
const b: Caller = { client: one, owner: 2 };
const c: Caller = { client: two, owner: 1 };

type Step = readonly [Caller, NameLock, string];
const x = { name: 'x' };

const stories: Record<string, readonly Step[]> = {
  'a name is locked for one': [
    [a, x, 'ok'],
    [b, x, 'EAGAIN'],
    [c, x, 'EAGAIN'],
    [b, { name: 'y' }, 'ok'],
  ],
  'read locks keep each other out as well': [
    [a, { ...x, type: 'READ' }, 'ok'],
    [b, { ...x, type: 'READ' }, 'EAGAIN'],
  ],
  'all names stand in the way of each': [
    [a, {}, 'ok'],
    [b, x, 'EAGAIN'],
    [b, {}, 'EAGAIN'],
    [a, x, 'ok'],
  ],
  'each name stands in the way of all': [
    [a, x, 'ok'],
    [b, {}, 'EAGAIN'],
    [a, {}, 'ok'],
  ],
  'the empty name is a name': [
    [a, { name: '' }, 'ok'],
    [b, x, 'ok'],
    [c, { name: '' }, 'EAGAIN'],
  ],
  'an unlock fits by name, owner and type': [
    [a, x, 'ok'],
    [a, { unlock: true }, 'EINVAL'],
    [a, { ...x, unlock: true, type: 'READ' }, 'EINVAL'],
    [c, { ...x, unlock: true }, 'EINVAL'],
    [a, { ...x, unlock: true }, 'ok'],
    [a, { ...x, unlock: true }, 'EINVAL'],
  ],
  'locks of one owner stack': [
    [a, x, 'ok'],
    [a, x, 'ok'],
    [a, { ...x, unlock: true }, 'ok'],
    [b, x, 'EAGAIN'],
    [a, { ...x, unlock: true }, 'ok'],
    [b, x, 'ok'],
  ],
  'domains do not know of each other': [
    [a, { domain: 'p' }, 'ok'],
    [b, { domain: 'q' }, 'ok'],
  ],
  'an owner must be one': [[{ client: one, owner: 0 }, x, 'EINVAL']],
};

describe('entrylk', () => {
  it.each(Object.entries(stories))('%s', async (_name, steps) => {
    const brick = new LockBrick();
    for (const [index, [caller, lock, expected]] of steps.entries())
      expect(await outcome(brick.entrylk(caller, lock)), `step ${index}`).toBe(expected);
  });

  it('waits, in order, until what is in the way goes', async () => {
    const brick = new LockBrick();
    await brick.entrylk(a, x);
    const all = watch(brick.entrylk(b, { wait: true }));
    const y = watch(brick.entrylk(c, { name: 'y', wait: true }));
    await settled();
    expect([all.state, y.state]).toEqual(['waits', 'waits']);
    brick.gone(one);
    expect([await all.ended, await y.ended]).toEqual(['EAGAIN', 'ok']);
    await brick.entrylk(c, { name: 'y', unlock: true });
    expect([brick.files, brick.pins]).toEqual([[], 0]);
  });

  it('knows three commands', async () => {
    const brick = new LockBrick();
    const loc = { inode: brick.directory };
    const request = { loc, command: 3, type: 1, namelen: 1, name: 'x', domain: 'd' };
    expect(await outcome(brick.top.entrylk(request, contextOf(a)))).toBe('EINVAL');
    expect(brick.pins).toBe(0);
  });
});
