import { expect } from 'vitest';
import type { Subject } from '../subject.ts';
import {
  alice,
  bob,
  fails,
  friends,
  group,
  modeOf,
  needing,
  O_CREAT,
  O_RDWR,
  O_WRONLY,
  put,
  using,
} from '../trial.ts';

async function owner(fs: Subject, path: string): Promise<[number, number]> {
  const { uid, gid } = await fs.lstat(path);
  return [uid, gid];
}

/** A file of Alice's. */
async function hers(fs: Subject, mode = 0o644, gid = alice.gid): Promise<void> {
  await put(fs, 'file', 'contents');
  await fs.chown('file', alice.uid, gid);
  await fs.chmod('file', mode);
}

export const ownership = group(
  'ownership',
  {
    'root gives files away': async ({ fs }) => {
      await put(fs, 'file');
      await fs.chown('file', 1234, 5678);
      expect(await owner(fs, 'file')).toEqual([1234, 5678]);
      await fs.chown('file', 0, 0);
      expect(await owner(fs, 'file')).toEqual([0, 0]);
    },
    'large ids': async ({ fs }) => {
      await put(fs, 'file');
      await fs.chown('file', 4_000_000_000, 3_999_999_999);
      expect(await owner(fs, 'file')).toEqual([4_000_000_000, 3_999_999_999]);
    },
    '-1 leaves one of the two': async ({ fs }) => {
      await put(fs, 'file');
      await fs.chown('file', 1234, 5678);
      await fs.chown('file', -1, 99);
      expect(await owner(fs, 'file')).toEqual([1234, 99]);
      await fs.chown('file', 77, -1);
      expect(await owner(fs, 'file')).toEqual([77, 99]);
    },
    'of directories and open files': async ({ fs }) => {
      await fs.mkdir('dir');
      await fs.chown('dir', 11, 12);
      expect(await owner(fs, 'dir')).toEqual([11, 12]);
      await using(fs.open('file', O_WRONLY | O_CREAT), (file) => file.chown(13, 14));
      expect(await owner(fs, 'file')).toEqual([13, 14]);
    },
    'chown follows links, lchown does not': async ({ fs }) => {
      await put(fs, 'file');
      await fs.symlink('file', 'link');
      await fs.chown('link', 5, 6);
      expect([await owner(fs, 'file'), await owner(fs, 'link')]).toEqual([
        [5, 6],
        [0, 0],
      ]);
      await fs.lchown('link', 7, 8);
      expect([await owner(fs, 'file'), await owner(fs, 'link')]).toEqual([
        [5, 6],
        [7, 8],
      ]);
    },
    'of what is missing': async ({ fs }) => {
      await put(fs, 'file');
      await fs.symlink('missing', 'dangling');
      await fails('ENOENT', fs.chown('missing', 1, 1));
      await fails('ENOENT', fs.chown('dangling', 1, 1));
      await fails('ENOTDIR', fs.chown('file/x', 1, 1));
      await fs.lchown('dangling', 1, 1);
      expect(await owner(fs, 'dangling')).toEqual([1, 1]);
    },
    'root’s chown of a program clears setuid and setgid': async ({ fs }) => {
      await put(fs, 'file');
      await fs.chmod('file', 0o6755);
      await fs.chown('file', 5, 6);
      expect(await modeOf(fs, 'file')).toBe('755');
    },
    'chown of a directory keeps setgid': async ({ fs }) => {
      await fs.mkdir('dir');
      await fs.chmod('dir', 0o2755);
      await fs.chown('dir', 5, 6);
      expect(await modeOf(fs, 'dir')).toBe('2755');
    },
    'chmod sets and clears each of the twelve bits': async ({ fs }) => {
      await put(fs, 'file');
      await fs.mkdir('dir');
      for (let bit = 0; bit < 12; bit++) {
        await fs.chmod('file', 1 << bit);
        expect((await fs.stat('file')).mode).toBe(1 << bit);
        await fs.chmod('dir', 0o7777 & ~(1 << bit));
        expect((await fs.stat('dir')).mode).toBe(0o7777 & ~(1 << bit));
      }
    },
    'chmod of open files and of what is missing': async ({ fs }) => {
      await using(fs.open('file', O_RDWR | O_CREAT), (file) => file.chmod(0o4711));
      expect(await modeOf(fs, 'file')).toBe('4711');
      await fails('ENOENT', fs.chmod('missing', 0o600));
      await fails('ENOTDIR', fs.chmod('file/x', 0o600));
    },
  },
  ['root'],
);

export const ownershipOfUsers = group(
  'ownership by users',
  {
    'owners can not give files away': async ({ fs }) => {
      await hers(fs);
      await fails('EPERM', fs.as(alice).chown('file', bob.uid, -1));
      await fails('EPERM', fs.as(alice).chown('file', 0, alice.gid));
      await fails('EPERM', fs.as(alice).chown('file', bob.uid, bob.gid));
      expect(await owner(fs, 'file')).toEqual([alice.uid, alice.gid]);
    },
    'owners choose among their own groups': async ({ fs }) => {
      await hers(fs);
      await fs.as(alice).chown('file', -1, friends);
      expect(await owner(fs, 'file')).toEqual([alice.uid, friends]);
      await fs.as(alice).chown('file', alice.uid, alice.gid);
      expect(await owner(fs, 'file')).toEqual([alice.uid, alice.gid]);
      await fails('EPERM', fs.as(alice).chown('file', -1, bob.gid));
    },
    'others change nothing': async ({ fs }) => {
      await hers(fs, 0o666);
      await fails('EPERM', fs.as(bob).chown('file', bob.uid, -1));
      await fails('EPERM', fs.as(bob).chown('file', -1, bob.gid));
      expect(await owner(fs, 'file')).toEqual([alice.uid, alice.gid]);
    },
    'a change of group by the owner clears setuid and setgid': async ({ fs }) => {
      await hers(fs, 0o6755);
      await fs.as(alice).chown('file', -1, friends);
      expect(await modeOf(fs, 'file')).toBe('755');
    },
    'chmod by an owner outside of the group clears setgid': async ({ fs }) => {
      await hers(fs, 0o644, bob.gid);
      await fs.as(alice).chmod('file', 0o2755);
      expect(await modeOf(fs, 'file')).toBe('755');
    },
    'chmod by an owner in the group keeps setgid': async ({ fs }) => {
      await hers(fs, 0o644, friends);
      await fs.as(alice).chmod('file', 0o6755);
      expect(await modeOf(fs, 'file')).toBe('6755');
    },
    'a write by its owner clears setuid and setgid of a program': async ({ fs }) => {
      await hers(fs, 0o6777);
      await using(fs.as(alice).open('file', O_WRONLY), (file) => file.write('x'));
      expect(await modeOf(fs, 'file')).toBe('777');
    },
    'a write by another user clears setuid': async ({ fs }) => {
      await hers(fs, 0o4777);
      await using(fs.as(bob).open('file', O_WRONLY), (file) => file.write('x'));
      expect(await modeOf(fs, 'file')).toBe('777');
    },
    'a write by root keeps setuid': async ({ fs }) => {
      await hers(fs, 0o4755);
      await using(fs.open('file', O_WRONLY), (file) => file.write('x'));
      expect(await modeOf(fs, 'file')).toBe('4755');
    },
    'truncate by its owner clears setuid': async ({ fs }) => {
      await hers(fs, 0o4777);
      await fs.as(alice).truncate('file', 1);
      expect(await modeOf(fs, 'file')).toBe('777');
    },
    'owners change permissions they do not have': async ({ fs }) => {
      await hers(fs, 0);
      await fs.as(alice).chmod('file', 0o600);
      await using(fs.as(alice).open('file', O_RDWR), (file) => file.write('x'));
      expect((await fs.stat('file')).size).toBe(8);
    },
  },
  ['permissions'],
);

export const umask = group('umask', {
  'is taken from files, directories and nodes': needing('special-files', async ({ fs }) => {
    const strict = fs.as({ umask: 0o027 });
    await put(strict, 'file', '', 0o666);
    await strict.mkdir('dir', 0o777);
    await strict.mknod('fifo', 'fifo', 0o666);
    expect([await modeOf(fs, 'file'), await modeOf(fs, 'dir'), await modeOf(fs, 'fifo')]).toEqual([
      '640',
      '750',
      '640',
    ]);
  }),
  'of nothing takes nothing': async ({ fs }) => {
    const lax = fs.as({ umask: 0 });
    await put(lax, 'file', '', 0o666);
    await lax.mkdir('dir', 0o777);
    expect([await modeOf(fs, 'file'), await modeOf(fs, 'dir')]).toEqual(['666', '777']);
  },
  'of everything takes everything': async ({ fs }) => {
    const none = fs.as({ umask: 0o777 });
    await put(none, 'file', 'x', 0o666);
    await none.mkdir('dir');
    expect([await modeOf(fs, 'file'), await modeOf(fs, 'dir')]).toEqual(['0', '0']);
  },
  'does not concern chmod and links': async ({ fs }) => {
    const strict = fs.as({ umask: 0o077 });
    await put(strict, 'file', '', 0o666);
    await strict.chmod('file', 0o666);
    await strict.symlink('file', 'link');
    expect([await modeOf(fs, 'file'), await modeOf(fs, 'link')]).toEqual(['666', '777']);
  },
  'does not take from files that are there': async ({ fs }) => {
    await put(fs.as({ umask: 0 }), 'file', 'x', 0o666);
    await put(fs.as({ umask: 0o077 }), 'file', 'y', 0o600);
    expect(await modeOf(fs, 'file')).toBe('666');
  },
});
