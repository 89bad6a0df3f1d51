import { describe, expect, test } from 'vitest';
import { rootContext } from '../../../../src/graph/index.ts';
import { fragmentsOf, type Geometry, StoredFragments } from '../../../helpers/stored-fragments.ts';

/* Random changes of one file, compared with the same changes of an array: what is read, and every byte on every good brick. */

/** xorshift32: the same for a seed on every machine. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The file as it should be. */
class Model {
  bytes: Uint8Array = new Uint8Array();

  resize(size: number): void {
    const resized = new Uint8Array(size);
    resized.set(this.bytes.subarray(0, size));
    this.bytes = resized;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.bytes.length) this.resize(offset + bytes.length);
    this.bytes.set(bytes, offset);
  }
}

interface Stage {
  readonly file: StoredFragments;
  readonly model: Model;
  readonly random: (below: number) => number;
  readonly stripe: number;
}

function somewhere({ model, random, stripe }: Stage): { offset: number; size: number } {
  const aligned = random(4) === 0;
  const offset = random(model.bytes.length + 3 * stripe);
  const size = 1 + random(random(3) === 0 ? 5 * stripe : stripe);
  if (!aligned) return { offset, size };
  return { offset: offset - (offset % stripe), size: Math.ceil(size / stripe) * stripe };
}

function content({ random }: Stage, size: number): Uint8Array {
  const seed = random(256);
  return Uint8Array.from({ length: size }, (_, at) => (at * 7 + seed) & 0xff);
}

const steps: readonly ((stage: Stage) => Promise<void>)[] = [
  async (stage) => {
    const { offset, size } = somewhere(stage);
    const bytes = content(stage, size);
    const { count, poststat } = await stage.file.write(offset, bytes);
    stage.model.write(offset, bytes);
    expect(count).toBe(size);
    expect(poststat.size).toBe(stage.model.bytes.length);
  },
  async (stage) => {
    const bytes = content(stage, 1 + stage.random(2 * stage.stripe));
    await stage.file.write(0, bytes, stage.file.appender);
    stage.model.write(stage.model.bytes.length, bytes);
  },
  async (stage) => {
    const size = stage.random(stage.model.bytes.length + 2 * stage.stripe);
    const { prestat, poststat } = await stage.file.truncate(size);
    expect(prestat.size).toBe(stage.model.bytes.length);
    stage.model.resize(size);
    expect(poststat.size).toBe(size);
  },
  async (stage) => {
    const { offset, size } = somewhere(stage);
    const { fd, subject } = stage.file;
    await subject.discard({ fd, offset, size }, rootContext());
    stage.model.bytes.fill(0, offset, offset + size);
  },
  async (stage) => {
    const { offset, size } = somewhere(stage);
    const { fd, subject } = stage.file;
    const { poststat } = await subject.zerofill({ fd, offset, size }, rootContext());
    stage.model.write(offset, new Uint8Array(size));
    expect(poststat.size).toBe(stage.model.bytes.length);
  },
  async (stage) => {
    const { offset, size } = somewhere(stage);
    const { fd, subject } = stage.file;
    const flags = stage.random(2);
    await subject.fallocate({ fd, offset, size, flags }, rootContext());
    if (flags === 0 && offset + size > stage.model.bytes.length) stage.model.resize(offset + size);
  },
  async (stage) => {
    // Side by side: the ranges share no byte, but may share stripes.
    const { offset, size } = somewhere(stage);
    const parts = Array.from({ length: 4 }, (_, part) => ({
      at: offset + part * size,
      bytes: content(stage, size),
    }));
    await Promise.all(parts.map(({ at, bytes }) => stage.file.write(at, bytes)));
    for (const { at, bytes } of parts) stage.model.write(at, bytes);
  },
  async (stage) => {
    const { fd, subject } = stage.file;
    await subject.fsync({ fd, datasync: 0 }, rootContext());
  },
  async ({ file }) => file.settle(),
];

async function compare({ file, model, random, stripe }: Stage, geometry: Geometry): Promise<void> {
  const { length } = model.bytes;
  const offset = random(length + stripe);
  const size = 1 + random(3 * stripe);
  const expected = model.bytes.subarray(offset, offset + size);
  expect(Buffer.compare(await file.read(offset, size), expected)).toBe(0);
  const into = new Uint8Array(size + 3).fill(0xee);
  const data = await file.read(offset, size, into);
  expect(Buffer.compare(data, expected)).toBe(0);
  expect(data.length === 0 || data.buffer === into.buffer).toBe(true);
  expect(into.subarray(expected.length).every((byte) => byte === 0xee)).toBe(true);
  const whole = fragmentsOf(model.bytes, geometry);
  const bad = file.state.file(file.inode).bad;
  for (const [index, fragment] of file.fragments.entries()) {
    if (fragment.isDown || (bad & (1 << index)) !== 0) continue;
    expect(Buffer.compare(fragment.bytes, whole[index]!), `fragment ${index}`).toBe(0);
  }
}

const geometries: readonly Geometry[] = [
  { data: 2, redundancy: 1 },
  { data: 4, redundancy: 2 },
  { data: 3, redundancy: 2 },
  { data: 4, redundancy: 2, options: { 'stripe-cache': '0', 'read-policy': 'round-robin' } },
  { data: 3, redundancy: 1, options: { 'parallel-writes': 'off', 'eager-lock': 'off' } },
];

describe.each(geometries)('a file on $data+$redundancy $options', (geometry) => {
  const seeds = [1, 2, 3, 4];

  test.each(seeds)('is what was written to it, seed %i', async (seed) => {
    const file = new StoredFragments(geometry);
    const stage: Stage = {
      file,
      model: new Model(),
      random: randomFrom(seed * 7919),
      stripe: file.state.stripe,
    };
    for (let step = 0; step < 50; step++) {
      await steps[stage.random(steps.length)]!(stage);
      await compare(stage, geometry);
    }
    await file.settle();
    const size = BigInt(stage.model.bytes.length);
    for (const index of file.fragments.keys()) {
      expect(file.counter(index, 'size')).toEqual([size]);
      expect(file.counter(index, 'dirty')).toEqual([0n, 0n]);
    }
  });

  test.each(seeds)('survives bricks that are killed in the middle, seed %i', async (seed) => {
    const file = new StoredFragments(geometry);
    const stage: Stage = {
      file,
      model: new Model(),
      random: randomFrom(seed * 104_729),
      stripe: file.state.stripe,
    };
    const { random } = stage;
    let left = geometry.redundancy;
    for (let step = 0; step < 50; step++) {
      if (left > 0 && random(20) === 0) {
        left--;
        const index = random(file.fragments.length);
        let calls = random(8);
        // Before its answer to one of the calls to come; the change itself is made or not.
        file.fragments[index]!.before = async () => {
          if (calls-- > 0 || file.fragments[index]!.isDown) return;
          file.down(index);
          if (random(2) === 0) await Promise.resolve();
        };
      }
      for (const [index, fragment] of file.fragments.entries()) {
        if (fragment.isDown && random(4) === 0) {
          file.works(index);
          file.up(index);
        }
      }
      await steps[random(steps.length)]!(stage);
      await compare(stage, geometry);
    }
  });
});
