import { GlfsError } from '../../../errors.ts';
import type { CallContext, Inode } from '../../../graph/index.ts';
import { encodeText } from '../../../xdr/index.ts';
import type { Entry } from './linkfile.ts';
import type { FilePlan } from './rename-steps.ts';

/** Write and search permission, as access(2) has it. */
const WRITE_AND_SEARCH = 3;
const S_ISVTX = 0o1000;

/**
 * What the brick would check in a plain rename, for a caller other than root, before it is done as root in steps. In sticky
 * directories bricks refuse with EACCES, not with Linux's EPERM: which of the two it is must not hang on the names' hashes.
 * @throws GlfsError EACCES
 */
export async function requireRights(plan: FilePlan, context: CallContext): Promise<void> {
  if (context.uid === 0) return;
  const { data, source, target, stat, old } = plan;
  const check = async (directory: Inode, owner: number | undefined): Promise<void> => {
    await data.access({ loc: { inode: directory }, mask: WRITE_AND_SEARCH }, context);
    if (owner === undefined || owner === context.uid) return;
    const parent = (await data.stat({ loc: { inode: directory } }, context)).stat;
    if ((parent.mode & S_ISVTX) === 0 || parent.uid === context.uid) return;
    throw new GlfsError('EACCES', 'the directory is sticky and the file somebody else’s');
  };
  await check(source.parent, stat.uid);
  await check(target.parent, old?.stat.uid);
}

/*
 * changelog.rename-op: by it geo-replication knows that a link and an unlink are a rename. A C struct of the servers' CPU:
 *   u8 oldParent[16], newParent[16]; i32 oldLength, newLength (little-endian, NUL counted); char names[]
 * Its size is that of the struct with one char, padded to 44, plus both lengths.
 */
const STRUCT_BYTES = 44;
const NAMES_AT = 40;

export function renameMark(source: Entry, target: Entry): Uint8Array {
  const from = encodeText(source.name);
  const to = encodeText(target.name);
  const bytes = Buffer.alloc(STRUCT_BYTES + from.length + 1 + to.length + 1);
  bytes.set(source.parent.gfid, 0);
  bytes.set(target.parent.gfid, 16);
  bytes.writeInt32LE(from.length + 1, 32);
  bytes.writeInt32LE(to.length + 1, 36);
  bytes.set(from, NAMES_AT);
  bytes.set(to, NAMES_AT + from.length + 1);
  return bytes;
}
