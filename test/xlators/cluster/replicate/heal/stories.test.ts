import { afterEach, expect, test } from 'vitest';
import type { Volume } from '../../../../../src/api/index.ts';
import { rootContext } from '../../../../../src/graph/index.ts';
import { examine, isExamined } from '../../../../../src/xlators/cluster/replicate/heal/examine.ts';
import { differencesOfBricks } from '../../../../helpers/bricks-identical.ts';
import { allUp, healListed, numbered } from '../../../../helpers/healing.ts';
import { ReplicaCopies } from '../../../../helpers/replica-copies.ts';

let set: ReplicaCopies | undefined;
let volume: Volume | undefined;
afterEach(async () => {
  await volume?.close();
  await set?.[Symbol.asyncDispose]();
});

const BLOCK = 128 * 1024;
const MiB = 1 << 20;

interface Story {
  readonly told: string;
  readonly before?: (volume: Volume) => Promise<unknown>;
  readonly missed: (volume: Volume) => Promise<unknown>;
}

async function put(at: Volume, offset: number, data: Buffer, flags = 'r+'): Promise<void> {
  await using file = await at.open('/file', flags);
  await file.pwrite(data, offset);
}

/** As the kernel has it: version 2, then tag, permissions and id of each: owner, user 7, group, mask, others. */
const acl = Buffer.from(
  [
    '02000000',
    '0100 0600 ffffffff',
    '0200 0400 07000000',
    '0400 0400 ffffffff',
    '1000 0600 ffffffff',
    '2000 0000 ffffffff',
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

const stories: readonly Story[] = [
  { told: 'bytes of an empty file', missed: (at) => put(at, 0, numbered(3 * MiB + 17, 1)) },
  {
    told: 'an append',
    before: (at) => put(at, 0, numbered(BLOCK + 5, 1)),
    missed: (at) => put(at, BLOCK + 5, numbered(2 * BLOCK, 2)),
  },
  {
    told: 'some bytes in the middle',
    before: (at) => put(at, 0, numbered(10 * BLOCK + 99, 1)),
    missed: (at) => put(at, 5 * BLOCK - 3, numbered(7, 2)),
  },
  {
    told: 'a truncation',
    before: (at) => put(at, 0, numbered(9 * BLOCK, 1)),
    missed: (at) => at.truncate('/file', BLOCK + 1),
  },
  {
    told: 'a truncation to nothing',
    before: (at) => put(at, 0, numbered(3 * BLOCK, 1)),
    missed: (at) => at.truncate('/file', 0),
  },
  {
    told: 'a hole',
    before: (at) => put(at, 0, numbered(100, 1)),
    missed: async (at) => {
      await at.truncate('/file', 40 * BLOCK);
      await put(at, 20 * BLOCK + 1, numbered(10, 2));
    },
  },
  {
    told: 'an owner and an access list',
    missed: async (at) => {
      await at.chown('/file', 1234, 5678);
      await at.setxattr('/file', 'system.posix_acl_access', acl);
    },
  },
  {
    told: 'the loss of an access list',
    before: (at) => at.setxattr('/file', 'system.posix_acl_access', acl),
    missed: async (at) => {
      await at.removexattr('/file', 'system.posix_acl_access');
      await at.chmod('/file', 0o606);
    },
  },
  {
    told: 'what became of a directory',
    before: async (at) => {
      await at.mkdir('/directory');
      await at.setxattr('/directory', 'user.gone', Buffer.from('x'));
    },
    missed: async (at) => {
      await at.chmod('/directory', 0o1750);
      await at.removexattr('/directory', 'user.gone');
      await at.setxattr('/directory', 'user.new', Buffer.from('new'));
    },
  },
  {
    told: 'permissions, times and attributes',
    before: async (at) => {
      await at.setxattr('/file', 'user.gone', Buffer.from('x'));
      await at.setxattr('/file', 'user.changed', Buffer.from('before'));
    },
    missed: async (at) => {
      await at.chmod('/file', 0o4711);
      await at.removexattr('/file', 'user.gone');
      await at.setxattr('/file', 'user.changed', Buffer.from('after'));
      await at.setxattr('/file', 'user.new', Buffer.from('new'));
      await at.utimes('/file', 1000, 2000);
    },
  },
];

async function timesOf(of: ReplicaCopies): Promise<string[]> {
  const found = await examine(of.state, await of.copies[0]!.lookup('file'), rootContext());
  return found
    .filter(isExamined)
    .map(({ stat }) => `${stat.mtime} ${stat.mtimeNsec} ${stat.atime} ${stat.ctime}`);
}

const types = ['replicate 2', 'replicate 3', 'replicate 3 arbiter 1'];
/** Each story is told with another victim, and healed in another manner. */
const manners: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'data-self-heal-algorithm': 'full' },
  { 'data-self-heal-algorithm': 'diff', 'data-self-heal-window-size': '1' },
  { 'data-self-heal-algorithm': 'full', 'data-self-heal-window-size': '1', 'ensure-durability': 'off' },
];

const scenes = types.flatMap((type, turn) =>
  stories.map((story, at) => {
    const victim = (at + turn) % (type === 'replicate 2' ? 2 : 3);
    return { ...story, type, victim, manner: manners[(at + turn) % manners.length]! };
  }),
);

test.each(scenes)('$type: brick $victim misses $told', async ({ type, before, missed, victim, manner }) => {
  const quorum = { 'quorum-type': type === 'replicate 2' ? 'none' : 'auto' };
  set = await ReplicaCopies.start({ ...quorum, ...manner }, type);
  const arbiter = type.includes('arbiter') ? 2 : undefined;
  volume = await set.cluster.connect('r', { entryTimeout: 0 });
  await (await volume.open('/file', 'wx')).close();
  await before?.(volume);
  await set.bricks[victim]!.kill();
  await missed(volume);
  await volume.close();
  await set.bricks[victim]!.restart();
  await allUp(set);
  const results = await healListed(set);
  expect(results.map(({ status, error }) => error ?? status)).toEqual(results.map(() => 'healed'));
  expect(results.length).toBeGreaterThan(0);
  // Bricks keep a host's time beside the client's: what clients see is compared.
  const options = { arbiter, mtimes: false };
  expect(
    differencesOfBricks(
      set.bricks.map(({ directory }) => directory),
      options,
    ),
  ).toEqual([]);
  const times = (await timesOf(set)).filter((_, index) => index !== arbiter);
  expect(times).toEqual(times.map(() => times[0]));
  expect((await healListed(set)).filter(({ status }) => status !== 'clean')).toEqual([]);
});
