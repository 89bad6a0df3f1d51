import { GlfsError } from '../../../../errors.ts';
import { ACL_NO_ID, type Ace, AclTag, decodeAces } from '../../../../protocol/posix-acl.ts';

const VERSION = 2;

const named: ReadonlySet<number> = new Set([AclTag.USER, AclTag.GROUP]);

function notAnAcl(): GlfsError {
  return new GlfsError('EINVAL', 'not a POSIX ACL');
}

/** @throws GlfsError EINVAL for what the kernel would not take as an ACL, EOPNOTSUPP for one of another version */
export function kernelAcl(bytes: Uint8Array): Ace[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length >= 4 && view.readUInt32LE(0) !== VERSION)
    throw new GlfsError('EOPNOTSUPP', 'an ACL of another version');
  const entries = view.length < 4 ? undefined : decodeAces(view);
  if (entries === undefined) throw notAnAcl();
  checkAcl(entries);
  return entries;
}

/** In order, complete, with a mask where there are named entries. */
function checkAcl(lines: readonly Ace[]): void {
  if (lines.length === 0) return;
  let last = 0;
  const seen = new Set<number>();
  for (const { tag } of lines) {
    if (tag < last) throw notAnAcl();
    if (seen.has(tag) && !named.has(tag)) throw notAnAcl();
    seen.add(tag);
    last = tag;
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

export function aclToText(lines: readonly Ace[]): string {
  return lines
    .map(({ tag, permissions, id }) => {
      const rights = ['r', 'w', 'x'].map((right, bit) => ((permissions & (4 >> bit)) === 0 ? '-' : right));
      return `${letters.get(tag)}:${named.has(tag) ? id : ''}:${rights.join('')}`;
    })
    .join(',');
}

/** @throws GlfsError EINVAL; names of users and groups are not known here, only their numbers. */
export function aclFromText(text: string): Ace[] {
  const lines = text
    .split(/[,\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line): Ace => {
      const match = LINE.exec(line);
      if (match === null) throw notAnAcl();
      const letter = match[1]![0]!;
      const rights = match[3]!;
      const permissions =
        (rights.includes('r') ? 4 : 0) | (rights.includes('w') ? 2 : 0) | (rights.includes('x') ? 1 : 0);
      if (match[2] === '') return { tag: unnamedTag[letter]!, permissions, id: ACL_NO_ID };
      const tag = namedTag[letter];
      if (tag === undefined) throw notAnAcl();
      return { tag, permissions, id: Number(match[2]) };
    })
    .sort((a, b) => a.tag - b.tag || a.id - b.id);
  checkAcl(lines);
  return lines;
}
