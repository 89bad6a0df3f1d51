import type { Fd, FopTable, GraphEvent, Inode, Translator } from '../graph/index.ts';
import type { InodeTable } from '../graph/inode-table.ts';
import type { Logger } from '../logger.ts';
import type { Gfid } from '../protocol/gfid.ts';

/** The graph that was in force when it was asked for; it is not closed before its release. */
export interface BorrowedGraph {
  /** Children before parents. */
  readonly translators: readonly Translator[];
  release(): void;
}

/**
 * What the API stands on: a volume that is connected. The session behind it exchanges graphs; what is read from here is
 * always of the graph in force, so nothing of it may be kept over an await.
 */
export interface Mount {
  /** Top of the graph in force, with ordering and checks; replaced as a whole. */
  readonly fops: FopTable;
  readonly inodes: InodeTable;
  /** The directory that `/` names. */
  readonly root: Inode;
  readonly logger: Logger;
  /** Every open file and directory: what a graph switch carries over. */
  readonly openFds: Set<Fd>;
  /** Events of the graph in force, whichever that is. Returns the way to stop listening. */
  listen(listener: (event: GraphEvent) => void): () => void;
  /**
   * For what works on translators themselves, as heals do. To be released, whatever happens.
   * @throws GlfsError ENOTCONN where the volume is closed
   */
  borrow(): BorrowedGraph;
  /** State of all translators. */
  dump(): Record<string, unknown>;
  /** Text of the volfile in force. */
  volfile(): string;
  /** UUID of the volume. */
  volumeId(): Promise<Gfid>;
  close(): Promise<void>;
}

/** What is known of a volume before the first call. */
export interface VolumeInfo {
  /** As in the URL: `vol`, `vol/subdir`, `snaps/snap/vol`. */
  readonly name: string;
}
