import { expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';
import { tellArbiterStory } from '../../../helpers/replicate-quorum/arbiter-story.ts';
import { VolumeCaller } from '../../../helpers/replicate-quorum/callers.ts';
import { upForVolume } from '../../../helpers/replicate-story/both.ts';

/* The same is told to GlusterFS's bricks, by its mount too, in test/interop/replicate-quorum.test.ts. */

test('what would leave the arbiter alone with the truth is refused, and nothing is changed', async () => {
  await using cluster: Cluster = await startCluster({ volumes: { r: { type: 'replicate 3 arbiter 1' } } });
  await using volume = await cluster.connect('r', { entryTimeout: 0 });
  const bricks = cluster.bricks('r');
  const caller = new VolumeCaller(volume);
  await caller.mkdir('');
  const written = async () => (await bricks[1]!.counts()).write;
  let writes: number | undefined;
  await tellArbiterStory({
    directories: bricks.map(({ directory }) => directory),
    callers: [caller],
    kill: async (index) => {
      await bricks[index]!.kill();
      if (index === 0) writes = await written();
    },
    restart: async (index) => {
      if (index === 0) expect(await written()).toBe(writes);
      await bricks[index]!.restart();
    },
    views: [() => upForVolume(volume)],
    heal: async () => {
      for await (const { status } of volume.healer().start()) expect(status).toBe('healed');
    },
  });
  await caller.release();
});
