import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Volume } from '../../src/api/index.ts';
import { CHUNK, ErasureCode } from '../../src/gf8/index.ts';
import { type CompareBricks, differencesOfBricks } from './bricks-identical.ts';

const BYTES = ': bytes is ';
const NO_CHANGE = /: trusted\.ec\.(dirty|version|size) is (0+|absent) on brick \d+, (0+|absent) on /;

/**
 * What bricks of a disperse set differ in, but for the bytes of their fragments. A counter that is absent
 * is as good as one that is zero: so GlusterFS's healers leave them.
 */
export function differencesOfFragments(
  directories: readonly string[],
  options: CompareBricks = {},
): string[] {
  return differencesOfBricks(directories, options).filter(
    (line) => !line.includes(BYTES) && !NO_CHANGE.test(line),
  );
}

/** Names of fragments, below `path`, that are not what the bytes of their file make; and how many files there were. */
export async function wrongFragments(
  volume: Volume,
  directories: readonly string[],
  data: number,
  path = '/',
): Promise<{ readonly files: number; readonly wrong: string[] }> {
  const code = ErasureCode.of(data, directories.length);
  const files = await filesBelow(volume, path);
  const wrong: string[] = [];
  for (const file of files) {
    const content = Buffer.from(await volume.readFile(file));
    const stripes = Buffer.alloc(Math.ceil(content.length / (data * CHUNK)) * data * CHUNK);
    content.copy(stripes);
    const fragments = await code.encode(stripes, [...directories.keys()]);
    for (const [index, directory] of directories.entries())
      if (!readFileSync(join(directory, file)).equals(fragments[index]!))
        wrong.push(`${file} on brick ${index}`);
  }
  return { files: files.length, wrong };
}

async function filesBelow(volume: Volume, path: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await volume.readdir(path, { withFileTypes: true })) {
    const below = `${path === '/' ? '' : path}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(volume, below)));
    else if (entry.isFile()) found.push(below);
  }
  return found;
}
