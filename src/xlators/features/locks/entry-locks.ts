import { GlfsError } from '../../../errors.ts';
import type { CallContext, Request } from '../../../graph/index.ts';
import { EntryLockCommand } from '../../../protocol/messages.ts';
import type { Lock } from './lock-queue.ts';
import { lockOwnerOf } from './owner.ts';

/** A lock on a name in a directory, or on all names. */
export interface EntryLock extends Lock {
  /** Absent: all names. */
  readonly name: string | undefined;
  readonly type: number;
}

type EntrylkRequest = Pick<Request<'entrylk'>, 'command' | 'type' | 'namelen' | 'name'>;

export const entryLockRules = {
  // The type is not looked at: read locks on names keep each other out as well.
  conflict: (a: EntryLock, b: EntryLock): boolean =>
    a.name === undefined || b.name === undefined || a.name === b.name,
  matches: (held: EntryLock, unlock: EntryLock): boolean =>
    held.name === unlock.name && held.type === unlock.type,
};

/** What an (f)entrylk asks for. @throws GlfsError EINVAL for an owner or command that isn't one. */
export function parseEntrylk(
  { command, type, namelen, name }: EntrylkRequest,
  context: CallContext,
): { lock: EntryLock; unlock: boolean; wait: boolean } {
  const owner = lockOwnerOf(context);
  if (command > EntryLockCommand.LOCK_NONBLOCKING) {
    throw new GlfsError('EINVAL', `command ${command} of entrylk`);
  }
  const lock: EntryLock = {
    owner,
    name: namelen === 0 ? undefined : name,
    type,
    grantedAt: 0,
    notifiedAt: Number.NEGATIVE_INFINITY,
    waiter: undefined,
  };
  return {
    lock,
    unlock: command === EntryLockCommand.UNLOCK,
    wait: command === EntryLockCommand.LOCK,
  };
}
