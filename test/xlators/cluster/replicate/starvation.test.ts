import { expect, it } from 'vitest';
import { isGlfsError } from '../../../../src/errors.ts';
import { startCluster } from '../../../../src/testing/index.ts';

it('who tries again at once while too few copies are there does not keep them from coming back', async () => {
  await using cluster = await startCluster({ volumes: { r: { type: 'replicate 3' } } });
  await using volume = await cluster.connect('r');
  await volume.writeFile('/file', 'here');
  const [first, second] = cluster.bricks('r');
  await first!.kill();
  await second!.kill();
  let refused = 0;
  const restarted = Promise.all([first!.restart(), second!.restart()]);
  for (;;) {
    try {
      expect((await volume.readFile('/file')).toString()).toBe('here');
      break;
    } catch (error) {
      if (!isGlfsError(error, 'ENOTCONN')) throw error;
      refused++;
    }
  }
  await restarted;
  expect(refused).toBeGreaterThan(0);
});
