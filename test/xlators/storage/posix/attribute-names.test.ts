import { describe, expect, test } from 'vitest';
import { aclFromText, aclToText } from '../../../../src/xlators/storage/posix/attributes/acl-text.ts';
import { isPattern, matcher } from '../../../../src/xlators/storage/posix/attributes/patterns.ts';

describe('names that stand for several', () => {
  test.each([
    ['trusted.*', 'trusted.a.b/c', true],
    ['user.?', 'user.', false],
    ['a[0-2]c', 'a1c', true],
    ['a[!0-2]c', 'a1c', false],
    ['a[^x]c', 'abc', true],
    ['a[]]c', 'a]c', true],
    ['a[b', 'a[b', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['a.c', 'abc', false],
    ['a[z-a]c', 'abc', false],
  ])('%s and %s', (pattern, name, matches) => {
    expect(matcher(pattern)(name)).toBe(matches);
  });
  test('a plain name is none', () => {
    expect([isPattern('trusted.afr.x'), isPattern('trusted.afr.*')]).toEqual([false, true]);
  });
});

describe('the text of an ACL', () => {
  test('there and back', () => {
    const whole = 'u::rwx,u:0:r--,u:4294967294:---,g::r-x,g:7:--x,m::rwx,o::---';
    expect(aclToText(aclFromText(whole))).toBe(whole);
    expect(aclToText(aclFromText('other::x\nuser::rw\n group::'))).toBe('u::rw-,g::---,o::--x');
    expect(aclFromText('')).toEqual([]);
  });
  test.each([
    'u::rwx',
    'u::rwx,g::r--,o::r--,u:1:r--',
    'u::rwx,u::rwx,g::r--,o::r--',
    'm:1:rwx',
    'user:root:rwx',
  ])('%s is none', (wrong) => {
    expect(() => aclFromText(wrong)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});
