import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LockType } from '../../../../src/protocol/messages.ts';
import { lengthOf, posixRangeOf, rangeOf, without } from '../../../../src/xlators/features/locks/range.ts';
import { isKeptOut, place, type Segment } from '../../../../src/xlators/features/locks/segments.ts';

const SIZE = 24;
const MAX = (1n << 64n) - 1n;

function segment(owner: string, type: number, start: number, length: number): Segment {
  const end = BigInt(start + length - 1);
  const who = { id: owner, bytes: new Uint8Array(1), client: undefined, pid: 1 };
  return { owner: who, type, start: BigInt(start), end, mode: 0, pid: 1, fd: undefined, clientId: '' };
}

const step = fc.record({
  owner: fc.constantFrom('a', 'b', 'c'),
  type: fc.constantFrom(LockType.READ, LockType.WRITE, LockType.UNLOCK),
  start: fc.nat(SIZE - 1),
  length: fc.integer({ min: 1, max: SIZE }),
});

describe('POSIX locks of a file', () => {
  it('are what an array with the type of each byte for each owner would be', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let held: Segment[] = [];
        const bytes: Record<string, (number | undefined)[]> = { a: [], b: [], c: [] };
        for (const { owner, type, start, length } of steps) {
          const size = Math.min(length, SIZE - start);
          const covered = Array.from({ length: size }, (_, index) => start + index);
          const wanted = segment(owner, type, start, size);
          const free = covered.every((at) =>
            Object.entries(bytes).every(
              ([other, types]) =>
                other === owner ||
                types[at] === undefined ||
                (types[at] === LockType.READ && type === LockType.READ) ||
                type === LockType.UNLOCK,
            ),
          );
          expect(isKeptOut(held, wanted)).toBe(!free);
          if (!free) continue;
          held = place(held, wanted);
          for (const at of covered) bytes[owner]![at] = type === LockType.UNLOCK ? undefined : type;
          for (const [id, types] of Object.entries(bytes)) {
            for (let at = 0; at < SIZE; at++) {
              const here = held.filter(
                (each) => each.owner.id === id && each.start <= BigInt(at) && each.end >= BigInt(at),
              );
              expect(here.map((each) => each.type)).toEqual(types[at] === undefined ? [] : [types[at]]);
            }
          }
        }
      }),
      { numRuns: 200, seed: 4711 },
    );
  });

  it('keep what they know of pieces that are cut off', () => {
    const whole = { ...segment('a', LockType.WRITE, 0, 20), pid: 42, clientId: 'x' };
    const pieces = place([whole], segment('a', LockType.UNLOCK, 5, 5));
    expect(pieces.map(({ start, end, pid, clientId }) => [start, end, pid, clientId])).toEqual([
      [0n, 4n, 42, 'x'],
      [10n, 19n, 42, 'x'],
    ]);
  });

  it('of different modes stay apart', () => {
    const mandatory = { ...segment('a', LockType.WRITE, 0, 10), mode: 1 };
    const held = place([mandatory], segment('a', LockType.WRITE, 5, 10));
    expect(held.map(({ start, end, mode }) => [start, end, mode])).toEqual([
      [0n, 4n, 1],
      [5n, 14n, 0],
    ]);
  });
});

describe('ranges', () => {
  const last = (1n << 63n) - 1n;

  it.each([
    [0n, 0n, [0n, last]],
    [5n, 10n, [5n, 14n]],
    [last, 1n, [last, last]],
    [last, 5n, [last, last]],
    [MAX, 1n, undefined],
    [5n, MAX, undefined],
  ] as const)('of an inodelk at %d with length %d', (start, length, expected) => {
    const read = () => rangeOf({ start, length });
    if (expected === undefined) expect(read).toThrow(/EINVAL/);
    else expect(Object.values(read())).toEqual(expected);
  });

  it.each([
    [5n, 10n, [5n, 14n]],
    [5n, MAX - 1n, [3n, 4n]],
    [5n, MAX - 4n, [0n, 4n]],
    [5n, MAX - 5n, undefined],
    [0n, 0n, [0n, last]],
    [last, 1n, undefined],
    [MAX, 1n, undefined],
  ] as const)('of a POSIX lock at %d with length %d', (start, length, expected) => {
    const read = () => posixRangeOf({ start, length });
    if (expected === undefined) expect(read).toThrow(/EINVAL/);
    else expect(Object.values(read())).toEqual(expected);
  });

  it('have length 0 where they reach the end', () => {
    expect([lengthOf({ start: 3n, end: last }), lengthOf({ start: 3n, end: 3n })]).toEqual([0n, 1n]);
  });

  it('that are not touched stay whole', () => {
    expect(without({ start: 0n, end: 4n }, { start: 5n, end: 9n })).toEqual([{ start: 0n, end: 4n }]);
    expect(without({ start: 2n, end: 4n }, { start: 0n, end: 9n })).toEqual([]);
  });
});
