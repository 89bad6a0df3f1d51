import { GlfsError } from '../../../../errors.ts';
import { Inode, type Reply } from '../../../../graph/index.ts';
import { type Gfid, isNullGfid } from '../../../../protocol/gfid.ts';
import { type Iatt, typeOfMode } from '../../../../protocol/iatt.ts';
import { keyKinds } from '../../../../protocol/keys.ts';
import { type ChildSet, childSet } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { isAbsence } from '../asking.ts';
import type { CopyAnswer } from '../operation.ts';
import { wantMarks } from './examine.ts';
import type { HealSession } from './session.ts';

/** LOOKUP: a file without a gfid is no error. */
const withoutGfid = keyKinds.int('gfidless-lookup');

/** What all steps of one heal of names share: whatever directory they are in. */
export type EntryHeal = Pick<HealSession, 'state' | 'context' | 'policy' | 'signal'>;

export type NameAnswer = CopyAnswer<'lookup'>;

/** A name as the copies have it, all of them asked under its lock. */
export interface NameView {
  readonly parent: Inode;
  readonly name: string;
  /** By position. */
  readonly answers: readonly NameAnswer[];
}

export async function viewName(
  { state, context }: EntryHeal,
  parent: Inode,
  name: string,
): Promise<NameView> {
  const xdata = wantMarks(state).set(withoutGfid, 1);
  const answers = await windAll(state.children, (child) =>
    child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0, xdata: xdata.clone() }, context),
  );
  return { parent, name, answers: answers.map(toNameAnswer) };
}

export function toNameAnswer(answer: { reply?: Reply<'lookup'>; error?: GlfsError }): NameAnswer {
  if (answer.reply !== undefined) return { reply: answer.reply };
  return { error: answer.error ?? new GlfsError('EIO') };
}

export function isMissing(answer: NameAnswer): boolean {
  return isAbsence(answer.error);
}

/** Positions of copies that have the name. */
export function present({ answers }: NameView): ChildSet {
  return childSet(answers.flatMap(({ reply }, index) => (reply === undefined ? [] : [index])));
}

export function statAt({ answers }: NameView, index: number): Iatt | undefined {
  return answers[index]?.reply?.stat;
}

/** The file's gfid on that copy; undefined where it has none, or there is no such name. */
export function gfidAt(view: NameView, index: number): Gfid | undefined {
  const gfid = statAt(view, index)?.gfid;
  return gfid === undefined || isNullGfid(gfid) ? undefined : gfid;
}

/** The file that the copy has under the name, as calls take it. */
export function inodeAt(view: NameView, index: number): Inode {
  const stat = statAt(view, index)!;
  return new Inode(stat.gfid, typeOfMode(stat.mode));
}

/**
 * Nothing is decided while a copy can't say whether it has the name.
 * @throws GlfsError what the copy said
 */
export function requireAllToKnow({ answers }: NameView): void {
  const unsure = answers.find(({ error }) => error !== undefined && !isAbsence(error));
  if (unsure?.error !== undefined) throw unsure.error;
}
