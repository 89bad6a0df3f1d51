import { GlfsError } from '../errors.ts';
import type { AclEntry, AclType } from './types.ts';

/*
 * POSIX ACLs as Linux keeps them in system.posix_acl_access and system.posix_acl_default, little-endian:
 * u32 version = 2, then for each entry u16 tag, u16 permissions (4 read, 2 write, 1 execute), u32 id (2^32-1: none).
 */
const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;
const NO_ID = 0xffff_ffff;

const tags = { userObj: 0x01, user: 0x02, groupObj: 0x04, group: 0x08, mask: 0x10, other: 0x20 } as const;

export const aclAttribute: Readonly<Record<AclType, string>> = {
  access: 'system.posix_acl_access',
  default: 'system.posix_acl_default',
};

/** @throws GlfsError EINVAL where an entry is missing or doubled, or the mask is missing beside named entries. */
export function encodeAcl(acl: readonly AclEntry[]): Buffer {
  checkAcl(acl);
  const sorted = [...acl].sort((a, b) => tagOf(a) - tagOf(b) || (a.id ?? 0) - (b.id ?? 0));
  const bytes = Buffer.alloc(HEADER_BYTES + sorted.length * ENTRY_BYTES);
  bytes.writeUInt32LE(VERSION, 0);
  for (const [index, entry] of sorted.entries()) {
    const at = HEADER_BYTES + index * ENTRY_BYTES;
    bytes.writeUInt16LE(tagOf(entry), at);
    bytes.writeUInt16LE((entry.read ? 4 : 0) | (entry.write ? 2 : 0) | (entry.execute ? 1 : 0), at + 2);
    bytes.writeUInt32LE(entry.id ?? NO_ID, at + 4);
  }
  return bytes;
}

/** @throws GlfsError EPROTO where the bytes are no ACL. */
export function decodeAcl(bytes: Buffer): AclEntry[] {
  const count = (bytes.length - HEADER_BYTES) / ENTRY_BYTES;
  if (!Number.isInteger(count) || count < 0 || bytes.readUInt32LE(0) !== VERSION)
    throw new GlfsError('EPROTO', 'not a POSIX ACL');
  return Array.from({ length: count }, (_, index) => decodeEntry(bytes, HEADER_BYTES + index * ENTRY_BYTES));
}

function decodeEntry(bytes: Buffer, at: number): AclEntry {
  const number = bytes.readUInt16LE(at);
  const permissions = bytes.readUInt16LE(at + 2);
  const named = number === tags.user || number === tags.group;
  const tag = nameOfTag.get(number);
  if (tag === undefined || permissions > 7) throw new GlfsError('EPROTO', 'not an entry of a POSIX ACL');
  return {
    tag,
    ...(named ? { id: bytes.readUInt32LE(at + 4) } : {}),
    read: (permissions & 4) !== 0,
    write: (permissions & 2) !== 0,
    execute: (permissions & 1) !== 0,
  };
}

const nameOfTag: ReadonlyMap<number, AclEntry['tag']> = new Map([
  [tags.userObj, 'user'],
  [tags.user, 'user'],
  [tags.groupObj, 'group'],
  [tags.group, 'group'],
  [tags.mask, 'mask'],
  [tags.other, 'other'],
]);

function tagOf({ tag, id }: AclEntry): number {
  if (tag === 'user') return id === undefined ? tags.userObj : tags.user;
  if (tag === 'group') return id === undefined ? tags.groupObj : tags.group;
  return tags[tag];
}

function checkAcl(acl: readonly AclEntry[]): void {
  const seen = new Set<string>();
  for (const { tag, id } of acl) {
    if (
      id !== undefined &&
      (tag === 'mask' || tag === 'other' || !Number.isInteger(id) || id < 0 || id >= NO_ID)
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
