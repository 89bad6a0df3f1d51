import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lanes, mapInParallel } from '../../src/cli/concurrency.ts';
import {
  gather,
  type Piece,
  type ReadAt,
  readAhead,
  type Target,
  TransferError,
  transfer,
} from '../../src/cli/transfer.ts';

const PIECE = 100;

/** Reads of a file in memory; `shorten` may answer with fewer bytes than were asked for. */
function fileOf(content: Buffer, { shorten = (size: number) => size, tellsEnd = true } = {}): ReadAt {
  return async (position, size) => {
    await Promise.resolve();
    const bytes = content.subarray(position, position + Math.max(1, shorten(size)));
    return { bytes, eof: tellsEnd && position + bytes.length >= content.length };
  };
}

async function contentOf(pieces: AsyncIterable<Piece>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let end = 0;
  for await (const { position, bytes } of pieces) {
    expect(position).toBe(end);
    end += bytes.length;
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

function numbered(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
}

/** A target in memory whose writes take some turns of the event loop, the later ones fewer. */
function memoryTarget(ordered = false) {
  const state = { bytes: Buffer.alloc(0), underway: 0, most: 0, order: [] as number[] };
  const target: Target = {
    ordered,
    write: async (bytes, position) => {
      state.underway++;
      state.most = Math.max(state.most, state.underway);
      for (let turn = 0; turn < 5 - (position % 5); turn++)
        await new Promise((resolve) => setImmediate(resolve));
      const size = Math.max(state.bytes.length, position + bytes.length);
      state.bytes = Buffer.concat([state.bytes, Buffer.alloc(size - state.bytes.length)]);
      state.bytes.set(bytes, position);
      state.order.push(position);
      state.underway--;
    },
  };
  return { target, state };
}

describe('readAhead gives a file in order, whatever its size said', () => {
  test('for all sizes, guesses and short answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 0, max: 1500 }),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: PIECE }), { minLength: 1, maxLength: 5 }),
        async (size, expected, tellsEnd, lengths) => {
          const content = numbered(size);
          let call = 0;
          const readAt = fileOf(content, {
            tellsEnd,
            shorten: (asked) => Math.min(asked, lengths[call++ % lengths.length]!),
          });
          expect(await contentOf(readAhead(readAt, expected, PIECE))).toEqual(content);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a file whose size is known is read without a further question', async () => {
    let reads = 0;
    const read = fileOf(numbered(250), { tellsEnd: true });
    const counted: ReadAt = (position, size) => {
      reads++;
      return read(position, size);
    };
    await contentOf(readAhead(counted, 250, PIECE));
    expect(reads).toBe(3);
  });

  test('several reads are under way at once', async () => {
    let underway = 0;
    let most = 0;
    const read = fileOf(numbered(2000));
    const pieces = readAhead(
      async (position, size) => {
        most = Math.max(most, ++underway);
        await new Promise((resolve) => setImmediate(resolve));
        underway--;
        return read(position, size);
      },
      2000,
      PIECE,
    );
    expect(await contentOf(pieces)).toEqual(numbered(2000));
    expect(most).toBe(8);
  });

  test('waits for what is under way when nobody wants more', async () => {
    let underway = 0;
    const pieces = readAhead(
      async (position, size) => {
        underway++;
        await new Promise((resolve) => setTimeout(resolve, position === 0 ? 0 : 20));
        underway--;
        return { bytes: Buffer.alloc(size), eof: false };
      },
      10_000,
      PIECE,
    );
    for await (const _ of pieces) break;
    expect(underway).toBe(0);
  });

  test('a failed read says that it was the reading', async () => {
    const pieces = readAhead(async () => Promise.reject(new Error('EIO')), 500, PIECE);
    await expect(contentOf(pieces)).rejects.toMatchObject({ side: 'read', cause: { message: 'EIO' } });
  });
});

describe('gather puts the chunks of a stream together', () => {
  test('to pieces of some size', async () => {
    async function* chunks() {
      for (let index = 0; index < 25; index++) yield numbered(250).subarray(index * 10, index * 10 + 10);
    }
    const sizes: number[] = [];
    for await (const { bytes } of gather(chunks(), PIECE)) sizes.push(bytes.length);
    expect(sizes).toEqual([100, 100, 50]);
    expect(await contentOf(gather(chunks(), PIECE))).toEqual(numbered(250));
  });
});

describe('transfer', () => {
  const sourceOf = (content: Buffer) => ({ pieces: () => readAhead(fileOf(content), content.length, PIECE) });

  test('writes several pieces at once, and counts them', async () => {
    const { target, state } = memoryTarget();
    let counted = 0;
    const content = numbered(5050);
    const done = await transfer(sourceOf(content), target, { onBytes: (bytes) => (counted += bytes) });
    expect(done).toEqual({ size: 5050, written: 5050 });
    expect(counted).toBe(5050);
    expect(state.bytes).toEqual(content);
    expect(state.most).toBe(8);
  });

  test('writes one piece after the other where order counts', async () => {
    const { target, state } = memoryTarget(true);
    await transfer(sourceOf(numbered(1050)), target);
    expect(state.most).toBe(1);
    expect(state.order).toEqual([...state.order].sort((a, b) => a - b));
  });

  test('leaves out pieces of zeros where holes are allowed', async () => {
    const { target, state } = memoryTarget();
    const content = Buffer.concat([numbered(100), Buffer.alloc(300), numbered(100), Buffer.alloc(150)]);
    const done = await transfer(sourceOf(content), target, { holes: true });
    expect(done).toEqual({ size: 650, written: 200 });
    expect(state.order.sort((a, b) => a - b)).toEqual([0, 400]);
  });

  test('a failed write ends it, behind what was under way, and says what has arrived', async () => {
    const { target, state } = memoryTarget();
    const failing: Target = {
      ordered: false,
      write: (bytes, position) =>
        position === 500 ? Promise.reject(new Error('ENOSPC')) : target.write(bytes, position),
    };
    const error = await transfer(sourceOf(numbered(100_000)), failing).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransferError);
    expect(error).toMatchObject({
      side: 'write',
      cause: { message: 'ENOSPC' },
      written: state.order.length * 100,
    });
    expect(state.underway).toBe(0);
    expect(state.order.length).toBeLessThan(30);
  });

  test('check ends it before the next piece', async () => {
    const { target, state } = memoryTarget();
    let pieces = 0;
    const check = () => {
      if (++pieces > 3) throw new Error('enough');
    };
    await expect(transfer(sourceOf(numbered(2000)), target, { check })).rejects.toThrow('enough');
    expect(state.order).toHaveLength(3);
  });
});

describe('Lanes', () => {
  test('no more at once than there are lanes; results in order', async () => {
    let underway = 0;
    let most = 0;
    const results = await mapInParallel([5, 4, 3, 2, 1], 2, async (turns) => {
      most = Math.max(most, ++underway);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      underway--;
      return turns * 10;
    });
    expect(results).toEqual([50, 40, 30, 20, 10]);
    expect(most).toBe(2);
  });

  test('the first failure is thrown, and nothing is begun behind it', async () => {
    const lanes = new Lanes(1);
    let begun = 0;
    const work = async () => {
      begun++;
      throw new Error(`failure ${begun}`);
    };
    await lanes.start(work);
    await expect(lanes.start(work)).rejects.toThrow('failure 1');
    await expect(lanes.settle()).rejects.toThrow('failure 1');
    expect(begun).toBe(1);
  });
});
