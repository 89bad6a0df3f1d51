import type { GlfsError } from '../../errors.ts';

/** What can be wrong between the copies of a file. */
export type HealKind = 'data' | 'metadata' | 'entry';

export interface HealInfoOptions {
  /** Ends the crawl with ECANCELED. */
  readonly signal?: AbortSignal;
  /** Files that are asked for (default 8), or healed (default 1), at the same time. */
  readonly concurrency?: number;
}

/** A file that a brick's index lists because its copies are not the same, or may not be. */
export interface HealEntry {
  /** Brick whose index it stands in, `host:/path`. */
  readonly brick: string;
  readonly gfid: string;
  /** From the root of the volume, one of several where it has more; absent where the brick can't tell. */
  readonly path?: string;
  /** `healing`: somebody may be healing it at this moment. */
  readonly state: 'pending' | 'split-brain' | 'healing';
  /** What has to be healed. */
  readonly kinds: readonly HealKind[];
}

export interface HealOptions extends HealInfoOptions {
  /** Goes through all files, and not only those that the indices list: for a brick that lost its data. */
  readonly full?: boolean;
}

interface OfFile {
  readonly gfid: string;
  /** As in HealEntry. */
  readonly path?: string;
}

/** What became of one file, or what prevents heals. */
export type HealOutcome =
  /** Copies were brought up to date: those on `bricks`. */
  | (OfFile & { readonly status: 'healed'; readonly bricks: readonly string[] })
  /** It is as it was: `busy` files are being healed, or written to without end, by somebody else. */
  | (OfFile & { readonly status: 'split-brain' | 'busy' | 'failed'; readonly error?: GlfsError })
  /** The brick's index named a file that the brick does not have: the entry is taken out. */
  | { readonly status: 'purged'; readonly gfid: string; readonly brick: string }
  /** The brick could not be asked, or not to the end. */
  | { readonly status: 'unreachable'; readonly brick: string; readonly error: GlfsError };

/** Which copy of a file in split-brain is the right one; `source` is a brick, `host:/path`. */
export type SplitBrainChoice = 'latest-mtime' | 'bigger-file' | { readonly source: string };
