import { GlfsError } from '../errors.ts';
import { ACL_NO_ID, AclTag, aclAttributes, decodeAces, encodeAces } from '../protocol/posix-acl.ts';
import type { AclEntry, AclType } from './types.ts';

export const aclAttribute: Readonly<Record<AclType, string>> = aclAttributes;

/** @throws GlfsError EINVAL where an entry is missing or doubled, or the mask is missing beside named entries. */
export function encodeAcl(acl: readonly AclEntry[]): Buffer {
  checkAcl(acl);
  return encodeAces(
    acl.map((entry) => ({
      tag: tagOf(entry),
      permissions: (entry.read ? 4 : 0) | (entry.write ? 2 : 0) | (entry.execute ? 1 : 0),
      id: entry.id ?? ACL_NO_ID,
    })),
  );
}

/** @throws GlfsError EPROTO where the bytes are no ACL. */
export function decodeAcl(bytes: Buffer): AclEntry[] {
  const entries = decodeAces(bytes);
  if (entries === undefined) throw new GlfsError('EPROTO', 'not a POSIX ACL');
  return entries.map(({ tag, permissions, id }) => ({
    tag: nameOfTag.get(tag)!,
    ...(id === ACL_NO_ID ? {} : { id }),
    read: (permissions & 4) !== 0,
    write: (permissions & 2) !== 0,
    execute: (permissions & 1) !== 0,
  }));
}

const nameOfTag: ReadonlyMap<number, AclEntry['tag']> = new Map([
  [AclTag.USER_OBJ, 'user'],
  [AclTag.USER, 'user'],
  [AclTag.GROUP_OBJ, 'group'],
  [AclTag.GROUP, 'group'],
  [AclTag.MASK, 'mask'],
  [AclTag.OTHER, 'other'],
]);

function tagOf({ tag, id }: AclEntry): number {
  if (tag === 'user') return id === undefined ? AclTag.USER_OBJ : AclTag.USER;
  if (tag === 'group') return id === undefined ? AclTag.GROUP_OBJ : AclTag.GROUP;
  return tag === 'mask' ? AclTag.MASK : AclTag.OTHER;
}

function checkAcl(acl: readonly AclEntry[]): void {
  const seen = new Set<string>();
  for (const { tag, id } of acl) {
    if (
      id !== undefined &&
      (tag === 'mask' || tag === 'other' || !Number.isInteger(id) || id < 0 || id >= ACL_NO_ID)
    )
      throw new GlfsError('EINVAL', `an ACL has no entry ${tag}:${id}`);
    const key = `${tag}:${id ?? ''}`;
    if (seen.has(key)) throw new GlfsError('EINVAL', `the ACL has two entries ${key}`);
    seen.add(key);
  }
  for (const needed of ['user:', 'group:', 'other:'])
    if (!seen.has(needed)) throw new GlfsError('EINVAL', `the ACL lacks an entry ${needed}`);
  if (acl.some(({ id }) => id !== undefined) && !seen.has('mask:'))
    throw new GlfsError('EINVAL', 'an ACL with named users or groups needs a mask');
}

const LINE = /^(?:(user|u|group|g|mask|m|other|o)):([^:]*):([r-][w-][x-]|[0-7])$/;
const LONG: Readonly<Record<string, AclEntry['tag']>> = { u: 'user', g: 'group', m: 'mask', o: 'other' };

/**
 * Reads the text form of getfacl and setfacl: `user::rwx,user:1000:r-x,group::r-x,mask::r-x,other::---`, separated by
 * commas or lines, `#` starts a comment. Users and groups by number: names belong to the machine that asks.
 * @throws GlfsError EINVAL
 */
export function parseAcl(text: string): AclEntry[] {
  const entries = text.split(/[,\n]/).map((line) => line.replace(/#.*/, '').trim());
  return entries.filter((line) => line !== '').map(parseEntry);
}

function parseEntry(line: string): AclEntry {
  const match = LINE.exec(line);
  const id = match?.[2];
  if (match === null || (id !== '' && !/^\d+$/.test(id!)))
    throw new GlfsError('EINVAL', `not an entry of an ACL: '${line}'`);
  const tag = LONG[match[1]![0]!]!;
  const rights = match[3]!;
  const bits = /^\d$/.test(rights)
    ? Number(rights)
    : (rights[0] === 'r' ? 4 : 0) | (rights[1] === 'w' ? 2 : 0) | (rights[2] === 'x' ? 1 : 0);
  return {
    tag,
    ...(id === '' ? {} : { id: Number(id) }),
    read: (bits & 4) !== 0,
    write: (bits & 2) !== 0,
    execute: (bits & 1) !== 0,
  };
}

/** Text as getfacl prints it, one entry a line. */
export function formatAcl(acl: readonly AclEntry[]): string {
  return acl
    .map(({ tag, id, read, write, execute }) => {
      const rights = `${read ? 'r' : '-'}${write ? 'w' : '-'}${execute ? 'x' : '-'}`;
      return `${tag}:${id ?? ''}:${rights}\n`;
    })
    .join('');
}
