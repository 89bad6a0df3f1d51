import { type CallContext, Inode, type Loc, type Reply, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import { type Iatt, isDirectory, isRegular, S_IFMT } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { SetattrValid } from '../../../protocol/messages.ts';
import { internalDetached, wind } from '../wind.ts';
import { isGone } from './everywhere.ts';
import type { StripeState } from './state.ts';

type Lookup = Reply<'lookup'>;

interface Named {
  readonly parent: Inode;
  readonly name: string;
  readonly path?: string;
}

/**
 * Brings a name that subvolumes differ about to what the first says, under its lock, as far as that loses nothing, and asks for
 * it again: directories are made; so are stripes of a file that is empty (its maker died half-way); a stripe that has another
 * name (whoever renamed it died half-way) gets this one. Anything else is left as it is.
 *
 * GlusterFS made what was missing without looking at the rest, and the file then read as zeros there.
 */
export async function agree<T>(
  state: StripeState,
  entry: Named,
  context: CallContext,
  ask: () => Promise<T>,
): Promise<T> {
  const own = internalDetached(context);
  return state.locks.names([entry], own, async () => {
    if (state.allUp) await repair(state, entry, own);
    // While nobody changes it: otherwise it may be half-way again.
    return ask();
  });
}

async function repair(state: StripeState, entry: Named, context: CallContext): Promise<void> {
  const loc = (): Loc => ({ inode: new Inode(), ...entry });
  const first = await look(state, state.first, loc(), context);
  if (first === undefined) return;
  for (const child of state.others) {
    const there = await look(state, child, loc(), context);
    if (there !== undefined && gfidEquals(there.stat.gfid, first.stat.gfid)) continue;
    const done = isDirectory(first.stat)
      ? there === undefined && (await remakeDirectory(child, loc(), first.stat, context))
      : isRegular(first.stat) && (await restoreStripe(state, child, entry, { first, there }, context));
    const details = { translator: state.name, subvolume: child.name, name: entry.name };
    if (done) state.log.info(details, 'a name that was missing is there again');
    else state.log.warn(details, 'a name that differs from that of the first subvolume is left alone');
  }
}

/** Undefined where there is none, and also where that can't be told. */
async function look(
  state: StripeState,
  child: Subvolume,
  loc: Loc,
  context: CallContext,
): Promise<Lookup | undefined> {
  const xdata = state.attributes.asking(undefined);
  return (await wind(child, () => child.lookup({ loc, flags: 0, xdata }, context))).reply;
}

/** With owner and mode; its extended attributes are the first subvolume's anyway. */
export async function remakeDirectory(
  child: Subvolume,
  loc: Loc,
  stat: Iatt,
  context: CallContext,
): Promise<boolean> {
  const xdata = new Dict().set(keys.gfidRequest, stat.gfid);
  const made = await wind(child, () =>
    child.mkdir({ loc, mode: stat.mode & ~S_IFMT, umask: 0, xdata }, context),
  );
  return made.reply !== undefined && own(child, stat, context);
}

/** Gives what was just made its owner, and the mode that the change of owner may have taken from it. */
async function own(child: Subvolume, stat: Iatt, context: CallContext): Promise<boolean> {
  const loc = { inode: new Inode(stat.gfid, isDirectory(stat) ? 'directory' : 'file') };
  const { UID, GID, MODE } = SetattrValid;
  const given = await wind(child, () => child.setattr({ loc, stat, valid: UID | GID | MODE }, context));
  return given.error === undefined;
}

async function restoreStripe(
  state: StripeState,
  child: Subvolume,
  entry: Named,
  { first, there }: { readonly first: Lookup; readonly there: Lookup | undefined },
  context: CallContext,
): Promise<boolean> {
  const { gfid } = first.stat;
  const inode = new Inode(gfid, 'file');
  const newLoc: Loc = { inode: new Inode(), ...entry };
  const elsewhere = await wind(child, () => child.lookup({ loc: { inode }, flags: 0 }, context));
  if (elsewhere.reply !== undefined) {
    if (there !== undefined && !(await dropLeftover(state, child, newLoc, there.stat, context))) return false;
    const linked = await wind(child, () => child.link({ loc: { inode }, newLoc }, context));
    return linked.error === undefined;
  }
  if (there !== undefined || !isGone(elsewhere.error)) return false;
  const [, ...others] = await Promise.all(
    state.children.map((each) => look(state, each, { inode }, context)),
  );
  if ([first, ...others].some((reply) => reply !== undefined && reply.stat.size > 0)) return false;
  return remakeStripe(state, child, newLoc, first, context);
}

/** Of a file in which nothing has been written yet. */
async function remakeStripe(
  state: StripeState,
  child: Subvolume,
  loc: Loc,
  { stat, xdata: said }: Lookup,
  context: CallContext,
): Promise<boolean> {
  const layout = state.attributes.decode(said);
  const index = state.children.indexOf(child);
  // Stripes of a file lie in the order of the volfile under which it was made; this one's place is free only if that was the same.
  if (layout === undefined || layout.index !== 0 || layout.count !== state.children.length) return false;
  const xdata = state.attributes.giving(undefined, layout, index).set(keys.gfidRequest, stat.gfid);
  const made = await wind(child, () =>
    child.mknod({ loc, mode: stat.mode, dev: 0n, umask: 0, xdata }, context),
  );
  return made.reply !== undefined && own(child, stat, context);
}

/**
 * Takes away a name that the first subvolume does not have: what is left of a file that was removed or replaced, or a name too
 * many of one that was renamed. False where that would lose the stripe of a file that is there.
 */
export async function dropLeftover(
  state: StripeState,
  child: Subvolume,
  loc: Loc,
  stat: Iatt,
  context: CallContext,
): Promise<boolean> {
  if (isDirectory(stat)) return false;
  const inode = new Inode(stat.gfid);
  const alive = await wind(state.first, (first) => first.lookup({ loc: { inode }, flags: 0 }, context));
  const isSpare = alive.reply === undefined ? isGone(alive.error) : stat.nlink > 1;
  if (!isSpare) return false;
  state.log.warn(
    { translator: state.name, subvolume: child.name, name: loc.name, gfid: inode.toString() },
    'a name that no file has any more is removed',
  );
  const removed = await wind(child, () => child.unlink({ loc: { ...loc, inode }, xflags: 0 }, context));
  return removed.error === undefined;
}
