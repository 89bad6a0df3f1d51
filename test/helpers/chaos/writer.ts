import type { File } from '../../../src/index.ts';
import { BlockOracle, blockSize } from '../blocks.ts';
import type { Dice } from './dice.ts';
import type { Stage } from './stage.ts';

/** A file of numbered blocks, and what is known of it. */
export class BlockFile {
  readonly oracle: BlockOracle;

  constructor(
    readonly path: string,
    readonly number: number,
    readonly blocks: number,
    /** Bytes before the first block: with some, blocks share stripes. */
    readonly shift = 0,
  ) {
    this.oracle = new BlockOracle(number);
  }
}

/** Writes blocks of its file, several at once, syncs now and then, and opens the file anew. */
export function writer(file: BlockFile, dice: Dice): (stage: Stage) => Promise<void> {
  return async (stage) => {
    let open: File | undefined;
    while (await stage.pass()) {
      open ??= (await stage.attempt(`open ${file.path}`, () => stage.volume.open(file.path, 'r+')))?.value;
      if (open === undefined) continue;
      const current = open;
      const act = dice.weighted({ write: 84, sync: 8, reopen: 8 });
      if (act === 'write') await writeSome(stage, file, current, dice);
      else if (act === 'sync') await stage.attempt(`fsync ${file.path}`, () => current.sync());
      else {
        open = undefined;
        await stage.attempt(`close ${file.path}`, () => current.close());
      }
    }
    await open?.close().catch(() => {});
  };
}

async function writeSome(stage: Stage, file: BlockFile, open: File, dice: Dice): Promise<void> {
  const blocks = new Set(Array.from({ length: dice.between(1, 3) }, () => dice.below(file.blocks)));
  await Promise.all(
    [...blocks].map(async (block) => {
      const { generation, offset, data } = file.oracle.issue(block);
      const made = await stage.attempt(`write ${file.path} block ${block} generation ${generation}`, () =>
        open.pwrite(data, file.shift + offset),
      );
      if (made === undefined) return;
      if (made.value.bytesWritten === blockSize) file.oracle.acknowledge(block, generation);
      else stage.violate(`write ${file.path} block ${block}: ${made.value.bytesWritten} bytes`);
    }),
  );
}
