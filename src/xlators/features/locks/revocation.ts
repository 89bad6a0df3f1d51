import type { Logger } from '../../../logger.ts';
import { clearDomain } from './clear.ts';
import type { Domain } from './domain.ts';
import type { Lock, LockQueue } from './lock-queue.ts';

/** When locks are taken from those who don't give them back. */
export interface RevocationRules {
  /** Seconds; 0: never, whatever the others say. */
  readonly seconds: number;
  /** Waiters in a domain that are reason enough; 0: no number is. */
  readonly maxBlocked: number;
  readonly clearAll: boolean;
}

/**
 * Before a lock is asked for: takes away all locks of the kind in the domain where one that is in the way is too old, or too
 * many wait. A holder that hangs would keep all others out for good; what it writes afterwards is its own risk.
 */
export function revoke<L extends Lock>(
  domain: Domain,
  type: 'inode' | 'entry',
  queue: LockQueue<L>,
  inTheWay: (held: L) => boolean,
  now: number,
  { seconds, maxBlocked, clearAll }: RevocationRules,
  log: Logger,
): void {
  if (seconds === 0 || queue.held.length === 0) return;
  const old = queue.held.some((held) => inTheWay(held) && now - held.grantedAt > seconds * 1000);
  const many = maxBlocked > 0 && queue.blocked.length >= maxBlocked;
  if (!old && !many) return;
  const dropped = clearDomain(domain, { type, granted: true, blocked: clearAll, argument: undefined });
  log.warn(
    { domain: domain.name, type, reason: old ? 'age' : 'max blocked', ...dropped },
    'locks were taken from their holders',
  );
}
