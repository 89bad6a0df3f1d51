import { GlfsError, isGlfsError } from '../../../errors.ts';
import { combined, failures, successes, windAll } from '../wind.ts';
import type { Part } from './fops.ts';

export { entrylk, fentrylk, finodelk, inodelk } from '../locking/internal-locks.ts';
export { lease } from '../locking/leases.ts';
export { lk } from '../locking/posix-locks.ts';

/** The locks that the first subvolume knows: all have the same. */
export const getactivelk: Part<'getactivelk'> = (state, request, context) => {
  state.requireQuorum();
  return state.upChildren[0]!.getactivelk(request, context);
};

/** Rebalance alone uses it, and stock bricks crash on it. */
export const setactivelk: Part<'setactivelk'> = (state) =>
  Promise.reject(
    new GlfsError('EOPNOTSUPP', 'locks are not carried over to fragments by setactivelk', {
      translator: state.name,
    }),
  );

/** Whatever the bricks are told, all that are there must know. */
export const ipc: Part<'ipc'> = async (state, request, context) => {
  if (!state.readableWith(state.up)) throw state.tooFew(state.up);
  const answers = await windAll(state.upChildren, (child) => child.ipc(request, context));
  const failed = failures(answers);
  const serious = failed.filter(({ error }) => !isGlfsError(error, 'ENOTCONN'));
  const [first] = successes(answers);
  if (serious.length > 0 || first === undefined)
    throw combined(serious.length > 0 ? serious : failed, state.name);
  return first.reply;
};
