import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../src/errors.ts';
import { Fd, Inode, rootContext } from '../../../src/graph/index.ts';
import { fopNames } from '../../../src/protocol/fops.ts';
import { newGfid } from '../../../src/protocol/gfid.ts';
import { Histogram } from '../../../src/xlators/debug/io-stats/histogram.ts';
import { ioStatsType } from '../../../src/xlators/debug/io-stats/index.ts';
import { TopFiles } from '../../../src/xlators/debug/io-stats/top-files.ts';
import { RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const context = rootContext();

function setUp(options: Record<string, string> = {}) {
  const child = new RecordingChild();
  child.answer('read', ({ size }) => ({ data: new Uint8Array(Math.min(size, 5000)), eof: true }));
  const volume = translatorOver(ioStatsType, [child], options);
  const fd = new Fd(new Inode(newGfid(), 'file'), 2);
  const write = (size: number) =>
    volume.write({ fd, offset: 0, size, flags: 0, data: [new Uint8Array(size)] }, context);
  const read = (size: number) => volume.read({ fd, offset: 0, size, flags: 0 }, context);
  return { child, volume, fd, write, read, dump: () => volume.translator.dump() };
}

describe('debug/io-stats', () => {
  it('takes the options that glusterd writes', () => {
    const written = { 'count-fop-hits': 'off', 'latency-measurement': 'off', 'log-level': 'INFO' };
    expect(() => setUp({ ...written, 'global-threading': 'off', threads: '16' })).not.toThrow();
  });

  it('by default counts bytes and costs nothing elsewhere', async () => {
    const { child, volume, write, read, dump } = setUp();
    const wrapped = fopNames.filter((fop) => volume[fop] !== child.subvolume[fop]);
    expect(wrapped.sort()).toEqual(['read', 'write']);
    await write(4096);
    await write(4097);
    await write(100);
    await read(10_000);
    expect(dump()).toMatchObject({
      written: { bytes: 8293, calls: { 64: 1, 4096: 2 } },
      read: { bytes: 5000, calls: { 4096: 1 } },
      fops: {},
      top: {},
    });
  });

  it('counts no bytes of a write that failed', async () => {
    const { child, write, dump } = setUp();
    child.answer('write', () => {
      throw new GlfsError('ENOSPC');
    });
    await expect(write(10)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(dump()).toMatchObject({ written: { bytes: 0, calls: {} } });
  });

  it('counts calls and failures, and ranks files, with count-fop-hits', async () => {
    const { child, volume, fd, read, dump } = setUp({ 'count-fop-hits': 'on' });
    child.answer('fsync', () => {
      throw new GlfsError('EIO');
    });
    await read(1);
    await read(1);
    await volume.open({ loc: { inode: fd.inode, path: '/file' }, fd, flags: 0 }, context);
    await volume.fsync({ fd, datasync: 0 }, context).catch(() => {});
    const { fops, top } = dump();
    expect(fops).toEqual({
      read: { hits: 2, errors: 0 },
      open: { hits: 1, errors: 0 },
      fsync: { hits: 1, errors: 1 },
    });
    const gfid = `${fd.inode}`;
    expect(top).toEqual({ read: [{ gfid, count: 2 }], open: [{ gfid, path: '/file', count: 1 }] });
  });

  it('measures latencies with latency-measurement', async () => {
    const { child, volume, fd, dump } = setUp({ 'latency-measurement': 'on' });
    child.answer('flush', () => new Promise<object>((resolve) => setTimeout(() => resolve({}), 3)));
    for (let count = 0; count < 3; count++) await volume.flush({ fd }, context);
    const { fops } = dump() as { fops: Record<string, { microseconds: Record<string, number> }> };
    const { min, avg, max, p50, p99, count } = fops.flush!.microseconds as Record<string, number>;
    expect(count).toBe(3);
    expect(min).toBeGreaterThan(1500);
    expect(avg).toBeGreaterThanOrEqual(min!);
    expect(max).toBeGreaterThanOrEqual(avg!);
    expect(p50).toBeGreaterThanOrEqual(min!);
    expect(p99).toBeLessThanOrEqual(max!);
  });

  it('counts events and passes them on', () => {
    const { child, volume, dump } = setUp();
    const seen: string[] = [];
    volume.translator.listen(({ kind }) => seen.push(kind));
    child.raise({ kind: 'child-up' });
    child.raise({ kind: 'cache-invalidation', gfid: newGfid(), flags: 1, expiresIn: 60 });
    expect(seen).toEqual(['child-up', 'cache-invalidation']);
    expect(dump()).toMatchObject({ events: { 'child-up': 1, 'cache-invalidation': 1 } });
  });
});

describe('Histogram', () => {
  it('gives percentiles that are at most a quarter too high, never too low', () => {
    const durations = fc.array(fc.double({ min: 1, max: 1e8, noNaN: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(durations, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (values, rank) => {
        const histogram = new Histogram();
        for (const value of values) histogram.add(value);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(rank * values.length) - 1]!;
        const estimate = histogram.percentile(rank);
        expect(estimate).toBeGreaterThanOrEqual(exact * 0.999999);
        expect(estimate).toBeLessThanOrEqual(exact * 1.25);
      }),
    );
  });

  it('keeps least, mean and most exactly, and is silent when empty', () => {
    const histogram = new Histogram();
    expect(histogram.summary()).toBeUndefined();
    for (const value of [0.5, 10, 1e12]) histogram.add(value);
    expect(histogram.summary()).toMatchObject({ count: 3, min: 0.5, max: 1e12 });
  });
});

describe('TopFiles', () => {
  it('never misses a file in the lead, and never grows', () => {
    const accesses = fc.array(fc.nat(60), { minLength: 50, maxLength: 800 });
    fc.assert(
      fc.property(accesses, fc.integer({ min: 1, max: 12 }), (files, limit) => {
        const top = new TopFiles(limit);
        const exact = new Map<string, number>();
        for (const file of files) {
          const gfid = new Uint8Array(16).fill(file);
          top.add(gfid);
          const key = `${new Inode(gfid)}`;
          exact.set(key, (exact.get(key) ?? 0) + 1);
        }
        const list = top.list();
        expect(list.length).toBeLessThanOrEqual(limit);
        for (const [gfid, count] of exact) {
          // The promise of "space saving": more than 1/limit of all accesses is never missed.
          if (count > files.length / limit) expect(list.map((file) => file.gfid)).toContain(gfid);
        }
        for (const { gfid, count } of list) expect(count).toBeGreaterThanOrEqual(exact.get(gfid)!);
      }),
    );
  });
});
