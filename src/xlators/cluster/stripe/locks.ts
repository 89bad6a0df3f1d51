import { toGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  detached,
  type Inode,
  newLkOwner,
  type Subvolume,
} from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { gfidKey } from '../../../protocol/gfid.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../../protocol/messages.ts';

/*
 * Lock order, the same in every client: the entrylks of one call by the gfid of the directory and then by name; the inodelk of
 * an append alone. All on the first subvolume, in the translator's own domain: GlusterFS's cluster/stripe took none.
 */

/** Where bricks know no locks (old volfiles written by hand), there is nobody to lock out. */
const WITHOUT_LOCKS = ['EOPNOTSUPP', 'ENOSYS'];

export interface NamedEntry {
  readonly parent: Inode;
  readonly name: string;
}

type Call = (context: CallContext) => Promise<unknown>;

export class Locks {
  constructor(
    private readonly first: Subvolume,
    private readonly domain: string,
    private readonly log: Logger,
  ) {}

  /** Names whose stripes come, go or are compared. */
  async names<T>(entries: readonly NamedEntry[], context: CallContext, run: () => Promise<T>): Promise<T> {
    const [entry, ...rest] = [...entries].sort(inOrder);
    if (entry === undefined) return run();
    const { parent, name } = entry;
    const same = rest.filter((other) => other.name === name && inOrder(entry, other) === 0);
    const others = rest.filter((other) => !same.includes(other));
    const call = (command: number, holder: CallContext): Promise<unknown> =>
      this.first.entrylk(
        { loc: { inode: parent }, command, type: EntryLockType.WRITE, namelen: 1, name, domain: this.domain },
        holder,
      );
    return this.holding(
      context,
      (holder) => call(EntryLockCommand.LOCK, holder),
      (holder) => call(EntryLockCommand.UNLOCK, holder),
      () => this.names(others, context, run),
    );
  }

  /** The end of a file: whoever appends asks where it is and writes there. */
  async end<T>(inode: Inode, context: CallContext, run: () => Promise<T>): Promise<T> {
    const domain = `${this.domain}:append`;
    const call = (command: number, type: number, holder: CallContext): Promise<unknown> => {
      const flock = { type, whence: 0, start: 0n, length: 0n, pid: 0, owner: holder.lkOwner };
      return this.first.inodelk({ loc: { inode }, command, type, flock, domain }, holder);
    };
    return this.holding(
      context,
      (holder) => call(LockCommand.SET_WAIT, LockType.WRITE, holder),
      (holder) => call(LockCommand.SET, LockType.UNLOCK, holder),
      run,
    );
  }

  private async holding<T>(context: CallContext, take: Call, drop: Call, run: () => Promise<T>): Promise<T> {
    const holder = { ...asRoot(detached(context)), lkOwner: newLkOwner(), stamp: undefined };
    try {
      await take(holder);
    } catch (thrown) {
      const error = toGlfsError(thrown);
      if (WITHOUT_LOCKS.includes(error.code)) return run();
      // It may have been granted after all.
      if (error.outcome === 'unknown') await this.dropped(drop, holder);
      throw error;
    }
    try {
      return await run();
    } finally {
      await this.dropped(drop, holder);
    }
  }

  private async dropped(drop: Call, holder: CallContext): Promise<void> {
    try {
      await drop(holder);
    } catch (error) {
      this.log.debug({ translator: this.domain, error: toGlfsError(error) }, 'a lock could not be dropped');
    }
  }
}

function inOrder(a: NamedEntry, b: NamedEntry): number {
  const [first, second] = [a, b].map(({ parent, name }) => `${gfidKey(parent.gfid)}/${name}`);
  return first! < second! ? -1 : first! > second! ? 1 : 0;
}
