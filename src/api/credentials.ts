import { GlfsError } from '../errors.ts';
import { type CallContext, newLkOwner } from '../graph/index.ts';
import { copyBytes } from '../xdr/index.ts';
import type { Credentials } from './types.ts';

/** Credentials with nothing left out. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly pid: number;
  readonly umask: number;
  readonly leaseId: Uint8Array | undefined;
  /** Given by the caller: then open files share it, instead of having an owner each. */
  readonly sharedOwner: Uint8Array | undefined;
  /** Owner of calls that are on no open file. */
  readonly lkOwner: Uint8Array;
  /** Equal for those who may see and change the same: user, group and groups as text. */
  readonly rights: string;
}

export const DEFAULT_UMASK = 0o022;
const MAX_OWNER_BYTES = 255;
const LEASE_ID_BYTES = 16;

/** Whoever runs this process, as libgfapi takes it. Where the system knows no user ids: root. */
export function processIdentity(): Identity {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  const groups = process.getgroups?.() ?? [];
  return {
    uid,
    gid,
    groups,
    rights: rightsOf(uid, gid, groups),
    pid: process.pid,
    umask: DEFAULT_UMASK,
    leaseId: undefined,
    sharedOwner: undefined,
    lkOwner: newLkOwner(),
  };
}

/** @throws GlfsError EINVAL for ids that are no unsigned 32-bit numbers, and for owners and lease ids of a wrong length. */
export function withCredentials(identity: Identity, given: Credentials): Identity {
  const { uid = identity.uid, gid = identity.gid, groups = identity.groups, lkOwner, leaseId } = given;
  const pid = given.pid ?? identity.pid;
  const umask = given.umask ?? identity.umask;
  for (const id of [uid, gid, ...groups]) checkId(id);
  if (!Number.isInteger(pid) || pid !== (pid | 0)) throw new GlfsError('EINVAL', `not a process id: ${pid}`);
  if (!Number.isInteger(umask) || umask < 0 || umask > 0o777)
    throw new GlfsError('EINVAL', `not a umask: ${umask}`);
  if (lkOwner !== undefined) checkOwner(lkOwner);
  if (leaseId && leaseId.length !== LEASE_ID_BYTES)
    throw new GlfsError('EINVAL', `a lease id has ${LEASE_ID_BYTES} bytes`);
  return {
    uid,
    gid,
    groups: [...groups],
    rights: rightsOf(uid, gid, groups),
    pid,
    umask,
    leaseId: leaseId === undefined ? identity.leaseId : leaseId === null ? undefined : copyBytes(leaseId),
    sharedOwner: (lkOwner && copyBytes(lkOwner)) ?? identity.sharedOwner,
    lkOwner: (lkOwner && copyBytes(lkOwner)) ?? identity.lkOwner,
  };
}

function rightsOf(uid: number, gid: number, groups: readonly number[]): string {
  return [uid, gid, ...groups].join();
}

/** @throws GlfsError EINVAL: bricks refuse locks of an empty owner, and cut off what is beyond 255 bytes. */
export function checkOwner(owner: Uint8Array): void {
  if (owner.length === 0 || owner.length > MAX_OWNER_BYTES)
    throw new GlfsError('EINVAL', `a lock owner has 1 to ${MAX_OWNER_BYTES} bytes`);
}

function checkId(id: number): void {
  if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff)
    throw new GlfsError('EINVAL', `not a user or group id: ${id}`);
}

export function contextOf(identity: Identity, lkOwner = identity.lkOwner): CallContext {
  const { uid, gid, groups, pid } = identity;
  return { uid, gid, groups, pid, lkOwner };
}
