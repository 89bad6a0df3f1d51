import type { Option } from '../../../graph/index.ts';
import { option } from '../../../graph/index.ts';
import { matchesShellPattern } from '../../../protocol/shell-pattern.ts';

/** STRIPE_MIN_BLOCK_SIZE of GlusterFS; files with smaller blocks are read, none are made. */
const LEAST = 16 * 1024;
/** Blocks are whole sectors. */
const SECTOR = 512;

/** The blocks of new files whose paths match. */
export interface BlockSizeRule {
  /** As fnmatch(3) without flags has it: `*` matches slashes, too. */
  readonly pattern: string;
  /** Bytes. */
  readonly bytes: number;
}

export interface BlockSizes {
  /** Of files that no rule is about. */
  readonly otherwise: number;
  /** In the order in which they were given; the first that matches counts. */
  readonly rules: readonly BlockSizeRule[];
}

const size = option.size(0, { min: LEAST, help: '' });

/**
 * `block-size`: a size for all files (`128KB`), or sizes by pattern (`*.img:2MB,*.db:64KB,1MB`). GlusterFS heeds the last pattern only,
 * and takes a size alone for `*`; since files keep their block size in their attributes, nothing hangs on who made them.
 */
export function blockSizeOption(otherwise: number, help: string): Option<BlockSizes> {
  return { kind: 'size, or pattern:size,…', default: { otherwise, rules: [] }, help, parse };

  function parse(text: string): BlockSizes {
    const rules: BlockSizeRule[] = [];
    let all = otherwise;
    for (const part of text.split(',')) {
      const colon = part.lastIndexOf(':');
      const bytes = size.parse(part.slice(colon + 1).trim());
      if (bytes % SECTOR !== 0) throw new Error(`a multiple of ${SECTOR} bytes is expected`);
      if (colon < 0) all = bytes;
      else if (colon === 0) throw new Error("a pattern is expected before the ':'");
      else rules.push({ pattern: part.slice(0, colon).trim(), bytes });
    }
    return { otherwise: all, rules };
  }
}

/** The block size of a file by its path; where only the name is known, by that with a slash before it. */
export function blockSizeFor({ rules, otherwise }: BlockSizes, path: string): number {
  return rules.find(({ pattern }) => matchesShellPattern(pattern, path))?.bytes ?? otherwise;
}
