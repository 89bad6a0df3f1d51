import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/cli/errors.ts';
import { baseName, childOf, encodeName, isVolumeUrl, locate, parentOf } from '../../src/cli/locate.ts';

describe('locate splits a URL into the volume and the path in it', () => {
  test.each([
    ['gluster://h/vol', 'gluster://h/vol', 'vol', '/'],
    ['gluster://h/vol/', 'gluster://h/vol', 'vol', '/'],
    ['gluster://h/vol/a/b', 'gluster://h/vol', 'vol', '/a/b'],
    ['gluster://h/vol/a/', 'gluster://h/vol', 'vol', '/a/'],
    ['gluster://h//vol//a', 'gluster://h/vol', 'vol', '//a'],
    ['gluster://h:24008,h2,[::1]:5/vol/a', 'gluster://h:24008,h2,[::1]:5/vol', 'vol', '/a'],
    ['GLUSTER+TLS://h/vol/a', 'gluster+tls://h/vol', 'vol', '/a'],
    ['gluster://h/snaps/monday/vol/a', 'gluster://h/snaps/monday/vol', '/snaps/monday/vol', '/a'],
    ['gluster://h/snaps/monday', 'gluster://h/snaps', 'snaps', '/monday'],
    ['gluster+unix:///vol/a?socket=/run/g.sock', 'gluster+unix:///vol?socket=/run/g.sock', 'vol', '/a'],
    ['gluster://h/vol/../x', 'gluster://h/vol', 'vol', '/../x'],
    ['gluster://h/vol/what?#100%', 'gluster://h/vol', 'vol', '/what?#100%'],
    ['gluster://h/vol/a%20b%2fc', 'gluster://h/vol', 'vol', '/a b/c'],
    ['gluster://h/vol/gr%C3%BCn%ff', 'gluster://h/vol', 'vol', '/grün\udcff'],
    ['gluster://h/vol/line\nend', 'gluster://h/vol', 'vol', '/line\nend'],
  ])('%s', (url, volumeUrl, volume, path) => {
    expect(locate(url)).toEqual({ url, volumeUrl, volume, path });
  });

  test.each([
    'gluster://h',
    'gluster://h/',
    'gluster:///vol',
    'gluster://h:99999/vol',
    'gluster+unix:///vol',
    'gluster+rdma://h/vol',
    'http://h/vol',
    '/vol',
    '',
  ])('refuses %j as wrong usage', (url) => {
    expect(() => locate(url)).toThrow(UsageError);
  });

  test('names the URL as it was written', () => {
    expect(() => locate('gluster://h o/vol/file')).toThrow("'gluster://h o/vol/file'");
  });

  test('tells URLs from local paths', () => {
    expect(['gluster://x', 'gluster+tls://x', 'GLUSTER://x'].every(isVolumeUrl)).toBe(true);
    expect(['./gluster://x', 'gluster:/x', '-', 'http://x'].some(isVolumeUrl)).toBe(false);
  });
});

describe('children and parents', () => {
  test('the URL of a child leads back to its name, whatever that is', () => {
    const byteOrCharacter = fc.oneof(
      fc
        .string({ unit: 'binary', minLength: 1, maxLength: 5 })
        .filter((text) => !/[\ud800-\udfff]/.test(text)),
      fc.integer({ min: 0x80, max: 0xff }).map((byte) => String.fromCharCode(0xdc00 + byte)),
      fc.constantFrom('%41', '%', '%%', '?', '#', '%zz', '\n'),
    );
    const names = fc
      .array(byteOrCharacter, { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''))
      .filter(
        (name) => !/[/\0]/.test(name) && /^(?:[^\udc80-\udcff]|[\ud800-\udbff][\udc00-\udfff])*$/.test(name),
      );
    fc.assert(
      fc.property(names, (name) => {
        const child = childOf(locate('gluster://h/vol/dir'), name);
        expect(child.path).toBe(`/dir/${name}`);
        expect(locate(child.url).path).toBe(child.path);
      }),
      { numRuns: 200 },
    );
  });

  test('bytes that are no UTF-8 are escaped', () => {
    expect(encodeName('a\udcffb')).toBe('a%ffb');
    expect(locate(childOf(locate('gluster://h/v'), 'a\udcff').url).path).toBe('/a\udcff');
  });

  test('a query stays at the end', () => {
    const url = 'gluster+unix:///vol/a?socket=/s';
    expect(childOf(locate(url), 'b').url).toBe('gluster+unix:///vol/a/b?socket=/s');
    expect(parentOf(locate('gluster+unix:///vol/a/b?socket=/s')).url).toBe(url);
  });

  test.each([
    ['gluster://h/vol/a/b', 'gluster://h/vol/a', '/a'],
    ['gluster://h/vol/a/b//', 'gluster://h/vol/a', '/a'],
    ['gluster://h/vol/a', 'gluster://h/vol/a', '/'],
    ['gluster://h/vol', 'gluster://h/vol', '/'],
  ])('parent of %s', (url, parentUrl, path) => {
    expect(parentOf(locate(url))).toMatchObject({ url: parentUrl, path });
  });

  test.each([
    ['/a/b', 'b'],
    ['/a/b//', 'b'],
    ['/', ''],
    ['..', '..'],
    ['a', 'a'],
  ])('last name of %s', (path, name) => {
    expect(baseName(path)).toBe(name);
  });
});
