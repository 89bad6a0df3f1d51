import { describe, expect, it } from 'vitest';
import { daviesMeyer, NameHash } from '../../../../src/xlators/cluster/distribute/hash.ts';

/** Computed by GlusterFS 10.3's own function on x86-64. */
const vectors: [string, number][] = [
  ['', 0x884774a2],
  ['a', 0x3a17e4e6],
  ['ab', 0xc3af40d9],
  ['abc', 0xba8bd29a],
  ['abcd', 0xd89627f6],
  ['file1', 0xa787fa82],
  ['file-1', 0x74375b05],
  ['/', 0x8619bd58],
  ['/dir', 0x93e5ca0a],
  ['hello world.txt', 0x105a3cbf],
  ['0123456789abcdef', 0x6ecb5ada],
  ['0123456789abcdef0', 0x795ef9c7],
  ['a-name-of-exactly-thirty-two-byt', 0xa280acc0],
  ['x'.repeat(255), 0x8ca66f57],
  ['é', 0x65cfcaa1],
  ['naïve', 0x9c88eecf],
  ['日本', 0xb00c9dfc],
  ['00000000-0000-0000-0000-000000000001', 0x6a963703],
];

describe('Davies-Meyer hash of names', () => {
  it.each(vectors)('%j', (name, hash) => {
    expect(daviesMeyer(Buffer.from(name)).toString(16)).toBe(hash.toString(16));
  });

  it('takes a view into a larger buffer by its own bytes', () => {
    const buffer = Buffer.from('xx0123456789abcdef0yy');
    expect(daviesMeyer(buffer.subarray(2, 19))).toBe(0x795ef9c7);
  });
});

describe('what of a name is hashed', () => {
  const plain = new NameHash();

  it.each([
    ['.name.a1B2c3', 'name'],
    ['.a.b.c', 'a.b'],
    ['name.a1B2c3', 'name.a1B2c3'],
    ['.hidden', '.hidden'],
    ['.x.', '.x.'],
    ['.two\nlines.tmp', 'two\nlines'],
  ])('by default, as rsync names its temporary files: %j → %j', (name, munged) => {
    expect(plain.munge(name)).toBe(munged);
    expect(plain.hash(name)).toBe(daviesMeyer(Buffer.from(munged)));
  });

  it('extra-hash-regex comes first, and only one of the two is applied', () => {
    const hash = new NameHash(undefined, '^(.+)~$');
    expect(hash.munge('.name.tmp~')).toBe('.name.tmp');
    expect(hash.munge('.name.tmp')).toBe('name');
  });

  it("'none', and what does not compile, switch an expression off", () => {
    expect(new NameHash('none').munge('.name.tmp')).toBe('.name.tmp');
    expect(new NameHash('^(.+').munge('.name.tmp')).toBe('.name.tmp');
    expect(new NameHash(undefined, 'none').munge('.name.tmp')).toBe('name');
  });

  it('an expression without a group, or whose group takes no part, changes nothing', () => {
    expect(new NameHash('^.+$').munge('name')).toBe('name');
    expect(new NameHash('^x|(y)$').munge('xname')).toBe('xname');
  });

  it('bracket expressions are POSIX ones', () => {
    expect(new NameHash('^([[:alpha:]]+)[[:digit:]]+$').munge('abc123')).toBe('abc');
    expect(new NameHash('^([^]]+)]$').munge('ab]')).toBe('ab');
    expect(new NameHash('^([a\\]+)b$').munge('a\\b')).toBe('a\\');
  });

  it('hashes names that are not UTF-8 by their bytes', () => {
    // 0xff, as the wire's names hold it.
    expect(plain.hash('\udcff')).toBe(daviesMeyer(Uint8Array.of(0xff)));
  });
});
