import type { File } from '../../../src/index.ts';
import { blockSize, readBlock } from '../blocks.ts';
import type { Dice } from './dice.ts';
import type { Stage } from './stage.ts';
import type { BlockFile } from './writer.ts';

/**
 * Reads blocks by one of the two clients: each must be whole, in its place, and no older than what was acknowledged when
 * the read began.
 */
export function reader(
  files: readonly BlockFile[],
  dice: Dice,
  by: 'volume' | 'other',
): (stage: Stage) => Promise<void> {
  return async (stage) => {
    const open = new Map<BlockFile, File>();
    const into = Buffer.alloc(blockSize);
    while (await stage.pass()) {
      const file = dice.pick(files);
      const opened =
        open.get(file) ??
        (await stage.attempt(`open-${by} ${file.path}`, () => stage[by].open(file.path, 'r')))?.value;
      if (opened === undefined) continue;
      open.set(file, opened);
      if (dice.chance(0.05)) {
        open.delete(file);
        await stage.attempt(`close-${by} ${file.path}`, () => opened.close());
        continue;
      }
      const block = dice.below(file.blocks);
      const { oracle } = file;
      const before = oracle.allowed(block);
      const acknowledged = Math.min(...before);
      const heardAll = by === 'volume' || stage.otherHears;
      const read = await stage.attempt(`read-${by} ${file.path} block ${block}`, () =>
        opened.pread(into, file.shift + block * blockSize),
      );
      if (read === undefined) continue;
      const floor = heardAll && (by === 'volume' || stage.otherHears) ? acknowledged : 0;
      const bytes = into.subarray(0, read.value.bytesRead);
      if (bytes.length === 0 && floor === 0) continue;
      const found = readBlock(bytes, file.number, block);
      const known = Math.max(...oracle.allowed(block));
      // Within one client reads and writes take turns; another's read may see half of a write that is under way.
      const written = before.length > 1 || known > Math.max(...before);
      if (by === 'other' && written && found.fault?.startsWith('torn')) continue;
      if (found.fault !== undefined || found.generation < floor || found.generation > known)
        stage.violate(
          `read-${by} ${file.path} block ${block}: generation ${found.generation} (${found.fault ?? 'whole'}), between ${floor} and ${known} is right`,
        );
    }
    for (const opened of open.values()) await opened.close().catch(() => {});
  };
}
