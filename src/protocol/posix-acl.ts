/*
 * POSIX ACLs as Linux keeps them in system.posix_acl_access and system.posix_acl_default, little-endian:
 * u32 version = 2, then for each entry u16 tag, u16 permissions (4 read, 2 write, 1 execute), u32 id (2^32-1: none).
 */
const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;

/** The id of entries that name nobody. */
export const ACL_NO_ID = 0xffff_ffff;

export const AclTag = {
  USER_OBJ: 0x01,
  USER: 0x02,
  GROUP_OBJ: 0x04,
  GROUP: 0x08,
  MASK: 0x10,
  OTHER: 0x20,
} as const;

const tags: ReadonlySet<number> = new Set(Object.values(AclTag));

/** One entry as it is on the wire and on disk. */
export interface Ace {
  readonly tag: number;
  /** 4 read, 2 write, 1 execute. */
  readonly permissions: number;
  /** User or group; ACL_NO_ID for entries other than USER and GROUP. */
  readonly id: number;
}

export const aclAttributes = {
  access: 'system.posix_acl_access',
  default: 'system.posix_acl_default',
} as const;

/** The entries in the order of their tags and ids, as the kernel wants them. */
export function encodeAces(entries: readonly Ace[]): Buffer {
  const sorted = [...entries].sort((a, b) => a.tag - b.tag || a.id - b.id);
  const bytes = Buffer.alloc(HEADER_BYTES + sorted.length * ENTRY_BYTES);
  bytes.writeUInt32LE(VERSION, 0);
  for (const [index, { tag, permissions, id }] of sorted.entries()) {
    const at = HEADER_BYTES + index * ENTRY_BYTES;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(permissions, at + 2);
    bytes.writeUInt32LE(id, at + 4);
  }
  return bytes;
}

/** `undefined` where the bytes are no ACL. */
export function decodeAces(value: Uint8Array): Ace[] | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const count = (bytes.length - HEADER_BYTES) / ENTRY_BYTES;
  if (!Number.isInteger(count) || count < 0 || bytes.readUInt32LE(0) !== VERSION) return undefined;
  const entries = Array.from({ length: count }, (_, index) =>
    decodeAce(bytes, HEADER_BYTES + index * ENTRY_BYTES),
  );
  return entries.every(({ tag, permissions }) => tags.has(tag) && permissions <= 7) ? entries : undefined;
}

function decodeAce(bytes: Buffer, at: number): Ace {
  const tag = bytes.readUInt16LE(at);
  const named = tag === AclTag.USER || tag === AclTag.GROUP;
  return {
    tag,
    permissions: bytes.readUInt16LE(at + 2),
    id: named ? bytes.readUInt32LE(at + 4) : ACL_NO_ID,
  };
}
