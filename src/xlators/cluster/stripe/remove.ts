import { Inode, type Loc, type Subvolume } from '../../../graph/index.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { combined, failures, internalDetached, successes, transaction, windAll } from '../wind.ts';
import { remakeDirectory } from './agreement.ts';
import { isGone } from './everywhere.ts';
import type { Part } from './fops.ts';
import type { NamedEntry } from './locks.ts';
import type { StripeState } from './state.ts';

/**
 * First from the first subvolume: from then on there is no such file, and whatever happens to the other stripes it is not half
 * of one. (GlusterFS begins at the others.) A stripe that stays behind goes when its name is made anew.
 */
export const unlink: Part<'unlink'> = async (state, request, context) => {
  const { loc } = request;
  if (loc.inode.type !== 'file' && loc.inode.type !== 'unknown') return state.first.unlink(request, context);
  state.requireAll();
  return transaction(context, (own) =>
    state.locks.names(namesOf(loc), own, async () => {
      const first = await state.first.unlink(request, own);
      const others = await windAll(state.others, (child) => child.unlink(request, own));
      for (const { child, error } of failures(others))
        if (!isGone(error)) {
          const details = { translator: state.name, subvolume: child.name, name: loc.name, error };
          state.log.warn(details, 'a stripe of a removed file stays behind');
        }
      return first;
    }),
  );
};

/**
 * Last from the first subvolume, which knows all names. What had gone elsewhere is made again where it turns out that the
 * directory has to stay.
 */
export const rmdir: Part<'rmdir'> = async (state, request, context) => {
  state.requireAll();
  const { loc } = request;
  return transaction(context, (own) =>
    state.locks.names(namesOf(loc), own, async () => {
      const { stat } = await state.first.stat({ loc: { inode: loc.inode } }, internalDetached(own));
      const others = await windAll(state.others, (child) => child.rmdir(request, own));
      const gone = successes(others).map(({ child }) => child);
      const failed = failures(others).filter(({ error }) => !isGone(error));
      if (failed.length > 0) {
        await again(state, gone, loc, stat);
        throw combined(failed, state.name);
      }
      try {
        return await state.first.rmdir(request, own);
      } catch (error) {
        await again(state, gone, loc, stat);
        throw error;
      }

      function again(
        { log, name }: StripeState,
        children: readonly Subvolume[],
        named: Loc,
        was: Iatt,
      ): Promise<unknown> {
        log.debug({ translator: name, name: named.name }, 'a directory stays');
        const fresh = { ...named, inode: new Inode() };
        return windAll(children, (child) => remakeDirectory(child, fresh, was, internalDetached(own)));
      }
    }),
  );
};

export function namesOf({ parent, name }: Loc): NamedEntry[] {
  return parent === undefined || name === undefined ? [] : [{ parent, name }];
}
