import { ACL_NO_ID, type Ace, AclTag } from '../../src/protocol/posix-acl.ts';

/** The user that ACLs of the tests name. */
export const NAMED_USER = 2000;

/** One entry of a POSIX ACL. */
export const ace = (tag: number, permissions: number, id = ACL_NO_ID): Ace => ({ tag, permissions, id });

/** An ACL with one named user, each part's permissions as rwx bits. */
export const acl = (user: number, named: number, group: number, mask: number, other: number): Ace[] => [
  ace(AclTag.USER_OBJ, user),
  ace(AclTag.USER, named, NAMED_USER),
  ace(AclTag.GROUP_OBJ, group),
  ace(AclTag.MASK, mask),
  ace(AclTag.OTHER, other),
];
