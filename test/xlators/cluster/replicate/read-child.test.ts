import { afterEach, describe, expect, test } from 'vitest';
import { type Gfid, gfidFromString, newGfid } from '../../../../src/protocol/gfid.ts';
import type { FileType } from '../../../../src/protocol/iatt.ts';
import { readChild } from '../../../../src/xlators/cluster/replicate/read-child/index.ts';
import { loadOf, ReadLoad } from '../../../../src/xlators/cluster/replicate/read-child/load.ts';
import { policies, type Question } from '../../../../src/xlators/cluster/replicate/read-child/policies.ts';
import { superFastHash } from '../../../../src/xlators/cluster/super-fast-hash.ts';
import { ReplicaCopies } from '../../../helpers/replica-copies.ts';

const GFID = '6f9f0c1e-58c2-4a9b-8d58-21e0a2a5c7d3';
const PID = 4711;

/* What a program says that was linked with GlusterFS 10's hashfn.c. */
const hashes = [
  { text: '00000000-0000-0000-0000-000000000001', plain: 4_266_734_359, withPid: 2_563_064_627 },
  { text: GFID, plain: 930_218_949, withPid: 1_873_023_400 },
  { text: 'ffffffff-ffff-ffff-ffff-ffffffffffff', plain: 421_081_663, withPid: 1_768_150_703 },
  { text: '80ff7f01-fe02-4003-8804-9a5bc6d7e8f9', plain: 3_625_138_408, withPid: 288_035_229 },
];

function question(given: Partial<Question> = {}): Question {
  return {
    gfid: gfidFromString(GFID),
    type: 'file',
    readable: 0b111,
    count: 3,
    load: new ReadLoad(3),
    pid: PID,
    ...given,
  };
}

function chosen(mode: number, given: Partial<Question> = {}): number | undefined {
  return policies[mode]!(question(given));
}

describe.each(hashes)('of $text', ({ text, plain, withPid }) => {
  const gfid = gfidFromString(text);

  test('the hash is GlusterFS’s', () => {
    expect(superFastHash(gfid)).toBe(plain);
  });

  test('mode 1 goes by it, whoever asks', () => {
    expect(chosen(1, { gfid })).toBe(plain % 3);
    expect(chosen(1, { gfid, pid: 1 })).toBe(plain % 3);
  });

  test('mode 2 mixes the process in, but for directories', () => {
    expect(chosen(2, { gfid })).toBe(withPid % 3);
    expect(chosen(2, { gfid, type: 'directory' })).toBe(plain % 3);
  });

  test('asking does not change the gfid', () => {
    chosen(2, { gfid });
    expect(superFastHash(gfid)).toBe(plain);
  });
});

test('mode 0 leaves it to the order of the volfile', () => {
  expect(chosen(0)).toBeUndefined();
});

test('mode 3 takes the copy with the fewest reads under way', async () => {
  const load = new ReadLoad(3);
  let finish = (): void => {};
  const slow = load.measure(
    0,
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  expect(chosen(3, { load })).toBe(1);
  expect(chosen(3, { load, readable: 0b101 })).toBe(2);
  expect(chosen(3, { load, readable: 0b001 })).toBe(0);
  finish();
  await slow;
  expect(chosen(3, { load })).toBe(0);
});

test('a read that fails is no longer under way, and tells nothing of latency', async () => {
  const load = new ReadLoad(2);
  await expect(load.measure(0, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(load.pending).toEqual([0, 0]);
  expect(load.latency[0]).toBeUndefined();
});

test('mode 4 takes the fastest, and tries each once', () => {
  const load = new ReadLoad(3);
  load.record(0, 4);
  expect(chosen(4, { load })).toBe(1);
  load.record(1, 2);
  load.record(2, 3);
  expect(chosen(4, { load })).toBe(1);
  expect(chosen(4, { load, readable: 0b101 })).toBe(2);
  // It follows what has changed for good, not a single outlier.
  load.record(1, 6);
  expect(chosen(4, { load })).toBe(1);
  for (let times = 0; times < 30; times++) load.record(1, 6);
  expect(chosen(4, { load })).toBe(2);
});

test('mode 5 weighs latency by the reads under way', () => {
  const load = new ReadLoad(3);
  load.record(0, 1);
  load.record(1, 2.5);
  load.record(2, 10);
  expect(chosen(5, { load })).toBe(0);
  load.pending[0] = 2;
  expect(chosen(5, { load })).toBe(1);
  load.pending[1] = 4;
  load.pending[0] = 11;
  expect(chosen(5, { load })).toBe(2);
});

describe('of a volume', () => {
  let set: ReplicaCopies | undefined;
  afterEach(async () => {
    await set?.[Symbol.asyncDispose]();
    set = undefined;
  });

  async function child(
    options: Record<string, string>,
    readable = 0b111,
  ): Promise<(gfid?: Gfid, type?: FileType) => number | undefined> {
    set = await ReplicaCopies.start(options);
    const { state } = set;
    return (gfid = newGfid(), type = 'file') => readChild(state, readable, { gfid, type });
  }

  test('the hash decides, and the first where its copy can’t be read', async () => {
    const choose = await child({ 'choose-local': 'off' });
    for (const { text, plain } of hashes) expect(choose(gfidFromString(text))).toBe(plain % 3);
    const { state } = set!;
    const gfid = gfidFromString(GFID);
    const others = 0b111 & ~(1 << (superFastHash(gfid) % 3));
    expect(readChild(state, others, { gfid, type: 'file' })).toBe(Math.log2(others & -others));
    expect(readChild(state, 0, { gfid, type: 'file' })).toBeUndefined();
  });

  test('read-subvolume goes before everything', async () => {
    const choose = await child({ 'read-subvolume': 'r-client-2' });
    expect(new Set(hashes.map(({ text }) => choose(gfidFromString(text))))).toEqual(new Set([2]));
    expect(readChild(set!.state, 0b011, { gfid: gfidFromString(GFID), type: 'file' })).not.toBe(2);
  });

  test('read-subvolume-index does the same by number', async () => {
    const choose = await child({ 'read-subvolume-index': '1' });
    expect(new Set(hashes.map(({ text }) => choose(gfidFromString(text))))).toEqual(new Set([1]));
  });

  test('where all copies are on this host the policy decides among them', async () => {
    const choose = await child({});
    for (const { text, plain } of hashes) expect(choose(gfidFromString(text))).toBe(plain % 3);
  });

  test('mode 3 follows the reads of the volume', async () => {
    const choose = await child({ 'read-hash-mode': '3' });
    loadOf(set!.state).pending[0] = 5;
    loadOf(set!.state).pending[1] = 1;
    expect(choose()).toBe(2);
  });
});
