import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostSyscalls } from '../../../../src/syscalls.ts';
import { startCluster } from '../../../../src/testing/index.ts';
import { chooseStore } from '../../../../src/xlators/storage/posix/store-choice.ts';
import {
  callsOf,
  contentOf,
  geometries,
  nameOf,
  type Story,
  storiesOf,
} from '../../../helpers/disperse-vectors/stories.ts';
import { type FileVector, fingerprint, readVector } from '../../../helpers/disperse-vectors/vector.ts';

/*
 * What glfs leaves on bricks, its own, beside what a mount of GlusterFS has left on real ones
 * (test/interop/disperse-fragments.test.ts has recorded it): fragments and trusted.ec.*.
 */

/** FUSE sends no larger writes, and each of them counts in the version. */
const FUSE_WRITE = 128 * 1024;

/** The file as these bricks have it, in a vector's terms. */
function onBricks(bricks: readonly string[], story: Story): Omit<FileVector, 'fragments'>[] {
  const fragments = bricks.map((brick) => readFileSync(join(brick, story.name)));
  const sha256 = fingerprint(fragments);
  return bricks.map((brick) => {
    const store = chooseStore({ root: brick, wanted: 'auto', readOnly: true, host: hostSyscalls() });
    const place = Buffer.from(join(brick, story.name));
    const names = store.list(place).filter((name) => name.startsWith('trusted.ec.'));
    const attributes = names
      .sort()
      .map((name) => [name, Buffer.from(store.get(place, name)!).toString('hex')] as const);
    return {
      name: story.name,
      size: contentOf(story).length,
      fragmentSize: fragments[0]!.length,
      sha256,
      attributes: Object.fromEntries(attributes),
    };
  });
}

describe.each(geometries.map((geometry) => ({ name: nameOf(geometry), geometry })))(
  '$name',
  ({ name, geometry }) => {
    test('the same story leaves the same fragments, sizes and versions', async () => {
      const cluster = await startCluster({ volumes: { v: { type: `disperse ${name}` } } });
      try {
        const volume = await cluster.connect('v');
        for (const story of storiesOf(geometry)) {
          await using file = await volume.open(`/${story.name}`, 'w+');
          for (const call of callsOf(story)) {
            if ('truncate' in call) await file.truncate(call.truncate);
            else
              for (let at = 0; at < call.bytes.length; at += FUSE_WRITE)
                await file.pwrite(call.bytes.subarray(at, at + FUSE_WRITE), call.at + at);
          }
          await file.sync();
          expect(Buffer.compare(await volume.readFile(`/${story.name}`), contentOf(story))).toBe(0);
        }
        // Gives back the eager locks, and says on the bricks what has been done under them.
        await volume.close();
        const bricks = cluster.bricks('v').map(({ directory }) => directory);
        for (const story of storiesOf(geometry)) {
          const { fragments: _, ...recorded } = readVector(geometry).files.find(
            (file) => file.name === story.name,
          )!;
          for (const seen of onBricks(bricks, story)) expect(seen).toEqual(recorded);
        }
      } finally {
        await cluster.stop();
      }
    });
  },
);
