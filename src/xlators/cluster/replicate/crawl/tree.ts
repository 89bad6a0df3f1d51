import { type CallContext, Inode } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { type FileType, typeOfMode } from '../../../../protocol/iatt.ts';
import { listing } from '../../index-directory.ts';
import { windAll } from '../../wind.ts';
import { disagree, healName } from '../heal/name.ts';
import type { CopyAnswer } from '../operation.ts';
import { isPrivateName } from '../private-names.ts';
import type { ReplicateState } from '../state.ts';

/** A file that was found by a name. */
export interface FoundFile {
  readonly gfid: Gfid;
  readonly type: FileType;
  readonly path: string;
}

type LookupAnswers = (CopyAnswer<'lookup'> | undefined)[];

/** Names that any copy has in a directory. A copy that lacks the directory has none. */
export async function namesOnCopies(
  state: ReplicateState,
  { gfid }: FoundFile,
  context: CallContext,
): Promise<string[]> {
  const names = new Set<string>();
  const inode = new Inode(gfid, 'directory');
  await windAll(state.childrenOf(state.up), async (child) => {
    for await (const name of listing(child, inode, context))
      if (!isPrivateName(state, inode, name, context)) names.add(name);
  });
  return [...names];
}

/**
 * What a name means, made the same on all copies first. Undefined where it is gone.
 * @throws GlfsError EIO where copies mean different files and none is known to be right
 */
export async function healedName(
  state: ReplicateState,
  directory: FoundFile,
  name: string,
  context: CallContext,
): Promise<FoundFile | undefined> {
  const parent = new Inode(directory.gfid, 'directory');
  let answers = await answersOf(state, parent, name, context);
  if (disagree(answers) && (await healName(state, parent, name, answers, context)))
    answers = await answersOf(state, parent, name, context);
  const stat = answers.find((answer) => answer?.reply !== undefined)?.reply?.stat;
  if (stat === undefined) return undefined;
  const path = directory.path === '/' ? `/${name}` : `${directory.path}/${name}`;
  return { gfid: stat.gfid, type: typeOfMode(stat.mode), path };
}

/** By position of the copies; those that are down said nothing. */
export async function answersOf(
  state: ReplicateState,
  parent: Inode,
  name: string,
  context: CallContext,
): Promise<LookupAnswers> {
  const answers: LookupAnswers = state.children.map(() => undefined);
  const asked = await windAll(state.childrenOf(state.up), (child) =>
    child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, context),
  );
  for (const { child, reply, error } of asked)
    answers[state.indexOf(child)] = error === undefined ? { reply } : { error };
  return answers;
}
