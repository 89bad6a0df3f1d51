import { expect } from 'vitest';
import { brickState, openFiles } from './statedump.ts';
import type { TestVolume } from './volume.ts';
import { waitUntil } from './wait.ts';

/** Fails unless the bricks of a volume hold no lock of ours and no open file of anyone, at the latest after a while. */
export async function nothingIsLeft(volume: TestVolume): Promise<void> {
  await volume.refresh();
  for (const brick of volume.bricks) {
    await waitUntil(() => openFiles(brick).length === 0, {
      what: `no open files on ${brick.path} (${openFiles(brick)})`,
    });
    // Ids of our clients name the process that made them.
    const { locks } = await brickState(brick);
    expect(locks.filter(({ client }) => client.includes('PC_NAME:glfs-'))).toEqual([]);
  }
}
