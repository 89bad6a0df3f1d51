import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { percentUsed } from '../../src/cli/commands/df.ts';
import { UsageError } from '../../src/cli/errors.ts';
import { parseMode } from '../../src/cli/mode.ts';
import { parseCount, parseSeconds } from '../../src/cli/numbers.ts';
import { humanSize, parseResize, parseSize, roundSize } from '../../src/cli/sizes.ts';
import { isoTime, listTime, parseTime, statTime } from '../../src/cli/times.ts';
import { parseValue, showValue } from '../../src/cli/xattr-value.ts';

describe('sizes', () => {
  test('humanSize is what numfmt and ls -h make of it', () => {
    const sizes = [
      0,
      1,
      999,
      1023,
      1024,
      1025,
      1536,
      10_239,
      10_240,
      10_241,
      1_048_575,
      1_048_576,
      5e9,
      2 ** 50,
      1023 * 1024 + 1,
    ];
    const expected = execFileSync('numfmt', ['--to=iec', '--round=up', ...sizes.map(String)], {
      encoding: 'utf8',
    });
    expect(sizes.map(humanSize)).toEqual(expected.trim().split('\n'));
  });

  test.each([
    ['0', 0],
    ['12', 12],
    ['1K', 1024],
    ['1k', 1024],
    ['2KiB', 2048],
    ['2KB', 2000],
    ['3M', 3 * 1024 ** 2],
    ['1GB', 1e9],
    ['10G', 10 * 1024 ** 3],
    ['7B', 7],
  ])('parseSize %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(['', 'x', '1X', '1.5K', '-1', '9999999T', '1Kb1', ' 1'])('parseSize refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow(UsageError);
  });

  test.each([
    ['100', 7, 100],
    ['+10', 7, 17],
    ['-10', 7, 0],
    ['-3', 7, 4],
    ['<5', 7, 5],
    ['<10', 7, 7],
    ['>10', 7, 10],
    ['>5', 7, 7],
    ['/4', 7, 4],
    ['%4', 7, 8],
    ['+1K', 1, 1025],
  ])('truncate -s %s of %d bytes', (text, old, expected) => {
    expect(parseResize(text)(old)).toBe(expected);
  });

  test('a multiple of nothing is refused', () => {
    expect(() => parseResize('%0')).toThrow('division by zero');
    expect(() => parseResize('++1')).toThrow(UsageError);
  });

  test('roundSize for progress', () => {
    expect([0, 999, 1000, 1536, 10 * 1024 ** 2, 1.25 * 1024 ** 3].map(roundSize)).toEqual([
      '0 B',
      '999 B',
      '1.0 KiB',
      '1.5 KiB',
      '10 MiB',
      '1.3 GiB',
    ]);
  });

  test('shares of df are rounded up', () => {
    expect([percentUsed(0, 10), percentUsed(1, 999), percentUsed(10, 0), percentUsed(0, 0)]).toEqual([
      '0%',
      '1%',
      '100%',
      '-',
    ]);
  });
});

describe('times', () => {
  const noon = Date.UTC(2025, 10, 5, 12, 4, 9);

  test('listTime shows the hour of what is recent, and the year of the rest', () => {
    const day = 86_400_000;
    const local = new Date(noon);
    const clock = `${String(local.getHours()).padStart(2, '0')}:${String(local.getMinutes()).padStart(2, '0')}`;
    expect(listTime(noon, noon + day)).toBe(`Nov  ${local.getDate()} ${clock}`);
    expect(listTime(noon, noon + 183 * day)).toBe(`Nov  ${local.getDate()}  2025`);
    expect(listTime(noon, noon - 1)).toBe(`Nov  ${local.getDate()}  2025`);
  });

  test('statTime and isoTime keep nanoseconds, before 1970 too', () => {
    const time = BigInt(noon) * 1_000_000n + 123_456_789n;
    expect(isoTime(time)).toBe('2025-11-05T12:04:09.123456789Z');
    expect(isoTime(-1n)).toBe('1969-12-31T23:59:59.999999999Z');
    const date = execFileSync(
      'date',
      ['-d', `@${Math.floor(noon / 1000)}`, '+%Y-%m-%d %H:%M:%S.123456789 %z'],
      { encoding: 'utf8' },
    );
    expect(statTime(time)).toBe(date.trim());
  });

  test.each([
    '2025-11-21',
    '2025-11-21 08:30',
    '2025-11-21T08:30:15',
    '2025-11-21 08:30:15.25',
    '2025-11-21 08:30 +0130',
    '2025-11-21 08:30:00Z',
    '@1763683200.5',
    '21 Nov 2025 08:30:00',
  ])('parseTime reads %s as date(1) does', (text) => {
    const expected = execFileSync('date', ['-d', text, '+%s%N'], { encoding: 'utf8' }).trim();
    expect(parseTime(text)).toBe(BigInt(expected));
  });

  test('parseTime knows now, and refuses what is no time', () => {
    expect(parseTime('now', 5)).toBe(5_000_000n);
    for (const text of ['', 'garbage', '2025-13-01', '2025-11-21 25:00', '@x'])
      expect(() => parseTime(text)).toThrow(UsageError);
  });
});

describe('values of extended attributes', () => {
  test.each([
    ['text', 'text'],
    ['', ''],
    ['0x00ff', '0x00ff'],
    ['0sAP8=', '0x00ff'],
    ['grün', 'grün'],
    ['two\nlines', 'two\nlines'],
  ])('%j is shown as %j', (given, shown) => {
    expect(showValue(parseValue(given))).toBe(shown);
  });

  test('what is shown is read back, in every encoding', () => {
    for (const bytes of [
      Buffer.from('0xnot'),
      Buffer.from([0, 255]),
      Buffer.from('plain'),
      Buffer.from('0s'),
    ])
      for (const encoding of [undefined, 'hex', 'base64'] as const)
        expect(Buffer.from(parseValue(showValue(bytes, encoding)))).toEqual(bytes);
  });

  test('bad digits are refused', () => {
    for (const text of ['0x1', '0xzz', '0sA', '0s====']) expect(() => parseValue(text)).toThrow(UsageError);
  });
});

describe('numbers of options', () => {
  test('counts and seconds', () => {
    expect([parseCount('0', 'id'), parseSeconds('1.5', 'timeout')]).toEqual([0, 1500]);
    for (const text of ['', '-1', '1e3', '4294967295', 'x'])
      expect(() => parseCount(text, 'id')).toThrow("invalid id: '");
    for (const text of ['', '0', '-1', 'x'])
      expect(() => parseSeconds(text, 'timeout')).toThrow('invalid timeout');
  });
});

describe('permissions', () => {
  test.each([
    ['0750', 0o750],
    ['7777', 0o7777],
    ['u=rwx,g=rx,o=', 0o750],
    ['g-w,o-rwx', 0o750],
    ['a-x', 0o666],
    ['u+s', 0o4777],
    ['+t', 0o1777],
    ['g=u-w', 0o757],
    ['=', 0],
  ])('chmod’s %s on a new directory', (text, expected) => {
    expect(parseMode(text, { base: 0o777, umask: 0 }) & 0o7777).toBe(expected);
  });

  test('the umask keeps its bits where nobody is named', () => {
    expect(parseMode('=rwx', { base: 0, umask: 0o022 })).toBe(0o755);
    expect(parseMode('a=rwx', { base: 0, umask: 0o022 })).toBe(0o777);
  });

  test.each(['', 'zz', '9', '77777', 'u', 'u=rwz'])('refuses the mode %j', (text) => {
    expect(() => parseMode(text, { base: 0, umask: 0 })).toThrow(`invalid mode '${text}'`);
  });
});
