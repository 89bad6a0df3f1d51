import { type CallContext, newLkOwner, type Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { type Gfid, gfidKey } from '../../../../protocol/gfid.ts';
import { dataLockee, metadataLockee, WHOLE_FILE } from '../../locking/lockees.ts';
import { internalDetached } from '../../wind.ts';
import type { DataOperation, MetadataOperation } from '../operation.ts';
import type { ReplicateState } from '../state.ts';
import { FileLock, type LockedFile } from './file-lock.ts';
import { turnOf } from './turns.ts';

/**
 * The two locks of one file. They have one owner: the lock of data reaches over that of attributes, and two owners would
 * wait for each other.
 */
interface Pair {
  readonly owner: Uint8Array;
  data?: FileLock;
  metadata?: FileLock;
}

/** The locks of all files that are being changed, by gfid. */
export class FileLocks {
  private readonly pairs = new Map<string, Pair>();

  constructor(private readonly state: ReplicateState) {}

  /** Makes a change under the lock of its file, which is taken where it is not held. */
  run<K extends FopName>(
    operation: DataOperation<K> | MetadataOperation<K>,
    context: CallContext,
  ): Promise<Reply<K>> {
    return new Promise((resolve, reject) => {
      this.lockOf(operation, context).enter(turnOf<K>(operation, context, resolve, reject));
    });
  }

  private lockOf<K extends FopName>(
    { kind, inode, fd }: DataOperation<K> | MetadataOperation<K>,
    context: CallContext,
  ): FileLock {
    const key = gfidKey(inode.gfid);
    let pair = this.pairs.get(key);
    if (pair === undefined) {
      pair = { owner: newLkOwner() };
      this.pairs.set(key, pair);
    }
    pair[kind] ??= this.open(key, pair, kind, { inode, fd }, context);
    return pair[kind];
  }

  private open(
    key: string,
    pair: Pair,
    kind: 'data' | 'metadata',
    file: LockedFile,
    context: CallContext,
  ): FileLock {
    const { state } = this;
    return new FileLock({
      state,
      kind,
      file,
      lockee:
        kind === 'data' ? dataLockee(file, state.domain, WHOLE_FILE) : metadataLockee(file, state.domain),
      context: { ...internalDetached(context), lkOwner: pair.owner },
      ownLocks: () => Number(pair.data?.counts ?? false) + Number(pair.metadata?.counts ?? false),
      gone: () => {
        pair[kind] = undefined;
        if (pair.data === undefined && pair.metadata === undefined) this.pairs.delete(key);
      },
    });
  }

  /** Another client waits for the file. */
  contended(gfid: Gfid): void {
    const pair = this.pairs.get(gfidKey(gfid));
    pair?.data?.share();
    pair?.metadata?.share();
  }

  /** Copies have come or gone: what is held is not what is to be held. */
  membersChanged(): void {
    for (const { data, metadata } of [...this.pairs.values()]) {
      data?.close();
      metadata?.close();
    }
  }

  /** Gives up the locks of one file; resolves when its marks are set. */
  async settle(gfid: Gfid): Promise<void> {
    const pair = this.pairs.get(gfidKey(gfid));
    if (pair === undefined) return;
    await Promise.all([pair.data?.settled(), pair.metadata?.settled()]);
  }

  /** Gives up all locks; resolves when none is held. */
  async settleAll(): Promise<void> {
    while (this.pairs.size > 0) {
      const locks = [...this.pairs.values()].flatMap(({ data, metadata }) => [data, metadata]);
      await Promise.all(locks.map((lock) => lock?.ended()));
    }
  }
}
