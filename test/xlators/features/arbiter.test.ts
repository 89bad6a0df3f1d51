import { describe, expect, it } from 'vitest';
import { Fd, Inode, rootContext } from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { type FopName, fopNames } from '../../../src/protocol/fops.ts';
import { newGfid } from '../../../src/protocol/gfid.ts';
import { emptyIatt } from '../../../src/protocol/iatt.ts';
import { arbiterType } from '../../../src/xlators/features/arbiter/index.ts';
import { fileStat, RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const context = rootContext();

function setUp() {
  const child = new RecordingChild();
  const inode = new Inode(newGfid(), 'file');
  const stat = fileStat(inode.gfid, { mode: 0o100640, mtime: 7n });
  child.answer('lookup', () => ({ stat, postparent: emptyIatt() }));
  return { child, inode, stat, fd: new Fd(inode, 2), volume: translatorOver(arbiterType, [child]) };
}

type Call = (request: object, context: object) => Promise<Record<string, unknown>>;
const asked = (...names: string[]) => new Dict(names.map((name) => [name, { type: 'int', value: 1n }]));

describe('features/arbiter', () => {
  it.each(['truncate', 'ftruncate', 'fallocate', 'discard', 'zerofill', 'write'] as FopName[])(
    '%s succeeds without being done, with the attributes of the last lookup',
    async (fop) => {
      const { child, volume, inode, stat, fd } = setUp();
      const send = () =>
        (volume as unknown as Record<FopName, Call>)[fop](
          { loc: { inode }, fd, size: 4096, offset: 0 },
          context,
        );
      expect(await send()).toMatchObject({ prestat: emptyIatt(), poststat: emptyIatt() });
      await volume.lookup({ loc: { inode }, flags: 0 }, context);
      expect(await send()).toEqual({
        prestat: stat,
        poststat: stat,
        ...(fop === 'write' ? { count: 4096 } : {}),
      });
      expect(child.fops).toEqual(['lookup']);
    },
  );

  it('what a write asks is answered as if it were appended, with the number of open files', async () => {
    const { volume, inode, fd } = setUp();
    const write = async (xdata?: Dict) => {
      const request = { fd, offset: 9, size: 1, flags: 0, data: [new Uint8Array(1)], xdata };
      const reply = await volume.write(request, context);
      return reply.xdata && [...reply.xdata].map(([name, { value }]) => [name, value]);
    };
    const both = asked('glusterfs.open-fd-count', 'glusterfs.write-is-append', 'other');
    await volume.open({ loc: { inode }, fd, flags: 2 }, context);
    const second = new Fd(inode, 2);
    await volume.create({ loc: { inode }, fd: second, flags: 2, mode: 0, umask: 0 }, context);
    expect(await write(both)).toEqual([
      ['glusterfs.open-fd-count', 2n],
      ['glusterfs.write-is-append', 1n],
    ]);
    await volume.release({ fd: second }, context);
    expect(await write(asked('glusterfs.open-fd-count'))).toEqual([['glusterfs.open-fd-count', 1n]]);
    expect(await write()).toBeUndefined();
  });

  it('has nothing to read', async () => {
    const { child, volume, fd } = setUp();
    await expect(volume.read({ fd, offset: 0, size: 1, flags: 0 }, context)).rejects.toMatchObject({
      code: 'ENOSYS',
    });
    await expect(volume.seek({ fd, offset: 0, what: 0 }, context)).rejects.toMatchObject({ code: 'ENOSYS' });
    expect(child.fops).toEqual([]);
  });

  it('keeps names and attributes as any brick does', () => {
    const { child, volume } = setUp();
    const own = [
      'lookup',
      'truncate',
      'ftruncate',
      'fallocate',
      'discard',
      'zerofill',
      'write',
      'read',
      'seek',
    ];
    for (const fop of fopNames)
      if (![...own, 'open', 'create', 'release'].includes(fop))
        expect(volume[fop], fop).toBe(child.subvolume[fop]);
  });
});
