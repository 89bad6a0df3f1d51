import { createHash } from 'node:crypto';
import type { File } from '../api/file.ts';
import { type BlockChecksum, blockChecksum } from '../checksum/index.ts';
import { mapInParallel } from './concurrency.ts';
import type { Digest } from './digests.ts';
import { CommandError } from './errors.ts';
import type { Session } from './session.ts';

/*
 * A checksum of a file from what RCHECKSUM gives of its blocks: SHA-256 of weak (big-endian) and strong, block after block. Bricks
 * compute those of files in volumes, and no data travel.
 */

const BLOCK_BYTES = 2 ** 20;
const PARALLEL = 8;

class BlockList {
  private readonly hash = createHash('sha256');

  add({ weak, strong }: BlockChecksum): void {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(weak);
    this.hash.update(head).update(strong);
  }

  hex(): string {
    return this.hash.digest('hex');
  }
}

/** Of bytes that are here. */
export function startBlockDigest(): Digest {
  const list = new BlockList();
  const block = Buffer.alloc(BLOCK_BYTES);
  let filled = 0;
  return {
    update: (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + BLOCK_BYTES - filled);
        block.set(part, filled);
        at += part.length;
        filled += part.length;
        if (filled < BLOCK_BYTES) continue;
        list.add(blockChecksum(block));
        filled = 0;
      }
    },
    hex: () => {
      if (filled > 0) list.add(blockChecksum(block.subarray(0, filled)));
      return list.hex();
    },
  };
}

/** Of an open file of `size` bytes, by its bricks. @throws CommandError where those compute MD5, which compares with nothing */
export async function blockDigestOf(
  session: Session,
  file: File,
  size: number,
  shown: string,
): Promise<string> {
  const blocks = Array.from({ length: Math.ceil(size / BLOCK_BYTES) }, (_, index) => index * BLOCK_BYTES);
  const sums = await mapInParallel(blocks, PARALLEL, async (at) => {
    session.check();
    const length = Math.min(BLOCK_BYTES, size - at);
    const sum = await file.rchecksum(at, length, session.calls);
    if (sum.algorithm !== 'sha256')
      throw new CommandError(`${shown}: the bricks use MD5 (storage.fips-mode-rchecksum is off)`);
    session.progress.add(length);
    return sum;
  });
  const list = new BlockList();
  for (const sum of sums) list.add(sum);
  return list.hex();
}
