import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { File } from '../../../../src/index.ts';
import { syscalls } from '../../../../src/syscalls.ts';
import { BLOCK, Striped } from './striped.ts';

/*
 * Whatever is done to a striped file, it reads as a plain array of bytes to which the same was done. Offsets cluster around the
 * borders of blocks, since that is where it could go wrong.
 */

let striped: Striped;
afterEach(() => striped.stop());

const BLOCKS = 9;
const END = BLOCKS * BLOCK;
const offset = fc
  .tuple(fc.integer({ min: 0, max: BLOCKS }), fc.integer({ min: -3000, max: 9000 }))
  .map(([block, away]) => Math.max(0, block * BLOCK + away));
const length = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 9000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 * BLOCK }) },
);

type Step =
  | { kind: 'write'; at: number; size: number; byte: number }
  | { kind: 'truncate'; at: number }
  | { kind: 'discard' | 'zerofill' | 'fallocate' | 'read'; at: number; size: number }
  | { kind: 'append'; size: number; byte: number }
  | { kind: 'seek'; at: number }
  | { kind: 'reopen' };

const start = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: END }));
const byte = fc.integer({ min: 1, max: 255 });
const native = syscalls() !== undefined;
const ranged = fc.constantFrom(
  ...(native ? (['discard', 'zerofill', 'fallocate', 'read'] as const) : (['read'] as const)),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('write' as const), at: offset, size: length, byte }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('truncate' as const), at: offset }) },
  { weight: 4, arbitrary: fc.record({ kind: ranged, at: offset, size: length }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('append' as const), size: length, byte }) },
  { weight: native ? 2 : 0, arbitrary: fc.record({ kind: fc.constant('seek' as const), at: offset }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

/** The plain array: what lies behind `size` is always zero. */
class Model {
  readonly bytes = Buffer.alloc(END * 3);
  size = 0;

  fill(at: number, size: number, value: number): void {
    this.bytes.fill(value, at, at + size);
    this.size = Math.max(this.size, at + size);
  }

  truncate(size: number): void {
    if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  part(at: number, size: number): Buffer {
    return this.bytes.subarray(Math.min(at, this.size), Math.min(at + size, this.size));
  }

  isZero(from: number, to: number): boolean {
    return this.bytes.subarray(from, to).every((one) => one === 0);
  }
}

async function seek(file: File, model: Model, at: number): Promise<void> {
  const data = await file.seekData(at).catch((error: { code: string }) => error.code);
  const hole = await file.seekHole(at).catch((error: { code: string }) => error.code);
  if (at >= model.size) {
    expect([data, hole]).toEqual(['ENXIO', 'ENXIO']);
    return;
  }
  if (data === 'ENXIO') expect(model.isZero(at, model.size)).toBe(true);
  else {
    expect(data).toBeLessThan(model.size);
    expect(model.isZero(at, data as number)).toBe(true);
  }
  expect(hole).toBeLessThanOrEqual(model.size);
  if ((hole as number) < model.size) expect(model.bytes[hole as number]).toBe(0);
}

async function take(file: File, appender: File, model: Model, one: Step): Promise<void> {
  switch (one.kind) {
    case 'write':
      await file.pwrite(Buffer.alloc(one.size, one.byte), one.at);
      model.fill(one.at, one.size, one.byte);
      break;
    case 'append': {
      await appender.write(Buffer.alloc(one.size, one.byte));
      model.fill(model.size, one.size, one.byte);
      break;
    }
    case 'truncate':
      await file.truncate(one.at);
      model.truncate(one.at);
      break;
    case 'discard':
      await file.discard(one.at, one.size);
      model.bytes.fill(0, one.at, Math.min(one.at + one.size, model.bytes.length));
      break;
    case 'zerofill':
      await file.zerofill(one.at, one.size);
      model.fill(one.at, one.size, 0);
      break;
    case 'fallocate':
      await file.fallocate(one.at, one.size);
      model.size = Math.max(model.size, one.at + one.size);
      break;
    case 'read': {
      const { buffer, bytesRead } = await file.pread(one.size, one.at);
      const wanted = model.part(one.at, one.size);
      expect(bytesRead).toBe(wanted.length);
      expect(Buffer.compare(buffer.subarray(0, bytesRead), wanted)).toBe(0);
      break;
    }
    case 'seek':
      await seek(file, model, one.at);
      break;
    case 'reopen':
      break;
  }
}

test.each([
  ['two stripes, coalesced', 2, 'on'],
  ['two stripes, not coalesced', 2, 'off'],
  ['three stripes, coalesced', 3, 'on'],
  ['three stripes, not coalesced', 3, 'off'],
])(
  '%s: reads as an array of bytes would',
  async (_, bricks, coalesce) => {
    striped = await Striped.start({ bricks, options: { coalesce } });
    let serial = 0;
    await fc.assert(
      fc.asyncProperty(start, fc.array(step, { minLength: 3, maxLength: 12 }), async (size, steps) => {
        const name = `/file-${++serial}`;
        const model = new Model();
        let file = await striped.volume.open(name, 'w+');
        let appender = await striped.volume.open(name, 'a');
        try {
          // What cutting and filling might lose must be there first.
          if (size > 0) await take(file, appender, model, { kind: 'write', at: 0, size, byte: 0xa5 });
          for (const one of steps) {
            if (model.size + 5 * BLOCK > model.bytes.length) break;
            if (one.kind === 'reopen') {
              await file.close();
              await appender.close();
              file = await striped.volume.open(name, 'r+');
              appender = await striped.volume.open(name, 'a');
            }
            await take(file, appender, model, one);
            expect((await file.stat()).size).toBe(model.size);
          }
          const whole = await striped.volume.readFile(name);
          expect(whole.length).toBe(model.size);
          expect(Buffer.compare(whole, model.part(0, model.size))).toBe(0);
        } finally {
          await file.close();
          await appender.close();
          await striped.volume.unlink(name);
        }
      }),
      { numRuns: 30, seed: 4711 + bricks },
    );
  },
  60_000,
);
