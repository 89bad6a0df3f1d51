import type { CallContext, Fd } from '../graph/index.ts';
import type { Dict } from '../protocol/dict.ts';
import { gfidKey } from '../protocol/gfid.ts';
import type { Flock } from '../protocol/messages.ts';
import { LockType } from '../protocol/messages.ts';

/** Bytes `start` to `end`, which is not among them. */
export interface LockedRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** A granted POSIX lock: what is needed to take it again. */
export interface HeldLock extends LockedRange {
  readonly owner: string;
  readonly context: CallContext;
  readonly type: number;
  /** As it came with the request: mandatory locks say so here. */
  readonly xdata: Dict | undefined;
}

/** 0 length on the wire is "to the end". */
const END_OF_FILE = 1n << 63n;

/** What a SETLK asks for, as a lock that is held. */
export function heldLock(
  { type, flock, xdata }: { type: number; flock: Flock; xdata?: Dict },
  context: CallContext,
): HeldLock {
  const { start, length } = flock;
  const end = length === 0n ? END_OF_FILE : start + length;
  const lasting = { ...context, signal: undefined, deadline: undefined };
  return { owner: ownerKey(context), context: lasting, type, start, end, xdata };
}

export function toFlock({ type, start, end, context }: Omit<HeldLock, 'owner' | 'xdata'>): Flock {
  return {
    type,
    whence: 0,
    start,
    length: end === END_OF_FILE ? 0n : end - start,
    pid: context.pid >>> 0,
    owner: context.lkOwner,
  };
}

function ownerKey(context: CallContext): string {
  return Buffer.from(context.lkOwner).toString('hex');
}

export function overlaps(a: LockedRange, b: LockedRange): boolean {
  return a.start < b.end && b.start < a.end;
}

/**
 * POSIX locks that are held, by file, fd and owner, kept as the kernel would keep them: a newer lock or unlock of the same
 * owner replaces what it covers.
 */
export class HeldLocks<L extends HeldLock = HeldLock> {
  private readonly files = new Map<string, Map<Fd, L[]>>();

  get empty(): boolean {
    return this.files.size === 0;
  }

  has(fd: Fd): boolean {
    return this.files.get(gfidKey(fd.inode.gfid))?.has(fd) === true;
  }

  fds(): Fd[] {
    return [...this.files.values()].flatMap((fds) => [...fds.keys()]);
  }

  of(fd: Fd): readonly L[] {
    return this.files.get(gfidKey(fd.inode.gfid))?.get(fd) ?? [];
  }

  /** All fds of the file that hold locks. */
  ofFile(key: string): ReadonlyMap<Fd, readonly L[]> {
    return this.files.get(key) ?? new Map();
  }

  /** Keys (`gfidKey`) of all files on which locks are held. */
  keys(): string[] {
    return [...this.files.keys()];
  }

  /** After a granted SETLK, SETLKW or unlock. */
  granted(fd: Fd, lock: L): void {
    // Locks belong to the owner, whichever fd they were taken by.
    this.change(fd, (held) => (held.owner === lock.owner ? without(held, lock) : [held]));
    if (lock.type === LockType.UNLOCK) return;
    const key = gfidKey(fd.inode.gfid);
    const file = this.files.get(key) ?? new Map<Fd, L[]>();
    this.files.set(key, file);
    file.set(fd, [...(file.get(fd) ?? []), lock]);
  }

  /** FLUSH drops the locks of its owner on the file: POSIX's close. */
  flushed(fd: Fd, context: CallContext): void {
    const owner = ownerKey(context);
    this.change(fd, (held) => (held.owner === owner ? [] : [held]));
  }

  released(fd: Fd): void {
    const key = gfidKey(fd.inode.gfid);
    const file = this.files.get(key);
    file?.delete(fd);
    if (file?.size === 0) this.files.delete(key);
  }

  /** Replaces every lock on the fd's file by what `by` makes of it. */
  private change(fd: Fd, by: (held: L) => L[]): void {
    const file = this.files.get(gfidKey(fd.inode.gfid));
    for (const [other, locks] of file ?? []) {
      const kept = locks.flatMap(by);
      if (kept.length === 0) this.released(other);
      else file!.set(other, kept);
    }
  }
}

function without<L extends HeldLock>(held: L, { start, end }: LockedRange): L[] {
  if (!overlaps(held, { start, end })) return [held];
  const parts: L[] = [];
  if (held.start < start) parts.push({ ...held, end: start });
  if (held.end > end) parts.push({ ...held, start: end });
  return parts;
}
