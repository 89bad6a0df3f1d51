import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from '../mount.ts';
import type { TestVolume } from '../volume.ts';
import { waitUntil } from '../wait.ts';
import { readXattrsOf } from '../xattr.ts';
import { callsOf, contentOf, type Story } from './stories.ts';

/** A file as the bricks have it, in their order. */
export interface OnBricks {
  readonly fragments: readonly Buffer[];
  /** trusted.ec.* of each brick, in hexadecimal. */
  readonly attributes: readonly Readonly<Record<string, string>>[];
}

/** Has GlusterFS's own client write the file. */
export async function tell(mount: Mount, story: Story): Promise<void> {
  const file = await open(mount.at(story.name), 'w');
  try {
    for (const call of callsOf(story)) {
      if ('truncate' in call) await file.truncate(call.truncate);
      else await file.write(call.bytes, 0, call.bytes.length, call.at);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Waits until the client has given back its eager lock and written what it knows of the file to the bricks, and reads it all there. */
export async function readBricks(volume: TestVolume, story: Story): Promise<OnBricks> {
  const paths = volume.bricks.map(({ path }) => join(path, story.name));
  const { length } = contentOf(story);
  const attributes = await waitUntil(
    async () => {
      const all = await readXattrsOf(paths);
      const seen = paths.map((path) =>
        Object.fromEntries(
          [...all.get(path)!]
            .filter(([key]) => key.startsWith('trusted.ec.'))
            .map(([key, value]) => [key, value.toString('hex')] as const)
            .sort(),
        ),
      );
      const settled = seen.every(
        (one) =>
          BigInt(`0x${one['trusted.ec.size'] ?? 'f'}`) === BigInt(length) &&
          /^0*$/.test(one['trusted.ec.dirty'] ?? ''),
      );
      return settled && seen;
    },
    { what: `sizes and versions of ${story.name} on the bricks` },
  );
  return { fragments: await Promise.all(paths.map((path) => readFile(path))), attributes };
}
