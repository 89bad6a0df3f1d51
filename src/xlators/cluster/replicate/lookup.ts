import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  HEAL_PID,
  Inode,
  type Loc,
  type Reply,
  type Request,
} from '../../../graph/index.ts';
import { gfidKey, NULL_GFID } from '../../../protocol/gfid.ts';
import { type FileType, S_IFMT, typeOfMode } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { windAll } from '../wind.ts';
import type { Verdict } from './accusations.ts';
import {
  answerToCaller,
  byPosition,
  finalError,
  hasPendingHeals,
  isLocked,
  lookupQuestions,
  reached,
  succeeded,
} from './asking.ts';
import { type ChildSet, has, indicesOf, NO_CHILDREN } from './children.ts';
import type { Asked } from './file-state.ts';
import { suspect } from './heal/index.ts';
import { healName } from './heal/name.ts';
import { needsHeal } from './need-heal.ts';
import type { CopyAnswer } from './operation.ts';
import { isPrivateName } from './private-names.ts';
import { readChild } from './read-child/index.ts';
import { ensureFresh, isFresh, judgeAnswers } from './refresh.ts';
import type { ReplicateState } from './state.ts';

type LookupRequest = Request<'lookup'>;
type LookupReply = Reply<'lookup'>;
type Answers = readonly (CopyAnswer<'lookup'> | undefined)[];

/** A LOC with which a name is asked for. */
interface NamedLoc extends Loc {
  readonly parent: Inode;
  readonly name: string;
}

/**
 * Asks all copies, which also tells which of them are good. Where they differ about a name it is healed first.
 * @throws GlfsError ENOTCONN where too few have answered, EIO where copies mean different files.
 */
export async function lookup(
  state: ReplicateState,
  request: LookupRequest,
  context: CallContext,
): Promise<LookupReply> {
  const { loc } = request;
  state.requireQuorum();
  const named = isNamed(loc) ? loc : undefined;
  if (named !== undefined && isPrivateName(state, named.parent, named.name, context)) {
    throw new GlfsError('EPERM', `${named.name} belongs to the volume itself`, { translator: state.name });
  }
  let asked = state.files.asked(state.generation);
  let answers = await askAll(state, request, context);
  if (named !== undefined && (await wantsNameHeal(state, named.parent, answers, context))) {
    const gfid = request.xdata?.get(keys.gfidRequest);
    await healName(state, named.parent, named.name, answers, context, { gfid });
    asked = state.files.asked(state.generation);
    answers = await askAll(state, request, context);
  }
  return decide(state, request, named, answers, asked, context);
}

function isNamed(loc: Loc): loc is NamedLoc {
  return loc.parent !== undefined && loc.name !== undefined && loc.name !== '';
}

async function askAll(state: ReplicateState, request: LookupRequest, context: CallContext): Promise<Answers> {
  // Bricks would give it to a file without one, each on its own: that is for the heal of the name.
  const xdata = lookupQuestions(state, request.xdata);
  xdata.delete(keys.gfidRequest);
  const answers = await windAll(state.upChildren, (child) =>
    child.lookup({ ...request, xdata: xdata.clone() }, context),
  );
  const found = byPosition<'lookup'>(state, answers);
  const replies = found.flatMap((answer) => (answer?.reply === undefined ? [] : [answer.reply]));
  if (replies.length > 0)
    needsHeal(
      state,
      replies.some(({ xdata }) => hasPendingHeals(xdata)),
    );
  return found;
}

/** Which file a copy says it is. */
function identity(reply: LookupReply): string {
  return `${gfidKey(reply.stat.gfid)} ${reply.stat.mode & S_IFMT}`;
}

function identities(answers: Answers): Set<string> {
  return new Set(answers.flatMap((answer) => (answer?.reply === undefined ? [] : [identity(answer.reply)])));
}

function failedWith(answers: Answers, ...codes: string[]): ChildSet {
  let set = NO_CHILDREN;
  for (const [index, answer] of answers.entries()) {
    if (answer?.error !== undefined && codes.includes(answer.error.code)) set |= 1 << index;
  }
  return set;
}

const MISSING = ['ENOENT', 'ESTALE'];

/**
 * Whether copies differ about the name in a way that a later rename or create could trip over: different files, files without
 * a gfid, or a name that a good copy of the directory lacks.
 */
async function wantsNameHeal(
  state: ReplicateState,
  parent: Inode,
  answers: Answers,
  context: CallContext,
): Promise<boolean> {
  if (identities(answers).size > 1 || failedWith(answers, 'ENODATA') !== 0) return true;
  const has = succeeded(answers);
  const lacks = reached(answers) & ~has;
  if (has === 0 || lacks === 0) return false;
  if (!state.quorum.wanted || !state.quorum.met(has)) return true;
  if ((lacks & ~failedWith(answers, ...MISSING)) !== 0) return true;
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

async function decide(
  state: ReplicateState,
  request: LookupRequest,
  named: NamedLoc | undefined,
  all: Answers,
  asked: Asked,
  context: CallContext,
): Promise<LookupReply> {
  if (succeeded(all) === 0) {
    if (!state.quorum.met(reached(all))) throw tooFew(state, all);
    throw finalError(state, all);
  }
  const answers = named === undefined ? agreeing(state, all) : await settled(state, named, all, context);
  const good = succeeded(answers);
  const { stat } = answers[indicesOf(good)[0]!]!.reply!;
  const verdict = judgeAnswers(state, answers);
  const file = state.file(stat.gfid);
  const learnt = file.learn(verdict, asked);
  const type = typeOfMode(stat.mode);
  if (verdict.pending || good !== state.up) suspect(state, new Inode(stat.gfid, type));

  // What has been accused since is worth no more than what was accused before.
  const known = learnt ? verdict : (file.copies ?? verdict);
  const readable = verdict.data & verdict.metadata & known.data & known.metadata;
  const index =
    readChild(state, readable, { gfid: stat.gfid, type }) ??
    withoutGoodCopy(state, { choice: file.choice, verdict, good, type }, context);
  const { reply } = answers[index]!;
  const xdata = answerToCaller(state, reply!.xdata, request.xdata, context);
  if (verdict.accused.data !== 0 || verdict.accused.metadata !== 0) xdata?.delete(keys.content);
  const parent = named === undefined ? index : parentCopy(state, named.parent, good, index);
  return { stat: reply!.stat, xdata, postparent: answers[parent]!.reply!.postparent };
}

function tooFew(state: ReplicateState, answers: Answers): GlfsError {
  return state.tooFew(reached(answers)).with({ cause: finalError(state, answers) });
}

/** A file that was asked for by its gfid: it is there where enough copies have it. */
function agreeing(state: ReplicateState, answers: Answers): Answers {
  if (identities(answers).size > 1) throw differs(state, 'one file');
  if (!state.quorum.met(succeeded(answers))) throw withoutQuorum(state, answers);
  return answers;
}

/** What the name stands for, where copies still differ: those count whose copy of the directory is good. */
async function settled(
  state: ReplicateState,
  { parent, name }: NamedLoc,
  all: Answers,
  context: CallContext,
): Promise<Answers> {
  const missing = failedWith(all, ...MISSING);
  if (identities(all).size === 1 && missing === 0) {
    if (!state.quorum.met(succeeded(all))) throw tooFew(state, all);
    return all;
  }
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
  // A create that is under way has reached a few copies only: it has not happened yet.
  const isYetToBe = missing !== 0 && begun && !state.quorum.met(found);
  if (isGone || isYetToBe) throw missingError(state, all);
  if (!state.quorum.met(found)) throw withoutQuorum(state, answers);
  return answers;
}

function missingError(state: ReplicateState, answers: Answers): GlfsError {
  const missing = failedWith(answers, ...MISSING);
  return finalError(
    state,
    answers.map((answer, index) => (has(missing, index) ? answer : undefined)),
  );
}

/** Too few have it. Where enough say that it is gone, it is. */
function withoutQuorum(state: ReplicateState, answers: Answers): GlfsError {
  const missing = failedWith(answers, ...MISSING);
  if (state.quorum.wanted && state.quorum.met(missing)) return missingError(state, answers);
  return tooFew(state, answers);
}

function differs(state: ReplicateState, name: string): GlfsError {
  return new GlfsError('EIO', `split-brain: copies have different files as ${name}`, {
    translator: state.name,
  });
}

interface Bad {
  readonly choice: number | undefined;
  readonly verdict: Verdict;
  readonly good: ChildSet;
  readonly type: FileType;
}

/**
 * The copy that answers where none is good: which file it is all of them agree upon, and it must be found to be resolved or
 * removed. Reading it is refused (reads.ts).
 * @throws GlfsError ENOTCONN where a good copy may be among those that are down.
 */
function withoutGoodCopy(
  state: ReplicateState,
  { choice, verdict, good, type }: Bad,
  context: CallContext,
): number {
  if (choice !== undefined && has(good, choice) && good === state.all) return choice;
  const { splitBrain, metadata } = verdict;
  const isSplit = splitBrain.data || splitBrain.metadata;
  const anyWillDo = isSplit || type === 'directory' || !state.quorum.wanted || context.pid === HEAL_PID;
  const candidates = metadata & good || good & state.withData;
  const index = anyWillDo ? readChild(state, candidates, { gfid: NULL_GFID, type }) : undefined;
  if (index !== undefined) return index;
  throw new GlfsError('ENOTCONN', 'no good copy is there', {
    translator: state.name,
    cause: state.tooFew(good),
  });
}

/** The copy whose word on the directory is taken: the same that tells of the file, if its copy of the directory is good. */
function parentCopy(state: ReplicateState, parent: Inode, good: ChildSet, index: number): number {
  const file = state.file(parent);
  if (!isFresh(state, file)) return index;
  const trusted = good & file.readable('data') & file.readable('metadata');
  return trusted === 0 || has(trusted, index) ? index : indicesOf(trusted)[0]!;
}
