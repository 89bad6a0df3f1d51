import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Caller, LockBrick, newClient, settled, watch } from '../../../helpers/lock-brick.ts';

const SIZE = 6;

/** What a queue of locks has to do, written down without a thought of speed: every lock is a set of cells. */
interface Wish {
  readonly owner: string;
  readonly client: string;
  readonly write: boolean;
  readonly key: string;
  readonly cells: ReadonlySet<number>;
  readonly serial: number;
}

class Model {
  held: Wish[] = [];
  waiting: Wish[] = [];
  readonly granted = new Set<number>();

  private collide(a: Wish, b: Wish): boolean {
    return (a.write || b.write) && [...a.cells].some((cell) => b.cells.has(cell));
  }

  private tryGrant(wish: Wish): boolean {
    const knows = [...this.held, ...this.waiting].some(({ owner }) => owner === wish.owner);
    if (this.held.some((other) => other.owner !== wish.owner && this.collide(other, wish))) return false;
    if (!knows && this.waiting.some((earlier) => this.collide(earlier, wish))) return false;
    this.held.push(wish);
    this.granted.add(wish.serial);
    return true;
  }

  lock(wish: Wish, wait: boolean): 'ok' | 'waits' | 'EAGAIN' {
    if (this.tryGrant(wish)) return 'ok';
    if (!wait) return 'EAGAIN';
    this.waiting.push(wish);
    return 'waits';
  }

  unlock(owner: string, key: string): 'ok' | 'EINVAL' {
    const at = this.held.findLastIndex((each) => each.owner === owner && each.key === key);
    if (at < 0) return 'EINVAL';
    this.held.splice(at, 1);
    this.again();
    return 'ok';
  }

  leave(which: (wish: Wish) => boolean): void {
    this.held = this.held.filter((wish) => !which(wish));
    this.waiting = this.waiting.filter((wish) => !which(wish));
    this.again();
  }

  private again(): void {
    const queue = this.waiting;
    this.waiting = [];
    for (const wish of queue) if (!this.tryGrant(wish)) this.waiting.push(wish);
  }
}

const who = fc.record({ client: fc.nat(1), owner: fc.integer({ min: 1, max: 3 }) });
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('lock' as const), who, wait: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('unlock' as const), who, wait: fc.constant(false) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), who, wait: fc.constant(false) }) },
);
const range = fc.record({
  write: fc.boolean(),
  start: fc.nat(SIZE - 1),
  length: fc.integer({ min: 1, max: 3 }),
});
const steps = fc.array(fc.tuple(action, range), { minLength: 1, maxLength: 50 });

type Kind = 'inodelk' | 'entrylk';

/** inodelks on ranges; entrylks on single names, or (a length of 3) on all. */
async function play(kind: Kind, story: readonly (readonly [object, object])[]): Promise<void> {
  const brick = new LockBrick();
  const model = new Model();
  const clients = [newClient('zero'), newClient('one')];
  const calls = new Map<number, ReturnType<typeof watch> & { abort: AbortController; owner: string }>();
  let serial = 0;
  for (const [what, where] of story) {
    const {
      kind: act,
      who: by,
      wait,
    } = what as { kind: string; who: { client: number; owner: number }; wait: boolean };
    const { write, start, length } = where as { write: boolean; start: number; length: number };
    const owner = `${by.client}/${by.owner}`;
    const whole = kind === 'entrylk' && length === 3;
    const size = kind === 'entrylk' ? 1 : length;
    const key = whole ? 'all' : kind === 'entrylk' ? `${start}` : `${start}+${size}`;
    const cells = Array.from({ length: whole ? SIZE : size }, (_, index) => (whole ? index : start + index));
    const abort = new AbortController();
    const caller: Caller = { client: clients[by.client]!, owner: by.owner, signal: abort.signal };
    const send = (unlock: boolean): Promise<void> =>
      kind === 'entrylk'
        ? brick.entrylk(caller, { name: whole ? undefined : `${start}`, wait, unlock })
        : brick.inodelk(caller, {
            type: unlock ? 'UNLOCK' : write ? 'WRITE' : 'READ',
            start: BigInt(start),
            length: BigInt(size),
            wait,
          });
    if (act === 'abort') {
      const waiting = [...calls].find(([, call]) => call.owner === owner && call.state === 'waits');
      waiting?.[1].abort.abort();
      if (waiting !== undefined) model.leave((wish) => wish.serial === waiting[0]);
      await settled();
    } else if (act === 'unlock') {
      const call = watch(send(true));
      expect(await call.ended).toBe(model.unlock(owner, key));
      await settled();
    } else {
      serial++;
      const wish: Wish = {
        owner,
        client: `${by.client}`,
        write: kind === 'entrylk' || write,
        key,
        cells: new Set(cells),
        serial,
      };
      const expected = model.lock(wish, wait);
      const call = watch(send(false));
      await settled();
      expect(call.state).toBe(expected);
      calls.set(serial, Object.assign(call, { abort, owner }));
    }
    for (const [number, call] of calls)
      if (call.state === 'ok' || call.state === 'waits')
        expect(call.state, `call ${number}`).toBe(model.granted.has(number) ? 'ok' : 'waits');
  }
  for (const client of clients) brick.gone(client);
  await settled();
  expect([...calls.values()].filter(({ state }) => state === 'waits')).toEqual([]);
  expect([brick.files, brick.pins]).toEqual([[], 0]);
}

describe('random locks, waits, unlocks and aborts of two clients with three owners each', () => {
  it.each(['inodelk', 'entrylk'] as const)(
    '%s: granted as the model grants, and nothing is left',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(steps, (story) => play(kind, story)),
        { numRuns: 150, seed: 815 },
      );
    },
  );
});
