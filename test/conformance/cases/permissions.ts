import { expect } from 'vitest';
import type { Subject } from '../subject.ts';
import {
  alice,
  bob,
  contents,
  fails,
  friends,
  get,
  group,
  names,
  needing,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  outcomeOf,
  put,
  using,
} from '../trial.ts';

/** A file with owner, group and mode. */
async function file(fs: Subject, name: string, uid: number, gid: number, mode: number): Promise<void> {
  await put(fs, name, 'contents');
  await fs.chown(name, uid, gid);
  await fs.chmod(name, mode);
}

async function directory(fs: Subject, name: string, uid: number, gid: number, mode: number): Promise<void> {
  await fs.mkdir(name);
  await fs.chown(name, uid, gid);
  await fs.chmod(name, mode);
}

/** `r` and `w` where a user may open for it. */
async function openable(fs: Subject, name: string): Promise<string> {
  const read = await outcomeOf(using(fs.open(name, O_RDONLY), () => {}));
  const write = await outcomeOf(using(fs.open(name, O_WRONLY), () => {}));
  const both = await outcomeOf(using(fs.open(name, O_RDWR), () => {}));
  for (const outcome of [read, write, both]) expect(['success', 'EACCES']).toContain(outcome);
  expect(both === 'success').toBe(read === 'success' && write === 'success');
  return (read === 'success' ? 'r' : '-') + (write === 'success' ? 'w' : '-');
}

export const permissions = group(
  'permissions',
  {
    'of the owner': async ({ fs }) => {
      for (const [mode, expected] of [
        [0o077, '--'],
        [0o477, 'r-'],
        [0o277, '-w'],
        [0o600, 'rw'],
      ] as const) {
        const name = mode.toString(8);
        await file(fs, name, alice.uid, alice.gid, mode);
        expect(await openable(fs.as(alice), name), name).toBe(expected);
      }
    },
    'of the group': async ({ fs }) => {
      for (const [mode, expected] of [
        [0o707, '--'],
        [0o747, 'r-'],
        [0o727, '-w'],
        [0o060, 'rw'],
      ] as const) {
        const name = mode.toString(8);
        await file(fs, name, bob.uid, alice.gid, mode);
        expect(await openable(fs.as(alice), name), name).toBe(expected);
      }
    },
    'of a supplementary group': async ({ fs }) => {
      await file(fs, 'none', bob.uid, friends, 0o707);
      await file(fs, 'read', bob.uid, friends, 0o040);
      await file(fs, 'write', bob.uid, friends, 0o020);
      const found = [];
      for (const name of ['none', 'read', 'write']) found.push(await openable(fs.as(alice), name));
      expect(found).toEqual(['--', 'r-', '-w']);
      expect(await openable(fs.as({ ...alice, groups: [] }), 'read')).toBe('--');
    },
    'of others': async ({ fs }) => {
      for (const [mode, expected] of [
        [0o770, '--'],
        [0o774, 'r-'],
        [0o772, '-w'],
        [0o006, 'rw'],
      ] as const) {
        const name = mode.toString(8);
        await file(fs, name, alice.uid, alice.gid, mode);
        expect(await openable(fs.as(bob), name), name).toBe(expected);
      }
    },
    'root reads and writes whatever the mode says': async ({ fs }) => {
      await file(fs, 'file', alice.uid, alice.gid, 0);
      await directory(fs, 'dir', alice.uid, alice.gid, 0);
      expect(await openable(fs, 'file')).toBe('rw');
      await put(fs, 'dir/new', 'x');
      expect(await names(fs, 'dir')).toEqual(['new']);
    },
    'a directory that may not be searched hides what is in it': async ({ fs }) => {
      await directory(fs, 'dir', bob.uid, bob.gid, 0o766);
      await file(fs, 'dir/file', alice.uid, alice.gid, 0o666);
      const user = fs.as(alice);
      await fails('EACCES', user.stat('dir/file'));
      await fails('EACCES', user.open('dir/file', O_RDONLY));
      await fails('EACCES', user.stat('dir/missing'));
      await fails('EACCES', user.open('dir/new', O_WRONLY | O_CREAT));
      await fails('EACCES', user.unlink('dir/file'));
      await fails('EACCES', user.chmod('dir/file', 0o600));
      expect((await user.stat('dir')).kind).toBe('directory');
    },
    'a directory that may be searched only: names must be known': async ({ fs }) => {
      await directory(fs, 'dir', bob.uid, bob.gid, 0o711);
      await file(fs, 'dir/file', bob.uid, bob.gid, 0o644);
      const user = fs.as(alice);
      expect(await get(user, 'dir/file')).toBe('contents');
      await fails('EACCES', user.readdir('dir'));
      await fails('ENOENT', user.stat('dir/missing'));
    },
    'a directory that may be read only: names and no more': async ({ fs }) => {
      await directory(fs, 'dir', bob.uid, bob.gid, 0o744);
      await file(fs, 'dir/file', bob.uid, bob.gid, 0o644);
      const user = fs.as(alice);
      expect(await names(user, 'dir')).toEqual(['file']);
      await fails('EACCES', user.stat('dir/file'));
    },
    'search of each directory on the way': needing('fresh-names', async ({ fs }) => {
      await fs.mkdir('a');
      await fs.mkdir('a/b');
      await fs.mkdir('a/b/c');
      await put(fs, 'a/b/c/file', 'x');
      const user = fs.as(alice);
      expect(await get(user, 'a/b/c/file')).toBe('x');
      for (const level of ['a', 'a/b', 'a/b/c']) {
        await fs.chmod(level, 0o700);
        await fails('EACCES', user.stat('a/b/c/file'));
        await fs.chmod(level, 0o711);
      }
      expect(await get(user, 'a/b/c/file')).toBe('x');
    }),
    'entries are made by who may write the directory': async ({ fs }) => {
      await directory(fs, 'dir', bob.uid, bob.gid, 0o755);
      await put(fs, 'file');
      await fs.chown('file', alice.uid, alice.gid);
      const user = fs.as(alice);
      await fails('EACCES', user.open('dir/new', O_WRONLY | O_CREAT));
      await fails('EACCES', user.mkdir('dir/new'));
      await fails('EACCES', user.symlink('x', 'dir/new'));
      await fails('EACCES', user.link('file', 'dir/new'));
      await fails('EACCES', user.rename('file', 'dir/new'));
      await fails('EACCES', user.mknod('dir/new', 'file'));
      expect(await names(fs, 'dir')).toEqual([]);
      await put(fs.as(bob), 'dir/his', 'x');
      expect(await fs.stat('dir/his')).toMatchObject({ uid: bob.uid, gid: bob.gid });
    },
    'entries are removed by who may write the directory, whosever they are': async ({ fs }) => {
      await directory(fs, 'hers', alice.uid, alice.gid, 0o755);
      await file(fs, 'hers/file', bob.uid, bob.gid, 0o600);
      await fails('EACCES', fs.as(bob).unlink('hers/file'));
      await fs.as(alice).unlink('hers/file');
      await directory(fs, 'hers/dir', bob.uid, bob.gid, 0o700);
      await fails('EACCES', fs.as(bob).rmdir('hers/dir'));
      await fs.as(alice).rmdir('hers/dir');
      expect(await names(fs, 'hers')).toEqual([]);
    },
    'rename wants both directories to be writable': async ({ fs }) => {
      await directory(fs, 'hers', alice.uid, alice.gid, 0o755);
      await directory(fs, 'his', bob.uid, bob.gid, 0o755);
      await file(fs, 'hers/file', alice.uid, alice.gid, 0o644);
      await file(fs, 'his/file', bob.uid, bob.gid, 0o644);
      await fails('EACCES', fs.as(alice).rename('hers/file', 'his/new'));
      await fails('EACCES', fs.as(alice).rename('his/file', 'hers/new'));
      await fails('EACCES', fs.as(alice).rename('hers/file', 'his/file'));
      await fs.chmod('his', 0o777);
      await fs.as(alice).rename('hers/file', 'his/new');
      expect(await names(fs, 'his')).toEqual(['file', 'new']);
    },
    'a directory that moves to another one must be writable itself': async ({ fs }) => {
      await directory(fs, 'from', bob.uid, bob.gid, 0o777);
      await directory(fs, 'to', bob.uid, bob.gid, 0o777);
      await directory(fs, 'from/dir', bob.uid, bob.gid, 0o755);
      await fails('EACCES', fs.as(alice).rename('from/dir', 'to/dir'));
      await fs.as(alice).rename('from/dir', 'from/new');
      await fs.chmod('from/new', 0o777);
      await fs.as(alice).rename('from/new', 'to/dir');
      expect(await names(fs, 'to')).toEqual(['dir']);
    },
    'O_CREAT of what is there is judged by the file': async ({ fs }) => {
      await directory(fs, 'dir', bob.uid, bob.gid, 0o755);
      await file(fs, 'dir/open', bob.uid, bob.gid, 0o666);
      await file(fs, 'dir/closed', bob.uid, bob.gid, 0o644);
      await put(fs.as(alice), 'dir/open', 'by alice');
      await fails('EACCES', fs.as(alice).open('dir/closed', O_WRONLY | O_CREAT));
      expect(await get(fs, 'dir/open')).toBe('by alice');
    },
    'O_TRUNC and truncate want the file to be writable': async ({ fs }) => {
      await file(fs, 'file', bob.uid, bob.gid, 0o644);
      const user = fs.as(alice);
      await fails('EACCES', user.open('file', O_WRONLY | O_TRUNC));
      await fails('EACCES', user.open('file', O_RDONLY | O_TRUNC));
      await fails('EACCES', user.truncate('file', 1));
      await fails('EACCES', user.open('file', O_WRONLY | O_APPEND));
      expect(await get(fs, 'file')).toBe('contents');
    },
    'truncate wants no right to read': async ({ fs }) => {
      await file(fs, 'file', bob.uid, bob.gid, 0o642);
      await fs.as(alice).truncate('file', 3);
      expect(await get(fs, 'file')).toBe('con');
    },
    'what is open stays open when rights go': async ({ fs }) => {
      await file(fs, 'file', alice.uid, alice.gid, 0o600);
      await using(fs.as(alice).open('file', O_RDWR), async (opened) => {
        await fs.chmod('file', 0);
        await fs.chown('file', bob.uid, bob.gid);
        await opened.write('C', 0);
        expect(await contents(opened)).toBe('Contents');
      });
      await fails('EACCES', fs.as(alice).open('file', O_RDONLY));
    },
    'who makes a file may write it whatever its mode': async ({ fs }) => {
      await fs.chmod('/', 0o777);
      const user = fs.as(alice);
      await using(user.open('mute', O_RDWR | O_CREAT, 0), async (opened) => {
        await opened.write('x');
        expect(await contents(opened)).toBe('x');
      });
      await fails('EACCES', user.open('mute', O_RDONLY));
    },
    'chmod is for the owner': async ({ fs }) => {
      await file(fs, 'file', alice.uid, alice.gid, 0o666);
      await fails('EPERM', fs.as(bob).chmod('file', 0o600));
      await fs.as(alice).chmod('file', 0o640);
      expect((await fs.stat('file')).mode).toBe(0o640);
      await using(fs.as(alice).open('file', O_RDONLY), (opened) => opened.chmod(0o600));
      expect((await fs.stat('file')).mode).toBe(0o600);
    },
    'chmod by group and supplementary group is refused': async ({ fs }) => {
      await file(fs, 'file', bob.uid, friends, 0o666);
      await fails('EPERM', fs.as(alice).chmod('file', 0o600));
    },
    'utimes to times of one’s choice is for the owner': needing('nanoseconds', async ({ fs }) => {
      await file(fs, 'file', alice.uid, alice.gid, 0o666);
      await fails('EPERM', fs.as(bob).utimes('file', 1_000_000_000n, 1_000_000_000n));
      await fs.as(alice).utimes('file', 1_000_000_000n, 2_000_000_000n);
      expect((await fs.stat('file')).mtime).toBe(2_000_000_000n);
    }),
    'links are read by anybody who comes there': async ({ fs }) => {
      await fs.symlink('target', 'link');
      expect((await fs.as(alice).readlink('link')).toString()).toBe('target');
      await directory(fs, 'dir', bob.uid, bob.gid, 0o700);
      await fs.symlink('target', 'dir/link');
      await fails('EACCES', fs.as(alice).readlink('dir/link'));
    },
    'a link into a directory that may not be searched': async ({ fs }) => {
      await directory(fs, 'dir', bob.uid, bob.gid, 0o700);
      await file(fs, 'dir/file', bob.uid, bob.gid, 0o666);
      await fs.symlink('dir/file', 'link');
      await fails('EACCES', fs.as(alice).open('link', O_RDONLY));
      expect(await get(fs.as(bob), 'link')).toBe('contents');
    },
    'new files and directories belong to who makes them': async ({ fs }) => {
      await fs.chmod('/', 0o777);
      const user = fs.as(alice);
      await put(user, 'file');
      await user.mkdir('dir');
      await user.symlink('x', 'link');
      for (const name of ['file', 'dir', 'link'])
        expect(await fs.lstat(name), name).toMatchObject({ uid: alice.uid, gid: alice.gid });
    },
    'a directory with setgid hands its group down': async ({ fs }) => {
      await directory(fs, 'dir', bob.uid, friends, 0o2777);
      const user = fs.as(alice);
      await put(user, 'dir/file');
      await user.mkdir('dir/sub', 0o755);
      await user.symlink('x', 'dir/link');
      expect(await fs.lstat('dir/file')).toMatchObject({ uid: alice.uid, gid: friends });
      expect(await fs.lstat('dir/link')).toMatchObject({ uid: alice.uid, gid: friends });
      expect(await fs.lstat('dir/sub')).toMatchObject({ uid: alice.uid, gid: friends, mode: 0o2755 });
      await put(fs.as(bob), 'dir/sub/file').catch(() => {});
      await put(user, 'dir/sub/file');
      expect((await fs.lstat('dir/sub/file')).gid).toBe(friends);
    },
    'access(2) for the owner, the group and others': needing('access', async ({ fs }) => {
      await file(fs, 'file', alice.uid, friends, 0o754);
      const may = async (who: typeof alice | typeof bob): Promise<string[]> => {
        const found: string[] = [];
        for (const mode of [0, 4, 2, 1, 6, 5])
          found.push(`${mode} ${await outcomeOf(fs.as(who).access('file', mode))}`);
        return found;
      };
      const all = [0, 4, 2, 1, 6, 5].map((mode) => `${mode} success`);
      expect(await may(alice)).toEqual(all);
      expect(await may({ ...alice, uid: 2009 })).toEqual([
        '0 success',
        '4 success',
        '2 EACCES',
        '1 success',
        '6 EACCES',
        '5 success',
      ]);
      expect(await may(bob)).toEqual([
        '0 success',
        '4 success',
        '2 EACCES',
        '1 EACCES',
        '6 EACCES',
        '5 EACCES',
      ]);
    }),
    'access(2) for root: everything but executing what nobody may': needing('access', async ({ fs }) => {
      await file(fs, 'plain', alice.uid, alice.gid, 0o600);
      await file(fs, 'program', alice.uid, alice.gid, 0o010);
      await directory(fs, 'dir', alice.uid, alice.gid, 0);
      await fs.access('plain', 6);
      await fails('EACCES', fs.access('plain', 1));
      await fs.access('program', 7);
      await fs.access('dir', 7);
    }),
    'access(2) of what is missing or hidden': needing('access', async ({ fs }) => {
      await directory(fs, 'dir', bob.uid, bob.gid, 0o700);
      await file(fs, 'dir/file', alice.uid, alice.gid, 0o666);
      await fails('ENOENT', fs.as(alice).access('missing', 0));
      await fails('EACCES', fs.as(alice).access('dir/file', 4));
      await fails('EACCES', fs.as(alice).access('dir/missing', 0));
      await fs.as(alice).access('dir', 0);
    }),
    'rights that are given and taken count at once': async ({ fs }) => {
      await file(fs, 'file', bob.uid, bob.gid, 0o600);
      const user = fs.as(alice);
      for (let round = 0; round < 5; round++) {
        await fails('EACCES', user.open('file', O_RDONLY));
        await fs.chmod('file', 0o604);
        expect(await get(user, 'file')).toBe('contents');
        await fs.chmod('file', 0o600);
      }
      await fs.chown('file', alice.uid, alice.gid);
      expect(await get(user, 'file')).toBe('contents');
    },
    'taken by another client count as well': needing('two-clients', async ({ fs }) => {
      const other = await fs.other();
      await directory(fs, 'dir', bob.uid, bob.gid, 0o755);
      await file(fs, 'dir/file', bob.uid, bob.gid, 0o644);
      expect(await get(fs.as(alice), 'dir/file')).toBe('contents');
      await other.chmod('dir/file', 0o600);
      await fails('EACCES', fs.as(alice).open('dir/file', O_RDONLY));
    }),
    'of many groups the last one counts as the first': async ({ fs }) => {
      await file(fs, 'file', bob.uid, 4031, 0o640);
      const groups = Array.from({ length: 32 }, (_, index) => 4000 + index);
      expect(await get(fs.as({ uid: alice.uid, gid: alice.gid, groups }), 'file')).toBe('contents');
      await fails(
        'EACCES',
        fs.as({ uid: alice.uid, gid: alice.gid, groups: groups.slice(0, 31) }).open('file', O_RDONLY),
      );
    },
  },
  ['permissions'],
);

export const sticky = group(
  'sticky directories',
  {
    'unlink is for the owner of the file': async ({ fs }) => {
      await directory(fs, 'tmp', 0, 0, 0o1777);
      await put(fs.as(alice), 'tmp/hers');
      await fails('EPERM', fs.as(bob).unlink('tmp/hers'));
      await fs.as(alice).unlink('tmp/hers');
      expect(await names(fs, 'tmp')).toEqual([]);
    },
    'unlink is for the owner of the directory': async ({ fs }) => {
      await directory(fs, 'tmp', bob.uid, bob.gid, 0o1777);
      await put(fs.as(alice), 'tmp/hers');
      await fs.as(bob).unlink('tmp/hers');
      expect(await names(fs, 'tmp')).toEqual([]);
    },
    'unlink is for root': async ({ fs }) => {
      await directory(fs, 'tmp', bob.uid, bob.gid, 0o1777);
      await put(fs.as(alice), 'tmp/hers');
      await fs.unlink('tmp/hers');
      expect(await names(fs, 'tmp')).toEqual([]);
    },
    'rmdir is for the owner': async ({ fs }) => {
      await directory(fs, 'tmp', 0, 0, 0o1777);
      await fs.as(alice).mkdir('tmp/hers', 0o777);
      await fails('EPERM', fs.as(bob).rmdir('tmp/hers'));
      await fs.as(alice).rmdir('tmp/hers');
    },
    'rename away is for the owner': async ({ fs }) => {
      await directory(fs, 'tmp', 0, 0, 0o1777);
      await fs.chmod('/', 0o777);
      await put(fs.as(alice), 'tmp/hers');
      await fails('EPERM', fs.as(bob).rename('tmp/hers', 'tmp/his'));
      await fails('EPERM', fs.as(bob).rename('tmp/hers', 'his'));
      await fs.as(alice).rename('tmp/hers', 'tmp/new');
      expect(await names(fs, 'tmp')).toEqual(['new']);
    },
    'rename over is for the owner of what is replaced': async ({ fs }) => {
      await directory(fs, 'tmp', 0, 0, 0o1777);
      await put(fs.as(alice), 'tmp/hers', 'hers');
      await put(fs.as(bob), 'tmp/his', 'his');
      await fails('EPERM', fs.as(bob).rename('tmp/his', 'tmp/hers'));
      expect(await get(fs, 'tmp/hers')).toBe('hers');
      await put(fs.as(bob), 'tmp/second', 'second');
      await fs.as(bob).rename('tmp/second', 'tmp/his');
      expect(await get(fs, 'tmp/his')).toBe('second');
    },
    'rename is refused the same whatever the names': async ({ fs }) => {
      await directory(fs, 'tmp', 0, 0, 0o1777);
      const outcomes = new Set<string>();
      for (let index = 0; index < 12; index++) {
        await put(fs.as(alice), `tmp/hers${index}`);
        await put(fs.as(bob), `tmp/his${index}`);
        outcomes.add(await outcomeOf(fs.as(bob).rename(`tmp/hers${index}`, `tmp/new${index}`)));
        outcomes.add(await outcomeOf(fs.as(bob).rename(`tmp/his${index}`, `tmp/hers${index}`)));
      }
      expect([...outcomes]).toHaveLength(1);
      expect((await names(fs, 'tmp')).length).toBe(24);
    },
    'anybody makes entries': async ({ fs }) => {
      await directory(fs, 'tmp', 0, 0, 0o1777);
      await put(fs.as(alice), 'tmp/a');
      await put(fs.as(bob), 'tmp/b');
      await fs.as(bob).mkdir('tmp/dir');
      expect(await names(fs, 'tmp')).toEqual(['a', 'b', 'dir']);
    },
    'without the bit anybody who may write removes': async ({ fs }) => {
      await directory(fs, 'all', 0, 0, 0o777);
      await put(fs.as(alice), 'all/hers');
      await fs.as(bob).unlink('all/hers');
      expect(await names(fs, 'all')).toEqual([]);
    },
    'the bit is set and taken': async ({ fs }) => {
      await directory(fs, 'dir', alice.uid, alice.gid, 0o777);
      await fs.as(alice).chmod('dir', 0o1777);
      expect((await fs.stat('dir')).mode).toBe(0o1777);
      await put(fs.as(alice), 'dir/hers');
      await fails('EPERM', fs.as(bob).unlink('dir/hers'));
      await fs.as(alice).chmod('dir', 0o777);
      await fs.as(bob).unlink('dir/hers');
    },
  },
  ['permissions'],
);
