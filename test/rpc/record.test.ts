import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGlfsError } from '../../src/errors.ts';
import { type Recipient, RecordReader } from '../../src/rpc/record.ts';
import { words } from './scripted-server.ts';

/** A record as it goes in: its bytes, and where it is split into fragments. */
interface Planned {
  xid: number;
  call: boolean;
  body: Uint8Array;
  /** Lengths of the fragments after the first, which has at least eight bytes. */
  cuts: number[];
  /** Length of the header where the recipient takes bulk. */
  header: number | undefined;
  known: boolean;
}

const planned: fc.Arbitrary<Planned> = fc.record({
  xid: fc.integer({ min: 0, max: 0xffffffff }),
  call: fc.boolean(),
  body: fc.uint8Array({ maxLength: 3000, size: 'max' }),
  cuts: fc.oneof(fc.constant<number[]>([]), fc.array(fc.nat(700), { maxLength: 5 })),
  header: fc.option(fc.nat(100), { nil: undefined }),
  known: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
});

function stream(records: readonly Planned[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { xid, call, body, cuts } of records) {
    const record = Buffer.concat([words(xid, call ? 0 : 1), body]);
    const ends = [
      ...cuts.map((cut) => Math.min(8 + cut, record.length)).sort((a, b) => a - b),
      record.length,
    ];
    let start = 0;
    for (const [index, end] of ends.entries()) {
      const last = index === ends.length - 1;
      parts.push(words(((last ? 0x8000_0000 : 0) + end - start) >>> 0), record.subarray(start, end));
      start = end;
    }
  }
  return Buffer.concat(parts);
}

interface Got {
  xid: number;
  type: number;
  head: string;
  bulk: string | undefined;
}

/** Reads a stream in chunks of the given sizes, again and again; chunk memory is overwritten after each push. */
function read(records: readonly Planned[], bytes: Buffer, chunks: readonly number[]): Got[] {
  const got: Got[] = [];
  const queue = [...records];
  const reader = new RecordReader({
    recipient: () => {
      const record = queue.shift()!;
      return record.known ? recipient(record.header) : undefined;
    },
    record: (xid, type, record, bulk) => {
      got.push({ xid, type, head: hex(record), bulk: bulk === undefined ? undefined : hex(bulk) });
    },
  });
  const memory = Buffer.alloc(Math.max(...chunks, 1));
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const length = Math.min(chunks[index % chunks.length]!, bytes.length - at);
    bytes.copy(memory, 0, at, at + length);
    reader.push(memory.subarray(0, length));
    memory.fill(0xaa);
    at += length;
  }
  return got;
}

function recipient(header: number | undefined): Recipient {
  if (header === undefined) return { limit: 1 << 20, settled: false };
  return {
    limit: 1 << 20,
    settled: false,
    bulk: {
      frontMinimum: 12,
      headerLength: () => 12 + header,
      destination: (length) => new Uint8Array(length),
    },
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('RecordReader', () => {
  test('any fragments in any chunks give the same records', () => {
    fc.assert(
      fc.property(
        fc.array(planned, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 8 }),
        (records, chunks) => {
          const got = read(records, stream(records), chunks);
          const expected = records.filter(({ known }) => known);
          expect(got.length).toBe(expected.length);
          for (const [index, record] of expected.entries()) {
            const seen = got[index]!;
            expect([seen.xid, seen.type]).toEqual([record.xid, record.call ? 0 : 1]);
            expect(seen.head + (seen.bulk ?? '')).toBe(
              hex(Buffer.concat([words(record.xid, record.call ? 0 : 1), record.body])),
            );
            const length = record.body.length + 8;
            const header = 12 + (record.header ?? Number.POSITIVE_INFINITY);
            expect(seen.head.length / 2).toBe(
              record.header === undefined || length < 12 ? length : Math.min(header, length),
            );
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('byte by byte', () => {
    const records: Planned[] = [
      { xid: 1, call: false, body: Buffer.from('plain'), cuts: [], header: undefined, known: true },
      { xid: 2, call: false, body: Buffer.alloc(200, 3), cuts: [1, 50, 50, 100], header: 20, known: true },
      { xid: 3, call: true, body: Buffer.alloc(0), cuts: [], header: undefined, known: true },
    ];
    const got = read(records, stream(records), [1]);
    expect(got.map(({ xid, head, bulk }) => [xid, head.length / 2, (bulk?.length ?? 0) / 2])).toEqual([
      [1, 13, 0],
      [2, 32, 176],
      [3, 8, 0],
    ]);
  });

  test('hostile streams: EPROTO or silence, and memory of what arrived only', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400, size: 'max' }),
        fc.integer({ min: 1, max: 50 }),
        (bytes, chunk) => {
          const reader = new RecordReader({
            recipient: () => ({ limit: 10_000, settled: false }),
            record: (_xid, _type, record) => expect(record.length).toBeLessThanOrEqual(bytes.length),
          });
          try {
            for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk));
          } catch (error) {
            if (!isGlfsError(error, 'EPROTO')) throw error;
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('the limit holds over fragments', () => {
    const reader = new RecordReader({
      recipient: () => ({ limit: 100, settled: false }),
      record: () => undefined,
    });
    reader.push(Buffer.concat([words(60, 1, 1), Buffer.alloc(52)]));
    expect(() => reader.push(words(41))).toThrow(/101 bytes exceeds the limit of 100/);
  });

  test('an endless row of empty fragments takes no memory', () => {
    let records = 0;
    const reader = new RecordReader({
      recipient: () => ({ limit: 100, settled: false }),
      record: () => records++,
    });
    reader.push(words(8, 1, 1));
    const empty = Buffer.alloc(1 << 20);
    for (let round = 0; round < 20; round++) reader.push(empty);
    expect(records).toBe(0);
    reader.push(words(0x80000000));
    expect(records).toBe(1);
  });
});
