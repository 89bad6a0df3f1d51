import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import { Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import type { Statfs } from '../../../../src/protocol/messages.ts';
import { distributeType } from '../../../../src/xlators/cluster/distribute/index.ts';
import { sharedQuota, sumStatfs } from '../../../../src/xlators/cluster/distribute/statfs.ts';
import { RecordingChild, translatorOver } from '../../../helpers/recording-child.ts';

function disk(changes: Partial<Statfs> = {}): Statfs {
  const blocks = { bsize: 4096, frsize: 4096, blocks: 1000, bfree: 600, bavail: 500 };
  return { ...blocks, files: 100, ffree: 60, favail: 50, fsid: 1n, flag: 0n, namemax: 255, ...changes };
}

describe('statfs over several disks', () => {
  it('adds up what they have', () => {
    expect(sumStatfs([disk(), disk({ bavail: 100 }), disk()])).toEqual(
      disk({ blocks: 3000, bfree: 1800, bavail: 1100, files: 300, ffree: 180, favail: 150 }),
    );
  });

  it('counts in units of the largest', () => {
    const sum = sumStatfs([disk(), disk({ bsize: 65536, frsize: 65536, blocks: 10, bfree: 5, bavail: 3 })]);
    expect(sum).toMatchObject({ bsize: 65536, frsize: 65536, blocks: 72, bfree: 42, bavail: 34 });
  });

  it('never tells more than there is, and at most a unit for each disk less', () => {
    const unit = fc.constantFrom(512, 1024, 4096, 65536);
    const any = fc.record({ frsize: unit, blocks: fc.nat(1 << 30) });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 9 }), (disks) => {
        const bytes = disks.reduce((sum, { frsize, blocks }) => sum + frsize * blocks, 0);
        const sum = sumStatfs(disks.map((each) => disk(each)));
        const told = sum.frsize * sum.blocks;
        expect(told).toBeLessThanOrEqual(bytes);
        expect(told).toBeGreaterThan(bytes - disks.length * sum.frsize);
      }),
    );
  });

  it('takes everybody’s usage off one shared limit', () => {
    const parts = [disk({ bfree: 900, ffree: 90 }), disk({ bfree: 700, ffree: 100 })];
    expect(sharedQuota(parts, 2)).toMatchObject({ blocks: 1000, bfree: 600, bavail: 600, ffree: 90 });
    // The third is down, and taken for average.
    expect(sharedQuota(parts, 3)).toMatchObject({ bfree: 400, bavail: 400, ffree: 85 });
    expect(sharedQuota([disk({ bfree: 100 }), disk({ bfree: 0 })], 2)).toMatchObject({ bfree: 0 });
  });
});

describe('the fop', () => {
  const context = rootContext();
  const over = (...answers: (() => Statfs & { xdata?: Dict })[]) => {
    const children = answers.map((answer, index) => new RecordingChild(`c${index}`).answer('statfs', answer));
    const volume = translatorOver(distributeType, children);
    for (const child of children) child.raise({ kind: 'child-up' });
    return { volume, children };
  };
  const loc = { inode: new Inode(ROOT_GFID, 'directory') };

  it('leaves out subvolumes that are down, and fails where all are', async () => {
    const down = (): Statfs => {
      throw new GlfsError('ENOTCONN');
    };
    await expect(over(() => disk(), down).volume.statfs({ loc }, context)).resolves.toMatchObject({
      blocks: 1000,
    });
    await expect(over(down, down).volume.statfs({ loc }, context)).rejects.toMatchObject({
      code: 'ENOTCONN',
    });
  });

  it('believes the quota, and of several views the fullest', async () => {
    const quota = (bfree: number) => () => ({
      ...disk({ blocks: 50, bfree }),
      xdata: new Dict([['quota-deem-statfs', { type: 'int' as const, value: 1n }]]),
    });
    const { volume } = over(() => disk(), quota(20), quota(10));
    await expect(volume.statfs({ loc }, context)).resolves.toMatchObject({ blocks: 50, bfree: 10 });
  });

  it('asks for the root on behalf of a file, which the others have not got', async () => {
    const { volume, children } = over(
      () => disk(),
      () => disk(),
    );
    await volume.statfs({ loc: { inode: new Inode(new Uint8Array(16).fill(7), 'file') } }, context);
    const asked = children.map(({ calls }) => calls.find(({ fop }) => fop === 'statfs')!.request);
    for (const request of asked as { loc: { inode: Inode } }[]) expect(request.loc.inode.isRoot).toBe(true);
  });
});
