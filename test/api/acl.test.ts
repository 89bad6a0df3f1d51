import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAcl, encodeAcl, formatAcl, parseAcl } from '../../src/api/acl.ts';
import type { AclEntry } from '../../src/api/types.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

const text = 'user::rwx\nuser:1000:r-x\ngroup::r-x\ngroup:7:-w-\nmask::rwx\nother::---\n';

describe('ACLs', () => {
  it('are on disk as Linux has them', () => {
    // As getfattr -e hex shows what `setfacl -m u:1000:rx` made on a file of mode 0750.
    const hex = '0200000001000700ffffffff02000500e803000004000500ffffffff10000500ffffffff20000000ffffffff';
    const acl = parseAcl('u::rwx,u:1000:r-x,g::r-x,m::r-x,o::---');
    expect(encodeAcl(acl).toString('hex')).toBe(hex);
    expect(decodeAcl(Buffer.from(hex, 'hex'))).toEqual(acl);
  });

  it('are read as setfacl has them, and printed as getfacl does', () => {
    expect(formatAcl(parseAcl(text))).toBe(text);
    expect(formatAcl(parseAcl('# a comment\nu::7, g::0 ,o::4'))).toBe('user::rwx\ngroup::---\nother::r--\n');
  });

  it.each([
    'u::rwx,g::rwx',
    'u::rwx,g::rwx,o::rwx,o::---',
    'u::rwx,g::rwx,o::rwx,u:5:rwx',
    'u::rwx,g::rwx,o:5:rwx',
    'u::rwx,g::rwx,o::rw',
    'u::rwx,g::rwx,o::8',
    'u::rwx,g::rwx,o::rwx,u:bob:rwx,m::rwx',
    'x::rwx',
  ])('are refused: %s', (wrong) => {
    expect(() => encodeAcl(parseAcl(wrong))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it.each(['', '01000000', '0200000001', '020000000300070000000000', '0200000001000800ffffffff'])(
    'are no ACLs: %s',
    (hex) => {
      expect(() => decodeAcl(Buffer.from(hex, 'hex'))).toThrow();
    },
  );

  it('survive encoding, whatever is in them', () => {
    const rights = { read: fc.boolean(), write: fc.boolean(), execute: fc.boolean() };
    const named = (tag: 'user' | 'group') =>
      fc.uniqueArray(fc.record({ tag: fc.constant(tag), id: fc.nat(0xffff_fffe), ...rights }), {
        selector: ({ id }) => id,
      });
    const plain = (tag: AclEntry['tag']) => fc.record({ tag: fc.constant(tag), ...rights });
    const acl = fc
      .tuple(plain('user'), named('user'), plain('group'), named('group'), plain('mask'), plain('other'))
      .map(([user, users, group, groups, mask, other]) => {
        const byId = (a: { id: number }, b: { id: number }): number => a.id - b.id;
        return [user, ...users.sort(byId), group, ...groups.sort(byId), mask, other];
      });
    fc.assert(
      fc.property(acl, (entries) => {
        expect(decodeAcl(encodeAcl(entries))).toEqual(entries);
        expect(parseAcl(formatAcl(entries))).toEqual(entries);
      }),
    );
  });

  it('are set and removed by path, file and handle', async () => {
    const volume = new MemoryVolume().volume();
    await volume.writeFile('/f', '');
    expect(await volume.getAcl('/f')).toBeUndefined();
    await volume.setAcl('/f', text);
    await using file = await volume.open('/f');
    using handle = await volume.handle('/f');
    expect(formatAcl((await file.getAcl())!)).toBe(text);
    await handle.setAcl(parseAcl('u::rwx,g::rwx,o::r--'), 'default');
    expect(await volume.listxattr('/f')).toEqual(['system.posix_acl_access', 'system.posix_acl_default']);
    await volume.removeAcl('/f');
    await volume.removeAcl('/f');
    expect(await handle.getAcl()).toBeUndefined();
  });
});
