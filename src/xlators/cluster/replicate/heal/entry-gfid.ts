import { Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { type Gfid, gfidEquals, isNullGfid } from '../../../../protocol/gfid.ts';
import { type Iatt, isDirectory, S_IFMT } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { indicesOf } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { type EntryHeal, gfidAt, type NameView, present, statAt, toNameAnswer } from './entry-view.ts';
import type { SplitBrainPolicy } from './session.ts';

/**
 * Gives the file its gfid where a copy has the name without one (a crash between the two, or a file put into a brick by
 * hand), as long as it is of the same type. Answers how the name looks then.
 */
export async function assignGfids(
  { state, context }: EntryHeal,
  view: NameView,
  gfid: Gfid,
  mode: number,
): Promise<NameView> {
  const without = indicesOf(present(view)).filter((index) => {
    const stat = statAt(view, index)!;
    return isNullGfid(stat.gfid) && (stat.mode & S_IFMT) === (mode & S_IFMT);
  });
  if (without.length === 0 || isNullGfid(gfid)) return view;
  const { parent, name } = view;
  const xdata = new Dict().set(keys.gfidRequest, gfid);
  const answers = [...view.answers];
  const given = await windAll(
    without.map((index) => state.children[index]!),
    (child) => child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0, xdata }, context),
  );
  for (const [at, index] of without.entries()) answers[index] = toNameAnswer(given[at]!);
  return { parent, name, answers };
}

interface Candidate {
  readonly index: number;
  readonly stat: Iatt;
}

/** Which of the files that go by one name is right, as the administrator has ordered; undefined where that decides nothing. */
export function chooseByPolicy({ state, policy }: EntryHeal, view: NameView): number | undefined {
  const candidates = indicesOf(present(view)).map((index) => ({ index, stat: statAt(view, index)! }));
  const favorite = state.options['favorite-child-policy'];
  const chosen: SplitBrainPolicy | undefined = policy ?? (favorite === 'none' ? undefined : { by: favorite });
  if (chosen === undefined) return undefined;
  if (chosen.by === 'source') return candidates.find(({ index }) => index === chosen.index)?.index;
  return choices[chosen.by](candidates, state.children.length);
}

type Choice = (candidates: readonly Candidate[], copies: number) => number | undefined;

const choices: Readonly<Record<'size' | 'mtime' | 'ctime' | 'majority', Choice>> = {
  size: (candidates) =>
    candidates.some(({ stat }) => isDirectory(stat))
      ? undefined
      : greatest(candidates, ({ size }) => BigInt(size)),
  mtime: (candidates) => greatest(candidates, ({ mtime, mtimeNsec }) => nanoseconds(mtime, mtimeNsec)),
  ctime: (candidates) => greatest(candidates, ({ ctime, ctimeNsec }) => nanoseconds(ctime, ctimeNsec)),
  // Of two none has the majority.
  majority: (candidates, copies) =>
    candidates.find(
      ({ stat }) =>
        2 * candidates.filter((other) => gfidEquals(other.stat.gfid, stat.gfid)).length > copies &&
        copies > 2,
    )?.index,
};

function nanoseconds(seconds: bigint, rest: number): bigint {
  return seconds * 1_000_000_000n + BigInt(rest);
}

/** The copy that is ahead of all files that are others; none where two different files are equal in this. */
function greatest(candidates: readonly Candidate[], measure: (stat: Iatt) => bigint): number | undefined {
  let best: Candidate | undefined;
  let tied = false;
  for (const candidate of candidates) {
    const ahead = best === undefined ? 1n : measure(candidate.stat) - measure(best.stat);
    if (ahead > 0n) {
      best = candidate;
      tied = false;
    } else if (ahead === 0n && !gfidEquals(candidate.stat.gfid, best!.stat.gfid)) tied = true;
  }
  return tied ? undefined : best?.index;
}

/** In what the files of these copies, which all have the name, are not the same; undefined where they are. */
export function conflict(view: NameView, among: readonly number[]): 'gfid' | 'type' | undefined {
  const types = new Set(among.map((index) => statAt(view, index)!.mode & S_IFMT));
  if (types.size > 1) return 'type';
  const [first, ...others] = among.flatMap((index) => gfidAt(view, index) ?? []);
  return others.some((gfid) => !gfidEquals(gfid, first!)) ? 'gfid' : undefined;
}
