import { afterEach, describe, expect, test, vi } from 'vitest';
import { GlfsError } from '../../../../../src/errors.ts';
import { type CallContext, rootContext } from '../../../../../src/graph/index.ts';
import { Dict } from '../../../../../src/protocol/dict.ts';
import { keys } from '../../../../../src/protocol/keys.ts';
import type { Held, LockTarget } from '../../../../../src/xlators/cluster/disperse/lock/held.ts';
import { DispersedFile } from '../../../../helpers/dispersed-file.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

const ALL = [0, 1, 2, 3, 4, 5];

afterEach(() => {
  vi.useRealTimers();
});

/** An operation that goes on until it is told to end. */
function held(file: DispersedFile, target: Partial<LockTarget> = {}, context: CallContext = rootContext()) {
  const operation = {
    begun: false,
    ended: false,
    end: (): void => {},
    done: Promise.resolve(),
    held: null as unknown as Held,
  };
  const until = new Promise<void>((resolve) => {
    operation.end = resolve;
  });
  operation.done = file.state.locks
    .run([{ inode: file.inode, ...target }], context, async ([one]) => {
      operation.begun = true;
      operation.held = one!;
      await until;
    })
    .finally(() => {
      operation.ended = true;
    });
  return operation;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

describe('the lock', () => {
  test('somebody was faster on one brick: all is given back, and taken again one after the other', async () => {
    const file = new DispersedFile();
    const order: number[] = [];
    let refusals = 1;
    for (const index of ALL) {
      file.wrap(index, 'inodelk', (next) => {
        order.push(index);
        if (index === 2 && refusals-- > 0) throw new GlfsError('EAGAIN');
        return next();
      });
    }
    await file.change('a');
    expect(file.calls(1).slice(0, 3)).toEqual(['try', 'drop', 'wait']);
    expect(file.calls(2)[0]).toBe('wait');
    expect(order.slice(6 + 5, 6 + 5 + 6)).toEqual(ALL);
    await file.settle();
  });

  test('a brick that may have granted it, and did not say so, gets it back', async () => {
    const file = new DispersedFile();
    let once = true;
    file.wrap(3, 'inodelk', async (next) => {
      await next();
      if (once) {
        once = false;
        throw new GlfsError('ETIMEDOUT', undefined, { outcome: 'unknown' });
      }
      return {};
    });
    await file.change('a');
    await file.settle();
    expect(file.calls(3).slice(0, 2)).toEqual(['try', 'drop']);
    expect(file.changes[3]!.size).toBe(0);
  });

  test('two inodes are locked from the higher gfid to the lower, as all clients do', async () => {
    const file = new DispersedFile({ type: 'directory' });
    const order: string[] = [];
    const low = file.make('directory', 7n, new Uint8Array(16).fill(1));
    const high = file.make('directory', 7n, new Uint8Array(16).fill(200));
    const { subvolume } = file.bricks[0]!;
    const before = subvolume.inodelk;
    Object.assign(subvolume, {
      inodelk: (request: Parameters<typeof before>[0], context: CallContext) => {
        order.push(request.loc.inode.toString());
        return before(request, context);
      },
    });
    for (const targets of [
      [low, high],
      [high, low],
    ]) {
      order.splice(0);
      const given = await file.state.locks.run(
        targets.map((inode) => ({ inode, changes: 'both' as const })),
        rootContext(),
        async (both) => both.map(({ inode }) => inode),
      );
      expect(given).toEqual(targets);
      expect(order).toEqual([high.toString(), low.toString()]);
      await file.settle();
    }
  });

  test('the same inode twice is one lock, and moves both counters', async () => {
    const file = new DispersedFile({ type: 'directory', version: 0n });
    const { inode } = file;
    await file.state.locks.run(
      [
        { inode, changes: 'data' },
        { inode, changes: 'metadata' },
      ],
      rootContext(),
      async ([one, other]) => {
        expect(one).toBe(other);
      },
    );
    await file.settle();
    expect(file.all()[0]).toBe('1/1 dirty 0/0');
  });

  test('a caller who has left before its turn changes nothing', async () => {
    const file = new DispersedFile();
    const first = held(file, { changes: 'both' });
    await waitUntil(() => first.begun, { what: 'the first operation to begin' });
    const abort = new AbortController();
    const second = held(file, { changes: 'both' }, rootContext({ signal: abort.signal }));
    abort.abort();
    await expect(second.done).rejects.toMatchObject({ code: 'ECANCELED' });
    first.end();
    await first.done;
    await file.settle();
    expect(second.begun).toBe(false);
  });
});

describe('operations under one lock', () => {
  const cases: [string, Partial<LockTarget>, Partial<LockTarget>, boolean, Record<string, string>][] = [
    ['changes of other ranges', both(0, 10), both(10, 10), true, {}],
    ['changes that overlap', both(0, 11), both(10, 10), false, {}],
    ['a change to the end of the file', both(100, 0), both(5000, 1), false, {}],
    ['readers of the same', { shared: true }, { shared: true }, true, {}],
    [
      'a reader of what is being changed',
      both(0, 10),
      { shared: true, range: { start: 0, length: 10 } },
      false,
      {},
    ],
    ['a reader of something else', both(0, 10), { shared: true, range: { start: 10, length: 10 } }, true, {}],
    ['other ranges, parallel-writes off', both(0, 10), both(10, 10), false, { 'parallel-writes': 'off' }],
    ['readers, parallel-writes off', { shared: true }, { shared: true }, true, { 'parallel-writes': 'off' }],
  ];

  test.each(cases)('%s', async (_, one, other, together, options) => {
    const file = new DispersedFile({ options });
    const first = held(file, one);
    await waitUntil(() => first.begun, { what: 'the first operation to begin' });
    const second = held(file, other);
    await settled();
    expect(second.begun).toBe(together);
    first.end();
    await first.done;
    await waitUntil(() => second.begun, { what: 'the second operation to begin' });
    second.end();
    await second.done;
    expect(file.calls(0).filter((call) => call === 'try')).toHaveLength(1);
    await file.settle();
  });

  test('nobody overtakes who waits', async () => {
    const file = new DispersedFile();
    const first = held(file, both(0, 10));
    await waitUntil(() => first.begun, { what: 'the first operation to begin' });
    const waits = held(file, both(5, 10));
    const late = held(file, both(12, 10));
    await settled();
    expect([waits.begun, late.begun]).toEqual([false, false]);
    for (const one of [first, waits, late]) one.end();
    await Promise.all([first.done, waits.done, late.done]);
    await file.settle();
  });
});

function both(start: number, length: number): Partial<LockTarget> {
  return { changes: 'both', range: { start, length } };
}

describe('the lock is kept', () => {
  test.each([
    ['file', 'eager-lock-timeout', '2'],
    ['directory', 'other-eager-lock-timeout', '3'],
  ] as const)(
    'for as long as the option of a %s says, from the last use on',
    async (type, option, seconds) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      const file = new DispersedFile({ type, options: { [option]: seconds } });
      await file.change('a');
      await vi.advanceTimersByTimeAsync(1500);
      await file.change('b');
      await vi.advanceTimersByTimeAsync(Number(seconds) * 1000 - 100);
      expect(file.calls(0)).not.toContain('drop');
      await vi.advanceTimersByTimeAsync(200);
      expect(file.calls(0).at(-1)).toBe('drop');
    },
  );

  test.each([
    ['file', 'eager-lock'],
    ['directory', 'other-eager-lock'],
  ] as const)('not where the option of a %s is off', async (type, option) => {
    const file = new DispersedFile({ type, options: { [option]: 'off' } });
    await file.change('a');
    await waitUntil(() => file.calls(0).at(-1) === 'drop', { what: 'the lock to be given back' });
  });

  test('not where somebody who is there is behind: the healer waits for it', async () => {
    const file = new DispersedFile();
    file.set(2, 'trusted.ec.version', [6n, 6n]);
    await file.change('look', { changes: undefined });
    await waitUntil(() => file.calls(0).at(-1) === 'drop', { what: 'the lock to be given back' });
  });

  test.each([
    ['a notification of a brick', (file: DispersedFile) => file.contend()],
    [
      'the count in a reply',
      (file: DispersedFile) =>
        file.change('reply', { changes: undefined }, undefined, (one) => {
          expect(one.asking().get(keys.inodelkDomainCount)).toBe(file.state.domain);
          one.answered(new Dict().set(keys.inodelkCount, 2));
        }),
    ],
  ] as const)('until another client wants it, and not for a while afterwards: %s', async (_, contend) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const file = new DispersedFile();
    await file.change('a');
    await contend(file);
    await vi.advanceTimersByTimeAsync(0);
    expect(file.calls(0).at(-1)).toBe('drop');
    await file.change('b');
    await vi.advanceTimersByTimeAsync(0);
    expect(file.calls(0).at(-1)).toBe('drop');
    await vi.advanceTimersByTimeAsync(6000);
    await file.change('c');
    await vi.advanceTimersByTimeAsync(0);
    expect(file.calls(0).at(-1)).toBe('change');
    await file.settle();
  });

  test('who comes while it is given up has the next one', async () => {
    const file = new DispersedFile();
    const first = held(file, { changes: 'both' });
    await waitUntil(() => first.begun, { what: 'the first operation to begin' });
    file.contend();
    const second = file.change('b');
    first.end();
    await Promise.all([first.done, second]);
    expect(file.calls(0).filter((call) => call === 'try')).toHaveLength(2);
    await file.settle();
  });

  test('settle gives one back, counters first', async () => {
    const file = new DispersedFile();
    await file.change('a', {}, 120);
    await file.state.locks.settle(file.inode);
    expect(file.calls(0).slice(-2)).toEqual(['add size 20, dirty -1/-1', 'drop']);
    await file.state.locks.settle(file.inode);
  });

  test('a brick that comes takes part in the next one only', async () => {
    const file = new DispersedFile();
    file.down(4);
    const first = held(file, { changes: 'metadata' });
    await waitUntil(() => first.begun, { what: 'the first operation to begin' });
    file.up(4);
    await settled();
    expect(first.held.good & (1 << 4)).toBe(0);
    first.end();
    await first.done;
    const second = held(file);
    await waitUntil(() => second.begun, { what: 'the second operation to begin' });
    // It has missed the first: it is locked, and behind.
    expect(file.calls(4)).toContain('try');
    expect(second.held.good & (1 << 4)).toBe(0);
    second.end();
    await second.done;
    await file.settle();
  });
});
