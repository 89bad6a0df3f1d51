/* Files that only a crash, or others than the brick, can have made. */
import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fd, type Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { storeKinds } from './data-brick.ts';
import { EntryBrick } from './entry-brick.ts';

/** Where files may be longer than any number: in memory. */
function takesHuge(): boolean {
  const path = `/dev/shm/glfs-huge-${process.pid}`;
  try {
    writeFileSync(path, '');
    execFileSync('truncate', ['-s', '1E', path]);
    return true;
  } catch {
    return false;
  } finally {
    try {
      unlinkSync(path);
    } catch {}
  }
}
const huge = takesHuge();

describe.each(storeKinds())('with the %s store', (kind) => {
  let brick: EntryBrick;
  beforeEach(async () => {
    brick = await EntryBrick.start({ 'attribute-store': kind }, huge ? '/dev/shm' : tmpdir());
  });
  afterEach(() => brick.stop());

  async function gfidToPath(inode: Inode): Promise<string> {
    const { dict } = await brick.top.getxattr(
      { loc: { inode }, name: 'glusterfs.gfidtopath' },
      rootContext(),
    );
    return Buffer.from(dict!.bytes('glusterfs.gfidtopath')!).toString();
  }

  test('a name that was noted, and is not there, is not told', async () => {
    const inode = await brick.file(brick.root, 'f');
    await brick.link(inode, brick.root, 'g');
    unlinkSync(brick.path('f'));
    expect(await brick.paths(inode)).toHaveLength(2);
    expect(await gfidToPath(inode)).toBe('/g');
    // Nor where another file has it.
    await brick.file(brick.root, 'f');
    expect(await gfidToPath(inode)).toBe('/g');
    unlinkSync(brick.path('f'));
    linkSync(brick.path('g'), brick.path('f'));
    expect((await gfidToPath(inode)).split(':').sort()).toEqual(['/f', '/g']);
  });

  test.skipIf(!huge)('a file of more bytes than a number counts is refused, and hides no other', async () => {
    const inode = await brick.file(brick.root, 'f');
    await brick.file(brick.root, 'g');
    execFileSync('truncate', ['-s', '1E', brick.path('f')]);
    const refused = { code: 'EOVERFLOW' };
    await expect(brick.find(inode)).rejects.toMatchObject(refused);
    await expect(brick.lookup(brick.root, 'f')).rejects.toMatchObject(refused);
    const fd = new Fd(brick.root, 0);
    await brick.top.opendir({ loc: { inode: brick.root }, fd }, rootContext());
    const { entries } = await brick.top.readdirp(
      { fd, offset: 0n, size: 1 << 16, xdata: new Dict() },
      rootContext(),
    );
    await brick.top.releasedir({ fd }, rootContext());
    expect(entries.map(({ name }) => name).sort()).toEqual(['.', '..', 'f', 'g']);
    expect(entries.find(({ name }) => name === 'f')?.stat).toBeUndefined();
    unlinkSync(brick.path('f'));
  });

  test.skipIf(!huge)('offsets beyond 2^31 and 2^32 reach their bytes, and nothing lies between', async () => {
    const { inode, fd } = await brick.create(brick.root, 'f');
    const offsets = [2 ** 31 - 3, 2 ** 32 - 3, 2 ** 40 + 1];
    const write = (offset: number) =>
      brick.top.write({ fd, offset, size: 6, flags: 0, data: [Buffer.from('abcdef')] }, rootContext());
    for (const offset of offsets) await write(offset);
    for (const offset of offsets) {
      const read = await brick.top.read({ fd, offset, size: 6, flags: 0 }, rootContext());
      expect(Buffer.from(read.data).toString()).toBe('abcdef');
    }
    const { stat } = await brick.find(inode);
    expect(stat.size).toBe(2 ** 40 + 7);
    expect(stat.blocks).toBeLessThan(100);
    expect((await brick.top.seek({ fd, offset: 2 ** 33, what: 0 }, rootContext())).offset).toBe(2 ** 40);
    await brick.top.truncate({ loc: { inode }, offset: 2 ** 31 }, rootContext());
    await brick.top.truncate({ loc: { inode }, offset: 3 }, rootContext());
    expect(readFileSync(brick.path('f'))).toHaveLength(3);
    await brick.release(fd);
  });
});
