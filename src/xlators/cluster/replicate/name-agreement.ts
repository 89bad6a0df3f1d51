import { GlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Loc, Reply } from '../../../graph/index.ts';
import { gfidKey } from '../../../protocol/gfid.ts';
import { S_IFMT } from '../../../protocol/iatt.ts';
import { type ChildSet, has, NO_CHILDREN } from '../children.ts';
import { absentOn, finalError, isLocked, reached, succeeded } from './asking.ts';
import type { CopyAnswer } from './operation.ts';
import { ensureFresh } from './refresh.ts';
import type { ReplicateState } from './state.ts';

/* Which file a name, or a gfid, stands for, out of what all copies say. */

export type LookupAnswers = readonly (CopyAnswer<'lookup'> | undefined)[];

/** A LOC with which a name is asked for. */
export interface NamedLoc extends Loc {
  readonly parent: Inode;
  readonly name: string;
}

/** Which file a copy says it is. */
function identity(reply: Reply<'lookup'>): string {
  return `${gfidKey(reply.stat.gfid)} ${reply.stat.mode & S_IFMT}`;
}

function identities(answers: LookupAnswers): Set<string> {
  return new Set(answers.flatMap((answer) => (answer?.reply === undefined ? [] : [identity(answer.reply)])));
}

function failedWith(answers: LookupAnswers, ...codes: string[]): ChildSet {
  let set = NO_CHILDREN;
  for (const [index, answer] of answers.entries()) {
    if (answer?.error !== undefined && codes.includes(answer.error.code)) set |= 1 << index;
  }
  return set;
}

/**
 * Whether copies differ about the name in a way that a later rename or create could trip over: different files, files without
 * a gfid, or a name that a good copy of the directory lacks.
 */
export async function wantsNameHeal(
  state: ReplicateState,
  parent: Inode,
  answers: LookupAnswers,
  context: CallContext,
): Promise<boolean> {
  if (identities(answers).size > 1 || failedWith(answers, 'ENODATA') !== 0) return true;
  const has = succeeded(answers);
  const lacks = reached(answers) & ~has;
  if (has === 0 || lacks === 0) return false;
  if (!state.quorum.wanted || !state.quorum.met(has)) return true;
  if ((lacks & ~absentOn(answers)) !== 0) return true;
  return ((await readableParents(state, parent, context)) & lacks) !== 0;
}

/** Copies of the directory that are good; all where none is known to be. */
async function readableParents(
  state: ReplicateState,
  parent: Inode,
  context: CallContext,
): Promise<ChildSet> {
  const file = await ensureFresh(state, parent, context);
  return file.readable('data') || state.all;
}

export function tooFew(state: ReplicateState, answers: LookupAnswers): GlfsError {
  return state.tooFew(reached(answers)).with({ cause: finalError(state, answers) });
}

/** A file that was asked for by its gfid: it is there where enough copies have it. */
export function agreeing(state: ReplicateState, answers: LookupAnswers): LookupAnswers {
  if (identities(answers).size > 1) throw differs(state, 'one file');
  if (!state.quorum.met(succeeded(answers))) throw withoutQuorum(state, answers);
  return answers;
}

/**
 * What the name stands for, where copies still differ: those count whose copy of the directory is good. Where one that can't say
 * may be the second that has it, which ones are good is asked anew: of a change by another client nothing is known here.
 */
export async function settled(
  state: ReplicateState,
  { parent, name }: NamedLoc,
  all: LookupAnswers,
  context: CallContext,
): Promise<LookupAnswers> {
  const missing = absentOn(all);
  if (identities(all).size === 1 && missing === 0) {
    if (!state.quorum.met(succeeded(all))) throw tooFew(state, all);
    return all;
  }
  const silent = state.all & ~succeeded(all) & ~missing;
  const isUnclear = silent !== 0 && missing !== 0 && !state.quorum.met(succeeded(all));
  if (isUnclear) state.file(parent).forget();
  const parents = await readableParents(state, parent, context);
  const trusted = identities(all.filter((_, index) => has(parents, index)));
  if (identities(all).size > 1 && trusted.size !== 1) throw differs(state, name);
  const answers = all.map((answer) =>
    answer?.reply === undefined || trusted.size !== 1 || trusted.has(identity(answer.reply))
      ? answer
      : undefined,
  );
  const found = succeeded(answers);
  const begun = answers.some((answer) => isLocked(answer?.reply?.xdata, 'name'));
  const isGone = (missing & parents) !== 0 && (found & parents) === 0;
  // A create that is under way has reached a few copies only: it has not happened yet. Or a heal is, and has still to reach them.
  const lacked = isUnclear ? missing & state.file(parent).readable('data') : missing;
  const isYetToBe = lacked !== 0 && begun && !state.quorum.met(found);
  if (isGone || isYetToBe) throw missingError(state, all);
  if (!state.quorum.met(found)) throw withoutQuorum(state, answers);
  return answers;
}

function missingError(state: ReplicateState, answers: LookupAnswers): GlfsError {
  const missing = absentOn(answers);
  return finalError(
    state,
    answers.map((answer, index) => (has(missing, index) ? answer : undefined)),
  );
}

/** Too few have it. Where enough say that it is gone, it is. */
function withoutQuorum(state: ReplicateState, answers: LookupAnswers): GlfsError {
  const missing = absentOn(answers);
  if (state.quorum.wanted && state.quorum.met(missing)) return missingError(state, answers);
  return tooFew(state, answers);
}

function differs(state: ReplicateState, name: string): GlfsError {
  return new GlfsError('EIO', `split-brain: copies have different files as ${name}`, {
    translator: state.name,
  });
}
