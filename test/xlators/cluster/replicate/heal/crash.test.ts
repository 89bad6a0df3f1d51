import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GlfsError } from '../../../../../src/errors.ts';
import { type Inode, rootContext } from '../../../../../src/graph/index.ts';
import { Dict } from '../../../../../src/protocol/dict.ts';
import type { FopName } from '../../../../../src/protocol/fops.ts';
import { gfidKey } from '../../../../../src/protocol/gfid.ts';
import { XattropFlag } from '../../../../../src/protocol/messages.ts';
import { encodeChangelog } from '../../../../../src/xlators/cluster/replicate/changelog.ts';
import {
  type Examined,
  examine,
  isExamined,
} from '../../../../../src/xlators/cluster/replicate/heal/examine.ts';
import { type HealResult, healFile } from '../../../../../src/xlators/cluster/replicate/heal/index.ts';
import { allUp, numbered, tapCopies } from '../../../../helpers/healing.ts';
import { newGfid, ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../../helpers/wait.ts';

/*
 * A brick dies at each call of a heal, before the call or after it. Then: whatever differs from what the copies held before is
 * on a copy that is accused, or the copy holds what the source holds; and the next heal makes all copies the same.
 */

let set: ReplicaCopies;
beforeAll(async () => {
  // Small windows: many locks.
  set = await ReplicaCopies.start({ 'data-self-heal-window-size': '1' });
});
afterAll(() => set?.[Symbol.asyncDispose]());

const BLOCK = 128 * 1024;
const long = numbered(BLOCK + 100, 1)
  .toString('latin1')
  .replace(/[\x80-\xff]/g, 'x');
const short = long.slice(0, 1000);
const other = `${'y'.repeat(BLOCK + 5)}${long.slice(BLOCK + 5)}`;

interface Scene {
  readonly told: string;
  readonly contents: readonly [string, string, string];
  /** Pairs of accuser and accused. */
  readonly blame: readonly (readonly [number, number])[];
  readonly dirty: readonly number[];
}

const scenes: readonly Scene[] = [
  {
    told: 'one copy missed an append',
    contents: [long, long, short],
    blame: [
      [0, 2],
      [1, 2],
    ],
    dirty: [],
  },
  {
    told: 'two copies missed changes',
    contents: [other, short, long],
    blame: [
      [2, 0],
      [2, 1],
    ],
    dirty: [],
  },
  {
    told: 'a writer died: nobody accuses anybody',
    contents: [short, long, short],
    blame: [],
    dirty: [0, 1, 2],
  },
];

let files = 0;

async function stage({ contents, blame, dirty }: Scene): Promise<{ name: string; gfid: Uint8Array }> {
  const name = `file-${files++}`;
  const gfid = newGfid();
  for (const copy of set.copies) await copy.create(name, gfid, contents[copy.index]);
  for (const [by, accused] of blame) await set.copies[by]!.accuse(name, [accused], { data: 1 });
  for (const index of dirty) {
    const copy = set.copies[index]!;
    const dict = new Dict().setBytes(set.state.dirtyName, encodeChangelog({ data: 1 }));
    const loc = { inode: await copy.lookup(name) };
    await copy.child.xattrop({ loc, operation: XattropFlag.ADD_ARRAY, dict }, copy.context);
  }
  return { name, gfid };
}

interface Crash {
  readonly result: HealResult;
  /** What was asked of the brick when it died; undefined where the heal was over before. */
  readonly at: FopName | undefined;
}

type Named = { readonly loc?: { readonly inode: Inode }; readonly fd?: { readonly inode: Inode } };

/** Heals all files at once, each up to another call to the victim (the first, the second …), and then kills it. */
async function healAndKill(
  staged: readonly Uint8Array[],
  victim: number,
  when: 'before' | 'after',
): Promise<Crash[]> {
  const calls = new Map(staged.map((gfid, index) => [gfidKey(gfid), { left: index + 1 }]));
  const stopped = new Map<string, FopName>();
  let kill = (): void => {};
  const killed = new Promise<void>((resolve) => {
    kill = resolve;
  });
  const untap = tapCopies(set.state, async ({ index, fop, request, go }) => {
    const { loc, fd } = request as Named;
    const key = gfidKey((loc ?? fd)!.inode.gfid);
    const call = calls.get(key);
    if (index !== victim || call === undefined || --call.left !== 0) return go();
    if (when === 'after') await go();
    stopped.set(key, fop);
    await killed;
    throw new GlfsError('ENOTCONN', 'killed', { outcome: 'unknown' });
  });
  let done = 0;
  const heals = staged.map((gfid) =>
    healFile(set.state, gfid, rootContext()).finally(() => {
      if (!stopped.has(gfidKey(gfid))) done++;
    }),
  );
  await waitUntil(() => done + stopped.size === staged.length, { what: 'all heals', timeoutMs: 20_000 });
  await set.bricks[victim]!.kill();
  kill();
  const results = await Promise.all(heals);
  untap();
  await waitUntil(() => (set.state.up & (1 << victim)) === 0, { what: 'the end of the brick' });
  await set.bricks[victim]!.restart();
  await allUp(set);
  return results.map((result, index) => ({ result, at: stopped.get(gfidKey(staged[index]!)) }));
}

function read(name: string): string[] {
  return set.bricks.map(({ directory }) => readFileSync(join(directory, name), 'latin1'));
}

async function marksOf(name: string): Promise<readonly Examined[]> {
  const found = await examine(set.state, await set.copies[0]!.lookup(name), rootContext());
  return found.filter(isExamined);
}

const cases = scenes.flatMap((scene, turn) =>
  ([0, 1, 2] as const).map((victim) => {
    const when = (turn + victim) % 2 === 0 ? ('before' as const) : ('after' as const);
    return { ...scene, victim, when };
  }),
);

/** More than a heal makes to one copy. */
const CALLS = 34;

test.each(cases)('$told: brick $victim dies $when each call of the heal', async (scene) => {
  const { contents, blame, victim, when } = scene;
  const staged: { name: string; gfid: Uint8Array }[] = [];
  for (let nth = 1; nth <= CALLS; nth++) staged.push(await stage(scene));
  const crashes = await healAndKill(
    staged.map(({ gfid }) => gfid),
    victim,
    when,
  );
  const seen = new Set(crashes.map(({ at }) => at));
  // The last ones were healed before anything was killed.
  expect(crashes.at(-1)).toMatchObject({ at: undefined, result: { status: 'healed' } });
  for (const [nth, { at, result }] of crashes.entries()) {
    const { name, gfid } = staged[nth]!;
    const told = { at, nth, status: result.status };
    const now = read(name);
    const marks = await marksOf(name);
    for (const [index, content] of now.entries()) {
      const accused = marks.some(({ pending }) => pending[index]!.data !== 0);
      const whole = content === long || (content === contents[index] && blame.length === 0);
      expect({ ...told, index, right: whole || accused }).toEqual({ ...told, index, right: true });
    }
    const noted = marks.some(
      ({ dirty, pending }) => dirty.data !== 0 || pending.some(({ data }) => data !== 0),
    );
    const same = now.every((content) => content === now[0]);
    expect({ ...told, fine: same || noted }).toEqual({ ...told, fine: true });
    const again = await healFile(set.state, gfid, rootContext());
    expect(['healed', 'clean']).toContain(again.error ?? again.status);
    expect(read(name)).toEqual([long, long, long]);
    for (const { dirty, pending } of await marksOf(name))
      expect([dirty.data, ...pending.map(({ data }) => data)]).toEqual([0, 0, 0, 0]);
  }
  expect(crashes.filter(({ result }) => result.status !== 'healed').length).toBeGreaterThan(5);
  for (const fop of ['inodelk', 'lookup', 'xattrop'] as const) expect(seen).toContain(fop);
});
