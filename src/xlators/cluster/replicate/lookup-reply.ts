import { GlfsError } from '../../../errors.ts';
import { type CallContext, HEAL_PID, Inode, type Reply, type Request } from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import { NULL_GFID } from '../../../protocol/gfid.ts';
import { type FileType, typeOfMode } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { type ChildSet, has, indicesOf } from '../children.ts';
import type { Verdict } from './accusations.ts';
import { answerToCaller, refusal, succeeded } from './asking.ts';
import type { Asked, FileState } from './file-state.ts';
import { examined } from './heal/examine.ts';
import { suspect } from './heal/index.ts';
import { sameMetadata } from './heal/metadata-equality.ts';
import { mergedStat } from './merged-stat.ts';
import { agreeing, type LookupAnswers, type NamedLoc, settled } from './name-agreement.ts';
import { readChild } from './read-child/index.ts';
import { isFresh, judgeAnswers } from './refresh.ts';
import type { ReplicateState } from './state.ts';

/** What the caller gets; undefined where what is known of the file was thrown away while the copies were asked. */
export async function decide(
  state: ReplicateState,
  request: Request<'lookup'>,
  named: NamedLoc | undefined,
  all: LookupAnswers,
  asked: Asked,
  context: CallContext,
): Promise<Reply<'lookup'> | undefined> {
  if (succeeded(all) === 0) throw refusal(state, all);
  const answers = named === undefined ? agreeing(state, all) : await settled(state, named, all, context);
  const good = succeeded(answers);
  const { stat } = answers[indicesOf(good)[0]!]!.reply!;
  const verdict = judgeAnswers(state, answers);
  const file = state.file(stat.gfid);
  if (!file.learn(verdict, asked)) return undefined;
  const type = typeOfMode(stat.mode);
  if (verdict.pending || attributesDiffer(state, answers)) suspect(state, new Inode(stat.gfid, type));

  const sole = { gfid: stat.gfid, type };
  const data = file.readable('data');
  const metadata = file.readable('metadata');
  const whole = readChild(state, data & metadata, sole);
  // Where no copy is good in both halves, one of each kind is.
  const bytes = whole === undefined && metadata !== 0 ? readChild(state, data, sole) : undefined;
  const index =
    whole ??
    (bytes === undefined ? undefined : readChild(state, metadata, sole)) ??
    withoutGoodCopy(state, { file, splitBrain: verdict.splitBrain, good, type }, context);
  const { reply } = answers[index]!;
  const xdata = answerToCaller(state, reply!.xdata, request.xdata, context);
  // Only that it is this file is certain, and, of a directory, its attributes where those of a copy are good.
  const doubtful = whole === undefined && bytes === undefined && !(type === 'directory' && metadata !== 0);
  if (verdict.accused.data !== 0 || verdict.accused.metadata !== 0) xdata?.delete(keys.content);
  const parent = named === undefined ? index : parentCopy(state, named.parent, good, index);
  return {
    stat: bytes === undefined ? reply!.stat : mergedStat(reply!.stat, answers[bytes]!.reply!.stat),
    xdata: doubtful ? withKey(xdata, keys.doubtful, 1) : xdata,
    postparent: answers[parent]!.reply!.postparent,
  };
}

/** Attributes may differ without anybody being accused: after a change that was refused here and not there. */
function attributesDiffer(state: ReplicateState, answers: LookupAnswers): boolean {
  if (!state.options['metadata-self-heal']) return false;
  const all = answers.flatMap((answer) =>
    answer?.reply === undefined ? [] : [examined(state, answer.reply)],
  );
  return all.some((other) => !sameMetadata(all[0]!, other));
}

interface Bad {
  readonly file: FileState;
  readonly splitBrain: Verdict['splitBrain'];
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
  { file, splitBrain, good, type }: Bad,
  context: CallContext,
): number {
  const { choice } = file;
  if (choice !== undefined && has(good, choice) && good === state.all) return choice;
  const isSplit = splitBrain.data || splitBrain.metadata;
  const anyWillDo = isSplit || type === 'directory' || !state.quorum.wanted || context.pid === HEAL_PID;
  const candidates = file.readable('metadata') & good || good & state.withData;
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
