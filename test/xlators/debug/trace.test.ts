import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../src/errors.ts';
import { Fd, Inode, rootContext } from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { fopNames } from '../../../src/protocol/fops.ts';
import { newGfid, ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { traceType } from '../../../src/xlators/debug/trace/index.ts';
import { RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const context = rootContext({ pid: 100, uid: 1, gid: 2 });
const root = new Inode(ROOT_GFID, 'directory');
const file = new Inode(newGfid(), 'file');
const fd = new Fd(file, 2);

function setUp(options: Record<string, string> = {}) {
  const child = new RecordingChild();
  return { child, volume: translatorOver(traceType, [child], options) };
}

describe('debug/trace', () => {
  it('logs what a call asked for and how long it took, never the data', async () => {
    const { child, volume } = setUp();
    const data = [Buffer.from('secret')];
    const dict = new Dict().setBytes('user.a', Buffer.from('secret'));
    await volume.write({ fd, offset: 4096, size: 6, flags: 0, data }, context);
    await volume.setxattr({ loc: { inode: file }, flags: 0, dict }, context);
    await volume.lookup({ loc: { inode: new Inode(), parent: root, name: 'a' }, flags: 0 }, context);
    expect(child.fops).toEqual(['write', 'setxattr', 'lookup']);
    const [write, setxattr, lookup] = volume.lines;
    expect(write).toMatchObject({ level: 'info', message: 'write' });
    expect(write!.details).toMatchObject({
      fop: 'write',
      fd: `${file}`,
      offset: 4096,
      size: 6,
      uid: 1,
      gid: 2,
      pid: 100,
    });
    expect(write!.details.microseconds).toBeGreaterThanOrEqual(0);
    expect(setxattr!.details).toMatchObject({ loc: `${file}`, dict: ['user.a'] });
    expect(lookup!.details).toMatchObject({ loc: `${root}/a` });
    expect(JSON.stringify(volume.lines)).not.toContain('secret');
  });

  it('logs how a call failed, and lets it fail', async () => {
    const { child, volume } = setUp();
    const error = new GlfsError('ENOSPC');
    child.answer('flush', () => {
      throw error;
    });
    await expect(volume.flush({ fd }, context)).rejects.toBe(error);
    expect(volume.lines[0]?.details).toMatchObject({ fop: 'flush', code: 'ENOSPC' });
  });

  it('traces every operation of the table by default', async () => {
    const { child, volume } = setUp();
    for (const fop of fopNames) {
      const traced = volume[fop] as (request: object, context: object) => Promise<unknown>;
      await traced({ loc: { inode: file }, fd }, context);
    }
    expect(volume.lines.map(({ message }) => message)).toEqual(fopNames);
    expect(child.fops).toEqual(fopNames);
  });

  it('knows operations by the names that GlusterFS gives them', () => {
    const { child, volume } = setUp({ 'include-ops': 'WRITE, COPY_FILE_RANGE,readv' });
    const traced = fopNames.filter((fop) => volume[fop] !== child.subvolume[fop]);
    expect(traced.sort()).toEqual(['copyFileRange', 'read', 'write']);
  });

  it('leaves out what is excluded, at no cost', () => {
    const { child, volume } = setUp({ exclude: 'LOOKUP,STAT', 'log-file': 'on', 'log-history': 'on' });
    const untraced = fopNames.filter((fop) => volume[fop] === child.subvolume[fop]);
    expect(untraced.sort()).toEqual(['lookup', 'stat']);
  });

  it('warns of names that are no operations', () => {
    const { volume } = setUp({ 'exclude-ops': 'LOOKUP,GETSPEC' });
    expect(volume.lines).toEqual([expect.objectContaining({ level: 'warn' })]);
    expect(volume.lines[0]?.message).toContain('getspec');
  });
});
