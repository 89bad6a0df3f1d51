import { GlfsError, isGlfsError } from '../../../errors.ts';
import { withKey } from '../../../protocol/dict.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import { combined, failures, successes, windAll } from '../wind.ts';
import { requireConsistentIo } from './consistent-io.ts';
import type { Part } from './fops.ts';

export { entrylk, fentrylk, finodelk, inodelk } from '../locking/internal-locks.ts';
export { lease } from '../locking/leases.ts';
export { lk } from '../locking/posix-locks.ts';

/** The locks that the first copy knows: all copies have the same. */
export const getactivelk: Part<'getactivelk'> = (state, request, context) => {
  state.requireQuorum();
  return state.upChildren[0]!.getactivelk(request, context);
};

/** Rebalance alone uses it, and stock bricks crash on it. */
export const setactivelk: Part<'setactivelk'> = (state) =>
  Promise.reject(
    new GlfsError('EOPNOTSUPP', 'locks are not carried over to copies by setactivelk', {
      translator: state.name,
    }),
  );

/** GF_IPC_TARGET_UPCALL: registers what changes of attributes shall be told of; every brick must know. */
const IPC_UPCALL = 2;

export const ipc: Part<'ipc'> = async (state, request, context) => {
  requireConsistentIo(state);
  if (request.operation !== IPC_UPCALL) return state.upChildren[0]!.ipc(request, context);
  let { xdata } = request;
  for (const name of state.pendingNames) xdata = withKey(xdata, keyKinds.int(name), 0);
  const answers = await windAll(state.upChildren, (child) => child.ipc({ ...request, xdata }, context));
  const failed = failures(answers);
  const serious = failed.filter(({ error }) => !isGlfsError(error, 'ENOTCONN'));
  const [first] = successes(answers);
  if (serious.length > 0 || first === undefined)
    throw combined(serious.length > 0 ? serious : failed, state.name);
  return first.reply;
};
