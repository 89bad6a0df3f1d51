import { GlfsError } from '../../../errors.ts';
import type { CallContext, Client } from '../../../graph/index.ts';
import { LockType } from '../../../protocol/messages.ts';
import type { PosixLocks } from './posix-locks.ts';
import type { Range } from './range.ts';
import { overlap } from './range.ts';
import type { Segment } from './segments.ts';
import { Waiter } from './waiter.ts';

/** A read or write of a range, as mandatory locks see it. */
export interface Access extends Range {
  /** Id of the lock owner that it is made for. */
  readonly owner: string;
  readonly client: Client | undefined;
  readonly reads: boolean;
}

/** `forced`: every POSIX lock is mandatory; `optimal`: those with `glusterfs.lk.lkmode` 1. */
export type MandatoryMode = 'forced' | 'optimal';

const MANDATORY = 1;

/** Does a lock keep others' reads and writes out? */
export function isMandatory({ mode }: Segment, mandatory: MandatoryMode): boolean {
  return mandatory === 'forced' || mode === MANDATORY;
}

/** Reads and writes that wait for mandatory locks of others to go. */
export class IoGate {
  private waiting: { access: Access; waiter: Waiter; mode: MandatoryMode }[] = [];

  constructor(private readonly locks: PosixLocks) {}

  get idle(): boolean {
    return this.waiting.length === 0;
  }

  /** @throws GlfsError EAGAIN where a lock is in the way and `wait` is false; ECANCELED, ETIMEDOUT, ENOTCONN. */
  async enter(access: Access, mode: MandatoryMode, wait: boolean, context: CallContext): Promise<void> {
    if (this.isAllowed(access, mode)) return;
    if (!wait) throw new GlfsError('EAGAIN', 'somebody else has a mandatory lock');
    const waiter = new Waiter(context, () => {
      this.waiting = this.waiting.filter((each) => each.waiter !== waiter);
    });
    this.waiting.push({ access, waiter, mode });
    await waiter.promise;
  }

  wake(): void {
    if (this.waiting.length === 0) return;
    this.waiting = this.waiting.filter(({ access, waiter, mode }) => {
      if (!this.isAllowed(access, mode)) return true;
      waiter.grant();
      return false;
    });
  }

  dropClient(client: Client): void {
    this.waiting = this.waiting.filter(({ access, waiter }) => {
      if (access.client !== client) return true;
      waiter.refuse(new GlfsError('ENOTCONN', 'the client has gone'));
      return false;
    });
  }

  private isAllowed(access: Access, mode: MandatoryMode): boolean {
    return !this.locks.held.some(
      (lock) =>
        lock.owner.id !== access.owner &&
        overlap(lock, access) &&
        !(access.reads && lock.type !== LockType.WRITE) &&
        isMandatory(lock, mode),
    );
  }
}
