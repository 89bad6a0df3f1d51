import { describe, expect, test } from 'vitest';
import { rootContext } from '../../../../src/graph/index.ts';
import { StripeCache, stripeCache } from '../../../../src/xlators/cluster/disperse/stripe-cache.ts';
import { fragmentsOf, StoredFragments } from '../../../helpers/stored-fragments.ts';

const STRIPE = 2048;
const geometry = { data: 4, redundancy: 2 };

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

describe('a stripe cache', () => {
  test('keeps the stripe in which a write has ended, and no more than it may', () => {
    const cache = new StripeCache(2, STRIPE);
    cache.written(0, bytes(2 * STRIPE, 1), true);
    expect(cache.get(0)).toBeUndefined();
    expect(cache.get(STRIPE)).toEqual(bytes(STRIPE, 1));
    cache.written(4 * STRIPE, bytes(STRIPE, 2), true);
    cache.get(STRIPE);
    cache.written(8 * STRIPE, bytes(STRIPE, 3), true);
    expect(cache.size).toBe(2);
    expect(cache.get(4 * STRIPE)).toBeUndefined();
    expect(cache.get(STRIPE)).toEqual(bytes(STRIPE, 1));
  });

  test('follows writes over what it keeps, and owns its bytes', () => {
    const cache = new StripeCache(4, STRIPE);
    cache.written(STRIPE, bytes(STRIPE, 1), true);
    const buffer = Buffer.alloc(4 * STRIPE, 9);
    cache.written(0, buffer, false);
    buffer.fill(0);
    expect(cache.get(STRIPE)).toEqual(bytes(STRIPE, 9));
    expect(cache.size).toBe(1);
  });

  test('of no stripes keeps none', () => {
    const cache = new StripeCache(0, STRIPE);
    cache.written(0, bytes(STRIPE, 1), true);
    expect(cache.size).toBe(0);
  });
});

const readsOf = (file: StoredFragments): number =>
  file.fragments.flatMap((_, index) => file.calls(index)).filter((fop) => fop === 'read').length;

describe('writes', () => {
  test('that go on within a stripe do not read it', async () => {
    const file = new StoredFragments(geometry);
    for (let at = 0; at < 10; at++) await file.write(at * 700, bytes(700, at + 1));
    expect(readsOf(file)).toBe(0);
    await file.settle();
    await file.write(7000, bytes(10, 99));
    expect(readsOf(file)).toBe(4);
  });

  test('read again what was truncated in between', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(3 * STRIPE - 100, 1));
    await file.truncate(STRIPE);
    await file.truncate(3 * STRIPE - 100);
    await file.write(2 * STRIPE + 50, bytes(10, 2));
    const expected = new Uint8Array(3 * STRIPE - 100)
      .fill(1, 0, STRIPE)
      .fill(2, 2 * STRIPE + 50, 2 * STRIPE + 60);
    expect(await file.read(0, 4 * STRIPE)).toEqual(Buffer.from(expected));
    expect(file.fragments.map((fragment) => Buffer.from(fragment.bytes))).toEqual(
      fragmentsOf(expected, geometry).map((fragment) => Buffer.from(fragment)),
    );
  });

  test('read again what was written under another lock', async () => {
    const file = new StoredFragments(geometry);
    const grants = new Set<object>();
    const cached = (): Promise<number> =>
      file.state.locks.run([{ inode: file.inode }], rootContext(), async ([held]) => {
        grants.add(held!.grant);
        return stripeCache(file.state, held!).size;
      });
    await file.write(0, bytes(100, 1));
    expect(await cached()).toBe(1);
    file.state.locks.contended({
      kind: 'inodelk-contention',
      domain: file.state.domain,
      gfid: file.inode.gfid,
    } as never);
    await file.settle();
    // Another client in between.
    const other = fragmentsOf(bytes(100, 7), geometry);
    for (const [index, fragment] of file.fragments.entries()) fragment.bytes = Uint8Array.from(other[index]!);
    expect(await cached()).toBe(0);
    expect(grants.size).toBe(2);
    await file.write(50, bytes(10, 2));
    const expected = bytes(100, 7).fill(2, 50, 60);
    expect(await file.read(0, 200)).toEqual(Buffer.from(expected));
  });

  test('that have failed leave nothing behind to be believed', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(STRIPE - 100, 1));
    for (const index of [0, 1, 2, 3, 4, 5]) file.fails(index, 'write', 'ENOSPC');
    await expect(file.write(100, bytes(50, 2))).rejects.toMatchObject({ code: 'ENOSPC' });
    for (const index of file.fragments.keys()) file.works(index);
    file.forgetCalls();
    await file.write(300, bytes(50, 3));
    expect(readsOf(file)).toBe(4);
    const expected = bytes(STRIPE - 100, 1).fill(3, 300, 350);
    expect(await file.read(0, STRIPE)).toEqual(Buffer.from(expected));
  });
});
