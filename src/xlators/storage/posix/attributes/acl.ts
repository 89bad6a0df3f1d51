import { GlfsError } from '../../../../errors.ts';
import { isDirectory, isSymlink } from '../../../../protocol/iatt.ts';
import { ACL_NO_ID, type Ace, AclTag, encodeAces } from '../../../../protocol/posix-acl.ts';
import type { Place } from '../../../../syscalls.ts';
import type { PosixBrick } from '../brick.ts';
import { aclFromText, aclToText, kernelAcl } from './acl-text.ts';
import { ACL_ACCESS, ACL_DEFAULT } from './names.ts';

/** ACLs as text, for callers that know no kernel's format: names of requests, never stored. */
const virtualAcls: ReadonlyMap<string, string> = new Map([
  ['glusterfs.posix.acl', ACL_ACCESS],
  ['glusterfs.posix.default_acl', ACL_DEFAULT],
]);

/** The stored attribute that a request for an ACL's text is about. */
export function aclBehind(name: string): string | undefined {
  return virtualAcls.get(name);
}

function modeOf(brick: PosixBrick, place: Place): number {
  return Number(brick.store.stat(place).mode);
}

/** The three entries that permissions are when there is no ACL. */
function minimal(mode: number): Ace[] {
  return [
    { tag: AclTag.USER_OBJ, permissions: (mode >> 6) & 7, id: ACL_NO_ID },
    { tag: AclTag.GROUP_OBJ, permissions: (mode >> 3) & 7, id: ACL_NO_ID },
    { tag: AclTag.OTHER, permissions: mode & 7, id: ACL_NO_ID },
  ];
}

/** The entry that the group's permissions are of: the mask, where there is one. */
function classOf(lines: readonly Ace[]): number {
  return lines.some(({ tag }) => tag === AclTag.MASK) ? AclTag.MASK : AclTag.GROUP_OBJ;
}

function permissionsOf(lines: readonly Ace[], tag: number): number {
  return lines.find((line) => line.tag === tag)?.permissions ?? 0;
}

/**
 * Sets an ACL. On files the kernel checks it and changes the permissions that it implies; for the sidecar that is done here.
 * @throws GlfsError EINVAL, EACCES (a default ACL is a directory's), EOPNOTSUPP for a symbolic link
 */
export function setAcl(
  brick: PosixBrick,
  place: Place,
  name: string,
  value: Uint8Array,
  how?: 'create' | 'replace',
): void {
  const { store } = brick;
  if (store.kind === 'xattr') {
    store.set(place, name, value, how);
    return;
  }
  const mode = modeOf(brick, place);
  const lines = kernelAcl(value);
  if (isSymlink({ mode })) throw new GlfsError('EOPNOTSUPP', 'a symbolic link has no ACL');
  if (name === ACL_DEFAULT) {
    if (!isDirectory({ mode })) throw new GlfsError('EACCES', "a default ACL is a directory's");
  } else if (lines.length > 0) {
    const [user, group, other] = [AclTag.USER_OBJ, classOf(lines), AclTag.OTHER].map((tag) =>
      permissionsOf(lines, tag),
    ) as [number, number, number];
    store.own(place, { mode: (mode & 0o7000) | (user << 6) | (group << 3) | other });
  }
  const saysNoMore = lines.length === 0 || (name === ACL_ACCESS && lines.length === 3);
  if (!saysNoMore) store.set(place, name, value, how);
  else if (store.get(place, name) !== undefined) store.remove(place, name);
}

/** After a change of the permissions of a file whose ACL is in the sidecar: both say the same, as on the host. */
export function maskAcl(brick: PosixBrick, place: Place, mode: number): void {
  if (brick.store.kind !== 'sidecar') return;
  const held = brick.store.get(place, ACL_ACCESS);
  if (held === undefined) return;
  const lines = kernelAcl(held);
  const permissions = new Map<number, number>([
    [AclTag.USER_OBJ, (mode >> 6) & 7],
    [classOf(lines), (mode >> 3) & 7],
    [AclTag.OTHER, mode & 7],
  ]);
  const masked = lines.map((line) => ({
    ...line,
    permissions: permissions.get(line.tag) ?? line.permissions,
  }));
  brick.store.set(place, ACL_ACCESS, encodeAces(masked));
}

/** Text of an ACL; of the permissions where a file has no access ACL, empty where a directory has no default one. */
export function aclText(brick: PosixBrick, place: Place, name: string): string {
  const held = brick.store.get(place, name);
  if (held !== undefined) return aclToText(kernelAcl(held));
  return name === ACL_DEFAULT ? '' : aclToText(minimal(modeOf(brick, place)));
}

export function setAclText(brick: PosixBrick, place: Place, name: string, text: string): void {
  const lines = aclFromText(text);
  if (lines.length > 0) setAcl(brick, place, name, encodeAces(lines));
  else if (brick.store.get(place, name) !== undefined) brick.store.remove(place, name);
}
