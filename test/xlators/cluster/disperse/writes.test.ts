import { describe, expect, test } from 'vitest';
import { type Reply, rootContext } from '../../../../src/graph/index.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { fileStat } from '../../../helpers/recording-child.ts';
import { fragmentsOf, StoredFragments } from '../../../helpers/stored-fragments.ts';

const STRIPE = 2048;
const geometry = { data: 4, redundancy: 2 };
const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

function expectFragments(file: StoredFragments, content: Uint8Array, good: readonly number[]): void {
  const whole = fragmentsOf(content, geometry);
  for (const index of good)
    expect(Buffer.compare(file.fragments[index]!.bytes, whole[index]!), `fragment ${index}`).toBe(0);
}

describe('a write', () => {
  test('of whole stripes reads nothing, and goes to all at their own place', async () => {
    const file = new StoredFragments(geometry);
    await file.write(2 * STRIPE, bytes(STRIPE, 5));
    expect(file.calls(3).filter((fop) => fop === 'read' || fop === 'write')).toEqual(['write']);
    const write = file.fragments[3]!.child.calls.find(({ fop }) => fop === 'write')!;
    expect(write.request).toMatchObject({ offset: 1024, size: 512 });
    expectFragments(file, Buffer.concat([bytes(2 * STRIPE, 0), bytes(STRIPE, 5)]), [0, 1, 2, 3, 4, 5]);
  });

  test('takes its bytes in pieces, and tells the attributes of the file', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(10, 1));
    const data = [bytes(7, 2), bytes(5000, 3), bytes(1, 4)];
    const reply = await file.subject.write(
      { fd: file.fd, offset: 3, size: 5008, data, flags: 0 },
      rootContext(),
    );
    expect(reply).toMatchObject({ count: 5008, prestat: { size: 10 }, poststat: { size: 5011, blocks: 12 } });
    expect(await file.read(0, 9999)).toEqual(Buffer.concat([bytes(3, 1), ...data]));
  });

  test('of nothing changes nothing', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(10, 1));
    expect(await file.write(50, bytes(0, 0))).toMatchObject({ count: 0, poststat: { size: 10 } });
    expect(file.calls(0).filter((fop) => fop === 'write').length).toBe(1);
  });

  test('leaves behind who fails, or has taken less', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(STRIPE, 1));
    file.fails(2, 'write', 'EIO');
    file.fragments[4]!.child.answer('write', ({ size }) => ({
      ...statOf(file),
      count: size - 512,
    }));
    await file.write(100, bytes(3 * STRIPE, 2));
    await file.settle();
    expect(file.state.file(file.inode).bad).toBe(0b010100);
    expect(file.counter(2, 'version')[0]).toBeLessThan(file.counter(0, 'version')[0]!);
    expect(file.counter(4, 'version')[0]).toBeLessThan(file.counter(0, 'version')[0]!);
    expect(await file.read(0, STRIPE)).toEqual(Buffer.concat([bytes(100, 1), bytes(STRIPE - 100, 2)]));
  });

  test('that all refuse alike is refused, and nothing moves', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(STRIPE, 1));
    await file.settle();
    const before = file.counter(0, 'version');
    for (const index of file.fragments.keys()) file.fails(index, 'write', 'EDQUOT');
    await expect(file.write(0, bytes(10, 2))).rejects.toMatchObject({ code: 'EDQUOT' });
    await file.settle();
    expect(file.counter(0, 'version')).toEqual(before);
    expect(file.counter(0, 'dirty')).toEqual([0n, 0n]);
    for (const index of file.fragments.keys()) file.works(index);
    expect(await file.read(0, STRIPE)).toEqual(Buffer.from(bytes(STRIPE, 1)));
  });

  test('that most have refused is undone where it was taken: these are behind', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(STRIPE, 1));
    for (const index of [0, 1, 2, 3]) file.fails(index, 'write', 'ENOSPC');
    await expect(file.write(0, bytes(STRIPE, 2))).rejects.toMatchObject({ code: 'ENOSPC' });
    await file.settle();
    expect(file.state.file(file.inode).bad).toBe(0b110000);
    expect(file.counter(5, 'version')[0]).toBeLessThan(file.counter(0, 'version')[0]!);
    expect(await file.read(0, STRIPE)).toEqual(Buffer.from(bytes(STRIPE, 1)));
  });

  test('that too few have taken is an error of unknown outcome, and leaves the file dirty', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(STRIPE, 1));
    for (const index of [0, 1, 2]) file.fails(index, 'write', 'EIO');
    await expect(file.write(0, bytes(STRIPE, 2))).rejects.toMatchObject({ code: 'EIO', outcome: 'unknown' });
    await file.settle();
    expect(file.counter(4, 'dirty')[0]).toBeGreaterThan(0n);
  });

  test('on fewer than quorum-count is an error, but counted', async () => {
    const file = new StoredFragments({ ...geometry, options: { 'quorum-count': '5' } });
    for (const index of [0, 1]) file.fails(index, 'write', 'EIO');
    await expect(file.write(0, bytes(10, 1))).rejects.toMatchObject({ code: 'EIO', outcome: 'unknown' });
    await file.settle();
    expect(file.counter(0, 'version')[0]).toBeLessThan(file.counter(2, 'version')[0]!);
  });

  test('that cannot read what it needs changes nothing', async () => {
    const file = new StoredFragments(geometry);
    await file.write(0, bytes(STRIPE, 1));
    await file.settle();
    file.forgetCalls();
    for (const index of [0, 1, 2]) file.fails(index, 'read', 'EIO');
    await expect(file.write(5, bytes(10, 2))).rejects.toMatchObject({ code: 'EIO', outcome: 'failed' });
    expect(file.calls(4)).not.toContain('write');
    await file.settle();
    expect(file.counter(4, 'dirty')).toEqual([0n, 0n]);
    expect(file.state.file(file.inode).bad).toBe(0);
  });

  test('of full bricks is as long as what all have taken', async () => {
    const file = new StoredFragments(geometry);
    for (const fragment of file.fragments) {
      fragment.child.answer('write', ({ offset, data }) => {
        fragment.put(offset, Buffer.concat(data).subarray(0, 512));
        return { ...statOf(file), count: 512 };
      });
    }
    expect(await file.write(100, bytes(3 * STRIPE, 7))).toMatchObject({
      count: STRIPE - 100,
      poststat: { size: STRIPE },
    });
    expect(await file.read(0, 9999)).toEqual(Buffer.concat([bytes(100, 0), bytes(STRIPE - 100, 7)]));
  });
});

function statOf({ inode }: StoredFragments): Pick<Reply<'write'>, 'prestat' | 'poststat'> {
  const stat = fileStat(inode.gfid);
  return { prestat: stat, poststat: stat };
}

describe('appends', () => {
  test('land at the end, one behind the other, by fds that bricks open otherwise', async () => {
    const file = new StoredFragments(geometry);
    const parts = Array.from({ length: 8 }, (_, part) => bytes(300 + part, part + 1));
    await Promise.all(parts.map((part) => file.write(0, part, file.appender)));
    const content = await file.read(0, 9999);
    expect(content.length).toBe(parts.reduce((sum, { length }) => sum + length, 0));
    expect([...new Set(content)].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(file.appender.withheld & OpenFlag.APPEND).toBe(OpenFlag.APPEND);
    expectFragments(file, content, [0, 1, 2, 3, 4, 5]);
  });

  test('of an fd for writing only read by gfid what they go on', async () => {
    const file = new StoredFragments({ ...geometry, options: { 'stripe-cache': '0' } });
    await file.write(0, bytes(10, 1));
    await file.write(0, bytes(10, 2), file.appender);
    const reads = file.fragments.flatMap(({ child }) => child.calls.filter(({ fop }) => fop === 'read'));
    expect(reads.length).toBe(4);
    for (const { request } of reads) expect(request).toMatchObject({ fd: { anonymous: true } });
  });
});

describe('copyFileRange', () => {
  test('is left to the caller', async () => {
    const file = new StoredFragments(geometry);
    const { fd } = file;
    const request = { source: fd, target: fd, sourceOffset: 0, targetOffset: 0, size: 1, flags: 0 };
    await expect(file.subject.copyFileRange(request, rootContext())).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
    });
  });
});
