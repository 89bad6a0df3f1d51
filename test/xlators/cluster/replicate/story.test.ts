import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';
import { acts, type Moment, moments } from '../../../helpers/replicate-story/acts.ts';
import { noticed, upForVolume } from '../../../helpers/replicate-story/both.ts';
import { type Marks, marksOnDisk, tabulate } from '../../../helpers/replicate-story/marks.ts';
import { sets } from '../../../helpers/replicate-story/sets.ts';
import { VolumeTeller } from '../../../helpers/replicate-story/tellers.ts';
import { waitUntil } from '../../../helpers/wait.ts';

/* The story of test/interop/replicate-story.test.ts, against what GlusterFS's mount left on real bricks. */

let cluster: Cluster | undefined;
afterEach(() => cluster?.stop());

const scenes = sets.flatMap(({ victims, ...set }) => victims.map((victim) => ({ ...set, victim })));

function vectorOf(name: string, victim: number): Record<Moment, Marks> {
  const file = `../../../vectors/replicate/${name.replaceAll(' ', '-')}-without-${victim}.json`;
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

test.each(scenes)('$name without brick $victim', async ({ name, type, victim }) => {
  cluster = await startCluster({ volumes: { story: { type: type.replace('replica', 'replicate') } } });
  const bricks = cluster.bricks('story');
  const vectors = vectorOf(name, victim);
  await using volume = await cluster.connect('story', { entryTimeout: 0 });
  await volume.mkdir('/told');
  const teller = new VolumeTeller(volume, '/told');
  const read = (): Marks => tabulate(bricks.map(({ directory }) => marksOnDisk(directory, 'told')));
  const all = bricks.map(() => true);
  for (const moment of moments) {
    if (moment === 'down') await bricks[victim]!.kill();
    if (moment === 'after') await bricks[victim]!.restart();
    await noticed(moment === 'down' ? all.with(victim, false) : all, () => upForVolume(volume));
    await acts[moment](teller);
    // A lock, and the marks with it, may outlive a write by a second.
    const expected = JSON.stringify(vectors[moment]);
    await waitUntil(() => JSON.stringify(read()) === expected, { what: 'the marks', timeoutMs: 3000 }).catch(
      () => {},
    );
    expect({ [moment]: read() }).toEqual({ [moment]: vectors[moment] });
  }
});
