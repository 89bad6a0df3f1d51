import type { CallContext } from '../../../graph/index.ts';
import { type Ace, AclTag } from '../../../protocol/posix-acl.ts';

/** Permissions of one class, as in modes and ACL entries. */
export const Want = { READ: 4, WRITE: 2, EXECUTE: 1 } as const;

/** What decides who may do what with a file. */
export interface Facts {
  readonly uid: number;
  readonly gid: number;
  /** With type bits. */
  readonly mode: number;
  /** Only where it says more than the mode does; in step with the mode. */
  readonly access?: readonly Ace[];
  /** What files and directories made in this directory inherit. */
  readonly default?: readonly Ace[];
}

export type Caller = Pick<CallContext, 'uid' | 'gid' | 'groups'>;

export function inGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.groups.includes(gid);
}

/** acl(5), "access check algorithm": owner, named users, groups of which one suffices, others. */
export function permits({ uid, gid, mode, access }: Facts, caller: Caller, want: number): boolean {
  if (caller.uid === uid) return allows(mode >> 6, want);
  if (access === undefined) return allows(inGroup(caller, gid) ? mode >> 3 : mode, want);

  const mask = access.find(({ tag }) => tag === AclTag.MASK)?.permissions ?? 7;
  const user = access.find(({ tag, id }) => tag === AclTag.USER && id === caller.uid);
  if (user !== undefined) return allows(user.permissions & mask, want);
  const groups = access.filter(
    ({ tag, id }) =>
      (tag === AclTag.GROUP_OBJ && inGroup(caller, gid)) || (tag === AclTag.GROUP && inGroup(caller, id)),
  );
  if (groups.length > 0) return groups.some(({ permissions }) => allows(permissions & mask, want));
  return allows(mode, want);
}

function allows(permissions: number, want: number): boolean {
  return (permissions & want) === want;
}
