import { GlfsError } from '../../../src/errors.ts';
import type { Fd, Reply } from '../../../src/graph/index.ts';
import { gfidKey } from '../../../src/protocol/gfid.ts';
import { type Flock, LockCommand, LockType } from '../../../src/protocol/messages.ts';

interface Held {
  readonly fd: Fd;
  readonly flock: Flock;
}

/** POSIX locks of whole ranges: an unlock drops what it covers. Waiting ones are granted in order. */
export class MemoryLocks {
  held: Held[] = [];
  private waiting: { wanted: Held; grant: () => void }[] = [];

  get blocked(): number {
    return this.waiting.length;
  }

  lock(fd: Fd, command: number, flock: Flock): Reply<'lk'> | Promise<Reply<'lk'>> {
    const wanted = { fd, flock };
    const other = this.inTheWay(wanted);
    if (command === LockCommand.GET) return { flock: other?.flock ?? { ...flock, type: LockType.UNLOCK } };
    if (other === undefined) {
      this.held.push(wanted);
      return { flock };
    }
    if (command === LockCommand.SET) throw new GlfsError('EAGAIN');
    return new Promise((resolve) => {
      this.waiting.push({ wanted, grant: () => resolve({ flock }) });
    });
  }

  unlock(fd: Fd, range: Flock, owner: Uint8Array): Reply<'lk'> {
    this.drop(
      (held) => sameFile(held.fd, fd) && same(held.flock.owner, owner) && overlaps(held.flock, range),
    );
    return { flock: range };
  }

  flushed(fd: Fd, owner: Uint8Array): void {
    this.drop((held) => sameFile(held.fd, fd) && same(held.flock.owner, owner));
  }

  released(fd: Fd): void {
    this.drop((held) => held.fd === fd);
  }

  private drop(which: (held: Held) => boolean): void {
    this.held = this.held.filter((held) => !which(held));
    const waiting = this.waiting;
    this.waiting = [];
    for (const waiter of waiting) {
      if (this.inTheWay(waiter.wanted) !== undefined) this.waiting.push(waiter);
      else {
        this.held.push(waiter.wanted);
        waiter.grant();
      }
    }
  }

  private inTheWay({ fd, flock }: Held): Held | undefined {
    return this.held.find(
      (held) =>
        sameFile(held.fd, fd) &&
        !same(held.flock.owner, flock.owner) &&
        overlaps(held.flock, flock) &&
        (held.flock.type === LockType.WRITE || flock.type === LockType.WRITE),
    );
  }
}

function overlaps(a: Flock, b: Flock): boolean {
  const end = ({ start, length }: Flock): bigint => (length === 0n ? 2n ** 64n : start + length);
  return a.start < end(b) && b.start < end(a);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function sameFile(a: Fd, b: Fd): boolean {
  return gfidKey(a.inode.gfid) === gfidKey(b.inode.gfid);
}
