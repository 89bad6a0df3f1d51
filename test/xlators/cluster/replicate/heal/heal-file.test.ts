import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { GlfsError } from '../../../../../src/errors.ts';
import { rootContext } from '../../../../../src/graph/index.ts';
import { Dict } from '../../../../../src/protocol/dict.ts';
import { SetattrValid, XattropFlag } from '../../../../../src/protocol/messages.ts';
import { lockInode, WHOLE_FILE } from '../../../../../src/xlators/cluster/heal-locks.ts';
import { type Changelog, encodeChangelog } from '../../../../../src/xlators/cluster/replicate/changelog.ts';
import {
  diagnose,
  healFile,
  type SplitBrainPolicy,
  suspect,
} from '../../../../../src/xlators/cluster/replicate/heal/index.ts';
import { openSession } from '../../../../../src/xlators/cluster/replicate/heal/session.ts';
import { brickMarks } from '../../../../helpers/brick-tree.ts';
import { differencesOfBricks } from '../../../../helpers/bricks-identical.ts';
import { tapCopies } from '../../../../helpers/healing.ts';
import { type Copy, newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

let set: ReplicaCopies;
afterEach(() => set?.[Symbol.asyncDispose]());

type Blame = readonly (readonly [number, number])[];

async function stage(contents: readonly string[], blame: Blame, counters: Partial<Changelog> = { data: 1 }) {
  const gfid = newGfid();
  for (const copy of set.copies) await copy.create('file', gfid, contents[copy.index]);
  for (const [by, accused] of blame) await set.copies[by]!.accuse('file', [accused], counters);
  return gfid;
}

async function dirty(copy: Copy, counters: Partial<Changelog>): Promise<void> {
  const dict = new Dict().setBytes(set.state.dirtyName, encodeChangelog(counters));
  const loc = { inode: await copy.lookup('file') };
  await copy.child.xattrop({ loc, operation: XattropFlag.ADD_ARRAY, dict }, copy.context);
}

function read(): string[] {
  return set.bricks.map(({ directory }) => readFileSync(join(directory, 'file'), 'latin1'));
}

function marks(): string[] {
  return set.bricks.flatMap(({ directory }) => brickMarks(directory));
}

const mutual: Blame = [
  [0, 1],
  [1, 0],
  [0, 2],
  [2, 0],
  [1, 2],
  [2, 1],
];
const third: Blame = [
  [0, 2],
  [1, 2],
];

test('of two healers at once one heals, the other is told', async () => {
  set = await ReplicaCopies.start();
  const gfid = await stage(['good', 'good', 'old'], third);
  const second = await ReplicaCopies.over(set.cluster);
  const results = await Promise.all([set, second].map(({ state }) => healFile(state, gfid, rootContext())));
  const statuses = results.map(({ status }) => status).sort();
  expect([
    ['busy', 'healed'],
    ['clean', 'healed'],
    ['busy', 'busy'],
  ]).toContainEqual(statuses);
  await second[Symbol.asyncDispose]();
  await healFile(set.state, gfid, rootContext());
  expect(read()).toEqual(['good', 'good', 'good']);
  expect(marks()).toEqual([]);
});

test('what a copy was accused of during the heal stays', async () => {
  set = await ReplicaCopies.start();
  const gfid = await stage(['good', 'good', 'old'], third);
  const untap = tapCopies(set.state, async ({ index, fop, go }) => {
    // Between the last look and the first mark that is taken back, as if bricks had given up the lock.
    if (fop === 'setattr' && index === 2) await set.copies[0]!.accuse('file', [2], { data: 1 });
    return go();
  });
  const result = await healFile(set.state, gfid, rootContext());
  untap();
  expect(result).toMatchObject({ status: 'healed', sinks: 0b100 });
  expect(read()).toEqual(['good', 'good', 'good']);
  expect(marks()).toHaveLength(1);
  expect((await diagnose(set.state, gfid, rootContext())).data).toEqual({ pending: true, splitBrain: false });
});

test('a copy that cannot be written to is accused by all, the other one is healed', async () => {
  set = await ReplicaCopies.start();
  const gfid = await stage(
    ['good', 'old', 'older'],
    [
      [0, 1],
      [0, 2],
    ],
  );
  const untap = tapCopies(set.state, async ({ index, fop, go }) => {
    if (fop === 'write' && index === 1) throw new GlfsError('ENOSPC');
    return go();
  });
  const result = await healFile(set.state, gfid, rootContext());
  untap();
  expect(result).toMatchObject({ status: 'failed', sinks: 0b100 });
  expect(read()[2]).toBe('good');
  expect((await healFile(set.state, gfid, rootContext())).status).toBe('healed');
  expect(read()).toEqual(['good', 'good', 'good']);
  expect(marks()).toEqual([]);
});

test('a heal that waits for a lock ends when the graph is closed, and leaves its marks', async () => {
  set = await ReplicaCopies.start({ 'data-self-heal': 'on' });
  const gfid = await stage(['good', 'good', 'old'], third);
  const other = await ReplicaCopies.over(set.cluster, { 'data-self-heal': 'on' });
  const holder = openSession(set.state, await set.copies[0]!.lookup('file'), rootContext());
  const lock = await lockInode(holder, set.state.domain, WHOLE_FILE, 'try');
  expect(lock.on).toBe(set.state.all);
  let waiting = false;
  tapCopies(other.state, ({ fop, request, go }) => {
    if (fop === 'inodelk' && (request as { command: number }).command === 2) waiting = true;
    return go();
  });
  suspect(other.state, await set.copies[0]!.lookup('file'));
  await waitUntil(() => waiting, { what: 'a heal that waits' });
  await other[Symbol.asyncDispose]();
  expect(read()[2]).toBe('old');
  expect(marks()).toHaveLength(2);
  await lock.release();
  expect((await healFile(set.state, gfid, rootContext())).status).toBe('healed');
});

test('a caller that gives up ends its heal at the next block', async () => {
  set = await ReplicaCopies.start({ 'data-self-heal-window-size': '1' });
  const long = 'g'.repeat(400_000);
  const gfid = await stage([long, long, 'old'], third);
  const abort = new AbortController();
  let writes = 0;
  const untap = tapCopies(set.state, ({ fop, go }) => {
    if (fop === 'write' && ++writes === 1) abort.abort();
    return go();
  });
  const result = await healFile(set.state, gfid, { ...rootContext(), signal: abort.signal });
  untap();
  expect(result).toMatchObject({ status: 'failed', error: { code: 'ECANCELED' } });
  expect(writes).toBe(1);
  expect(marks()).toHaveLength(2);
  expect((await healFile(set.state, gfid, rootContext())).status).toBe('healed');
  expect(read()).toEqual([long, long, long]);
});

describe('in the background', () => {
  async function many(count: number): Promise<Uint8Array[]> {
    const gfids = Array.from({ length: count }, newGfid);
    for (const [at, gfid] of gfids.entries()) {
      for (const copy of set.copies) await copy.create(`file-${at}`, gfid, copy.index === 2 ? '' : 'good');
      for (const by of [0, 1]) await set.copies[by]!.accuse(`file-${at}`, [2], { data: 1 });
    }
    return gfids;
  }

  async function inodes(count: number) {
    return Promise.all(Array.from({ length: count }, (_, at) => set.copies[0]!.lookup(`file-${at}`)));
  }

  test('what is come upon is healed, so many at once, so many waiting, the rest not', async () => {
    set = await ReplicaCopies.start({
      'data-self-heal': 'on',
      'background-self-heal-count': '1',
      'heal-wait-queue-length': '2',
    });
    await many(5);
    let running = 0;
    let most = 0;
    tapCopies(set.state, async ({ fop, request, index, go }) => {
      const { domain, type } = request as { domain?: string; type?: number };
      const heals = fop === 'inodelk' && domain === set.state.healDomain && index === 0;
      if (heals && type !== 2) most = Math.max(most, ++running);
      if (heals && type === 2) running--;
      return go();
    });
    for (const inode of await inodes(5)) {
      suspect(set.state, inode);
      suspect(set.state, inode);
    }
    await set.state.idle();
    expect(marks()).toHaveLength(4);
    expect(most).toBe(1);
  });

  test.each([
    { 'data-self-heal': 'off' },
    { 'data-self-heal': 'on', 'background-self-heal-count': '0' },
    { 'data-self-heal': 'off', 'metadata-self-heal': 'on', 'entry-self-heal': 'on' },
  ] as Record<string, string>[])('nothing with %o', async (options) => {
    set = await ReplicaCopies.start(options);
    await many(1);
    suspect(set.state, (await inodes(1))[0]!);
    await set.state.idle();
    expect(marks()).toHaveLength(2);
  });
});

describe('split-brain of data', () => {
  test.each<{ policy?: SplitBrainPolicy; favorite?: string; right?: number }>([
    {},
    { policy: { by: 'size' }, right: 1 },
    { policy: { by: 'source', index: 2 }, right: 2 },
    { favorite: 'size', right: 1 },
    { favorite: 'majority' },
  ])('%o', async ({ policy, favorite, right }) => {
    set = await ReplicaCopies.start(favorite === undefined ? {} : { 'favorite-child-policy': favorite });
    const contents = ['one', 'the longest', 'three'];
    const gfid = await stage(contents, mutual);
    expect((await diagnose(set.state, gfid, rootContext())).data).toEqual({
      pending: true,
      splitBrain: true,
    });
    const result = await healFile(set.state, gfid, rootContext(), policy);
    if (right === undefined) {
      expect(result).toMatchObject({ status: 'split-brain', error: { code: 'EIO' } });
      expect(read()).toEqual(contents);
      expect(marks()).toHaveLength(6);
      return;
    }
    expect(result).toMatchObject({ status: 'healed' });
    expect(read()).toEqual(contents.map(() => contents[right]));
    expect(marks()).toEqual([]);
  });

  test('equal sizes decide nothing', async () => {
    set = await ReplicaCopies.start();
    const gfid = await stage(['one', 'two', 'x'], mutual);
    const result = await healFile(set.state, gfid, rootContext(), { by: 'size' });
    expect(result.status).toBe('split-brain');
    expect(read()).toEqual(['one', 'two', 'x']);
  });

  test('a policy for a file that needs none changes nothing', async () => {
    set = await ReplicaCopies.start();
    const gfid = await stage(['good', 'good', 'old'], third);
    const result = await healFile(set.state, gfid, rootContext(), { by: 'source', index: 2 });
    expect(result.status).toBe('clean');
    expect(read()).toEqual(['good', 'good', 'old']);
  });

  test('the arbiter alone is left: nothing to heal from', async () => {
    set = await ReplicaCopies.start({}, 'replicate 3 arbiter 1');
    const blame: Blame = [
      [2, 0],
      [2, 1],
      [0, 1],
      [1, 0],
    ];
    const gfid = await stage(['one', 'two', ''], blame);
    expect((await healFile(set.state, gfid, rootContext())).status).toBe('split-brain');
    expect(read()).toEqual(['one', 'two', '']);
  });
});

describe('metadata', () => {
  async function chmod(copy: Copy, mode: number): Promise<void> {
    const inode = await copy.lookup('file');
    const { stat } = await copy.child.lookup({ loc: { inode }, flags: 0 }, copy.context);
    await copy.child.setattr(
      { loc: { inode }, stat: { ...stat, mode }, valid: SetattrValid.MODE },
      copy.context,
    );
  }

  test('that differ although nobody accuses anybody become the same', async () => {
    set = await ReplicaCopies.start();
    const gfid = await stage(['x', 'x', 'x'], []);
    await chmod(set.copies[1]!, 0o600);
    const result = await healFile(set.state, gfid, rootContext());
    expect(result).toMatchObject({ status: 'healed', sinks: 0b010 });
    const directories = set.bricks.map(({ directory }) => directory);
    expect(differencesOfBricks(directories, { mtimes: false })).toEqual([]);
  });

  test('in split-brain stay as they are, unless forced', async () => {
    set = await ReplicaCopies.start();
    const gfid = await stage(['x', 'x', 'x'], mutual, { metadata: 1 });
    await chmod(set.copies[1]!, 0o600);
    expect((await healFile(set.state, gfid, rootContext())).status).toBe('split-brain');
    expect((await healFile(set.state, gfid, rootContext(), { by: 'size' })).status).toBe('split-brain');
    const source = { by: 'source', index: 1 } as const;
    expect(await healFile(set.state, gfid, rootContext(), source)).toMatchObject({
      status: 'healed',
      sinks: 0b101,
    });
    const { stat } = await set.copies[0]!.child.lookup(
      { loc: { inode: await set.copies[0]!.lookup('file') }, flags: 0 },
      rootContext(),
    );
    expect(stat.mode & 0o777).toBe(0o600);
    expect(marks()).toEqual([]);
  });
});

describe('diagnosis', () => {
  test('a change under way is no illness, one without a lock is', async () => {
    set = await ReplicaCopies.start();
    const gfid = await stage(['x', 'x', 'x'], []);
    for (const copy of set.copies) await dirty(copy, { data: 1 });
    const without = await diagnose(set.state, gfid, rootContext());
    expect(without).toMatchObject({ data: { pending: true, splitBrain: false }, accused: false });
    const session = openSession(set.state, await set.copies[0]!.lookup('file'), rootContext());
    const lock = await lockInode(session, set.state.domain, WHOLE_FILE, 'try');
    const under = await diagnose(set.state, gfid, rootContext());
    expect(under).toMatchObject({ data: { pending: false }, metadata: { pending: false }, busy: false });
    for (const copy of set.copies) await dirty(copy, { data: 1 });
    // Two changes noted, one lock: one of them has not ended.
    expect((await diagnose(set.state, gfid, rootContext())).data.pending).toBe(true);
    await lock.release();
  });

  test('a file that is being healed says so', async () => {
    set = await ReplicaCopies.start();
    const gfid = await stage(['x', 'x', 'old'], third);
    expect(await diagnose(set.state, gfid, rootContext())).toMatchObject({ busy: false, accused: true });
    const session = openSession(set.state, await set.copies[0]!.lookup('file'), rootContext());
    const lock = await lockInode(session, set.state.healDomain, WHOLE_FILE, 'try');
    expect(await diagnose(set.state, gfid, rootContext())).toMatchObject({ busy: true, accused: true });
    await lock.release();
  });

  test('with a brick down there is no talk of split-brain, only of what is pending', async () => {
    set = await ReplicaCopies.start();
    const gfid = await stage(['one', 'two', 'three'], mutual);
    await set.bricks[2]!.kill();
    await waitUntil(() => set.state.up === 0b011, { what: 'the end of the brick' });
    const found = await diagnose(set.state, gfid, rootContext());
    expect(found.data).toEqual({ pending: true, splitBrain: false });
    expect(await healFile(set.state, gfid, rootContext())).toMatchObject({
      status: 'failed',
      error: { code: 'ENOTCONN' },
    });
  });

  test('a gfid that no copy has is refused', async () => {
    set = await ReplicaCopies.start();
    await expect(diagnose(set.state, newGfid(), rootContext())).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOENT|ESTALE)$/),
    });
    expect((await healFile(set.state, newGfid(), rootContext())).status).toBe('failed');
  });
});
