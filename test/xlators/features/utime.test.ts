import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../src/errors.ts';
import { Fd, Inode, rootContext, StampFlag } from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { type FopName, fopNames } from '../../../src/protocol/fops.ts';
import { newGfid } from '../../../src/protocol/gfid.ts';
import { emptyIatt } from '../../../src/protocol/iatt.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { SetattrValid } from '../../../src/protocol/messages.ts';
import { wallClock } from '../../../src/xlators/features/utime/clock.ts';
import { utimeType } from '../../../src/xlators/features/utime/index.ts';
import { fileStat, RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const context = rootContext({ pid: 100, uid: 1000, gid: 1000 });
const inode = new Inode(newGfid(), 'file');
const fd = new Fd(inode, 2);

function setUp(options: Record<string, string> = {}) {
  const child = new RecordingChild();
  return { child, volume: translatorOver(utimeType, [child], options) };
}

/** The flags as captured from libgfapi and as GlusterFS's sources have them. */
const expected: Partial<Record<FopName, number>> = {
  create: 0x1f,
  mknod: 0x1f,
  mkdir: 0x1f,
  symlink: 0x1f,
  unlink: 0x19,
  rmdir: 0x19,
  link: 0x19,
  rename: 0x19,
  write: 3,
  truncate: 3,
  ftruncate: 3,
  copyFileRange: 3,
  fallocate: 6,
  zerofill: 6,
  setxattr: 1,
  fsetxattr: 1,
  removexattr: 1,
  fremovexattr: 1,
};

async function stampOf(volume: object, child: RecordingChild, fop: FopName) {
  const table = volume as Record<FopName, (request: object, context: object) => Promise<unknown>>;
  await table[fop]({ loc: { inode }, fd, flags: 0 }, context);
  return child.last.context.stamp;
}

describe('features/utime', () => {
  it.each(Object.entries(expected) as [FopName, number][])('stamps %s with %i', async (fop, flags) => {
    const { child, volume } = setUp();
    const before = Date.now() / 1000;
    const stamp = await stampOf(volume, child, fop);
    expect(stamp?.flags).toBe(flags);
    const seconds = stamp!.seconds + stamp!.nanoseconds / 1e9;
    expect(seconds).toBeGreaterThan(before - 1);
    expect(seconds).toBeLessThan(Date.now() / 1000 + 1);
    expect(stamp!.nanoseconds).toBeGreaterThanOrEqual(0);
    expect(stamp!.nanoseconds).toBeLessThan(1e9);
  });

  it("leaves all other calls their child's own functions", () => {
    const { child, volume } = setUp();
    const own: FopName[] = ['lookup', 'setattr', 'fsetattr'];
    for (const fop of fopNames) {
      if (!(fop in expected) && !own.includes(fop)) expect(volume[fop], fop).toBe(child.subvolume[fop]);
    }
  });

  it('stamps access where noatime is off', async () => {
    const { child, volume } = setUp({ noatime: 'off' });
    for (const fop of ['open', 'opendir', 'read'] as const) {
      expect((await stampOf(volume, child, fop))?.flags).toBe(StampFlag.ATIME);
    }
    expect((await stampOf(volume, child, 'copyFileRange'))?.flags).toBe(7);
    expect((await stampOf(volume, child, 'write'))?.flags).toBe(3);
  });

  it('changes nothing else about the caller', async () => {
    const { child, volume } = setUp();
    await volume.truncate({ loc: { inode }, offset: 0 }, context);
    const { stamp, ...rest } = child.last.context;
    expect(stamp).toBeDefined();
    expect(rest).toEqual(context);
    expect(context.stamp).toBeUndefined();
  });

  describe('setattr', () => {
    const { MODE, UID, GID, SIZE, ATIME, MTIME, ATIME_NOW, MTIME_NOW } = SetattrValid;
    const stat = { ...emptyIatt(), atime: 11n, atimeNsec: 12, mtime: 21n, mtimeNsec: 22 };

    it.each([
      [0, 1],
      [MODE, 1],
      [UID, 1],
      [GID, 1],
      [MODE | SIZE, 1],
      [SIZE, 0],
      [ATIME | MTIME, 0],
      [MODE | MTIME, 1],
    ])('of %i has flags %i and the time now', async (valid, flags) => {
      const { child, volume } = setUp();
      for (const fop of ['setattr', 'fsetattr'] as const) {
        await volume[fop]({ loc: { inode }, fd, stat, valid }, context);
        expect(child.last.context.stamp?.flags).toBe(flags);
        expect(child.last.context.stamp?.seconds).toBeGreaterThan(1_700_000_000);
      }
    });

    it('to now takes the time that the caller took for now', async () => {
      const { child, volume } = setUp();
      await volume.setattr({ loc: { inode }, stat, valid: ATIME | MTIME | ATIME_NOW | MTIME_NOW }, context);
      expect(child.last.context.stamp).toEqual({ flags: 0, seconds: 11, nanoseconds: 12 });
      await volume.fsetattr({ fd, stat, valid: MTIME | MTIME_NOW | MODE }, context);
      expect(child.last.context.stamp).toEqual({ flags: 1, seconds: 21, nanoseconds: 22 });
    });
  });

  describe('lookup', () => {
    const stat = fileStat(newGfid(), {
      atime: 1n,
      mtime: 2n,
      ctime: 3n,
      atimeNsec: 4,
      mtimeNsec: 5,
      ctimeNsec: 6,
    });
    const postparent = emptyIatt();

    it('asks for the times, beside what the caller asked for', async () => {
      const { child, volume } = setUp();
      child.answer('lookup', () => ({ stat, postparent, xdata: new Dict().set(keys.mdataWanted, 1) }));
      const xdata = new Dict().set(keys.openFdCount, 1);
      await volume.lookup({ loc: { inode: new Inode() }, flags: 0, xdata }, context);
      expect(child.fops).toEqual(['lookup']);
      const sent = (child.last.request as { xdata: Dict }).xdata;
      expect([sent.get(keys.mdataWanted), sent.get(keys.openFdCount)]).toEqual([1, 1]);
      expect(xdata.has(keys.mdataWanted), "the caller's own dict stays as it was").toBe(false);
    });

    it('gives times to a file that has none: once, as root, with an internal pid', async () => {
      const { child, volume } = setUp();
      child.answer('lookup', () => ({ stat, postparent }));
      const loc = { inode: new Inode() };
      await volume.lookup({ loc, flags: 0 }, context);
      await volume.lookup({ loc, flags: 0 }, context);
      expect(child.fops).toEqual(['lookup', 'setxattr', 'lookup']);
      const { request, context: sent } = child.calls[1]!;
      expect([sent.uid, sent.gid, sent.pid, sent.stamp]).toEqual([0, 0, -13, undefined]);
      const { dict } = request as { dict: Dict };
      expect(dict.get(keys.setMdata)).toEqual({
        atime: 1n,
        mtime: 2n,
        ctime: 3n,
        atimeNsec: 4,
        mtimeNsec: 5,
        ctimeNsec: 6,
      });
      expect((request as { loc: { inode: Inode } }).loc.inode.gfid).toEqual(stat.gfid);
    });

    it('does not fail where they cannot be given', async () => {
      const { child, volume } = setUp();
      child.answer('lookup', () => ({ stat, postparent }));
      child.answer('setxattr', () => {
        throw new GlfsError('EROFS');
      });
      const reply = await volume.lookup({ loc: { inode: new Inode() }, flags: 0 }, context);
      expect(reply.stat).toBe(stat);
      expect(volume.lines.map(({ level }) => level)).toEqual(['debug']);
    });

    it('passes its failure on', async () => {
      const { child, volume } = setUp();
      child.answer('lookup', () => {
        throw new GlfsError('ENOENT');
      });
      const missing = volume.lookup({ loc: { inode: new Inode() }, flags: 0 }, context);
      await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
      expect(child.fops).toEqual(['lookup']);
    });
  });
});

describe('the clock of features/utime', () => {
  it('tells times of one millisecond apart', () => {
    let monotonic = 0;
    const now = wallClock(
      () => 1_700_000_000_123,
      () => monotonic,
    );
    const first = now();
    monotonic += 0.25;
    const second = now();
    expect(first.seconds).toBe(1_700_000_000);
    expect(second.nanoseconds - first.nanoseconds).toBeGreaterThan(240_000);
    expect(second.nanoseconds - first.nanoseconds).toBeLessThan(260_000);
  });

  it('follows the wall clock when that is set, and never strays far from it', () => {
    const step = fc.record({
      passes: fc.double({ min: 0, max: 50, noNaN: true }),
      set: fc.integer({ min: -9, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let wall = 1_700_000_000_000;
        let monotonic = 5;
        const now = wallClock(
          () => Math.floor(wall),
          () => monotonic,
        );
        for (const { passes, set } of steps) {
          wall += passes + set * 1000;
          monotonic += passes;
          const { seconds, nanoseconds } = now();
          expect(Math.abs(seconds * 1000 + nanoseconds / 1e6 - wall)).toBeLessThan(4);
          expect(nanoseconds >= 0 && nanoseconds < 1e9).toBe(true);
        }
      }),
    );
  });
});
