import { readFileSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import type { Fd, Inode } from '../../../graph/index.ts';

/**
 * More open files than this are refused to one client (EMFILE). The process has a descriptor for each: half of its own are left
 * to the others.
 */
const MOST = Math.min(1 << 20, Math.floor(descriptorLimit() / 2));

function descriptorLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** An fd that a client has open, with the inode that stays in the table for it. */
export class OpenFd {
  /** Calls under way on it. */
  private users = 0;
  private idle: (() => void)[] = [];

  constructor(
    readonly fd: Fd,
    readonly inode: Inode,
  ) {
    inode.pins++;
  }

  enter(): void {
    this.users++;
  }

  leave(): void {
    if (--this.users > 0) return;
    for (const wake of this.idle.splice(0)) wake();
  }

  get busy(): boolean {
    return this.users > 0;
  }

  /** Resolves once no call uses it. */
  async whenIdle(): Promise<void> {
    if (this.busy) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  /** Its number has been given back: the inode may leave the table. */
  unpin(): void {
    this.fd.closed = true;
    this.inode.pins--;
  }
}

/** The open files of one client by number: small ones from 0, the lowest that is free first. */
export class FdTable {
  private readonly entries: (OpenFd | undefined)[] = [];
  private lowestFree = 0;
  size = 0;

  constructor(private readonly most = MOST) {}

  /** To be asked before a file is opened, or made. @throws GlfsError EMFILE */
  requireRoom(): void {
    if (this.size >= this.most) throw new GlfsError('EMFILE');
  }

  /** @throws GlfsError EMFILE: calls at once may have taken the room that there was. */
  add(open: OpenFd): number {
    this.requireRoom();
    const number = this.lowestFree;
    this.entries[number] = open;
    this.size++;
    while (this.entries[this.lowestFree] !== undefined) this.lowestFree++;
    return number;
  }

  get(number: number): OpenFd | undefined {
    return this.entries[number];
  }

  take(number: number): OpenFd | undefined {
    const open = this.entries[number];
    if (open === undefined) return undefined;
    this.entries[number] = undefined;
    this.size--;
    this.lowestFree = Math.min(this.lowestFree, number);
    return open;
  }

  /** Takes all out. */
  clear(): OpenFd[] {
    const all = this.entries.filter((open) => open !== undefined);
    this.entries.length = 0;
    this.lowestFree = 0;
    this.size = 0;
    return all;
  }
}
