import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rootContext, StampFlag } from '../../../../src/graph/index.ts';
import type { Mdata } from '../../../../src/protocol/dict.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { SetattrValid } from '../../../../src/protocol/messages.ts';
import { decodeMdata, encodeMdata, MDATA_KEY } from '../../../../src/xlators/storage/posix/mdata.ts';
import {
  mergeTimes,
  readTimes,
  stampCopyTimes,
  stampParentTimes,
  stampTimes,
} from '../../../../src/xlators/storage/posix/times.ts';
import { DataBrick, stamping } from './data-brick.ts';

/** trusted.glusterfs.mdata of a file that a FUSE client of GlusterFS 10.3 made and dated by utimensat(2). */
const REAL = Buffer.from(
  '010000000000000000000000006b01b69c00000000223629b600000000075bcd15000000001dcd650000000000075bcd150000000000000000',
  'hex',
);
const REAL_TIMES: Mdata = {
  ctime: 1_795_274_396n,
  ctimeNsec: 573_974_966,
  mtime: 123_456_789n,
  mtimeNsec: 500_000_000,
  atime: 123_456_789n,
  atimeNsec: 0,
};

const { CTIME, MTIME, ATIME, PARENT_CTIME, PARENT_MTIME } = StampFlag;

describe('the bytes of trusted.glusterfs.mdata', () => {
  const times: Mdata = {
    ctime: 1n,
    ctimeNsec: 2,
    mtime: -3n,
    mtimeNsec: 4,
    atime: 5n,
    atimeNsec: 999_999_999,
  };

  test('hold version, flags, and ctime, mtime, atime in this order', () => {
    expect(encodeMdata(times).toString('hex')).toBe(
      [
        '01',
        '0000000000000000',
        '00000000000000010000000000000002',
        'fffffffffffffffd0000000000000004',
        '0000000000000005000000003b9ac9ff',
      ].join(''),
    );
    expect(decodeMdata(encodeMdata(times))).toEqual(times);
  });

  test('are those of a client of GlusterFS', () => {
    expect(decodeMdata(REAL)).toEqual(REAL_TIMES);
    expect(encodeMdata(REAL_TIMES)).toEqual(REAL);
  });

  test('too few are an error of the disk', () => {
    expect(() => decodeMdata(REAL.subarray(0, 56))).toThrow(expect.objectContaining({ code: 'EIO' }));
  });
});

describe('times that clients stamp', () => {
  let data: DataBrick;
  let count = 0;
  beforeAll(async () => {
    data = await DataBrick.open('sidecar');
  });
  afterAll(() => data.close());

  function file() {
    const name = `times-${count++}`;
    const inode = data.make(name);
    return { inode, place: Buffer.from(data.path(name)) };
  }
  const held = (place: Buffer) => readTimes(data.brick, place);

  test("a call without stamp makes no attribute, and the times are the host's", async () => {
    const { inode, place } = file();
    await data.write(await data.fd(inode), 'x');
    expect(held(place)).toBe(undefined);
    const { mtime } = data.brick.iatt(place);
    expect(Math.abs(Number(mtime) - Date.now() / 1000)).toBeLessThan(60);
  });

  test('the first stamp sets all three, later ones those that they name', () => {
    const { place } = file();
    stampTimes(data.brick, place, stamping(CTIME | MTIME, 100, 5));
    expect(held(place)).toEqual({
      ctime: 100n,
      ctimeNsec: 5,
      mtime: 100n,
      mtimeNsec: 5,
      atime: 100n,
      atimeNsec: 5,
    });
    stampTimes(data.brick, place, stamping(CTIME, 200));
    stampTimes(data.brick, place, stamping(ATIME, 300));
    expect(held(place)).toMatchObject({ ctime: 200n, mtime: 100n, atime: 300n });
    expect(data.brick.iatt(place)).toMatchObject({ ctime: 200n, mtime: 100n, atime: 300n });
  });

  test('they never go back, by a nanosecond neither', () => {
    const { place } = file();
    stampTimes(data.brick, place, stamping(CTIME | MTIME, 100, 5));
    stampTimes(data.brick, place, stamping(CTIME | MTIME, 100, 4));
    stampTimes(data.brick, place, stamping(CTIME | MTIME, 99, 999));
    expect(held(place)).toMatchObject({ ctime: 100n, ctimeNsec: 5, mtime: 100n, mtimeNsec: 5 });
    stampTimes(data.brick, place, stamping(CTIME, 100, 6));
    expect(held(place)).toMatchObject({ ctimeNsec: 6, mtimeNsec: 5 });
  });

  test('a write without stamp leaves them as they are', async () => {
    const { inode, place } = file();
    stampTimes(data.brick, place, stamping(CTIME | MTIME, 100));
    const { poststat } = await data.write(await data.fd(inode), 'x');
    expect(poststat).toMatchObject({ mtime: 100n, ctime: 100n });
  });

  test("the parent takes the parent's flags only", () => {
    const { place } = file();
    stampParentTimes(data.brick, place, stamping(CTIME | MTIME, 100));
    expect(held(place)).toBe(undefined);
    stampParentTimes(data.brick, place, stamping(PARENT_CTIME | PARENT_MTIME | ATIME, 100));
    stampParentTimes(data.brick, place, stamping(PARENT_MTIME | ATIME, 200));
    expect(held(place)).toMatchObject({ ctime: 100n, mtime: 200n, atime: 100n });
  });

  test('a copy dates its target as written and its source as read', () => {
    const source = file().place;
    const target = file().place;
    for (const place of [source, target]) stampTimes(data.brick, place, stamping(CTIME, 100));
    stampCopyTimes(data.brick, source, target, stamping(CTIME | MTIME | ATIME, 200));
    expect(held(source)).toMatchObject({ ctime: 100n, mtime: 100n, atime: 200n });
    expect(held(target)).toMatchObject({ ctime: 200n, mtime: 200n, atime: 100n });
  });

  test('times of another copy: of each the newer one stays', () => {
    const { place } = file();
    const other: Mdata = { ctime: 50n, ctimeNsec: 1, mtime: 60n, mtimeNsec: 2, atime: 70n, atimeNsec: 3 };
    mergeTimes(data.brick, place, other);
    expect(held(place)).toEqual(other);
    mergeTimes(data.brick, place, { ...other, ctime: 40n, mtime: 61n });
    expect(held(place)).toEqual({ ...other, mtime: 61n });
  });

  test('SETATTR may set them back, and moves ctime on', async () => {
    const { inode, place } = file();
    stampTimes(data.brick, place, stamping(CTIME | MTIME, 100));
    const stat = { ...emptyIatt(), mtime: 7n, mtimeNsec: 8, atime: 9n, atimeNsec: 10 };
    const valid = SetattrValid.MTIME | SetattrValid.ATIME;
    const request = { loc: { inode }, stat, valid };
    const { poststat } = await data.call('setattr', request, stamping(CTIME, 200));
    expect(poststat).toMatchObject({ mtime: 7n, mtimeNsec: 8, atime: 9n, atimeNsec: 10, ctime: 200n });
    expect(held(place)).toMatchObject({ mtime: 7n, atime: 9n, ctime: 200n });
  });

  test('SETATTR without a stamp on a file without times leaves it without', async () => {
    const { inode, place } = file();
    const stat = { ...emptyIatt(), mtime: 1_000_000_007n, mtimeNsec: 123_456_789 };
    const request = { loc: { inode }, stat, valid: SetattrValid.MTIME };
    const { poststat } = await data.call('setattr', request, rootContext());
    expect(poststat).toMatchObject({ mtime: 1_000_000_007n });
    expect(held(place)).toBe(undefined);
  });

  test('the option ctime off: neither kept nor shown', async () => {
    const off = await DataBrick.open('sidecar', { ctime: 'off' });
    try {
      const inode = off.make('f');
      const place = Buffer.from(off.path('f'));
      stampTimes(off.brick, place, stamping(CTIME, 100));
      expect(off.brick.store.get(place, MDATA_KEY)).toBe(undefined);
      off.brick.store.set(place, MDATA_KEY, REAL);
      expect((await off.call('stat', { loc: { inode } })).stat.mtime).not.toBe(decodeMdata(REAL).mtime);
    } finally {
      await off.close();
    }
  });
});
