import { GlfsError } from '../../../../errors.ts';
import { Inode } from '../../../../graph/index.ts';
import { gfidEquals, gfidToString } from '../../../../protocol/gfid.ts';
import { typeOfMode } from '../../../../protocol/iatt.ts';
import { type ChildSet, indicesOf } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { isAbsence } from '../asking.ts';
import { gather } from './entry-gather.ts';
import { assignGfids, chooseByPolicy, conflict } from './entry-gfid.ts';
import { recreate } from './entry-recreate.ts';
import { removeName } from './entry-remove.ts';
import {
  type EntryHeal,
  gfidAt,
  isMissing,
  type NameView,
  present,
  requireAllToKnow,
  statAt,
} from './entry-view.ts';

/** What a directory's marks say of its names. */
export interface EntryDecision {
  /** The copy whose names are right; undefined where none is known to be: then the names of all are merged. */
  readonly source: number | undefined;
  /** All copies that are right. */
  readonly sources: ChildSet;
  /** Copies whose names are made the same. */
  readonly sinks: ChildSet;
}

/**
 * Makes one name the same on all copies. The directory is locked on all of them.
 * @throws GlfsError EIO where the copies mean different files and none is known to be right.
 */
export async function healOneName(heal: EntryHeal, view: NameView, decision: EntryDecision): Promise<void> {
  requireAllToKnow(view);
  if (decision.source === undefined) await merge(heal, view, decision.sinks);
  else await follow(heal, view, { ...decision, source: decision.source });
}

async function follow(
  heal: EntryHeal,
  given: NameView,
  { source, sources, sinks }: EntryDecision & { readonly source: number },
): Promise<void> {
  if (isMissing(given.answers[source]!)) {
    for (const target of indicesOf(sinks)) await removeName(heal, given, target);
    return;
  }
  const stat = statAt(given, source)!;
  const view = await gather(heal, await assignGfids(heal, given, stat.gfid, stat.mode), source);
  if (view === undefined) return;
  for (const target of indicesOf(sinks)) {
    if (target === source || sameFile(view, source, target)) continue;
    await recreate(heal, { view, source, sources }, target);
  }
}

/** No copy is known to be right: what any has, all get. */
async function merge(heal: EntryHeal, given: NameView, sinks: ChildSet): Promise<void> {
  const having = present(given);
  const [first] = indicesOf(having);
  if (first === undefined) return;
  if (await isHollow(heal, given, first)) return removeName(heal, given, first);
  const named = indicesOf(having).find((index) => gfidAt(given, index) !== undefined);
  const { gfid, mode } = statAt(given, named ?? first)!;
  const known = await assignGfids(heal, given, gfid, mode);
  const source = resolve(heal, known, having);
  const view = await gather(heal, known, source);
  if (view === undefined) return;
  for (const target of indicesOf(sinks)) {
    if (target !== source && !sameFile(view, source, target)) {
      await recreate(heal, { view, source, sources: present(view) }, target);
    }
  }
}

/**
 * The arbiter alone has the name, and no other copy the file: its bytes are gone, or never were. Given to all it would be an empty
 * file that nobody has made; of a removal that was interrupted that is what is left.
 */
export async function isHollow(
  { state, context }: EntryHeal,
  view: NameView,
  only: number,
): Promise<boolean> {
  if (only !== state.arbiter || present(view) !== 1 << only) return false;
  const gfid = gfidAt(view, only);
  if (gfid === undefined || typeOfMode(statAt(view, only)!.mode) !== 'file') return false;
  const answers = await windAll(state.childrenOf(state.withData), (child) =>
    child.lookup({ loc: { inode: new Inode(gfid) }, flags: 0 }, context),
  );
  const unsure = answers.find(({ error }) => error !== undefined && !isAbsence(error));
  if (unsure?.error !== undefined) throw unsure.error;
  return answers.every(({ reply }) => reply === undefined);
}

/**
 * The copy whose file is right where the copies have different ones.
 * @throws GlfsError EIO where that can't be told
 */
export function resolve(heal: EntryHeal, view: NameView, among: ChildSet): number {
  const [first] = indicesOf(among).filter((index) => gfidAt(view, index) !== undefined);
  const clash = conflict(view, indicesOf(among));
  if (clash === undefined) return first ?? indicesOf(among)[0]!;
  const chosen = clash === 'gfid' ? chooseByPolicy(heal, view) : undefined;
  if (chosen === undefined) throw splitBrain(heal, view, clash);
  return chosen;
}

/** No copy is known to be right: not the same as a brick that can't read its disk. */
export function isSplitBrain({ state }: EntryHeal, error: GlfsError): boolean {
  return error.code === 'EIO' && error.translator === state.name;
}

function splitBrain({ state }: EntryHeal, view: NameView, clash: 'gfid' | 'type'): GlfsError {
  const files = indicesOf(present(view)).map(
    (index) => `${gfidToString(statAt(view, index)!.gfid)} on ${state.children[index]!.name}`,
  );
  return new GlfsError(
    'EIO',
    `'${view.name}' in ${view.parent} is in split-brain, of ${clash}: ${files.join(', ')}`,
    { translator: state.name },
  );
}

export function sameFile(view: NameView, source: number, target: number): boolean {
  const [one, other] = [statAt(view, source), statAt(view, target)];
  return one !== undefined && other !== undefined && gfidEquals(one.gfid, other.gfid);
}
