import type { ErrnoCode } from '../../../errors.ts';
import type { Request } from '../../../graph/index.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { SetattrValid as Valid } from '../../../protocol/messages.ts';
import { type Caller, type Facts, inGroup, permits, Want } from './permits.ts';

const S_ISGID = 0o2000;

/** What SETATTR and FSETATTR ask for. */
export type Change = Pick<Request<'setattr'>, 'stat' | 'valid'>;

/** What stands against a change of attributes by a caller without privileges. */
export function obstacle({ stat, valid }: Change, facts: Facts, caller: Caller): ErrnoCode | undefined {
  const owner = caller.uid === facts.uid;
  if ((valid & Valid.MODE) !== 0 && !owner) return 'EPERM';
  if ((valid & (Valid.ATIME | Valid.MTIME)) !== 0 && !owner) {
    if (!permits(facts, caller, Want.WRITE)) return 'EACCES';
    // Who may write may say "now"; other times are the owner's to set.
    const given = (one: number, now: number): boolean => (valid & one) !== 0 && (valid & now) === 0;
    if (given(Valid.ATIME, Valid.ATIME_NOW) || given(Valid.MTIME, Valid.MTIME_NOW)) return 'EPERM';
  }
  if ((valid & Valid.SIZE) !== 0 && !permits(facts, caller, Want.WRITE)) return 'EACCES';
  if ((valid & Valid.UID) !== 0 && stat.uid !== facts.uid) return 'EPERM';
  if ((valid & (Valid.UID | Valid.GID)) !== 0 && !owner) return 'EPERM';
  if ((valid & Valid.GID) !== 0 && stat.gid !== facts.gid && !inGroup(caller, stat.gid)) return 'EPERM';
  return undefined;
}

/** Does the change ask for the set-group-ID bit? */
export function setsGroupId({ stat, valid }: Change): boolean {
  return (valid & Valid.MODE) !== 0 && (stat.mode & S_ISGID) !== 0;
}

/** chmod(2): a caller outside of the file's group can't give the set-group-ID bit; it is dropped in silence. */
export function withoutForeignSetgid({ stat, valid }: Change, facts: Facts, caller: Caller): Iatt {
  const group = (valid & Valid.GID) !== 0 ? stat.gid : facts.gid;
  return inGroup(caller, group) ? stat : { ...stat, mode: stat.mode & ~S_ISGID };
}
