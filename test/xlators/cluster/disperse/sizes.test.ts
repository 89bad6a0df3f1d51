import { describe, expect, test } from 'vitest';
import { rootContext } from '../../../../src/graph/index.ts';
import { fragmentsOf, StoredFragments } from '../../../helpers/stored-fragments.ts';

const STRIPE = 2048;
const geometry = { data: 4, redundancy: 2 };
const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

function expectWhole(file: StoredFragments, content: Uint8Array): void {
  const whole = fragmentsOf(content, geometry);
  for (const [index, fragment] of file.fragments.entries())
    expect(Buffer.compare(fragment.bytes, whole[index]!), `fragment ${index}`).toBe(0);
}

const requests = (file: StoredFragments, index: number, fop: string): object[] =>
  file.fragments[index]!.child.calls.filter((call) => call.fop === fop).map((call) => call.request);

describe('truncate', () => {
  test('within a stripe leaves zeros behind the end, so that nothing comes back when the file grows', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(3 * STRIPE, 1));
    const reply = await file.truncate(STRIPE + 100);
    expect(reply).toMatchObject({ prestat: { size: 3 * STRIPE }, poststat: { size: STRIPE + 100 } });
    expectWhole(file, bytes(STRIPE + 100, 1));
    await file.truncate(2 * STRIPE);
    expectWhole(file, Buffer.concat([bytes(STRIPE + 100, 1), bytes(STRIPE - 100, 0)]));
  });

  test('by name needs no fd, and at the edge of a stripe writes nothing', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(2 * STRIPE, 1));
    file.forgetCalls();
    const loc = { inode: file.inode };
    await file.subject.truncate({ loc, offset: STRIPE }, rootContext());
    expect(file.calls(0)).not.toContain('write');
    await file.subject.truncate({ loc, offset: 100 }, rootContext());
    expect(requests(file, 0, 'write')).toMatchObject([{ fd: { anonymous: true }, offset: 0, size: 512 }]);
    expectWhole(file, bytes(100, 1));
  });

  test('that makes the file longer shows nothing of writes that have failed behind its end', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(100, 1));
    for (const fragment of file.fragments) fragment.put(2 * 512, bytes(512, 9));
    await file.truncate(5 * STRIPE);
    const expected = new Uint8Array(5 * STRIPE).fill(1, 0, 100);
    expect(await file.read(0, 9 * STRIPE)).toEqual(Buffer.from(expected));
    expectWhole(file, expected);
  });

  test('whose tail cannot be read leaves the size alone: it is not done', async () => {
    const file = new StoredFragments({ ...geometry, options: { 'stripe-cache': '0' } });
    await file.write(0, bytes(2 * STRIPE, 1));
    await file.settle();
    for (const index of [0, 1, 2]) file.fails(index, 'read', 'EIO');
    await expect(file.truncate(STRIPE + 1)).rejects.toMatchObject({ code: 'EIO', outcome: 'unknown' });
    await file.settle();
    expect(file.counter(0, 'size')).toEqual([BigInt(2 * STRIPE)]);
    expect(file.counter(0, 'dirty')[0]).toBeGreaterThan(0n);
  });

  test('leaves behind who is not there', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(2 * STRIPE, 1));
    file.fails(3, 'ftruncate', 'EIO');
    await file.truncate(10);
    await file.settle();
    expect(file.state.file(file.inode).bad).toBe(1 << 3);
    expect(requests(file, 3, 'write').length).toBe(1);
  });
});

describe('fallocate', () => {
  const fallocate = (file: StoredFragments, offset: number, size: number, flags: number) =>
    file.subject.fallocate({ fd: file.fd, offset, size, flags }, rootContext());

  test('sets whole stripes aside', async () => {
    const file = new StoredFragments(geometry);
    expect(await fallocate(file, 100, 3000, 0)).toMatchObject({
      prestat: { size: 0 },
      poststat: { size: 3100 },
    });
    expect(requests(file, 2, 'fallocate')).toMatchObject([{ offset: 0, size: 1024, flags: 0 }]);
    expectWhole(file, bytes(3100, 0));
    expect(await fallocate(file, 9000, 10, 1)).toMatchObject({ poststat: { size: 3100 } });
    expect(await file.read(0, 9999)).toEqual(Buffer.alloc(3100));
  });

  test('in other modes is refused', async () => {
    const file = new StoredFragments(geometry);
    for (const mode of [2, 3, 8, 0x10, 0x20])
      await expect(fallocate(file, 0, 10, mode)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    expect(file.calls(0)).not.toContain('fallocate');
  });
});

describe('discard', () => {
  const discard = (file: StoredFragments, offset: number, size: number) =>
    file.subject.discard({ fd: file.fd, offset, size }, rootContext());

  test('frees whole stripes, and writes zeros over the rest', async () => {
    const file = new StoredFragments(geometry);
    const content = bytes(6 * STRIPE, 1);
    await file.write(0, content);
    expect(await discard(file, 100, 4 * STRIPE)).toMatchObject({ poststat: { size: 6 * STRIPE } });
    expect(requests(file, 1, 'discard')).toMatchObject([{ offset: 512, size: 3 * 512 }]);
    content.fill(0, 100, 100 + 4 * STRIPE);
    expectWhole(file, content);
    await discard(file, 5 * STRIPE + 10, 20);
    content.fill(0, 5 * STRIPE + 10, 5 * STRIPE + 30);
    expectWhole(file, content);
  });

  test('behind the end changes no size, of the fragments neither', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(100, 1));
    expect(await discard(file, 90, 3 * STRIPE)).toMatchObject({ poststat: { size: 100 } });
    expect(await discard(file, 5000, 10)).toMatchObject({ prestat: { size: 100 }, poststat: { size: 100 } });
    expectWhole(file, Buffer.concat([bytes(90, 1), bytes(10, 0)]));
  });

  test('that is refused in its second step has happened in its first', async () => {
    const file = new StoredFragments({ ...geometry, options: { 'stripe-cache': '0' } });
    await file.write(0, bytes(3 * STRIPE, 1));
    for (const index of file.fragments.keys()) file.fails(index, 'write', 'EDQUOT');
    await expect(discard(file, STRIPE, STRIPE + 5)).rejects.toMatchObject({ code: 'EDQUOT' });
    await file.settle();
    expect(file.counter(0, 'dirty')).toEqual([0n, 0n]);
    const expected = bytes(3 * STRIPE, 1).fill(0, STRIPE, 2 * STRIPE);
    expect(await file.read(0, 3 * STRIPE)).toEqual(Buffer.from(expected));
  });
});

describe('zerofill', () => {
  const zerofill = (file: StoredFragments, offset: number, size: number) =>
    file.subject.zerofill({ fd: file.fd, offset, size }, rootContext());

  test('leaves whole stripes to the bricks, the last one of the file among them', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(3 * STRIPE + 100, 1));
    await zerofill(file, STRIPE + 1, 4 * STRIPE);
    expect(requests(file, 5, 'zerofill')).toMatchObject([{ offset: 1024, size: 4 * 512 }]);
    const expected = new Uint8Array(5 * STRIPE + 1).fill(1, 0, STRIPE + 1);
    expect(await file.read(0, 9 * STRIPE)).toEqual(Buffer.from(expected));
    expectWhole(file, expected);
  });

  test('in the middle of a file keeps what is around', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(2 * STRIPE, 1));
    expect(await zerofill(file, 10, 20)).toMatchObject({ poststat: { size: 2 * STRIPE } });
    expectWhole(file, bytes(2 * STRIPE, 1).fill(0, 10, 30));
  });
});
