import type { Inode } from '../graph/index.ts';
import type { Call } from './calls.ts';

/** Longest target that bricks keep. */
const MAX_TARGET = 4096;

/** The text of a symbolic link never changes: whoever wants another one has to remove it and make a new inode. */
const targets = new WeakMap<Inode, string>();

/** READLINK, once for each link. @throws GlfsError EINVAL where it is no link. */
export async function linkTarget(call: Call, inode: Inode): Promise<string> {
  const known = targets.get(inode);
  if (known !== undefined) return known;
  const { target } = await call.fop('readlink', { loc: { inode, path: call.path }, size: MAX_TARGET });
  targets.set(inode, target);
  return target;
}
