import { afterEach, describe, expect, test } from 'vitest';
import { BLOCK, KIB, pattern, Striped } from './striped.ts';

/*
 * What lies on the bricks is what GlusterFS 3 to 5 would have put there, and the other way round: stripes that are put together by
 * hand, from the formulas of its stripe.c, read as the file.
 */

const NAME = 'trusted.v-stripe-0.stripe';
let striped: Striped;
afterEach(() => striped.stop());

function attributes(brick: number, name: string): Promise<Record<string, string>> {
  return striped.alone(brick, async (volume) => {
    const found: Record<string, string> = {};
    for (const key of ['size', 'count', 'index', 'coalesce'])
      found[key] = (await volume.getxattr(name, `${NAME}-${key}`)).toString('latin1');
    return found;
  });
}

/** Blocks of a file that a stripe holds. */
function blocksOf(bytes: Buffer, stripe: number, count: number): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = stripe * BLOCK; at < bytes.length; at += count * BLOCK)
    blocks.push(bytes.subarray(at, Math.min(at + BLOCK, bytes.length)));
  return blocks;
}

describe('a new file', () => {
  test('coalesced: blocks lie together, attributes are decimal text with a NUL', async () => {
    striped = await Striped.start({ bricks: 3, options: { 'block-size': '*.img:32KB,16KB' } });
    const bytes = pattern(7 * BLOCK + 1000);
    await striped.volume.writeFile('/file', bytes);
    for (const brick of [0, 1, 2])
      expect(striped.stripe(brick, 'file').equals(Buffer.concat(blocksOf(bytes, brick, 3)))).toBe(true);
    for (const brick of [0, 1, 2])
      expect(await attributes(brick, '/file')).toEqual({
        size: '16384\0',
        count: '3\0',
        index: `${brick}\0`,
        coalesce: '1\0',
      });
    await striped.volume.writeFile('/disk.img', bytes);
    expect(await attributes(1, '/disk.img')).toMatchObject({ size: '32768\0', index: '1\0' });
    expect(striped.stripe(1, 'disk.img').subarray(0, 2 * BLOCK)).toEqual(
      bytes.subarray(2 * BLOCK, 4 * BLOCK),
    );
  });

  test('not coalesced: every byte at its own offset, holes between', async () => {
    striped = await Striped.start({ options: { coalesce: 'off' } });
    const bytes = pattern(4 * BLOCK + 10);
    await striped.volume.writeFile('/file', bytes);
    const expected = Buffer.concat([
      Buffer.alloc(BLOCK),
      bytes.subarray(BLOCK, 2 * BLOCK),
      Buffer.alloc(BLOCK),
      bytes.subarray(3 * BLOCK, 4 * BLOCK),
    ]);
    expect(striped.stripe(1, 'file').equals(expected)).toBe(true);
    expect(striped.stripe(0, 'file').length).toBe(bytes.length);
    expect(await attributes(0, '/file')).toMatchObject({ index: '0\0', coalesce: '0\0' });
  });

  test('the size that others would see is that of the stripe that ends last', async () => {
    striped = await Striped.start({ bricks: 3 });
    const file = await striped.volume.open('/sparse', 'w+');
    await file.pwrite(Buffer.from('x'), 4 * BLOCK + 99);
    expect([0, 1, 2].map((brick) => striped.stripe(brick, 'sparse').length)).toEqual([0, BLOCK + 100, 0]);
    expect((await file.stat()).size).toBe(4 * BLOCK + 100);
    await file.truncate(2 * BLOCK + 5);
    expect([0, 1, 2].map((brick) => striped.stripe(brick, 'sparse').length)).toEqual([BLOCK, BLOCK, 5]);
    await file.truncate(3 * BLOCK);
    expect([0, 1, 2].map((brick) => striped.stripe(brick, 'sparse').length)).toEqual([BLOCK, BLOCK, BLOCK]);
    expect((await file.stat()).size).toBe(3 * BLOCK);
    await file.close();
  });
});

describe('a file of somebody else', () => {
  test.each([
    ['on', 2],
    ['off', 3],
  ])(
    'coalesce %s, %i stripes: is put together, whatever new files would be like',
    async (coalesce, count) => {
      striped = await Striped.start({ bricks: count, options: { coalesce } });
      await striped.volume.writeFile('/old.img', '');
      const bytes = pattern(5 * BLOCK + 77, 9);
      for (let brick = 0; brick < count; brick++) {
        if (coalesce === 'on') {
          striped.put(brick, 'old.img', Buffer.concat(blocksOf(bytes, brick, count)));
          continue;
        }
        const apart = Buffer.alloc(bytes.length);
        let end = 0;
        for (const [at, block] of blocksOf(bytes, brick, count).entries()) {
          const offset = (at * count + brick) * BLOCK;
          block.copy(apart, offset);
          end = offset + block.length;
        }
        striped.put(brick, 'old.img', apart, end);
      }
      const other = coalesce === 'on' ? 'off' : 'on';
      const volume = await striped.open({ options: { coalesce: other, 'block-size': '1MB' } });
      expect((await volume.stat('/old.img')).size).toBe(bytes.length);
      expect((await volume.readFile('/old.img')).equals(bytes)).toBe(true);
      const more = pattern(3 * BLOCK, 5);
      const file = await volume.open('/old.img', 'r+');
      await file.pwrite(more, 4 * BLOCK - 100);
      await file.close();
      const expected = Buffer.concat([bytes.subarray(0, 4 * BLOCK - 100), more]);
      expect((await volume.readFile('/old.img')).equals(expected)).toBe(true);
      // In the place where the old client looks for it.
      const at = coalesce === 'on' ? 2 * BLOCK : 4 * BLOCK;
      const holder = 4 % count;
      expect(striped.stripe(holder, 'old.img').subarray(at, at + BLOCK)).toEqual(
        expected.subarray(4 * BLOCK, 5 * BLOCK),
      );
    },
  );

  test('from before GlusterFS 3.3, without stripe-coalesce, is not coalesced', async () => {
    striped = await Striped.start({ options: { coalesce: 'off' } });
    const bytes = pattern(3 * BLOCK, 3);
    await striped.volume.writeFile('/older', bytes);
    for (const brick of [0, 1])
      await striped.alone(brick, (volume) => volume.removexattr('/older', `${NAME}-coalesce`));
    const volume = await striped.open({ options: { coalesce: 'on' } });
    expect((await volume.readFile('/older')).equals(bytes)).toBe(true);
  });

  test('keeps the order of its stripes when the volfile gets another one', async () => {
    striped = await Striped.start({ bricks: 3 });
    const bytes = pattern(6 * BLOCK + 1);
    await striped.volume.writeFile('/file', bytes);
    const volume = await striped.open({ order: [2, 0, 1] });
    expect((await volume.readFile('/file')).equals(bytes)).toBe(true);
    expect((await volume.stat('/file')).size).toBe(bytes.length);
    await volume.writeFile('/new', bytes);
    expect(striped.stripe(2, 'new')).toEqual(Buffer.concat(blocksOf(bytes, 0, 3)));
  });

  test('without attributes reads by block-size and path where use-xattr is off', async () => {
    striped = await Striped.start({ options: { 'use-xattr': 'off', 'block-size': '*.img:16KB,64KB' } });
    const bytes = pattern(130 * KIB);
    await striped.volume.writeFile('/a.img', bytes);
    await striped.volume.writeFile('/b', bytes);
    expect(striped.stripe(1, 'b').subarray(64 * KIB, 128 * KIB)).toEqual(bytes.subarray(64 * KIB, 128 * KIB));
    expect(striped.stripe(1, 'a.img').length).toBe(128 * KIB);
    const volume = await striped.open();
    expect((await volume.readFile('/a.img')).equals(bytes)).toBe(true);
    expect((await volume.readFile('/b')).equals(bytes)).toBe(true);
    const strict = await striped.open({ options: { 'use-xattr': 'on' } });
    await expect(strict.readFile('/b')).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('attributes that say how a file is striped', () => {
  test('are neither shown nor changed', async () => {
    striped = await Striped.start();
    const { volume } = striped;
    await volume.writeFile('/file', 'x');
    await volume.setxattr('/file', 'user.mine', Buffer.from('1'));
    expect((await volume.listxattr('/file')).filter((name) => name.includes('stripe'))).toEqual([]);
    await expect(volume.getxattr('/file', `${NAME}-size`)).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(volume.setxattr('/file', `${NAME}-size`, Buffer.from('1'))).rejects.toMatchObject({
      code: 'EPERM',
    });
    await expect(volume.removexattr('/file', `${NAME}-size`)).rejects.toMatchObject({ code: 'EPERM' });
    expect(String(await volume.getxattr('/file', 'glusterfs.pathinfo'))).toMatch(
      /^\(<STRIPE:v-stripe-0:\[16384\]> .+b0\/file\S* .+b1\/file\S*\)$/,
    );
  });

  test.each<[string, Record<string, string>]>([
    ['two stripes of one number', { index: '0' }],
    ['another block size', { size: '32768' }],
    ['another number of stripes', { count: '3' }],
    ['a stripe that there can not be', { index: '7' }],
    ['no number', { size: 'much' }],
    ['a block of no bytes', { size: '0' }],
    ['one stripe coalesced, one not', { coalesce: '0' }],
  ])('%s: the file is EIO, and removed it can not be either', async (_, wrong) => {
    striped = await Striped.start();
    await striped.volume.writeFile('/file', pattern(3 * BLOCK));
    await striped.alone(1, async (volume) => {
      for (const [key, value] of Object.entries(wrong))
        await volume.setxattr('/file', `${NAME}-${key}`, Buffer.from(`${value}\0`));
    });
    await expect(striped.volume.readFile('/file')).rejects.toMatchObject({ code: 'EIO' });
    await expect(striped.volume.stat('/file')).rejects.toMatchObject({ code: 'EIO' });
    expect(await striped.volume.readdir('/')).toContain('file');
  });
});
