import { GlfsError, toGlfsError } from '../../../../errors.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { SetattrValid } from '../../../../protocol/messages.ts';
import { type ChildSet, NO_CHILDREN } from '../../children.ts';
import { type HealLock, lockError } from '../../heal-locks.ts';
import { windAll } from '../../wind.ts';
import type { ChangeKind } from '../changelog.ts';
import type { HealResult, HealSession } from './session.ts';

/** Times as the source has them; what fails here is no reason to heal again. */
export async function restoreTimes(
  { state, inode, context }: HealSession,
  stat: Iatt,
  on: ChildSet,
): Promise<void> {
  const { ATIME, MTIME, CTIME } = SetattrValid;
  await windAll(state.childrenOf(on), (child) =>
    child.setattr({ loc: { inode }, stat, valid: ATIME | MTIME | CTIME }, context),
  );
}

export function splitBrain({ state, inode }: HealSession, kind: ChangeKind): HealResult {
  const error = new GlfsError('EIO', `${inode}: split-brain of its ${kind}`, { translator: state.name });
  return { status: 'split-brain', sinks: NO_CHILDREN, error };
}

export function refusal({ state }: HealSession, lock: HealLock): HealResult {
  return { status: lock.contended ? 'busy' : 'failed', sinks: NO_CHILDREN, error: lockError(state, lock) };
}

/** What went wrong as a result: EAGAIN is somebody else's doing. */
export function failure(thrown: unknown): HealResult {
  const error = toGlfsError(thrown);
  return { status: error.code === 'EAGAIN' ? 'busy' : 'failed', sinks: NO_CHILDREN, error };
}
