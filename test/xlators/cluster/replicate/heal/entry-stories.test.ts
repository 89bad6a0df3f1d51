import { afterEach, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../../../../src/testing/index.ts';
import { anonymousNames, brickMarks, brickTree, indexNames } from '../../../../helpers/brick-tree.ts';
import { entryStories } from '../../../../helpers/entry-stories.ts';
import { ReplicaCopies } from '../../../../helpers/replica-copies.ts';
import { noticed, upForVolume } from '../../../../helpers/replicate-story/both.ts';
import { VolumeTeller } from '../../../../helpers/replicate-story/tellers.ts';

/* Stories of names, told by a client while a brick is down; another client heals what the first has marked. */

let cluster: Cluster;
afterEach(() => cluster?.stop());

const modes = [
  { type: 'replicate 3', victim: 0, granular: 'on', anonymous: 'on' },
  { type: 'replicate 3', victim: 2, granular: 'off', anonymous: 'off' },
  { type: 'replicate 3 arbiter 1', victim: 1, granular: 'on', anonymous: 'on' },
];

test.each(modes)('$type without brick $victim: granular $granular, anonymous $anonymous', async (mode) => {
  const options = {
    'cluster.granular-entry-heal': mode.granular,
    'cluster.use-anonymous-inode': mode.anonymous,
  };
  cluster = await startCluster({ volumes: { r: { type: mode.type, options } } });
  const bricks = cluster.bricks('r');
  const all = bricks.map(() => true);
  {
    await using volume = await cluster.connect('r', { entryTimeout: 0 });
    for (const [name, story] of Object.entries(entryStories)) {
      await volume.mkdir(`/${name}`);
      await story.before(new VolumeTeller(volume, `/${name}`));
    }
    await bricks[mode.victim]!.kill();
    await noticed(all.with(mode.victim, false), () => upForVolume(volume));
    for (const [name, story] of Object.entries(entryStories)) {
      await story.missed(new VolumeTeller(volume, `/${name}`));
    }
    await bricks[mode.victim]!.restart();
    await noticed(all, () => upForVolume(volume));
  }
  const good = (mode.victim + 2) % 3;
  const detail = mode.type.includes('arbiter') ? 'names' : 'all';
  const expected = brickTree(bricks[good]!.directory, detail);
  expect(brickTree(bricks[mode.victim]!.directory, detail)).not.toEqual(expected);

  await using healer = await ReplicaCopies.over(cluster);
  await healer.healAll();
  for (const { directory } of bricks) {
    expect(brickTree(directory, detail)).toEqual(expected);
    expect(anonymousNames(directory)).toEqual([]);
    expect(brickMarks(directory)).toEqual([]);
    expect(indexNames(directory)).toEqual([]);
  }
});
