import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Caller, contextOf, LockBrick, newClient, settled, watch } from '../../../helpers/lock-brick.ts';

const SIZE = 8;
type Cell = 'READ' | 'WRITE' | undefined;

interface Wish {
  readonly owner: string;
  readonly client: number;
  readonly type: 'READ' | 'WRITE';
  readonly cells: readonly number[];
  readonly serial: number;
}

/** fcntl's locks as a table: what each owner has of each byte, and who waits for what. */
class Model {
  readonly cells = new Map<string, Cell[]>();
  waiting: Wish[] = [];
  readonly granted = new Set<number>();

  of(owner: string): Cell[] {
    const found = this.cells.get(owner) ?? new Array<Cell>(SIZE).fill(undefined);
    this.cells.set(owner, found);
    return found;
  }

  isFree({ owner, type, cells }: Wish): boolean {
    return [...this.cells].every(
      ([other, has]) =>
        other === owner ||
        cells.every((at) => has[at] === undefined || (has[at] === 'READ' && type === 'READ')),
    );
  }

  set(owner: string, cells: readonly number[], value: Cell): void {
    for (const at of cells) this.of(owner)[at] = value;
    this.again();
  }

  lock(wish: Wish, wait: boolean): 'ok' | 'waits' | 'EAGAIN' {
    // Who waits gives up what it has there, which may let others in, who may then be in the way or not.
    if (wait && !this.isFree(wish)) this.set(wish.owner, wish.cells, undefined);
    if (this.isFree(wish)) {
      this.granted.add(wish.serial);
      this.set(wish.owner, wish.cells, wish.type);
      return 'ok';
    }
    if (!wait) return 'EAGAIN';
    this.waiting.push(wish);
    return 'waits';
  }

  again(): void {
    const queue = this.waiting;
    this.waiting = [];
    for (const wish of queue) {
      if (!this.isFree(wish)) {
        this.waiting.push(wish);
        continue;
      }
      this.granted.add(wish.serial);
      for (const at of wish.cells) this.of(wish.owner)[at] = wish.type;
    }
  }
}

const step = fc.record({
  act: fc.constantFrom('lock', 'lock', 'lock', 'unlock', 'unlock', 'flush', 'abort'),
  client: fc.nat(1),
  owner: fc.integer({ min: 1, max: 3 }),
  type: fc.constantFrom('READ' as const, 'WRITE' as const),
  wait: fc.boolean(),
  start: fc.nat(SIZE - 1),
  length: fc.integer({ min: 1, max: 4 }),
});

it('POSIX locks and waits of two clients with three owners each end as in a table of bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 50 }), async (story) => {
      const brick = new LockBrick();
      const model = new Model();
      const clients = [newClient('zero'), newClient('one')];
      const calls: { seen: ReturnType<typeof watch>; abort: AbortController; wish: Wish }[] = [];
      for (const { act, client, owner: number, type, wait, start, length } of story) {
        const owner = `${client}/${number}`;
        const size = Math.min(length, SIZE - start);
        const cells = Array.from({ length: size }, (_, index) => start + index);
        const abort = new AbortController();
        const caller: Caller = { client: clients[client]!, owner: number, signal: abort.signal };
        const range = { start: BigInt(start), length: BigInt(size) };
        if (act === 'lock') {
          const wish: Wish = { owner, client, type, cells, serial: calls.length };
          const expected = model.lock(wish, wait);
          const seen = watch(brick.lk(caller, { ...range, type, wait }));
          calls.push({ seen, abort, wish });
          await settled();
          expect(seen.state).toBe(expected);
        } else if (act === 'unlock') {
          await brick.lk(caller, { ...range, type: 'UNLOCK' });
          model.set(owner, cells, undefined);
        } else if (act === 'flush') {
          await brick.top.flush({ fd: brick.fd }, contextOf(caller));
          model.set(owner, [...Array(SIZE).keys()], undefined);
        } else {
          const left = calls.find(({ seen, wish }) => seen.state === 'waits' && wish.owner === owner);
          left?.abort.abort();
          model.waiting = model.waiting.filter(({ serial }) => serial !== left?.wish.serial);
        }
        await settled();
        for (const { seen, wish } of calls)
          if (seen.state === 'ok' || seen.state === 'waits')
            expect(seen.state).toBe(model.granted.has(wish.serial) ? 'ok' : 'waits');
      }
      for (const client of clients) brick.gone(client);
      await settled();
      expect(calls.filter(({ seen }) => seen.state === 'waits')).toEqual([]);
      expect([brick.files, brick.pins]).toEqual([[], 0]);
    }),
    { numRuns: 150, seed: 4242 },
  );
});
