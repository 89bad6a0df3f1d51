import { GlfsError } from '../../../../errors.ts';

/** One entry of a POSIX ACL; `id` of named users and groups only. */
export interface AclLine {
  readonly tag: number;
  readonly permissions: number;
  readonly id?: number;
}

export const AclTag = { USER_OBJ: 1, USER: 2, GROUP_OBJ: 4, GROUP: 8, MASK: 0x10, OTHER: 0x20 } as const;

/*
 * system.posix_acl_access and _default, little-endian: u32 version = 2, then for each entry u16 tag, u16 permissions
 * (4 read, 2 write, 1 execute), u32 id (2^32-1: none).
 */
const VERSION = 2;
const HEADER_BYTES = 4;
const LINE_BYTES = 8;
const NO_ID = 0xffff_ffff;

const named: ReadonlySet<number> = new Set([AclTag.USER, AclTag.GROUP]);
const ORDER = [1, 2, 4, 8, 0x10, 0x20];

/** @throws GlfsError EINVAL for what the kernel would not take as an ACL, EOPNOTSUPP for one of another version. */
export function decodeAcl(bytes: Uint8Array): AclLine[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length < HEADER_BYTES) throw notAnAcl();
  if (view.readUInt32LE(0) !== VERSION) throw new GlfsError('EOPNOTSUPP', 'an ACL of another version');
  const count = (view.length - HEADER_BYTES) / LINE_BYTES;
  if (!Number.isInteger(count)) throw notAnAcl();
  const lines = Array.from({ length: count }, (_, index): AclLine => {
    const at = HEADER_BYTES + index * LINE_BYTES;
    const tag = view.readUInt16LE(at);
    const permissions = view.readUInt16LE(at + 2);
    return named.has(tag) ? { tag, permissions, id: view.readUInt32LE(at + 4) } : { tag, permissions };
  });
  checkAcl(lines);
  return lines;
}

export function encodeAcl(lines: readonly AclLine[]): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + lines.length * LINE_BYTES);
  bytes.writeUInt32LE(VERSION, 0);
  for (const [index, { tag, permissions, id = NO_ID }] of lines.entries()) {
    const at = HEADER_BYTES + index * LINE_BYTES;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(permissions, at + 2);
    bytes.writeUInt32LE(id, at + 4);
  }
  return bytes;
}

function notAnAcl(): GlfsError {
  return new GlfsError('EINVAL', 'not a POSIX ACL');
}

/** In order, complete, with a mask where there are named entries. */
function checkAcl(lines: readonly AclLine[]): void {
  if (lines.length === 0) return;
  let last = -1;
  const seen = new Set<number>();
  for (const { tag, permissions } of lines) {
    const position = ORDER.indexOf(tag);
    if (position < last || position < 0 || permissions > 7) throw notAnAcl();
    if (seen.has(tag) && !named.has(tag)) throw notAnAcl();
    seen.add(tag);
    last = position;
  }
  const complete = [AclTag.USER_OBJ, AclTag.GROUP_OBJ, AclTag.OTHER].every((tag) => seen.has(tag));
  const wantsMask = seen.has(AclTag.USER) || seen.has(AclTag.GROUP);
  if (!complete || (wantsMask && !seen.has(AclTag.MASK))) throw notAnAcl();
}

/* The text of glusterfs.posix.acl: `u::rwx,u:1000:r--,g::r-x,m::rwx,o::r--`, ids as numbers. */
const letters: ReadonlyMap<number, string> = new Map([
  [AclTag.USER_OBJ, 'u'],
  [AclTag.USER, 'u'],
  [AclTag.GROUP_OBJ, 'g'],
  [AclTag.GROUP, 'g'],
  [AclTag.MASK, 'm'],
  [AclTag.OTHER, 'o'],
]);
const unnamedTag: Readonly<Record<string, number>> = {
  u: AclTag.USER_OBJ,
  g: AclTag.GROUP_OBJ,
  m: AclTag.MASK,
  o: AclTag.OTHER,
};
const namedTag: Readonly<Record<string, number>> = { u: AclTag.USER, g: AclTag.GROUP };
const LINE = /^(u|user|g|group|m|mask|o|other):(\d*):([r-][w-][x-]|[rwx]{0,3})$/;

export function aclToText(lines: readonly AclLine[]): string {
  return lines
    .map(({ tag, permissions, id }) => {
      const rights = ['r', 'w', 'x'].map((right, bit) => ((permissions & (4 >> bit)) === 0 ? '-' : right));
      return `${letters.get(tag)}:${id ?? ''}:${rights.join('')}`;
    })
    .join(',');
}

/** @throws GlfsError EINVAL; names of users and groups are not known here, only their numbers. */
export function aclFromText(text: string): AclLine[] {
  const lines = text
    .split(/[,\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line): AclLine => {
      const match = LINE.exec(line);
      if (match === null) throw notAnAcl();
      const letter = match[1]![0]!;
      const rights = match[3]!;
      const permissions =
        (rights.includes('r') ? 4 : 0) | (rights.includes('w') ? 2 : 0) | (rights.includes('x') ? 1 : 0);
      if (match[2] === '') return { tag: unnamedTag[letter]!, permissions };
      const tag = namedTag[letter];
      if (tag === undefined) throw notAnAcl();
      return { tag, permissions, id: Number(match[2]) };
    })
    .sort((a, b) => ORDER.indexOf(a.tag) - ORDER.indexOf(b.tag) || (a.id ?? 0) - (b.id ?? 0));
  checkAcl(lines);
  return lines;
}
