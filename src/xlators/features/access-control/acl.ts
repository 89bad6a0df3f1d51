import { type Ace, AclTag } from '../../../protocol/posix-acl.ts';

/** Entries of an ACL that says no more than a mode does: owner, group, others. */
const MINIMAL = 3;

export interface Inherited {
  /** Permissions (and other mode bits) of the new file. */
  readonly mode: number;
  readonly access: readonly Ace[];
}

/**
 * The ACL as the mode makes it: chmod changes owner, others and the mask (the group where there is none). `undefined` for
 * an ACL that says no more than the mode.
 */
export function inStep(acl: readonly Ace[] | undefined, mode: number): readonly Ace[] | undefined {
  if (acl === undefined || acl.length <= MINIMAL) return undefined;
  return withPermissions(acl, () => mode);
}

/** The access ACL and mode of a file made with `mode` where the parent has a default ACL; the umask plays no part then. */
export function inherit(acl: readonly Ace[], mode: number): Inherited {
  let kept = 0;
  const access = withPermissions(acl, (permissions, shift) => {
    const both = permissions & (mode >> shift) & 7;
    kept |= both << shift;
    return both << shift;
  });
  // The class of an entry that the ACL lacks keeps the bits that were asked for.
  const classes = new Set(access.map((entry) => shiftOf(entry.tag, hasMask(acl))));
  for (const shift of [6, 3, 0]) if (!classes.has(shift)) kept |= mode & (7 << shift);
  return { mode: (mode & ~0o777) | kept, access };
}

/** The entries that stand for the classes of a mode get their bits from `modeOf`, called with those that they have. */
function withPermissions(
  acl: readonly Ace[],
  modeOf: (permissions: number, shift: number) => number,
): readonly Ace[] {
  const masked = hasMask(acl);
  return acl.map((entry) => {
    const shift = shiftOf(entry.tag, masked);
    if (shift === undefined) return entry;
    return { ...entry, permissions: (modeOf(entry.permissions, shift) >> shift) & 7 };
  });
}

function hasMask(acl: readonly Ace[]): boolean {
  return acl.some(({ tag }) => tag === AclTag.MASK);
}

/** Where in the mode the bits of an entry are: the group's are the mask's where there is a mask. */
function shiftOf(tag: number, masked: boolean): number | undefined {
  if (tag === AclTag.USER_OBJ) return 6;
  if (tag === AclTag.OTHER) return 0;
  return tag === (masked ? AclTag.MASK : AclTag.GROUP_OBJ) ? 3 : undefined;
}
