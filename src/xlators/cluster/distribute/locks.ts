import { type ErrnoCode, type GlfsError, toGlfsError } from '../../../errors.ts';
import { type CallContext, type Inode, newLkOwner, type Subvolume } from '../../../graph/index.ts';
import { gfidEquals, gfidToString } from '../../../protocol/gfid.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../../protocol/messages.ts';
import { internalDetached, wind } from '../wind.ts';
import { compareNames } from './layout.ts';
import { Domain } from './names.ts';
import type { DistributeState } from './state.ts';

/*
 * Lock order, the same in every client of a volume, or clients would wait for each other:
 *   1. dht.file.migrate inodelks on the files of a rename;
 *   2. per name: inodelk (read) dht.layout.heal on the parent, then entrylk dht.entry.sync on the name,
 *      both on the subvolume that the name hashes to;
 *   3. dht.layout.heal inodelks (write) on the directory itself.
 * Within a group: by name of the subvolume, then by gfid; one after the other.
 */
interface Lock {
  readonly child: Subvolume;
  /** Orders locks on the same subvolume. */
  readonly order: string;
  take(context: CallContext): Promise<unknown>;
  drop(context: CallContext): Promise<unknown>;
}

export interface LockOptions {
  /** Errors that mean there is nothing to lock: passed over, as long as one lock is held in the end. */
  readonly tolerated?: readonly ErrnoCode[];
}

/**
 * Runs `body` with all of `locks` held. They are dropped whatever happens, even where the caller no longer waits; failing
 * to drop one is only logged: it goes with the connection.
 */
async function withLocks<T>(
  state: DistributeState,
  locks: readonly Lock[],
  context: CallContext,
  body: () => Promise<T>,
  { tolerated = [] }: LockOptions = {},
): Promise<T> {
  const holder = { ...internalDetached(context), lkOwner: newLkOwner() };
  const held: Lock[] = [];
  try {
    await takeAll(inOrder(locks), holder, held, tolerated);
    return await body();
  } finally {
    await dropAll(state, held, holder);
  }
}

async function takeAll(
  locks: readonly Lock[],
  holder: CallContext,
  held: Lock[],
  tolerated: readonly ErrnoCode[],
): Promise<void> {
  let passed: GlfsError | undefined;
  let taken = 0;
  for (const lock of locks) {
    try {
      await lock.take(holder);
      held.push(lock);
      taken++;
    } catch (thrown) {
      const error = toGlfsError(thrown);
      // It may have been granted after all.
      if (error.outcome === 'unknown') held.push(lock);
      if (!tolerated.includes(error.code)) throw error;
      passed = error;
    }
  }
  if (taken === 0 && passed !== undefined) throw passed;
}

async function dropAll(state: DistributeState, held: readonly Lock[], holder: CallContext): Promise<void> {
  const answers = await Promise.all(held.map((lock) => wind(lock.child, () => lock.drop(holder))));
  for (const { child, error } of answers) {
    if (error !== undefined)
      state.log.warn({ translator: state.name, subvolume: child.name, error }, 'a lock could not be dropped');
  }
}

function inOrder(locks: readonly Lock[]): Lock[] {
  const sorted = [...locks].sort(
    (a, b) => compareNames(a.child.name, b.child.name) || compareNames(a.order, b.order),
  );
  return sorted.filter((lock, at) => at === 0 || !sameLock(lock, sorted[at - 1]!));
}

function sameLock(a: Lock, b: Lock): boolean {
  return a.child === b.child && a.order === b.order;
}

type LockMode = 'read' | 'write';

function inodeLock(child: Subvolume, inode: Inode, domain: string, mode: LockMode): Lock {
  const call = (command: number, type: number, context: CallContext): Promise<unknown> => {
    const flock = { type, whence: 0, start: 0n, length: 0n, pid: 0, owner: context.lkOwner };
    return child.inodelk({ loc: { inode }, command, type, flock, domain }, context);
  };
  return {
    child,
    order: gfidToString(inode.gfid),
    take: (context) => call(LockCommand.SET_WAIT, mode === 'read' ? LockType.READ : LockType.WRITE, context),
    drop: (context) => call(LockCommand.SET, LockType.UNLOCK, context),
  };
}

function entryLock(child: Subvolume, parent: Inode, name: string): Lock {
  const call = (command: number, context: CallContext): Promise<unknown> =>
    child.entrylk(
      { loc: { inode: parent }, command, type: EntryLockType.WRITE, namelen: 1, name, domain: Domain.ENTRY },
      context,
    );
  return {
    child,
    order: gfidToString(parent.gfid) + name,
    take: (context) => call(EntryLockCommand.LOCK, context),
    drop: (context) => call(EntryLockCommand.UNLOCK, context),
  };
}

/** Nobody else changes, or relies on, the layout of the directory. */
export function withLayoutLock<T>(
  state: DistributeState,
  directory: Inode,
  children: readonly Subvolume[],
  context: CallContext,
  body: () => Promise<T>,
): Promise<T> {
  const locks = children.map((child) => inodeLock(child, directory, Domain.LAYOUT, 'write'));
  return withLocks(state, locks, context, body);
}

/** The layout of the directory does not change: for making an entry whose place depends on it. */
export function withStableLayout<T>(
  state: DistributeState,
  directory: Inode,
  child: Subvolume,
  context: CallContext,
  body: () => Promise<T>,
): Promise<T> {
  const locks = [inodeLock(child, directory, Domain.LAYOUT, 'read')];
  return withLocks(state, locks, context, body, { tolerated: ['ENOENT', 'ESTALE'] });
}

/** The files are neither migrated nor renamed by others. Files that no longer exist don't matter. */
export function withMigrationLocks<T>(
  state: DistributeState,
  files: readonly { child: Subvolume; inode: Inode }[],
  context: CallContext,
  body: () => Promise<T>,
): Promise<T> {
  const locks = files.map(({ child, inode }) => inodeLock(child, inode, Domain.MIGRATE, 'write'));
  return withLocks(state, locks, context, body, { tolerated: ['ENOENT', 'ESTALE', 'EIO'] });
}

/** A name in a directory, with the subvolume that it hashes to. */
export interface HashedName {
  readonly hashed: Subvolume;
  readonly parent: Inode;
  readonly name: string;
}

/** Nobody else makes, heals, removes or renames what bears this name. */
export function withNamespace<T>(
  state: DistributeState,
  { hashed, parent, name }: HashedName,
  context: CallContext,
  body: () => Promise<T>,
): Promise<T> {
  return withLocks(state, [inodeLock(hashed, parent, Domain.LAYOUT, 'read')], context, () =>
    withEntry(state, { hashed, parent, name }, context, body),
  );
}

/** As withNamespace, for both names of a rename, in the order that all clients keep. */
export function withNamespaces<T>(
  state: DistributeState,
  first: HashedName,
  second: HashedName,
  context: CallContext,
  body: () => Promise<T>,
): Promise<T> {
  const [outer, inner] = compareHashedNames(first, second) <= 0 ? [first, second] : [second, first];
  if (compareHashedNames(outer, inner) === 0) return withNamespace(state, outer, context, body);
  // Of one directory on one subvolume the layout is locked once: a writer in between would let the second lock wait for it,
  // and it for the first.
  if (outer.hashed === inner.hashed && gfidEquals(outer.parent.gfid, inner.parent.gfid)) {
    return withNamespace(state, outer, context, () => withEntry(state, inner, context, body));
  }
  return withNamespace(state, outer, context, () => withNamespace(state, inner, context, body));
}

function withEntry<T>(
  state: DistributeState,
  { hashed, parent, name }: HashedName,
  context: CallContext,
  body: () => Promise<T>,
): Promise<T> {
  return withLocks(state, [entryLock(hashed, parent, name)], context, body);
}

function compareHashedNames(a: HashedName, b: HashedName): number {
  const entry = ({ parent, name }: HashedName): string => gfidToString(parent.gfid) + name;
  return compareNames(a.hashed.name, b.hashed.name) || compareNames(entry(a), entry(b));
}
