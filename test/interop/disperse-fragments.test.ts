import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachPool } from '../helpers/attach.ts';
import { readBricks, tell } from '../helpers/disperse-vectors/bricks.ts';
import { contentOf, geometries, nameOf, storiesOf } from '../helpers/disperse-vectors/stories.ts';
import { type FileVector, fingerprint, readVector, vectorFile } from '../helpers/disperse-vectors/vector.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { runOk } from '../helpers/processes.ts';
import type { TestVolume } from '../helpers/volume.ts';

/*
 * Fragments that GlusterFS's own client writes on real bricks, beside ours. With GLFS_RECORD=1 they become the vectors of
 * the unit tier, of all geometries; without, 4+2 shows that the vectors still are what GlusterFS does.
 */
const pool = attachPool();
const recording = process.env.GLFS_RECORD === '1';
const chosen = geometries.filter((geometry) => recording || nameOf(geometry) === '4+2');
/** Files of at most so many bytes are kept whole. */
const KEPT = 2 * 16 * 512;

describe.each(chosen.map((geometry) => ({ name: nameOf(geometry), geometry })))('$name', ({ geometry }) => {
  let volume: TestVolume;
  let mount: Mount;
  beforeAll(async () => {
    const { data, redundancy } = geometry;
    volume = await pool.createVolume(`fragments-${data}-${redundancy}`, {
      type: `disperse ${data + redundancy} redundancy ${redundancy}`,
      bricks: data + redundancy,
    });
    mount = await mountVolume(pool, { volume: volume.name });
  });
  afterAll(async () => {
    await mount?.unmount();
    await volume?.delete();
  });

  test('what bricks hold of files that a mount has written', async () => {
    const files: FileVector[] = [];
    // All before the first is looked at: the client keeps each file's eager lock for a second.
    for (const story of storiesOf(geometry)) await tell(mount, story);
    for (const story of storiesOf(geometry)) {
      const content = contentOf(story);
      expect(Buffer.compare(await readFile(mount.at(story.name)), content)).toBe(0);
      const { fragments, attributes } = await readBricks(volume, story);
      for (const one of attributes) expect(one).toEqual(attributes[0]);
      files.push({
        name: story.name,
        size: content.length,
        fragmentSize: fragments[0]!.length,
        sha256: fingerprint(fragments),
        attributes: attributes[0]!,
        ...(story.name === 'stripes' && content.length <= KEPT
          ? { fragments: fragments.map((fragment) => fragment.toString('base64')) }
          : {}),
      });
    }
    if (recording) {
      const glusterfs = (await runOk('glusterfs', ['--version'])).split('\n', 1)[0]!;
      writeFileSync(vectorFile(geometry), `${JSON.stringify({ glusterfs, files }, undefined, 2)}\n`);
    } else expect(files).toEqual(readVector(geometry).files);
  });
});
