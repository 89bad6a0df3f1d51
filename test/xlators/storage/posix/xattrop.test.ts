import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Inode } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { XattropFlag } from '../../../../src/protocol/messages.ts';
import { DataBrick, storeKinds } from './data-brick.ts';

const {
  ADD_ARRAY,
  ADD_ARRAY64,
  AND_ARRAY,
  OR_ARRAY,
  GET_AND_SET,
  ADD_ARRAY_WITH_DEFAULT,
  ADD_ARRAY64_WITH_DEFAULT,
} = XattropFlag;

const i32 = (...values: number[]) =>
  Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(value);
      return bytes;
    }),
  );
const i64 = (...values: bigint[]) => Buffer.from(BigInt64Array.from(values).buffer).swap64();
const KEY = 'trusted.afr.dirty';

describe.each(storeKinds())("xattrop on a brick's files, attributes kept as %s", (store) => {
  let data: DataBrick;
  let count = 0;
  beforeAll(async () => {
    data = await DataBrick.open(store);
  });
  afterAll(() => data.close());

  const fresh = () => data.make(`op-${count++}`);
  const op = async (inode: Inode, operation: number, value: Uint8Array, name = KEY) => {
    const dict = new Dict().setBytes(name, value);
    const reply = await data.call('xattrop', { loc: { inode }, operation, dict });
    return reply.dict!.bytes(name);
  };
  const held = (inode: Inode, name = KEY) => data.brick.store.get(data.brick.pathOf(inode.gfid), name);

  test('adds, from zeros where there is nothing, and answers with the sum', async () => {
    const inode = fresh();
    expect(await op(inode, ADD_ARRAY, i32(1, 0, -2))).toEqual(i32(1, 0, -2));
    expect(await op(inode, ADD_ARRAY, i32(1, 5, 2))).toEqual(i32(2, 5, 0));
    expect(held(inode)).toEqual(i32(2, 5, 0));
  });

  test('wraps around', async () => {
    const inode = fresh();
    await op(inode, ADD_ARRAY, i32(0x7fff_ffff));
    expect(await op(inode, ADD_ARRAY, i32(1))).toEqual(i32(-0x8000_0000));
    const wide = 'trusted.ec.version';
    await op(inode, ADD_ARRAY64, i64(0x7fff_ffff_ffff_ffffn, -1n), wide);
    expect(await op(inode, ADD_ARRAY64, i64(1n, 1n), wide)).toEqual(i64(-0x8000_0000_0000_0000n, 0n));
  });

  test('zeros make nothing, and read what is there', async () => {
    const inode = fresh();
    expect(await op(inode, ADD_ARRAY, i32(0, 0))).toEqual(i32(0, 0));
    expect(held(inode)).toBe(undefined);
    await op(inode, ADD_ARRAY, i32(3, 4));
    expect(await op(inode, ADD_ARRAY64, i64(0n))).toEqual(i32(3, 4));
  });

  test('a value that is shorter than given grows, a longer one is ERANGE', async () => {
    const inode = fresh();
    await op(inode, ADD_ARRAY, i32(1));
    expect(await op(inode, ADD_ARRAY, i32(1, 1))).toEqual(i32(2, 1));
    await expect(op(inode, ADD_ARRAY, i32(1))).rejects.toMatchObject({ code: 'ERANGE' });
    expect(held(inode)).toEqual(i32(2, 1));
  });

  test('defaults count where there is nothing, or zero', async () => {
    const inode = fresh();
    expect(await op(inode, ADD_ARRAY_WITH_DEFAULT, i32(1, 2, 10, 20))).toEqual(i32(11, 22));
    expect(await op(inode, ADD_ARRAY_WITH_DEFAULT, i32(-11, 1, 10, 20))).toEqual(i32(0, 23));
    expect(await op(inode, ADD_ARRAY_WITH_DEFAULT, i32(5, 1, 10, 20))).toEqual(i32(15, 24));
    expect(await op(inode, ADD_ARRAY64_WITH_DEFAULT, i64(1n, 2n), 'trusted.wide')).toEqual(i64(3n));
  });

  test('sets, and answers with what was there', async () => {
    const inode = fresh();
    expect(await op(inode, GET_AND_SET, i32(1))).toBe(undefined);
    expect(await op(inode, GET_AND_SET, i32(0))).toEqual(i32(1));
    expect(held(inode)).toEqual(i32(0));
  });

  test.each([
    ['and', AND_ARRAY],
    ['or', OR_ARRAY],
    ['whatever', 99],
  ])('%s is unknown', async (_what, operation) => {
    await expect(op(fresh(), operation, i32(1))).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('names that no file system has', async () => {
    await expect(op(fresh(), ADD_ARRAY, i32(1), 'nonsense.x')).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  });

  test('by fd, with the size and mode that are asked for, and attributes that are empty', async () => {
    const inode = fresh();
    const fd = await data.fd(inode);
    await data.write(fd, 'abc');
    const xdata = new Dict().set(keys.getSize, 1).set(keys.modeForDistribute, 1);
    const dict = new Dict().setBytes(KEY, i32(1)).setBytes('trusted.other', i32(2));
    const reply = await data.call('fxattrop', { fd, operation: ADD_ARRAY, dict, xdata });
    expect([...reply.dict!.names()]).toEqual([KEY, 'trusted.other']);
    expect(reply.xdata!.get(keys.getSize)).toBe(3);
    expect(reply.xdata!.get(keys.modeForDistribute)).toBe(0o100644);
    expect(reply.poststat).toEqual(emptyIatt());
  });

  test('concurrent calls add up', async () => {
    const inode = fresh();
    await Promise.all(Array.from({ length: 50 }, (_, index) => op(inode, ADD_ARRAY, i32(1, index))));
    expect(held(inode)).toEqual(i32(50, 1225));
  });

  test('any sums are those of 32 bits', async () => {
    const values = fc.array(fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), {
      minLength: 3,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 8 }), async (arrays) => {
        const inode = fresh();
        const sums = new Int32Array(3);
        for (const array of arrays) {
          for (const [index, value] of array.entries()) sums[index]! += value;
          expect(await op(inode, ADD_ARRAY, i32(...array))).toEqual(i32(...sums));
        }
      }),
      { numRuns: 30 },
    );
  });
});
