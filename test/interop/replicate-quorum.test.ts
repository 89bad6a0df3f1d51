import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { tellArbiterStory } from '../helpers/replicate-quorum/arbiter-story.ts';
import { type Caller, MountCaller, outcomeOf, VolumeCaller } from '../helpers/replicate-quorum/callers.ts';
import { quorumTable, type Rule, statesOf, type Up } from '../helpers/replicate-quorum/table.ts';
import {
  noticed,
  plainVolume,
  ruleForMount,
  ruleForVolume,
  upForMount,
  upForVolume,
} from '../helpers/replicate-story/both.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/*
 * In each state of up and down bricks GlusterFS's mount and glfs may do the same, which is what the table says that the unit
 * tier holds all calls of glfs against.
 */
const pool = attachPool();

/** All states, from those with more to those with fewer bricks: between two of these rows all bricks come back, as glusterd has it. */
const descents: Readonly<Record<number, readonly (readonly Up[])[]>> = {
  2: [[[0, 1], [0], []], [[1]]],
  3: [
    [[0, 1, 2], [1, 2], [2], []],
    [[0, 2], [0]],
    [[0, 1], [1]],
  ],
};

/** What is tried, in a place that was made for this state and rule. */
const deeds: Readonly<Record<string, (caller: Caller, place: string) => Promise<unknown>>> = {
  'read an open file': (caller) => caller.readHeld(),
  'write to an open file': (caller) => caller.writeHeld('held'),
  'truncate an open file': (caller) => caller.truncateHeld(100),
  read: (caller, place) => caller.read(`${place}/file`),
  write: (caller, place) => caller.write(`${place}/file`, 'changed'),
  create: (caller, place) => caller.create(`${place}/new`),
  mkdir: (caller, place) => caller.mkdir(`${place}/new-dir`),
  unlink: (caller, place) => caller.unlink(`${place}/doomed`),
  setattr: (caller, place) => caller.chmod(`${place}/file`, 0o600),
};

/** Rules that are tried: one of each kind that volumes have. */
const sets = quorumTable.map((set) => ({
  ...set,
  rules: set.rules.filter(({ type, count }) =>
    set.size === 2 ? (type === 'auto' || type === 'none') && count < 2 : type === undefined,
  ),
}));

describe.each(sets)('$name', ({ name, size, arbiter, rules }) => {
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;
  const callers: Caller[] = [];
  const placeOf = (up: Up, rule: Rule): string => `up-${up.join('')}-${rule.type}-${rule.count}`;

  beforeAll(async () => {
    volume = await pool.createVolume(`quorum-${name.replace(/\W/g, '-')}`, {
      type: arbiter ? 'replica 2 arbiter 1' : `replica ${size}`,
      bricks: size,
      options: plainVolume,
    });
    mount = await mountVolume(pool, { volume: volume.name });
    client = await connect(volume.url, { entryTimeout: 0 });
    callers.push(new MountCaller(mount.path), new VolumeCaller(client));
    await Promise.all(
      callers.map(async (caller) => {
        await caller.mkdir('');
        await caller.make('held', 'content');
        await caller.hold('held');
        for (const rule of rules)
          for (const up of statesOf(size)) {
            const place = placeOf(up, rule);
            await caller.mkdir(place);
            await caller.make(`${place}/file`, 'content');
            await caller.make(`${place}/doomed`, 'content');
          }
      }),
    );
  });
  afterAll(async () => {
    for (const caller of callers) await caller.release();
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  const views = () => [() => upForMount(mount, volume), () => upForVolume(client)];

  /** Both clients go by this rule. */
  async function follow({ type, count }: Rule): Promise<void> {
    if (type === undefined) return;
    const rule = count > 0 ? `${type} ${count}` : type;
    const both = () => [ruleForMount(mount, volume), ruleForVolume(client)];
    if (both().every((one) => one === rule)) return;
    if (count > 0) await volume.set('cluster.quorum-count', String(count));
    await volume.set('cluster.quorum-type', type);
    await waitUntil(() => both().every((one) => one === rule), { what: `clients to go by ${rule}` });
  }

  async function enter(up: Up): Promise<void> {
    for (const { index } of volume.bricks) if (!up.includes(index)) await volume.killBrick(index);
    await noticed(
      volume.bricks.map(({ index }) => up.includes(index)),
      ...views(),
    );
  }

  async function allBack(): Promise<void> {
    await volume.cli('start', volume.name, 'force');
    await volume.waitOnline();
    await noticed(
      volume.bricks.map(() => true),
      ...views(),
    );
    for await (const _ of client.healer().start()) {
      // to the end
    }
  }

  if (arbiter)
    test('what would leave the arbiter alone with the truth is refused', async () => {
      await tellArbiterStory({
        directories: volume.bricks.map(({ path }) => path),
        callers,
        kill: (index) => volume.killBrick(index),
        restart: (index) => volume.restartBrick(index),
        views: views(),
        heal: allBack,
      });
    });

  test('as the table has it', async () => {
    const found: Record<string, string> = {};
    const right: Record<string, string> = {};
    for (const rule of rules)
      for (const descent of descents[size]!) {
        await allBack();
        // While all are there: glfs takes a new volfile only once enough bricks are up by the new rule.
        await follow(rule);
        for (const up of descent) {
          await enter(up);
          const allowed = rule.allows.some((one) => one.join() === up.join());
          for (const caller of callers)
            for (const [what, deed] of Object.entries(deeds)) {
              const key = `${caller.name}, ${rule.type} ${rule.count}, up ${up.join('')}: ${what}`;
              right[key] = allowed ? 'done' : 'ENOTCONN';
              found[key] = await outcomeOf(() => deed(caller, placeOf(up, rule)));
            }
        }
      }
    expect(found).toEqual(right);
  });
});
