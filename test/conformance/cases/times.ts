import { expect } from 'vitest';
import type { Attributes, Path, Subject } from '../subject.ts';
import {
  group,
  needing,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  put,
  type Trial,
  using,
} from '../trial.ts';

/** Which of mtime and ctime moved on: `m`, `c`, both, or `-`. None may move back. */
function moved(before: Attributes, after: Attributes): string {
  expect(after.mtime).toBeGreaterThanOrEqual(before.mtime);
  expect(after.ctime).toBeGreaterThanOrEqual(before.ctime);
  return (after.mtime > before.mtime ? 'm' : '') + (after.ctime > before.ctime ? 'c' : '') || '-';
}

/** What `work` moves of the times of each path, in the order given. */
async function moves(
  { fs, tick }: Trial,
  paths: readonly Path[],
  work: () => Promise<unknown>,
): Promise<string[]> {
  const look = (): Promise<Attributes[]> => Promise.all(paths.map((path) => fs.lstat(path)));
  await tick();
  const before = await look();
  await work();
  const after = await look();
  return before.map((each, index) => moved(each, after[index]!));
}

async function fixture(fs: Subject): Promise<void> {
  await put(fs, 'file', 'contents');
  await fs.mkdir('dir');
  await put(fs, 'dir/inner', 'x');
}

export const times = group('times', {
  'of a new file lie at its making': async (trial) => {
    const { fs, tick } = trial;
    await put(fs, 'before');
    await tick();
    await put(fs, 'file');
    await tick();
    await put(fs, 'after');
    const [before, file, after] = [await fs.stat('before'), await fs.stat('file'), await fs.stat('after')];
    for (const time of ['mtime', 'ctime', 'atime'] as const) {
      expect(file[time]).toBeGreaterThan(before[time]);
      expect(file[time]).toBeLessThan(after[time]);
    }
  },
  'making a file: mtime and ctime of the directory': async (trial) => {
    await fixture(trial.fs);
    expect(await moves(trial, ['dir', 'file'], () => put(trial.fs, 'dir/new'))).toEqual(['mc', '-']);
  },
  'making a directory, a link of each kind: the same': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    expect(await moves(trial, ['dir'], () => fs.mkdir('dir/sub'))).toEqual(['mc']);
    expect(await moves(trial, ['dir'], () => fs.symlink('x', 'dir/symlink'))).toEqual(['mc']);
    expect(await moves(trial, ['dir', 'file'], () => fs.link('file', 'dir/link'))).toEqual(['mc', 'c']);
  },
  'making a fifo: the same': needing('special-files', async (trial) => {
    await fixture(trial.fs);
    expect(await moves(trial, ['dir'], () => trial.fs.mknod('dir/fifo', 'fifo'))).toEqual(['mc']);
  }),
  'removing: mtime and ctime of the directory': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    await fs.mkdir('dir/sub');
    expect(await moves(trial, ['dir'], () => fs.rmdir('dir/sub'))).toEqual(['mc']);
    expect(await moves(trial, ['dir'], () => fs.unlink('dir/inner'))).toEqual(['mc']);
  },
  'removing one of two names: ctime of the file': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    await fs.link('file', 'twin');
    expect(await moves(trial, ['file'], () => fs.unlink('twin'))).toEqual(['c']);
  },
  'an entry of a subdirectory leaves the directory above': async (trial) => {
    await fixture(trial.fs);
    await trial.fs.mkdir('dir/sub');
    expect(await moves(trial, ['dir', 'dir/sub'], () => put(trial.fs, 'dir/sub/new'))).toEqual(['-', 'mc']);
  },
  'rename: mtime and ctime of both directories': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    await fs.mkdir('to');
    expect(await moves(trial, ['dir', 'to'], () => fs.rename('dir/inner', 'to/new'))).toEqual(['mc', 'mc']);
  },
  'rename leaves the contents’ time of the file': async (trial) => {
    const { fs, tick } = trial;
    await fixture(fs);
    const before = await fs.stat('file');
    await tick();
    await fs.rename('file', 'new');
    expect((await fs.stat('new')).mtime).toBe(before.mtime);
  },
  'rename: ctime of the file': async (trial) => {
    const { fs, tick } = trial;
    await fixture(fs);
    const before = await fs.stat('file');
    await tick();
    await fs.rename('file', 'new');
    expect((await fs.stat('new')).ctime).toBeGreaterThan(before.ctime);
  },
  'rename over a name of two: ctime of what was replaced': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    await put(fs, 'new');
    await fs.link('file', 'twin');
    expect(await moves(trial, ['twin'], () => fs.rename('new', 'file'))).toEqual(['c']);
  },
  'writing: mtime and ctime of the file, nothing of the directory': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    await using(fs.open('dir/inner', O_WRONLY), async (file) => {
      expect(await moves(trial, ['dir/inner', 'dir'], () => file.write('y', 0))).toEqual(['mc', '-']);
      expect(await moves(trial, ['dir/inner'], () => file.write('y', 100))).toEqual(['mc']);
    });
  },
  'appending: mtime and ctime': async (trial) => {
    await fixture(trial.fs);
    await using(trial.fs.open('file', O_WRONLY | O_APPEND), async (file) => {
      expect(await moves(trial, ['file'], () => file.write('y'))).toEqual(['mc']);
    });
  },
  'writing nothing: nothing': async (trial) => {
    await fixture(trial.fs);
    await using(trial.fs.open('file', O_WRONLY), async (file) => {
      expect(await moves(trial, ['file'], () => file.write('', 0))).toEqual(['-']);
    });
  },
  'reading, opening, listing: neither mtime nor ctime': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    const work = async (): Promise<void> => {
      await using(fs.open('file', O_RDWR | O_CREAT), (file) => file.read(4));
      await fs.readdir('dir');
      await fs.stat('dir/inner');
      await fs.access('file', 4).catch(() => {});
    };
    expect(await moves(trial, ['file', 'dir', '/'], work)).toEqual(['-', '-', '-']);
  },
  'truncate to another size: mtime and ctime': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    expect(await moves(trial, ['file'], () => fs.truncate('file', 2))).toEqual(['mc']);
    expect(await moves(trial, ['file'], () => fs.truncate('file', 200))).toEqual(['mc']);
    await using(fs.open('file', O_WRONLY), async (file) => {
      expect(await moves(trial, ['file'], () => file.truncate(3))).toEqual(['mc']);
    });
  },
  'O_TRUNC: mtime and ctime': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    const open = (): Promise<void> => using(fs.open('file', O_WRONLY | O_TRUNC), () => {});
    expect(await moves(trial, ['file', '/'], open)).toEqual(['mc', '-']);
  },
  'chmod: ctime': async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    expect(await moves(trial, ['file', '/'], () => fs.chmod('file', 0o600))).toEqual(['c', '-']);
    expect(await moves(trial, ['dir'], () => fs.chmod('dir', 0o700))).toEqual(['c']);
    await using(fs.open('file', O_RDONLY), async (file) => {
      expect(await moves(trial, ['file'], () => file.chmod(0o640))).toEqual(['c']);
    });
  },
  'chown: ctime': needing('root', async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    expect(await moves(trial, ['file'], () => fs.chown('file', 1, 2))).toEqual(['c']);
    await fs.symlink('x', 'link');
    expect(await moves(trial, ['link'], () => fs.lchown('link', 1, 2))).toEqual(['c']);
  }),
  'setting and removing an attribute: ctime': needing('xattrs', async (trial) => {
    const { fs } = trial;
    await fixture(fs);
    const attributes = fs.xattrs('file');
    expect(await moves(trial, ['file'], () => attributes.setxattr('user.a', 'x'))).toEqual(['c']);
    expect(await moves(trial, ['file'], () => attributes.getxattr('user.a'))).toEqual(['-']);
    expect(await moves(trial, ['file'], () => attributes.removexattr('user.a'))).toEqual(['c']);
  }),
  'are set to the nanosecond': needing('nanoseconds', async ({ fs }) => {
    await put(fs, 'file');
    await fs.utimes('file', 1_111_111_111_123_456_789n, 1_222_222_222_987_654_321n);
    expect(await fs.stat('file')).toMatchObject({
      atime: 1_111_111_111_123_456_789n,
      mtime: 1_222_222_222_987_654_321n,
    });
    await fs.mkdir('dir');
    await fs.utimes('dir', 1n, 2n);
    expect(await fs.stat('dir')).toMatchObject({ atime: 1n, mtime: 2n });
  }),
  'are set of open files': needing('nanoseconds', async ({ fs }) => {
    await using(fs.open('file', O_WRONLY | O_CREAT), async (file) => {
      await file.utimes(5_000_000_005n, 6_000_000_006n);
      expect(await file.stat()).toMatchObject({ atime: 5_000_000_005n, mtime: 6_000_000_006n });
    });
    expect((await fs.stat('file')).mtime).toBe(6_000_000_006n);
  }),
  'are set of links themselves, or of what they lead to': needing('nanoseconds', async ({ fs }) => {
    await put(fs, 'file');
    await fs.symlink('file', 'link');
    await fs.lutimes('link', 7_000_000_000n, 8_000_000_000n);
    await fs.utimes('link', 9_000_000_000n, 10_000_000_000n);
    expect((await fs.lstat('link')).mtime).toBe(8_000_000_000n);
    expect((await fs.lstat('file')).mtime).toBe(10_000_000_000n);
  }),
  'setting them: ctime': needing('nanoseconds', async (trial) => {
    const { fs, tick } = trial;
    await fixture(fs);
    const before = await fs.stat('file');
    await tick();
    await fs.utimes('file', 0n, 0n);
    const after = await fs.stat('file');
    expect(after).toMatchObject({ atime: 0n, mtime: 0n });
    expect(after.ctime).toBeGreaterThan(before.ctime);
  }),
  'far ahead and long ago': needing('nanoseconds', async ({ fs }) => {
    await put(fs, 'file');
    const year2100 = 4_102_444_800_000_000_001n;
    await fs.utimes('file', year2100, year2100);
    expect((await fs.stat('file')).mtime).toBe(year2100);
    await fs.utimes('file', 1n, 1n);
    expect((await fs.stat('file')).mtime).toBe(1n);
  }),
  'before 1970': needing('nanoseconds', async ({ fs }) => {
    await put(fs, 'file');
    await fs.utimes('file', -1_000_000_000n, -86_400_000_000_000n);
    expect(await fs.stat('file')).toMatchObject({ atime: -1_000_000_000n, mtime: -86_400_000_000_000n });
  }),
  'that were set move on with the next write': needing('nanoseconds', async (trial) => {
    const { fs, tick } = trial;
    await put(fs, 'file', 'x');
    const { mtime } = await fs.stat('file');
    await fs.utimes('file', 1_000_000_000n, 1_000_000_000n);
    await tick();
    await put(fs, 'file', 'y');
    expect((await fs.stat('file')).mtime).toBeGreaterThan(mtime);
  }),
  'set ahead of the clock come back with the next write': needing('nanoseconds', async ({ fs }) => {
    await put(fs, 'file', 'x');
    const tomorrow = (await fs.stat('file')).mtime + 86_400_000_000_000n;
    await fs.utimes('file', tomorrow, tomorrow);
    expect((await fs.stat('file')).mtime).toBe(tomorrow);
    await put(fs, 'file', 'y');
    expect((await fs.stat('file')).mtime < tomorrow).toBe(true);
  }),
  'stay through rename, link and reading': needing('nanoseconds', async ({ fs }) => {
    await put(fs, 'file', 'x');
    await fs.utimes('file', 3_000_000_003n, 3_000_000_003n);
    await fs.rename('file', 'new');
    await fs.link('new', 'twin');
    await fs.chmod('new', 0o600);
    expect((await fs.stat('twin')).mtime).toBe(3_000_000_003n);
  }),
  'are the same by path, by fd and by another client': needing('two-clients', async ({ fs }) => {
    const other = await fs.other();
    await using(fs.open('file', O_RDWR | O_CREAT), async (file) => {
      await file.write('x');
      const [mine, theirs] = [await file.stat(), await other.stat('file')];
      for (const time of ['mtime', 'ctime'] as const) {
        expect(theirs[time]).toBe(mine[time]);
        expect((await fs.stat('file'))[time]).toBe(mine[time]);
      }
    });
  }),
});
