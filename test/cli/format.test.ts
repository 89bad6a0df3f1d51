import { describe, expect, test } from 'vitest';
import { Stats } from '../../src/api/stats.ts';
import { alignRows, deviceNumbers, inColumns, modeText, typeOf, width } from '../../src/cli/format.ts';
import { compareNames, type Listed, listingLines, sortListed, totalLine } from '../../src/cli/listing.ts';
import { lineOf } from '../../src/cli/progress.ts';
import { emptyIatt } from '../../src/protocol/iatt.ts';

describe('modes', () => {
  test.each([
    [0o100644, '-rw-r--r--'],
    [0o40755, 'drwxr-xr-x'],
    [0o104755, '-rwsr-xr-x'],
    [0o102645, '-rw-r-Sr-x'],
    [0o41777, 'drwxrwxrwt'],
    [0o41776, 'drwxrwxrwT'],
    [0o120777, 'lrwxrwxrwx'],
    [0o10600, 'prw-------'],
    [0o20660, 'crw-rw----'],
    [0o60660, 'brw-rw----'],
    [0o140700, 'srwx------'],
  ])('%o', (mode, text) => {
    expect(modeText(mode)).toBe(text);
  });

  test('types have a letter, a name for programs and words for people', () => {
    expect(typeOf(0o40755)).toEqual({ letter: 'd', name: 'directory', long: 'directory' });
    expect(typeOf(0)).toMatchObject({ letter: '?', name: 'unknown' });
  });

  test('numbers of devices', () => {
    expect(deviceNumbers(0x801)).toEqual({ major: 8, minor: 1 });
    expect(deviceNumbers(0x1_0000_0fff_ffffn)).toEqual({ major: 0x10fff, minor: 0xffff });
  });
});

describe('columns', () => {
  test('rows are aligned by the width that a terminal gives them', () => {
    expect(
      alignRows(
        [
          ['a', '1', 'x'],
          ['日本', '22', 'yy'],
        ],
        ['left', 'right', 'left'],
      ),
    ).toEqual(['a     1 x', '日本 22 yy']);
    expect(width('e\u0301')).toBe(1);
  });

  test('names go down the columns, as ls has it', () => {
    const names = Array.from({ length: 7 }, (_, index) => `name${index}`);
    expect(inColumns(names, 22)).toEqual(['name0  name3  name6', 'name1  name4', 'name2  name5']);
    expect(inColumns(names, 200)).toEqual([names.join('  ')]);
    expect(inColumns(names, 3)).toEqual(names);
    expect(inColumns([], 80)).toEqual([]);
  });

  test('no line is longer than the terminal, and every name is there', () => {
    const names = Array.from({ length: 500 }, (_, index) => 'x'.repeat(1 + ((index * 7919) % 20)) + index);
    const lines = inColumns(names, 80);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.join(' ').split(/ +/).sort()).toEqual([...names].sort());
  });
});

describe('listings', () => {
  const at = (
    name: string,
    more: { size?: number; mtime?: bigint; mode?: number; rdev?: bigint } = {},
  ): Listed => {
    const { size = 0 } = more;
    const iatt = {
      ...emptyIatt(),
      mode: 0o100644,
      nlink: 1,
      uid: 7,
      gid: 8,
      blocks: Math.ceil(size / 512),
      ...more,
    };
    return { name, stats: new Stats(iatt) };
  };

  test('names sort by bytes', () => {
    expect(['b', 'a', 'B', 'ä', '\u{10000}', '\uffee', 'ab', ''].sort(compareNames)).toEqual([
      '',
      'B',
      'a',
      'ab',
      'b',
      'ä',
      '\uffee',
      '\u{10000}',
    ]);
  });

  test('by time and size, names decide where these are equal', () => {
    const entries = [
      at('b', { size: 1, mtime: 5n }),
      at('a', { size: 1, mtime: 9n }),
      at('c', { size: 7, mtime: 5n }),
    ];
    const order = (key: 'name' | 'time' | 'size' | 'none', reverse = false) =>
      sortListed([...entries], key, reverse)
        .map(({ name }) => name)
        .join('');
    expect([order('name'), order('time'), order('size'), order('none')]).toEqual([
      'abc',
      'abc',
      'cab',
      'bac',
    ]);
    expect([order('name', true), order('time', true), order('size', true)]).toEqual(['cba', 'cba', 'bac']);
  });

  test('long lines have devices, unknown files and quoted names', () => {
    const layout = { long: true, human: false, numeric: true, columns: undefined, quoted: true };
    const entries = [
      at('a b', { size: 12345, mode: 0o100644 }),
      at('null', { mode: 0o20666, rdev: (1n << 32n) | 3n }),
      { name: 'gone', stats: undefined },
    ];
    const lines = listingLines(entries, layout).map((line) => line.replace(/ Jan {2}1 {2}1970/, ' TIME'));
    expect(lines).toEqual([
      "-rw-r--r-- 1 7 8 12345 TIME 'a b'",
      'crw-rw-rw- 1 7 8  1, 3 TIME null',
      '?????????? ? ? ?     ?            ? gone',
    ]);
  });

  test('total counts kibibytes', () => {
    expect(totalLine([at('a', { size: 1025 }), at('b', { size: 1 })], false)).toBe('total 2');
  });
});

describe('the line of the progress bar', () => {
  const base = { name: 'big.iso', files: 1, complete: true, rate: 1024 ** 2 };
  test('shows the share, the speed and the time left', () => {
    expect(lineOf(512 * 1024 ** 2, 1024 ** 3, base)).toBe(
      'big.iso [============            ] 50% 512 MiB of 1.0 GiB, 1.0 MiB/s, 8:32 left',
    );
    expect(lineOf(0, 100 * 1024 ** 3, base)).toContain('28:26:40 left');
  });

  test('counts files where the end is not known, and shows no control characters', () => {
    expect(lineOf(1024 ** 2, 1024 ** 2, { ...base, name: 'a\x1b[2J', files: 3, complete: false })).toBe(
      'a?[2J  3 files, 1.0 MiB, 1.0 MiB/s',
    );
    expect(lineOf(0, 0, { ...base, name: 'x'.repeat(40) })).toContain(`…${'x'.repeat(29)} [`);
  });
});
