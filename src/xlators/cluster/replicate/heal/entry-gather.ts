import { GlfsError } from '../../../../errors.ts';
import { Inode } from '../../../../graph/index.ts';
import { type Gfid, gfidEquals, gfidToString } from '../../../../protocol/gfid.ts';
import { compareTimes, isDirectory } from '../../../../protocol/iatt.ts';
import { type ChildSet, childSet, countOf, indicesOf, NO_CHILDREN } from '../../children.ts';
import { type HealLock, lockEntry, lockError } from '../../heal-locks.ts';
import { decide } from './entry-decision.ts';
import { type Place, placeOf, samePlace } from './entry-place.ts';
import { type EntryHeal, gfidAt, inodeAt, type NameView, statAt, viewName } from './entry-view.ts';

/*
 * A directory has one name. Where copies have it under different ones (a rename that some have missed) these can't all be kept,
 * as those of a file can: one is right, and there the directory is moved on all copies, with all that is in it. Each move is
 * one step of one copy, and the marks stay until all are made: a heal that breaks off is begun again, and decides the same.
 */

/** One name of the directory, and what speaks for it. */
interface Claim {
  readonly view: NameView;
  /** Copies that have the directory here. */
  readonly members: ChildSet;
  /** 1: copies that are right about this place have it here; -1: they have not; 0: none is known to be right. */
  readonly word: number;
}

/**
 * Brings a directory that copies have elsewhere to where it should be, here or there. Answers how the name looks then;
 * undefined: the directory belongs elsewhere, and no copy is to get the name. For all but directories: how it was.
 *
 * The other names are locked beside those that the heal has locked: tried only, so that nobody waits in a circle.
 * @throws GlfsError EAGAIN where somebody has locked another name; EEXIST where a copy has something else in the right place
 */
export async function gather(heal: EntryHeal, view: NameView, source: number): Promise<NameView | undefined> {
  const gfid = gfidAt(view, source);
  if (gfid === undefined || !isDirectory(statAt(view, source)!)) return view;
  const elsewhere = await placesElsewhere(heal, view, inodeAt(view, source));
  if (elsewhere.length === 0) return view;
  const locks: HealLock[] = [];
  try {
    for (const { parent, name } of elsewhere) {
      const lock = await lockEntry(heal, heal.state.domain, parent, name, 'try');
      locks.push(lock);
      if (lock.on !== heal.state.all) throw lockError(heal.state, lock);
    }
    const claims: Claim[] = [];
    for (const { parent, name } of [view, ...elsewhere]) {
      const claim = await claimOf(heal, await viewName(heal, parent, name), gfid);
      if (claim.members !== NO_CHILDREN) claims.push(claim);
    }
    const [right, ...wrong] = claims.sort(compareClaims);
    if (right === undefined) return undefined;
    for (const claim of wrong)
      for (const index of indicesOf(claim.members)) await move(heal, claim, right, index);
    return samePlace(right.view, view) ? await viewName(heal, view.parent, view.name) : undefined;
  } finally {
    for (const lock of locks.reverse()) await lock.release();
  }
}

async function placesElsewhere(heal: EntryHeal, view: NameView, directory: Inode): Promise<Place[]> {
  const found: Place[] = [];
  for (const index of indicesOf(heal.state.all)) {
    const gfid = gfidAt(view, index);
    if (gfid !== undefined && gfidEquals(gfid, directory.gfid)) continue;
    const place = await placeOf(heal, directory, index);
    if (place === undefined || [view, ...found].some((other) => samePlace(other, place))) continue;
    found.push(place);
  }
  return found;
}

async function claimOf(heal: EntryHeal, view: NameView, gfid: Gfid): Promise<Claim> {
  const members = childSet(
    indicesOf(heal.state.all).filter((index) => {
      const here = gfidAt(view, index);
      return here !== undefined && gfidEquals(here, gfid);
    }),
  );
  const { source, sources } = await decide(heal, view.parent);
  const word = source === undefined ? 0 : (sources & members) === NO_CHILDREN ? -1 : 1;
  return { view, members, word };
}

/** The one that counts most comes first: the word of good copies, then of most copies, then of those that were changed last. */
function compareClaims(a: Claim, b: Claim): number {
  return (
    b.word - a.word ||
    countOf(b.members) - countOf(a.members) ||
    latest(b, a) ||
    indicesOf(a.members)[0]! - indicesOf(b.members)[0]!
  );
}

function latest(one: Claim, other: Claim): number {
  const [a, b] = [one, other].map(({ view, members }) =>
    indicesOf(members)
      .map((index) => statAt(view, index)!)
      .reduce((best, each) =>
        compareTimes(each.ctime, each.ctimeNsec, best.ctime, best.ctimeNsec) > 0 ? each : best,
      ),
  );
  return compareTimes(a!.ctime, a!.ctimeNsec, b!.ctime, b!.ctimeNsec);
}

async function move({ state, context }: EntryHeal, from: Claim, to: Claim, index: number): Promise<void> {
  const child = state.children[index]!;
  const inode = inodeAt(from.view, index);
  const gfid = gfidToString(inode.gfid);
  // What is there is healed under its own name first: a rename would take its place.
  if (statAt(to.view, index) !== undefined) {
    throw new GlfsError('EEXIST', `'${to.view.name}' is taken where directory ${gfid} should be`, {
      translator: child.name,
    });
  }
  const loc = { inode, parent: from.view.parent, name: from.view.name };
  const newLoc = { inode: new Inode(), parent: to.view.parent, name: to.view.name };
  await child.rename({ loc, newLoc }, context);
  state.log.info(
    { translator: state.name, subvolume: child.name, gfid, from: loc.name, to: newLoc.name },
    'a directory that a copy has under another name is moved',
  );
}
