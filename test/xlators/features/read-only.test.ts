import { describe, expect, it } from 'vitest';
import { Fd, HEAL_PID, Inode, rootContext } from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { type FopName, fopNames, fops } from '../../../src/protocol/fops.ts';
import { newGfid } from '../../../src/protocol/gfid.ts';
import { OpenFlag } from '../../../src/protocol/messages.ts';
import { readOnlyType } from '../../../src/xlators/features/read-only/index.ts';
import { RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const application = rootContext({ pid: 100 });
const inode = new Inode(newGfid(), 'file');
const fd = new Fd(inode, OpenFlag.RDWR);
/** Enough of a request for a translator that looks at flags and attributes only. */
const request = {
  loc: { inode },
  fd,
  flags: OpenFlag.RDWR,
  operation: 0,
  dict: new Dict().setBytes('trusted.x', Uint8Array.of(0, 1)),
};

function setUp(options: Record<string, string> = { 'read-only': 'on' }) {
  const child = new RecordingChild();
  return { child, volume: translatorOver(readOnlyType, [child], options) };
}

function call(volume: object, fop: FopName, context = application): Promise<unknown> {
  const table = volume as Record<FopName, (request: object, context: object) => Promise<unknown>>;
  return table[fop](request, context);
}

const changing = fopNames.filter((fop) => fops[fop].traits.mutates || fop === 'open');
const harmless = fopNames.filter((fop) => !changing.includes(fop));

describe('features/read-only', () => {
  it.each(changing)('refuses %s with EROFS and sends nothing', async (fop) => {
    const { child, volume } = setUp();
    await expect(call(volume, fop)).rejects.toMatchObject({ code: 'EROFS', fop, translator: 'subject' });
    expect(child.calls).toEqual([]);
  });

  it('covers what GlusterFS refuses, and what it forgets', () => {
    const expected = [
      'create',
      'setattr',
      'fsetxattr',
      'fallocate',
      'discard',
      'fremovexattr',
      'copyFileRange',
    ];
    expect(changing).toEqual(expect.arrayContaining(expected));
  });

  it.each(harmless)('lets %s through as the function of its child', (fop) => {
    const { child, volume } = setUp();
    expect(volume[fop]).toBe(child.subvolume[fop]);
  });

  it('lets a file be opened for reading', async () => {
    const { child, volume } = setUp();
    await volume.open({ loc: { inode }, fd, flags: OpenFlag.RDONLY | OpenFlag.NOFOLLOW }, application);
    expect(child.fops).toEqual(['open']);
    for (const flags of [OpenFlag.WRONLY, OpenFlag.RDWR, OpenFlag.RDONLY | OpenFlag.TRUNC]) {
      const opened = volume.open({ loc: { inode }, fd, flags }, application);
      await expect(opened).rejects.toMatchObject({ code: 'EROFS' });
    }
  });

  it('lets counters be read by adding zero', async () => {
    const { child, volume } = setUp();
    const dict = new Dict().setBytes('trusted.afr.dirty', new Uint8Array(12));
    await volume.xattrop({ loc: { inode }, operation: 0, dict }, application);
    await volume.fxattrop({ fd, operation: 0, dict: undefined }, application);
    expect(child.fops).toEqual(['xattrop', 'fxattrop']);
  });

  it('stands aside for internal callers', async () => {
    const { child, volume } = setUp();
    for (const fop of changing) await call(volume, fop, rootContext({ pid: HEAL_PID }));
    expect(child.fops).toEqual(changing);
  });

  it('does nothing where it is off, which is the default', () => {
    const { child, volume } = setUp({});
    for (const fop of fopNames) expect(volume[fop]).toBe(child.subvolume[fop]);
  });
});
