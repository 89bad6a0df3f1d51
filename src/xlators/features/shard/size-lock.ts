import { isGlfsError } from '../../../errors.ts';
import type { CallContext } from '../../../graph/index.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import type { FileState, Target } from './files.ts';
import type { HeldLock, Locks } from './locks.ts';
import { within } from './patience.ts';

/**
 * Sets glfs's lock of sizes apart from the locks that GlusterFS's clients take for removals. They know nothing of it: among
 * themselves, and beside us, two that extend one file at once may still disagree.
 */
export const SIZE_DOMAIN = '.size';

/** Milliseconds for which a lock is kept that nobody uses, and those after which it is given back in any case. */
const IDLE = 1000;
const LONGEST = 5000;
const PATIENCE = 2000;

interface Entry {
  readonly state: FileState;
  /** Rejects where it can't be had. */
  readonly taken: Promise<void>;
  /** Resolves when it is given back. */
  readonly gone: Promise<void>;
  readonly end: () => void;
  lock?: HeldLock;
  users: number;
  /** Others wait, or it is held for long: whoever comes now waits for the next one. */
  closing: boolean;
  since: number;
  timer?: NodeJS.Timeout;
}

/**
 * Who changes a file's size holds this lock, so that of two clients neither adds what the other has added already. It is taken
 * once for many changes, and given back when another client waits for it, when it is idle, and after some seconds.
 */
export class SizeLocks {
  private readonly entries = new Map<string, Entry>();
  private readonly releasing = new Set<Promise<void>>();

  constructor(
    private readonly locks: Locks,
    /** Learns the true size, once it can't change any more. */
    private readonly refresh: (state: FileState, target: Target, context: CallContext) => Promise<unknown>,
  ) {}

  /** Runs `change` while the size is this client's to change. */
  async run<T>(state: FileState, target: Target, context: CallContext, change: () => Promise<T>): Promise<T> {
    const entry = await this.enter(state, target, context);
    try {
      return await change();
    } finally {
      this.leave(entry);
    }
  }

  /** Another client waits for it. */
  contended(gfid: Gfid): void {
    const entry = this.entries.get(gfidKey(gfid));
    if (entry !== undefined) this.wantBack(entry);
  }

  /** The bricks may have lost what they granted. */
  lost(): void {
    for (const entry of this.entries.values()) this.wantBack(entry);
  }

  /** Gives back all that is not in use. */
  async close(): Promise<void> {
    this.lost();
    // What a brick that doesn't answer has granted goes with the connection.
    await within(PATIENCE, Promise.all(this.releasing));
  }

  private async enter(state: FileState, target: Target, context: CallContext): Promise<Entry> {
    const key = gfidKey(state.gfid);
    for (;;) {
      const entry = this.entries.get(key) ?? this.begin(key, state, target, context);
      if (entry.closing) {
        await entry.gone;
        continue;
      }
      clearTimeout(entry.timer);
      entry.users++;
      try {
        await entry.taken;
        return entry;
      } catch (error) {
        this.leave(entry);
        throw error;
      }
    }
  }

  private begin(key: string, state: FileState, target: Target, context: CallContext): Entry {
    let end = (): void => {};
    const gone = new Promise<void>((resolve) => {
      end = resolve;
    });
    const take = async (): Promise<void> => {
      try {
        const lock = await this.take(target, context);
        entry.lock = lock;
        await this.refresh(state, target, context);
        state.held = true;
        entry.since = performance.now();
      } catch (error) {
        entry.closing = true;
        throw error;
      }
    };
    const entry: Entry = {
      state,
      taken: Promise.resolve().then(take),
      gone,
      end,
      users: 0,
      closing: false,
      since: performance.now(),
    };
    this.entries.set(key, entry);
    return entry;
  }

  private async take({ inode }: Target, context: CallContext): Promise<HeldLock | undefined> {
    try {
      return await this.locks.inode(inode, context, SIZE_DOMAIN);
    } catch (error) {
      // Its last name is gone: only those who have it open still can change it, and bricks may not know it by gfid.
      if (isGlfsError(error, 'ENOENT', 'ESTALE')) return undefined;
      throw error;
    }
  }

  private leave(entry: Entry): void {
    if (--entry.users > 0) return;
    if (entry.closing || performance.now() - entry.since > LONGEST) {
      this.wantBack(entry);
      return;
    }
    entry.timer = setTimeout(() => this.wantBack(entry), IDLE);
    entry.timer.unref();
  }

  private wantBack(entry: Entry): void {
    entry.closing = true;
    clearTimeout(entry.timer);
    if (entry.users > 0) return;
    const key = gfidKey(entry.state.gfid);
    if (this.entries.get(key) !== entry) return;
    this.entries.delete(key);
    entry.state.held = false;
    const done = Promise.resolve(entry.lock?.drop()).then(() => {
      this.releasing.delete(done);
      entry.end();
    });
    this.releasing.add(done);
  }
}
