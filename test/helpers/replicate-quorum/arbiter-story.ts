import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { differencesOfBricks } from '../bricks-identical.ts';
import { noticed } from '../replicate-story/both.ts';
import { marksOnDisk, tabulate } from '../replicate-story/marks.ts';
import { waitUntil } from '../wait.ts';
import { type Caller, outcomeOf } from './callers.ts';

/** Two data copies and an arbiter, and those who use them. */
export interface ArbitratedSet {
  /** Directories of the bricks. */
  readonly directories: readonly string[];
  readonly callers: readonly Caller[];
  kill(index: number): Promise<unknown>;
  /** Starts a brick again; others that are down may come with it. */
  restart(index: number): Promise<unknown>;
  /** For each client which bricks it takes for up. */
  readonly views: readonly (() => boolean[])[];
  heal(): Promise<unknown>;
}

/** All fail with ENOTCONN but the read that needs no lookup: of copies that can be asked none is good, which is EIO. */
const attempts: Readonly<Record<string, (caller: Caller) => Promise<unknown>>> = {
  'write to an open file': (caller) => caller.writeHeld('lost'),
  'truncate an open file': (caller) => caller.truncateHeld(1),
  'read an open file': (caller) => caller.readHeld(),
  write: (caller) => caller.write('arbitrated', 'lost'),
  read: (caller) => caller.read('arbitrated'),
};

/**
 * The first data copy alone has a write, and the arbiter knows it. While the first is away the second is stale and the
 * arbiter has no bytes: a write would leave nobody who has all of both. It must be refused, and leave nothing behind.
 */
export async function tellArbiterStory(set: ArbitratedSet): Promise<void> {
  const { directories, callers, views } = set;
  const snapshot = () => ({
    marks: tabulateAll(directories),
    texts: directories.flatMap((directory) =>
      callers.map(({ name }) => readFileSync(join(directory, name, 'arbitrated'), 'latin1')),
    ),
  });
  for (const caller of callers) {
    await caller.make('arbitrated', 'before');
    await caller.hold('arbitrated');
  }
  await set.kill(1);
  await noticed([true, false, true], ...views);
  for (const caller of callers) await caller.write('arbitrated', 'acknowledged');
  const blamed = ['client-1 1 0 0, index', '', 'client-1 1 0 0, index'];
  const accused = Object.fromEntries(callers.map(({ name }) => [`${name}/arbitrated`, blamed]));
  await waitUntil(() => JSON.stringify(blamesIn(snapshot().marks)) === JSON.stringify(blamesIn(accused)), {
    what: 'the accusations',
  }).catch(() => {});
  expect(blamesIn(snapshot().marks)).toEqual(blamesIn(accused));

  await set.restart(1);
  await noticed([true, true, true], ...views);
  await set.kill(0);
  await noticed([false, true, true], ...views);
  const before = snapshot();
  const found: Record<string, string> = {};
  for (const caller of callers)
    for (const [what, attempt] of Object.entries(attempts))
      found[`${caller.name}: ${what}`] = await outcomeOf(() => attempt(caller));
  const right = Object.fromEntries(
    Object.keys(found).map((what) => [what, what.endsWith('read an open file') ? 'EIO' : 'ENOTCONN']),
  );
  expect(found).toEqual(right);
  // What was in doubt during the attempts no longer is.
  await waitUntil(() => JSON.stringify(snapshot()) === JSON.stringify(before), {
    what: 'all as it was',
  }).catch(() => {});
  expect(snapshot()).toEqual(before);

  await set.restart(0);
  await noticed([true, true, true], ...views);
  for (const caller of callers) {
    expect(await caller.read('arbitrated')).toBe('acknowledged');
    await caller.writeHeld('later');
    expect(await caller.read('arbitrated')).toBe('laterwledged');
  }
  await set.heal();
  for (const caller of callers) expect(await caller.read('arbitrated')).toBe('laterwledged');
  await waitUntil(() => differencesOfBricks(directories, { arbiter: 2, mtimes: false }).length === 0, {
    what: 'equal bricks',
  }).catch(() => {});
  expect(differencesOfBricks(directories, { arbiter: 2, mtimes: false })).toEqual([]);
}

function tabulateAll(directories: readonly string[]) {
  return tabulate(
    directories.map((directory) =>
      Object.fromEntries(
        Object.entries(marksOnDisk(directory, '.')).filter(([path]) => path.endsWith('arbitrated')),
      ),
    ),
  );
}

/** Counters that are zero say nothing. */
function blamesIn(marks: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(marks)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([path, row]) => [
        path,
        row.map((said) =>
          said
            .split(', ')
            .filter((mark) => !/ 0 0 0$/.test(mark))
            .join(', '),
        ),
      ]),
  );
}
