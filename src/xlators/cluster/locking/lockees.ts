import type { CallContext, Fd, Inode, Subvolume } from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../../protocol/messages.ts';
import { encodeText } from '../../../xdr/index.ts';

/** Bytes of a file. */
export interface Range {
  readonly start: number;
  /** 0: to the end of the file, wherever that is. */
  readonly length: number;
}

/** A name in a directory, or all of its names where `name` is absent. */
export interface EntryTarget {
  readonly parent: Inode;
  readonly name?: string;
}

/** `try` fails at once where another holds it (EAGAIN), `wait` waits for its turn. */
export type LockAction = 'try' | 'wait' | 'drop';

/** One thing that is locked on each member. */
export interface Lockee {
  act(child: Subvolume, action: LockAction, context: CallContext): Promise<unknown>;
}

export const WHOLE_FILE: Range = { start: 0, length: 0 };

/* Where GlusterFS's clients lock a file's attributes: from the last byte but one to the end. */
const METADATA_START = 0x7fff_ffff_ffff_fffen;

/** A file as an open file where there is one, so that it is found though it may have no name any more. */
export interface FileTarget {
  readonly inode: Inode;
  readonly fd?: Fd;
}

/** The fd, unless it has been closed since. */
export function openFd({ fd }: FileTarget): Fd | undefined {
  return fd === undefined || fd.closed || fd.poisoned !== undefined ? undefined : fd;
}

export function dataLockee(target: FileTarget, domain: string, { start, length }: Range): Lockee {
  return inodeLockee(target, domain, BigInt(start), BigInt(length));
}

export function metadataLockee(target: FileTarget, domain: string): Lockee {
  return inodeLockee(target, domain, METADATA_START, 0n);
}

const inodeCalls = {
  try: { command: LockCommand.SET, type: LockType.WRITE },
  wait: { command: LockCommand.SET_WAIT, type: LockType.WRITE },
  drop: { command: LockCommand.SET, type: LockType.UNLOCK },
} as const;

function inodeLockee(target: FileTarget, domain: string, start: bigint, length: bigint): Lockee {
  const { inode } = target;
  return {
    act: (child, action, context) => {
      const { command, type } = inodeCalls[action];
      const flock = { type, whence: 0, start, length, pid: context.pid, owner: context.lkOwner };
      const fd = openFd(target);
      return fd === undefined
        ? child.inodelk({ loc: { inode }, command, type, flock, domain }, context)
        : child.finodelk({ fd, command, type, flock, domain }, context);
    },
  };
}

const entryCommands = {
  try: EntryLockCommand.LOCK_NONBLOCKING,
  wait: EntryLockCommand.LOCK,
  drop: EntryLockCommand.UNLOCK,
} as const;

/** Lockees of names, in the order in which all clients take them: by gfid, a whole directory before its names. */
export function entryLockees(targets: readonly EntryTarget[], domain: string): Lockee[] {
  return [...targets].sort(compareTargets).map(({ parent, name }) => ({
    act: (child, action, context) =>
      child.entrylk(
        {
          loc: { inode: parent },
          command: entryCommands[action],
          type: EntryLockType.WRITE,
          namelen: name === undefined ? 0 : 1,
          name: name ?? '',
          domain,
        },
        context,
      ),
  }));
}

function compareTargets(a: EntryTarget, b: EntryTarget): number {
  const order = compareGfids(a.parent.gfid, b.parent.gfid);
  if (order !== 0) return order;
  if (a.name === undefined || b.name === undefined)
    return Number(b.name === undefined) - Number(a.name === undefined);
  return Buffer.compare(encodeText(a.name), encodeText(b.name));
}

function compareGfids(a: Gfid, b: Gfid): number {
  return Buffer.compare(a, b);
}
