import { toGlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Loc, type Reply, type Request } from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import { typeOfMode } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { type ChildSet, NO_CHILDREN } from '../children.ts';
import { agreement, type Group, groups, type PartAnswers } from './answers.ts';
import { ask, dissenters, identityOf, majority, only, requireReadable } from './asking.ts';
import type { Part } from './fops.ts';
import { glance, lookUnderLock } from './glance.ts';
import { suspect, suspectName } from './heal/index.ts';
import { mergedReply } from './merged-reply.ts';
import { noteHeals } from './need-heal.ts';
import { toldBy, withQuestions } from './questions.ts';
import type { DisperseState } from './state.ts';

type LookupReply = Reply<'lookup'>;
type Answers = PartAnswers<LookupReply>;

/** Name by which the index counts files that are to be healed. */
const PENDING_INDEX = 'glusterfs.xattrop_index_count';

/**
 * Asks all at once. That a name is there, that there is none, or which file it is, is believed of as many as it takes to read.
 * @throws GlfsError ENOTCONN where too few have answered, EIO where they mean different files.
 */
export const lookup: Part<'lookup'> = async (state, request, context) => {
  requireReadable(state);
  const { generation } = state;
  const first = await askAll(state, request, state.up, context);
  const { all, group } = agreed(state, first) ?? (await settled(state, request, context));
  noteHeals(state, first, generation);
  if (group.error !== undefined) {
    if (dissenters(all, group.children) !== NO_CHILDREN) suspectThatName(state, request.loc);
    throw group.error;
  }
  const { stat } = group.replies[0]!.reply;
  const file = new Inode(stat.gfid, typeOfMode(stat.mode));
  const answers = only(all, group.children);
  blame(state, request, file, { all, answers, group: group.children });
  const seen = glance(state, answers);
  const reply = seen ?? (await reconciled(state, file, answers, context));
  return { ...reply, xdata: toCaller(request, reply) };
};

interface Agreed {
  readonly all: Answers;
  readonly group: Group<LookupReply>;
}

/** Which file it is, or that there is none, in the eyes of enough; undefined where no group is large enough. */
function agreed(state: DisperseState, said: Answers): Agreed | undefined {
  const all = absent(said);
  const group = majority(state, all, ({ stat }) => identityOf(stat));
  return group === undefined ? undefined : { all, group };
}

/** Questions of our own, and none that could change anything or that a fragment has no answer to. */
function askAll(
  state: DisperseState,
  request: Request<'lookup'>,
  set: ChildSet,
  context: CallContext,
): Promise<Answers> {
  const xdata = withQuestions(request.xdata).set(keys.linkCountOf, PENDING_INDEX);
  xdata.delete(keys.content);
  // Bricks would give it to a file without one, each on its own.
  xdata.delete(keys.gfidRequest);
  return ask(state, set, (child) => child.lookup({ ...request, xdata: xdata.clone() }, context));
}

/** That a file is not there may be said in two ways, by whether the directory is. */
function absent(answers: Answers): Answers {
  const errors = answers.flatMap((answer) => answer?.error ?? []);
  const nameless = errors.filter(({ code }) => code === 'ENOENT');
  const astray = errors.filter(({ code }) => code === 'ESTALE');
  // One that is behind may lack the directory as well: what most say is so.
  const error = nameless.length < astray.length ? astray[0] : nameless[0];
  if (error === undefined) return answers;
  const said = new Set([...nameless, ...astray]);
  return answers.map((answer) =>
    answer?.error !== undefined && said.has(answer.error) ? { error } : answer,
  );
}

/**
 * Names may be changing while they are asked for. Under the lock of the directory, or of the file itself, those that are good
 * must agree.
 */
async function settled(
  state: DisperseState,
  request: Request<'lookup'>,
  context: CallContext,
): Promise<Agreed> {
  const { loc } = request;
  const inode = loc.name === undefined || loc.name === '' ? loc.inode : loc.parent!;
  try {
    return await state.locks.run([{ inode, shared: true }], context, async ([held], own) => {
      const all = absent(await askAll(state, request, held!.good, own));
      const said = agreed(state, all);
      if (said !== undefined) return said;
      // It throws: no group is large enough.
      const { replies, good } = agreement(state, all, ({ stat }) => identityOf(stat));
      return { all, group: { children: good, replies } };
    });
  } catch (thrown) {
    const error = toGlfsError(thrown);
    if (error.code === 'EIO') suspectThatName(state, loc);
    throw error;
  }
}

function suspectThatName(state: DisperseState, { parent, name }: Loc): void {
  if (parent !== undefined && name !== undefined && name !== '') suspectName(state, parent, name);
}

interface Said {
  readonly all: Answers;
  readonly answers: Answers;
  readonly group: ChildSet;
}

/** Whoever says something else is behind, in the directory or in the file. */
function blame(
  state: DisperseState,
  { loc }: Request<'lookup'>,
  file: Inode,
  { all, answers, group }: Said,
): void {
  const strange = dissenters(all, group);
  if (strange !== NO_CHILDREN) suspectThatName(state, loc);
  const versions = groups(answers, ({ xdata }) => toldBy(xdata).version);
  // What names a directory lacks is found when it is listed, or by whoever heals all.
  if (strange !== NO_CHILDREN || versions.length > 1) suspect(state, file, { partial: true });
}

/**
 * Attributes of a file that is being changed, or behind somewhere. Where too few are good only that it is this file is certain:
 * it must be found to be removed.
 */
async function reconciled(
  state: DisperseState,
  file: Inode,
  answers: Answers,
  context: CallContext,
): Promise<LookupReply> {
  const replies = answers.flatMap((answer) => answer?.reply ?? []);
  try {
    const loc = { inode: file };
    const { stat } = await lookUnderLock(
      state,
      { inode: file, call: (child, xdata, own) => child.stat({ loc, xdata }, own) },
      context,
    );
    return { ...mergedReply(state, replies), stat };
  } catch (thrown) {
    const error = toGlfsError(thrown);
    if (error.code !== 'EIO' && !(error.code === 'ENOTCONN' && state.readableWith(state.up))) throw error;
    const [most] = groups(answers, ({ stat, xdata }) => `${stat.mode} ${toldBy(xdata).version}`);
    const reply = mergedReply(
      state,
      most!.replies.map((each) => each.reply),
    );
    return { ...reply, xdata: withKey(reply.xdata, keys.doubtful, 1) };
  }
}

/** What the caller has asked for. */
function toCaller({ xdata: given }: Request<'lookup'>, { xdata }: LookupReply): LookupReply['xdata'] {
  if (xdata === undefined || given?.has(keys.linkCountOf) === true) return xdata;
  xdata.delete(keys.linkCount);
  return xdata;
}
