import { GlfsError } from '../../../errors.ts';
import type { CallContext, Request } from '../../../graph/index.ts';
import { type Flock, LockCommand, LockType } from '../../../protocol/messages.ts';
import { copyBytes } from '../../../xdr/index.ts';
import type { Lock } from './lock-queue.ts';
import { lockOwnerOf } from './owner.ts';
import { LAST, overlap, type Range, rangeOf, sameRange } from './range.ts';

/** A lock on a range of a file, by which translators keep others of their kind out. */
export interface InodeLock extends Lock, Range {
  readonly write: boolean;
  /** As it was asked for: what notices and clear-locks go by. */
  readonly flock: Flock;
}

type InodelkRequest = Pick<Request<'inodelk'>, 'command' | 'type' | 'flock' | 'domain'>;

export const inodeLockRules = {
  conflict: (a: InodeLock, b: InodeLock): boolean => (a.write || b.write) && overlap(a, b),
  // The type doesn't matter, the range must be the very same: locks of one owner stack, and don't merge.
  matches: (held: InodeLock, unlock: InodeLock): boolean => sameRange(held, unlock),
};

const METADATA = ':metadata';
/** Metadata of a file are locked by a range that no data have; they get a domain of their own. */
const METADATA_START = LAST - 1n;

function domainOf({ flock, domain }: InodelkRequest): string {
  const metadata = flock.start === METADATA_START && flock.length === 0n;
  return metadata && !domain.endsWith(METADATA) ? `${domain}${METADATA}` : domain;
}

/** What an (f)inodelk asks for. @throws GlfsError EINVAL, EOPNOTSUPP for other commands than SETLK and SETLKW. */
export function parseInodelk(
  request: InodelkRequest,
  context: CallContext,
): { lock: InodeLock; domain: string; unlock: boolean; wait: boolean } {
  const { command, type } = request;
  const range = rangeOf(request.flock);
  const owner = lockOwnerOf(context);
  if (command !== LockCommand.SET && command !== LockCommand.SET_WAIT) {
    throw new GlfsError('EOPNOTSUPP', `command ${command} of inodelk`);
  }
  if (type > LockType.UNLOCK) throw new GlfsError('EINVAL', `type ${type} of inodelk`);
  const lock: InodeLock = {
    ...range,
    owner,
    write: type === LockType.WRITE,
    flock: { ...request.flock, type, owner: copyBytes(request.flock.owner) },
    grantedAt: 0,
    notifiedAt: Number.NEGATIVE_INFINITY,
    waiter: undefined,
  };
  return {
    lock,
    domain: domainOf(request),
    unlock: type === LockType.UNLOCK,
    wait: command === LockCommand.SET_WAIT,
  };
}
