import { join } from 'node:path';
import { CHUNK, ErasureCode } from '../../../src/gf8/index.ts';
import { hostSyscalls } from '../../../src/syscalls.ts';
import { DIRTY, decodeNumber, SIZE } from '../../../src/xlators/cluster/disperse/lock/counters.ts';
import { chooseStore } from '../../../src/xlators/storage/posix/store-choice.ts';
import { contentsBelow, gfidsBelow } from './disk.ts';

/** Files put together of their fragments, by path below the directory that was asked for, and what was wrong with those. */
export interface Assembled {
  readonly contents: ReadonlyMap<string, Buffer>;
  readonly wrong: readonly string[];
}

/**
 * Puts all files below a directory of disperse bricks together. Every fragment must be what the file's bytes make: then any
 * `data` of them give the same file. No brick may say that something was under way.
 */
export function assemble(directories: readonly string[], data: number, directory: string): Assembled {
  const code = ErasureCode.of(data, directories.length);
  const all = [...directories.keys()];
  const stores = directories.map((root) =>
    chooseStore({ root, wanted: 'auto', readOnly: true, host: hostSyscalls() }),
  );
  const fragments = directories.map((root) => contentsBelow(root, directory));
  const contents = new Map<string, Buffer>();
  const wrong: string[] = [];
  for (const path of new Set(fragments.flatMap((files) => [...files.keys()]))) {
    const parts = fragments.map((files) => files.get(path));
    const place = join(directory, path);
    const size = Number(decodeNumber(stores[0]!.get(Buffer.from(join(directories[0]!, place)), SIZE)) ?? 0n);
    const length = Math.ceil(size / code.stripe) * CHUNK;
    const bad = all.filter((index) => parts[index]?.length !== length);
    if (bad.length > 0) {
      wrong.push(`${place}: ${size} bytes, fragments of ${parts.map((part) => part?.length)}`);
      continue;
    }
    const known = new Map(all.slice(0, data).map((index) => [index, parts[index]!]));
    const stripes = Buffer.from(code.decodeSync(known)).fill(0, size);
    const right = code.encodeSync(stripes, all);
    const differing = all.filter((index) => Buffer.compare(parts[index]!, right[index]!) !== 0);
    if (differing.length > 0) wrong.push(`${place}: fragments on bricks ${differing} are not of these bytes`);
    contents.set(path, stripes.subarray(0, size));
  }
  for (const [index, root] of directories.entries())
    for (const path of gfidsBelow(root, directory).keys())
      if (stores[index]!.get(Buffer.from(join(root, path)), DIRTY)?.some((byte) => byte !== 0))
        wrong.push(`${path}: brick ${index} says that it is dirty`);
  return { contents, wrong };
}
