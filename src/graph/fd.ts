import { Contexts } from './contexts.ts';
import type { Inode } from './inode.ts';

/**
 * An open file or directory. It outlives graphs: when a translator meets an fd that it doesn't know (after a graph switch,
 * a reconnect, or a file's migration), it opens the file again by gfid, without O_CREAT, O_EXCL and O_TRUNC.
 */
export class Fd extends Contexts {
  /** Set when locks or the file itself were lost under it: every call on it ends with EBADFD. */
  poisoned: Error | undefined;
  closed = false;
  /** Flags that bricks don't open it with: what they stand for is done by a translator above them. */
  withheld = 0;

  constructor(
    readonly inode: Inode,
    /** Open flags as on the wire. */
    readonly flags: number,
    /** An anonymous fd is not opened at the brick: READ, WRITE and FSYNC go by gfid. */
    readonly anonymous = false,
  ) {
    super();
  }

  get isDirectory(): boolean {
    return this.inode.type === 'directory';
  }
}
