import { GlfsError, toGlfsError } from '../../../errors.ts';
import type { CallContext, Fd } from '../../../graph/index.ts';
import type { Flock } from '../../../protocol/messages.ts';
import { LockType } from '../../../protocol/messages.ts';

/** A granted POSIX lock: what is needed to take it again. `end` is exclusive; 0 length on the wire is "to the end". */
interface Held {
  readonly owner: string;
  readonly context: CallContext;
  readonly type: number;
  readonly start: bigint;
  readonly end: bigint;
}

const END_OF_FILE = 1n << 63n;

/** Takes one lock without blocking on the brick. */
export type Relock = (fd: Fd, held: { type: number; flock: Flock }, context: CallContext) => Promise<void>;

/**
 * The POSIX locks that this session holds, by fd and owner, kept as the kernel would keep them: a newer lock or unlock of
 * the same owner replaces what it covers. After a reconnect they are taken again.
 */
export class HeldLocks {
  private readonly byFd = new Map<Fd, Held[]>();

  has(fd: Fd): boolean {
    return this.byFd.has(fd);
  }

  fds(): Fd[] {
    return [...this.byFd.keys()];
  }

  /** After a granted SETLK, SETLKW or unlock. */
  granted(fd: Fd, type: number, flock: Flock, context: CallContext): void {
    const owner = ownerKey(context);
    const start = flock.start;
    const end = flock.length === 0n ? END_OF_FILE : start + flock.length;
    const locks = (this.byFd.get(fd) ?? []).flatMap((held) =>
      held.owner === owner ? without(held, start, end) : [held],
    );
    if (type !== LockType.UNLOCK) locks.push({ owner, context: lasting(context), type, start, end });
    if (locks.length === 0) this.byFd.delete(fd);
    else this.byFd.set(fd, locks);
  }

  /** FLUSH drops the locks of its owner on the file: POSIX's close. */
  flushed(fd: Fd, context: CallContext): void {
    const owner = ownerKey(context);
    for (const [other, locks] of this.byFd) {
      if (other.inode !== fd.inode) continue;
      const kept = locks.filter((held) => held.owner !== owner);
      if (kept.length === 0) this.byFd.delete(other);
      else this.byFd.set(other, kept);
    }
  }

  released(fd: Fd): void {
    this.byFd.delete(fd);
  }

  /**
   * Takes the locks of every fd again; an fd whose locks can't be had is poisoned.
   * @returns the fds that were poisoned.
   */
  async retake(relock: Relock, strict: boolean): Promise<{ fd: Fd; reason: GlfsError }[]> {
    const lost: { fd: Fd; reason: GlfsError }[] = [];
    for (const [fd, locks] of [...this.byFd]) {
      try {
        if (strict)
          throw new GlfsError('EBADFD', 'strict-locks: another client may have held the locks in between');
        for (const held of locks) await relock(fd, { type: held.type, flock: toFlock(held) }, held.context);
      } catch (error) {
        const reason = new GlfsError(
          'EBADFD',
          'locks were lost with the connection and could not be taken again',
          {
            cause: toGlfsError(error),
          },
        );
        if (error instanceof GlfsError && error.code === 'ENOTCONN') throw error;
        fd.poisoned = reason;
        this.byFd.delete(fd);
        lost.push({ fd, reason });
      }
    }
    return lost;
  }
}

function ownerKey(context: CallContext): string {
  return Buffer.from(context.lkOwner).toString('hex');
}

function lasting(context: CallContext): CallContext {
  return { ...context, signal: undefined, deadline: undefined };
}

function without(held: Held, start: bigint, end: bigint): Held[] {
  if (held.end <= start || held.start >= end) return [held];
  const parts: Held[] = [];
  if (held.start < start) parts.push({ ...held, end: start });
  if (held.end > end) parts.push({ ...held, start: end });
  return parts;
}

function toFlock(held: Held): Flock {
  return {
    type: held.type,
    whence: 0,
    start: held.start,
    length: held.end === END_OF_FILE ? 0n : held.end - held.start,
    pid: held.context.pid >>> 0,
    owner: held.context.lkOwner,
  };
}
