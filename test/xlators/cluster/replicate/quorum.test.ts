import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isGlfsError, type Volume } from '../../../../src/index.ts';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';
import { allChildren, childSet } from '../../../../src/xlators/cluster/children.ts';
import { makeQuorum } from '../../../../src/xlators/cluster/replicate/quorum.ts';
import { asked, deeds } from '../../../helpers/replicate-quorum/deeds.ts';
import { quorumTable, type Rule, statesOf } from '../../../helpers/replicate-quorum/table.ts';
import { noticed, upForVolume } from '../../../helpers/replicate-story/both.ts';

/* What AFR allows in each state of up and down copies, by a table that test/interop/replicate-quorum.test.ts holds against a mount. */

describe.each(quorumTable)('$name', ({ name, size, arbiter, rules }) => {
  test.each(rules)('$type $count: the rule alone', ({ type, count, allows }) => {
    const quorum = makeQuorum({ type, count, children: size });
    const met = statesOf(size).filter((up) => quorum.met(childSet(up)));
    expect(met.map((up) => up.join(''))).toEqual(allows.map((up) => up.join('')));
    expect(quorum.met(allChildren(size))).toBe(true);
  });

  describe.each(rules)('$type $count: each call', (rule: Rule) => {
    let cluster: Cluster;
    let volume: Volume;
    beforeAll(async () => {
      const type = arbiter ? 'replicate 3 arbiter 1' : `replicate ${size}`;
      const options: Record<string, string> = {};
      if (rule.type !== undefined) options['cluster.quorum-type'] = rule.type;
      if (rule.count > 0) options['cluster.quorum-count'] = String(rule.count);
      cluster = await startCluster({ volumes: { quorum: { type, options } } });
      volume = await cluster.connect('quorum', { entryTimeout: 0 });
      await asked.prepare(volume);
    });
    afterAll(async () => {
      await volume?.close();
      await cluster?.stop();
    });

    test('as the table has it', async () => {
      const found: Record<string, string> = {};
      const right: Record<string, string> = {};
      for (const up of statesOf(size)) {
        const bricks = cluster.bricks('quorum');
        for (const brick of bricks)
          if (up.includes(brick.index) !== (brick.state === 'up'))
            await (up.includes(brick.index) ? brick.restart() : brick.kill());
        await noticed(
          bricks.map(({ index }) => up.includes(index)),
          () => upForVolume(volume),
        );
        const allowed = rule.allows.some((one) => one.join() === up.join());
        for (const [what, deed] of Object.entries(deeds)) {
          const key = `${name}, up ${up.join('')}: ${what}`;
          right[key] = allowed ? 'done' : 'ENOTCONN';
          found[key] = await deed(volume).then(
            () => 'done',
            (error: unknown) => (isGlfsError(error) ? error.code : String(error)),
          );
        }
        // What this state has left undone on some copies must not speak in the next one.
        for (const brick of bricks) if (brick.state !== 'up') await brick.restart();
        await noticed(
          bricks.map(() => true),
          () => upForVolume(volume),
        );
        for await (const _ of volume.healer().start()) {
          // to the end
        }
      }
      expect(found).toEqual(right);
    });
  });
});
