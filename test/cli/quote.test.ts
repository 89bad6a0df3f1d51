import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quote, quoteIfNeeded } from '../../src/cli/quote.ts';

describe('quote shows names as coreutils do', () => {
  test.each([
    ['plain', "'plain'"],
    ['', "''"],
    ['with blank', "'with blank'"],
    ["it's", '"it\'s"'],
    ["it's $5", "'it'\\''s $5'"],
    ['nl\nname', "'nl'$'\\n''name'"],
    ['\tx', "''$'\\t''x'"],
    ['bad\udcff', "'bad'$'\\377'"],
    ['grün', "'grün'"],
    ['😀', "'😀'"],
  ])('%j', (name, expected) => {
    expect(quote(name)).toBe(expected);
  });

  test('a shell reads the name back', () => {
    const names = fc.sample(
      fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes('\0')),
      { numRuns: 60, seed: 7 },
    );
    const all = [...names, "a'b\nc", "'", '!', '$(x)', '`'];
    const script = `printf '%s\\0' ${all.map(quote).join(' ')}`;
    const out = execFileSync('bash', ['-c', script], { encoding: 'utf8' });
    expect(out.split('\0').slice(0, -1)).toEqual(all);
  });

  test('on terminals only where a shell needs it', () => {
    expect(['a.b-c_d', 'grün', '100%', 'a:b'].map(quoteIfNeeded)).toEqual(['a.b-c_d', 'grün', '100%', 'a:b']);
    expect(['a b', "it's", 'x*', ''].map(quoteIfNeeded)).toEqual(["'a b'", '"it\'s"', "'x*'", "''"]);
  });
});
