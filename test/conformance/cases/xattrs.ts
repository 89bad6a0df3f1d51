import { expect } from 'vitest';
import { alice, bob, fails, get, group, needing, O_CREAT, O_RDWR, put, using } from '../trial.ts';

export const xattrs = group(
  'extended attributes',
  {
    'are set, read and removed': async ({ fs }) => {
      await put(fs, 'file', 'x');
      const attributes = fs.xattrs('file');
      await attributes.setxattr('user.kind', 'letter');
      expect((await attributes.getxattr('user.kind')).toString()).toBe('letter');
      expect(await attributes.listxattr()).toEqual(['user.kind']);
      await attributes.removexattr('user.kind');
      expect(await attributes.listxattr()).toEqual([]);
      await fails('ENODATA', attributes.getxattr('user.kind'));
      expect(await get(fs, 'file')).toBe('x');
    },
    'that are not there are ENODATA': async ({ fs }) => {
      await put(fs, 'file');
      await fails('ENODATA', fs.xattrs('file').getxattr('user.none'));
      await fails('ENODATA', fs.xattrs('file').removexattr('user.none'));
    },
    'are replaced by a longer and a shorter value': async ({ fs }) => {
      await put(fs, 'file');
      const attributes = fs.xattrs('file');
      for (const value of ['four', 'something longer', 'x', '']) {
        await attributes.setxattr('user.a', value);
        expect((await attributes.getxattr('user.a')).toString()).toBe(value);
      }
      expect(await attributes.listxattr()).toEqual(['user.a']);
    },
    'of no bytes': async ({ fs }) => {
      await put(fs, 'file');
      await fs.xattrs('file').setxattr('user.empty', '');
      expect(await fs.xattrs('file').getxattr('user.empty')).toHaveLength(0);
      expect(await fs.xattrs('file').listxattr()).toEqual(['user.empty']);
    },
    'of any bytes': async ({ fs }) => {
      await put(fs, 'file');
      const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index & 0xff));
      await fs.xattrs('file').setxattr('user.bytes', bytes);
      expect((await fs.xattrs('file').getxattr('user.bytes')).equals(bytes)).toBe(true);
    },
    'with `create`: EEXIST where it exists': async ({ fs }) => {
      await put(fs, 'file');
      const attributes = fs.xattrs('file');
      await attributes.setxattr('user.a', '1', 'create');
      await fails('EEXIST', attributes.setxattr('user.a', '2', 'create'));
      expect((await attributes.getxattr('user.a')).toString()).toBe('1');
    },
    'with `replace`: ENODATA where it does not': async ({ fs }) => {
      await put(fs, 'file');
      const attributes = fs.xattrs('file');
      await fails('ENODATA', attributes.setxattr('user.a', '1', 'replace'));
      expect(await attributes.listxattr()).toEqual([]);
      await attributes.setxattr('user.a', '1');
      await attributes.setxattr('user.a', '2', 'replace');
      expect((await attributes.getxattr('user.a')).toString()).toBe('2');
    },
    'of 2,000 bytes': async ({ fs }) => {
      await put(fs, 'file');
      const bytes = Buffer.alloc(2000, 'v');
      await fs.xattrs('file').setxattr('user.long', bytes);
      expect((await fs.xattrs('file').getxattr('user.long')).equals(bytes)).toBe(true);
    },
    'of 65,536 bytes': needing('large-xattrs', async ({ fs }) => {
      await put(fs, 'file');
      const bytes = Buffer.alloc(65_536, 'v');
      await fs.xattrs('file').setxattr('user.largest', bytes);
      expect((await fs.xattrs('file').getxattr('user.largest')).equals(bytes)).toBe(true);
    }),
    'of 65,537 bytes are E2BIG': async ({ fs }) => {
      await put(fs, 'file');
      await fails('E2BIG', fs.xattrs('file').setxattr('user.larger', Buffer.alloc(65_537)));
      expect(await fs.xattrs('file').listxattr()).toEqual([]);
    },
    'with names of 255 bytes': async ({ fs }) => {
      await put(fs, 'file');
      const name = `user.${'n'.repeat(250)}`;
      await fs.xattrs('file').setxattr(name, 'x');
      expect((await fs.xattrs('file').getxattr(name)).toString()).toBe('x');
      expect(await fs.xattrs('file').listxattr()).toEqual([name]);
      await fs.xattrs('file').removexattr(name);
    },
    'with names of 256 bytes are ERANGE': async ({ fs }) => {
      await put(fs, 'file');
      const name = `user.${'n'.repeat(251)}`;
      await fails('ERANGE', fs.xattrs('file').setxattr(name, 'x'));
      await fails('ERANGE', fs.xattrs('file').getxattr(name));
      await fails('ERANGE', fs.xattrs('file').removexattr(name));
    },
    'of a kind that nobody knows are EOPNOTSUPP': async ({ fs }) => {
      await put(fs, 'file');
      await fails('EOPNOTSUPP', fs.xattrs('file').setxattr('nonsense.name', 'x'));
      await fails('EOPNOTSUPP', fs.xattrs('file').getxattr('nonsense.name'));
    },
    'of directories': async ({ fs }) => {
      await fs.mkdir('dir');
      await fs.xattrs('dir').setxattr('user.d', 'x');
      await put(fs, 'dir/file');
      expect(await fs.xattrs('dir').listxattr()).toEqual(['user.d']);
      expect(await fs.xattrs('dir/file').listxattr()).toEqual([]);
      await fs.rename('dir', 'moved');
      expect((await fs.xattrs('moved').getxattr('user.d')).toString()).toBe('x');
    },
    'of open files': async ({ fs }) => {
      await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
        await file.setxattr('user.a', 'by fd');
        expect((await fs.xattrs('file').getxattr('user.a')).toString()).toBe('by fd');
        await fails('EEXIST', file.setxattr('user.a', 'x', 'create'));
        expect(await file.listxattr()).toEqual(['user.a']);
        expect((await file.getxattr('user.a')).toString()).toBe('by fd');
        await file.removexattr('user.a');
        await fails('ENODATA', file.getxattr('user.a'));
      });
    },
    'by a link are those of its target': async ({ fs }) => {
      await put(fs, 'file');
      await fs.symlink('file', 'link');
      await fs.xattrs('link').setxattr('user.a', 'x');
      expect((await fs.xattrs('file').getxattr('user.a')).toString()).toBe('x');
    },
    'user.* of links and fifos are EPERM': needing('special-files', async ({ fs }) => {
      await fs.symlink('file', 'link');
      await fs.mknod('fifo', 'fifo');
      await fails('EPERM', fs.xattrs('link', { follow: false }).setxattr('user.a', 'x'));
      await fails('EPERM', fs.xattrs('fifo').setxattr('user.a', 'x'));
    }),
    'user.* of links and fifos are not there': needing('special-files', async ({ fs }) => {
      await fs.symlink('file', 'link');
      await fs.mknod('fifo', 'fifo');
      await fails('ENODATA', fs.xattrs('link', { follow: false }).getxattr('user.a'));
      await fails('ENODATA', fs.xattrs('fifo').getxattr('user.a'));
      expect(await fs.xattrs('link', { follow: false }).listxattr()).toEqual([]);
    }),
    'of what is missing are ENOENT': async ({ fs }) => {
      await put(fs, 'file');
      await fails('ENOENT', fs.xattrs('missing').getxattr('user.a'));
      await fails('ENOENT', fs.xattrs('missing').setxattr('user.a', 'x'));
      await fails('ENOENT', fs.xattrs('missing').listxattr());
      await fails('ENOTDIR', fs.xattrs('file/x').getxattr('user.a'));
    },
    'stay through rename, write and chmod': async ({ fs }) => {
      await put(fs, 'file', 'x');
      await fs.xattrs('file').setxattr('user.a', 'kept');
      await fs.rename('file', 'new');
      await put(fs, 'new', 'replaced');
      await fs.chmod('new', 0o600);
      expect((await fs.xattrs('new').getxattr('user.a')).toString()).toBe('kept');
    },
    'are those of all names of a file': async ({ fs }) => {
      await put(fs, 'a');
      await fs.link('a', 'b');
      await fs.xattrs('a').setxattr('user.a', 'x');
      expect((await fs.xattrs('b').getxattr('user.a')).toString()).toBe('x');
      await fs.unlink('a');
      expect(await fs.xattrs('b').listxattr()).toEqual(['user.a']);
    },
    'go with the file: one made later of the same name has none': async ({ fs }) => {
      await put(fs, 'file');
      await fs.xattrs('file').setxattr('user.a', 'x');
      await fs.unlink('file');
      await put(fs, 'file');
      expect(await fs.xattrs('file').listxattr()).toEqual([]);
    },
    'fifty of them': async ({ fs }) => {
      await put(fs, 'file');
      const all = Array.from({ length: 50 }, (_, index) => `user.attribute-${index}`);
      for (const name of all) await fs.xattrs('file').setxattr(name, `value of ${name}`);
      expect((await fs.xattrs('file').listxattr()).sort()).toEqual([...all].sort());
      expect((await fs.xattrs('file').getxattr('user.attribute-33')).toString()).toBe(
        'value of user.attribute-33',
      );
    },
    'names differ by case': async ({ fs }) => {
      await put(fs, 'file');
      await fs.xattrs('file').setxattr('user.a', 'small');
      await fs.xattrs('file').setxattr('user.A', 'large');
      expect((await fs.xattrs('file').listxattr()).sort()).toEqual(['user.A', 'user.a']);
      expect((await fs.xattrs('file').getxattr('user.a')).toString()).toBe('small');
    },
    'trusted.* are root’s': needing('root', async ({ fs }) => {
      await put(fs, 'file');
      await fs.xattrs('file').setxattr('trusted.mine', 'x');
      expect((await fs.xattrs('file').getxattr('trusted.mine')).toString()).toBe('x');
      await fs.xattrs('file').removexattr('trusted.mine');
      await fails('ENODATA', fs.xattrs('file').getxattr('trusted.mine'));
    }),
    'user.* are read by who may read the file, set by who may write it': needing(
      'permissions',
      async ({ fs }) => {
        await put(fs, 'file');
        await fs.chown('file', alice.uid, alice.gid);
        await fs.xattrs('file').setxattr('user.a', 'x');
        await fs.chmod('file', 0o644);
        const theirs = fs.as(bob).xattrs('file');
        expect((await theirs.getxattr('user.a')).toString()).toBe('x');
        await fails('EACCES', theirs.setxattr('user.a', 'y'));
        await fails('EACCES', theirs.removexattr('user.a'));
        await fs.chmod('file', 0o600);
        await fails('EACCES', theirs.getxattr('user.a'));
        await fs.as(alice).xattrs('file').setxattr('user.a', 'y');
        expect((await fs.xattrs('file').getxattr('user.a')).toString()).toBe('y');
      },
    ),
    'set by one client are read by another': needing('two-clients', async ({ fs }) => {
      await put(fs, 'file');
      const other = await fs.other();
      await fs.xattrs('file').setxattr('user.a', '1');
      expect((await other.xattrs('file').getxattr('user.a')).toString()).toBe('1');
      await other.xattrs('file').setxattr('user.a', '2');
      expect((await fs.xattrs('file').getxattr('user.a')).toString()).toBe('2');
    }),
  },
  ['xattrs'],
);
