import { GlfsError } from '../../../errors.ts';
import type { Client } from '../../../graph/index.ts';
import type { Domain } from './domain.ts';
import type { EntryLock } from './entry-locks.ts';
import type { FileLocks } from './file-locks.ts';
import type { InodeLock } from './inode-locks.ts';
import type { Dropped } from './lock-queue.ts';
import { lengthOf } from './range.ts';
import type { Segment } from './segments.ts';

/** getxattr names by which `gluster volume clear-locks` drops locks, and by which a mount interrupts its own SETLKW. */
export const CLEAR_PREFIX = 'glusterfs.clrlk';
export const INTERRUPT_PREFIX = 'glusterfs.intrlk';

export interface ClearCommand {
  readonly type: 'inode' | 'entry' | 'posix';
  readonly granted: boolean;
  readonly blocked: boolean;
  /** A name, or `WHENCE,START-LENGTH` as the lock was asked for. */
  readonly argument: string | undefined;
}

const NAME = /^glusterfs\.(?:clrlk|intrlk)\.t(inode|entry|posix)\.k(blocked|granted|all)(?:\.([^/]+).*)?$/s;

/** `glusterfs.clrlk.tTYPE.kKIND[.ARGUMENT]`. @throws GlfsError EINVAL */
export function parseClear(name: string): ClearCommand {
  const match = NAME.exec(name);
  if (match === null) throw new GlfsError('EINVAL', `no command to clear locks: '${name}'`);
  const [, type, kind, argument] = match;
  const command = {
    type: type as ClearCommand['type'],
    granted: kind !== 'blocked',
    blocked: kind !== 'granted',
    argument,
  };
  if (command.type !== 'entry') parseRange(argument);
  return command;
}

interface AskedRange {
  readonly whence: number;
  readonly start: bigint;
  readonly length: bigint;
}

function parseRange(argument: string | undefined): AskedRange | undefined {
  if (argument === undefined) return undefined;
  const match = /^(-?\d+),(-?\d+)-(-?\d+)/.exec(argument);
  if (match === null) throw new GlfsError('EINVAL', `no range of a lock: '${argument}'`);
  return { whence: Number(match[1]), start: BigInt(match[2]!), length: BigInt(match[3]!) };
}

/** Drops the locks that a command is about. Waiters for inodelks and entrylks get EAGAIN, those for POSIX locks EINTR. */
export function clearLocks(
  file: FileLocks,
  command: ClearCommand,
  /** Only locks of this caller: an interrupt. */
  caller?: { client: Client | undefined; pid: number },
): Dropped {
  if (command.type === 'posix') {
    const asked = parseRange(command.argument);
    const which = (segment: Segment): boolean =>
      (asked === undefined || isAsked(segment, asked)) &&
      (caller === undefined || (segment.owner.client === caller.client && segment.owner.pid === caller.pid));
    return file.posix.drop({
      held: (segment) => command.granted && which(segment),
      blocked: (segment) => command.blocked && which(segment),
    });
  }
  const total: Dropped = { granted: 0, blocked: 0 };
  for (const domain of [...file.domains.values()]) {
    const { granted, blocked } = clearDomain(domain, command);
    total.granted += granted;
    total.blocked += blocked;
  }
  return total;
}

/** POSIX locks are cut to pieces and grow together, so that the range that counts is the one that they have by now. */
function isAsked(segment: Segment, { start, length }: AskedRange): boolean {
  return segment.start === start && lengthOf(segment) === length;
}

export function clearDomain(
  { inodeLocks, entryLocks }: Domain,
  { type, granted, blocked, argument }: ClearCommand,
): Dropped {
  const error = new GlfsError('EAGAIN', 'the wait was ended by clear-locks');
  if (type === 'entry') {
    const names = ({ name }: EntryLock): boolean => argument === undefined || name === argument;
    return entryLocks.drop(
      { held: granted ? names : undefined, blocked: blocked ? names : undefined },
      error,
    );
  }
  const asked = parseRange(argument);
  const fits = ({ flock }: InodeLock): boolean =>
    asked === undefined ||
    (flock.whence === asked.whence && flock.start === asked.start && flock.length === asked.length);
  return inodeLocks.drop({ held: granted ? fits : undefined, blocked: blocked ? fits : undefined }, error);
}

/** What clear-locks prints for a brick. */
export function summaryOf(brick: string, { type }: ClearCommand, { granted, blocked }: Dropped): string {
  if (granted + blocked === 0) return 'No locks cleared.';
  return `${brick}: ${type} blocked locks=${blocked} granted locks=${granted}`;
}
