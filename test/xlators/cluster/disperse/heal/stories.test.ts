import { afterEach, describe, expect, test } from 'vitest';
import type { HealOutcome, Volume } from '../../../../../src/api/index.ts';
import { FragmentBricks } from '../../../../helpers/fragment-bricks.ts';
import { differencesOfFragments, wrongFragments } from '../../../../helpers/fragment-checks.ts';
import { numbered } from '../../../../helpers/healing.ts';

let set: FragmentBricks | undefined;
let volume: Volume | undefined;
afterEach(async () => {
  await volume?.close();
  await set?.[Symbol.asyncDispose]();
});

interface Story {
  readonly before?: (volume: Volume) => Promise<unknown>;
  readonly change: (volume: Volume) => Promise<unknown>;
}

const stories: Readonly<Record<string, Story>> = {
  'bytes of a new file': { change: (v) => v.writeFile('/new', numbered(10_000, 1)) },
  'an empty file': { change: (v) => v.writeFile('/empty', '') },
  'bytes in the middle': {
    before: (v) => v.writeFile('/f', numbered(50_000, 1)),
    change: (v) => write(v, '/f', numbered(7_001, 2), 12_345),
  },
  'bytes at the end': {
    before: (v) => v.writeFile('/f', numbered(50_000, 1)),
    change: (v) => write(v, '/f', numbered(7_001, 2), 50_000),
  },
  'more bytes than a window': {
    before: (v) => v.writeFile('/f', numbered(1_300_000, 1)),
    change: (v) => write(v, '/f', numbered(1_200_000, 2), 3),
  },
  'a hole': { change: (v) => write(v, '/hole', numbered(1_000, 1), 900_000) },
  'a file that became shorter': {
    before: (v) => v.writeFile('/f', numbered(50_000, 1)),
    change: (v) => v.truncate('/f', 10_001),
  },
  'a file that became empty': {
    before: (v) => v.writeFile('/f', numbered(50_000, 1)),
    change: (v) => v.truncate('/f', 0),
  },
  'a file that became longer': {
    before: (v) => v.writeFile('/f', numbered(5_000, 1)),
    change: (v) => v.truncate('/f', 100_001),
  },
  permissions: {
    before: (v) => v.writeFile('/f', numbered(5_000, 1)),
    change: (v) => v.chmod('/f', 0o600),
  },
  'an owner': {
    before: (v) => v.mkdir('/d'),
    change: (v) => v.chown('/d', 12, 34),
  },
  'extended attributes': {
    before: async (v) => {
      await v.writeFile('/f', numbered(5_000, 1));
      await v.setxattr('/f', 'user.gone', 'x');
      await v.setxattr('/f', 'user.other', 'x');
    },
    change: async (v) => {
      await v.removexattr('/f', 'user.gone');
      await v.setxattr('/f', 'user.other', 'y');
      await v.setxattr('/f', 'user.new', 'z');
    },
  },
  'a file that is gone': {
    before: (v) => v.writeFile('/f', numbered(5_000, 1)),
    change: (v) => v.unlink('/f'),
  },
  'a directory with all in it': {
    change: async (v) => {
      await v.mkdir('/d/e/f', { recursive: true, mode: 0o750 });
      await v.writeFile('/d/e/f/file', numbered(9_000, 3));
      await v.symlink('../file', '/d/e/link');
      await v.link('/d/e/f/file', '/d/other');
    },
  },
  'a directory that is gone': {
    before: async (v) => {
      await v.mkdir('/d');
      await v.writeFile('/d/f', numbered(5_000, 1));
    },
    change: async (v) => {
      await v.unlink('/d/f');
      await v.rmdir('/d');
    },
  },
  'a file with another name': {
    before: (v) => v.writeFile('/f', numbered(5_000, 1)),
    change: (v) => v.rename('/f', '/g'),
  },
  'a file with another name elsewhere': {
    before: async (v) => {
      await v.mkdir('/a');
      await v.mkdir('/b');
      await v.writeFile('/a/f', numbered(5_000, 1));
    },
    change: (v) => v.rename('/a/f', '/b/g'),
  },
  'a file in the place of another': {
    before: async (v) => {
      await v.writeFile('/f', numbered(5_000, 1));
      await v.writeFile('/g', numbered(6_000, 2));
    },
    change: (v) => v.rename('/f', '/g'),
  },
  'a directory with another name elsewhere': {
    before: async (v) => {
      await v.mkdir('/a/x/y', { recursive: true });
      await v.mkdir('/b');
      await v.writeFile('/a/x/y/f', numbered(5_000, 1));
    },
    change: (v) => v.rename('/a/x', '/b/z'),
  },
  'directories that have changed places': {
    before: async (v) => {
      await v.mkdir('/a');
      await v.mkdir('/b');
      await v.writeFile('/a/f', numbered(5_000, 1));
      await v.writeFile('/b/g', numbered(6_000, 2));
    },
    change: async (v) => {
      await v.rename('/a', '/c');
      await v.rename('/b', '/a');
      await v.rename('/c', '/b');
    },
  },
  'another name of a file': {
    before: (v) => v.writeFile('/f', numbered(5_000, 1)),
    change: (v) => v.link('/f', '/g'),
  },
  'a file of another type': {
    before: (v) => v.writeFile('/f', numbered(5_000, 1)),
    change: async (v) => {
      await v.unlink('/f');
      await v.mkdir('/f');
      await v.writeFile('/f/g', numbered(5_000, 1));
    },
  },
  'a symbolic link': { change: (v) => v.symlink('somewhere', '/link') },
};

async function write(volume: Volume, path: string, data: Buffer, offset: number): Promise<void> {
  await using file = await volume.open(path, 'a+').then(async (made) => {
    await made.close();
    return volume.open(path, 'r+');
  });
  await file.pwrite(data, offset);
}

describe.each([[[0, 5]], [[2, 3]]])('bricks %j miss', (away) => {
  test.each(Object.keys(stories))('%s', async (name) => {
    const { before, change } = stories[name]!;
    set = await FragmentBricks.start();
    volume = await set.connect({ '*-disperse-*.self-heal-window-size': '1' });
    await before?.(volume);
    await set.without(volume, away, () => change(volume!));
    expect(set.listed().length).toBeGreaterThan(0);
    const outcomes: HealOutcome[] = [];
    for await (const outcome of volume.healer().start()) outcomes.push(outcome);
    expect(outcomes.filter(({ status }) => status !== 'healed' && status !== 'purged')).toEqual([]);
    expect(outcomes.some(({ status }) => status === 'healed')).toBe(true);
    expect(set.listed()).toEqual([]);
    expect(differencesOfFragments(set.directories)).toEqual([]);
    expect((await wrongFragments(volume, set.directories, 4)).wrong).toEqual([]);
  });
});
