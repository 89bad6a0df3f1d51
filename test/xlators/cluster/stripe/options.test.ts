import { describe, expect, test } from 'vitest';
import { Volume } from '../../../../src/index.ts';
import {
  type BlockSizes,
  blockSizeFor,
  blockSizeOption,
} from '../../../../src/xlators/cluster/stripe/block-size.ts';

const K = 1024;
const option = blockSizeOption(128 * K, '');

describe('block-size', () => {
  test.each<[string, Record<string, number>]>([
    ['256KB', { '/a': 256 * K, '/d/b.img': 256 * K }],
    ['*.img:2MB', { '/a': 128 * K, '/b.img': 2048 * K, '/deep/down/b.img': 2048 * K }],
    ['*.img:2MB,*.db:64KB,1MB', { '/a': 1024 * K, '/b.img': 2048 * K, '/x.db': 64 * K }],
    ['1MB, /vm/*:16KB , *.img:32KB', { '/vm/a.img': 16 * K, '/b.img': 32 * K, '/a': 1024 * K }],
    ['*:2MB', { '/a': 2048 * K }],
    ['disk[0-9]*:16896', { disk7: 16_896, diskA: 128 * K }],
  ])('%s', (text, expected) => {
    const sizes: BlockSizes = option.parse(text);
    for (const [path, bytes] of Object.entries(expected)) expect(blockSizeFor(sizes, path), path).toBe(bytes);
  });

  test('is 128 KiB where nobody says anything', () => {
    expect(blockSizeFor(option.default, '/any')).toBe(128 * K);
  });

  test.each(['', '8KB', '16385', 'x', '*.img:', '*.img:8KB', ':64KB', '64KB,', '-1'])(
    "'%s' is refused",
    (text) => {
      expect(() => option.parse(text)).toThrow(/expected/);
    },
  );
});

describe('a graph with it', () => {
  const brick = (name: string): string =>
    `volume ${name}\n type storage/posix\n option directory /nowhere/${name}\nend-volume\n`;

  test.each([
    ['one subvolume', `${brick('a')}volume s\n type cluster/stripe\n subvolumes a\nend-volume\n`],
    [
      'blocks of 8 KiB',
      `${brick('a')}${brick('b')}volume s\n type cluster/stripe\n option block-size 8KB\n subvolumes a b\nend-volume\n`,
    ],
  ])('of %s is not built', async (_, volfile) => {
    await expect(Volume.fromVolfile(volfile)).rejects.toMatchObject({ code: 'EINVAL' });
  });
});
