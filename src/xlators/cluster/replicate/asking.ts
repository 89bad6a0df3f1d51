import type { ErrnoCode, GlfsError } from '../../../errors.ts';
import { type CallContext, HEAL_PID, type Reply } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { keyKinds, keys } from '../../../protocol/keys.ts';
import { type ChildSet, has, NO_CHILDREN } from '../children.ts';
import { type Answer, combined, type Failure } from '../wind.ts';
import { CHANGELOG_BYTES, PENDING_PREFIX } from './changelog.ts';
import type { CopyAnswer } from './operation.ts';
import type { ReplicateState } from './state.ts';

/* What replicate asks of the copies along with lookups, and what of it goes up. */

/** Name by which the index counts files that are to be healed. */
const PENDING_INDEX = 'glusterfs.xattrop_index_count';
const INODELKS = keyKinds.uint(keys.inodelkCount.name);
const ENTRYLKS = keyKinds.uint(keys.entrylkCount.name);
const PARENT_ENTRYLKS = keyKinds.uint(keys.parentEntrylk.name);

/** Changelogs, and whether the brick has anything to heal. */
function withChangelogs(state: ReplicateState, xdata: Dict): Dict {
  for (const name of [...state.pendingNames, state.dirtyName]) {
    xdata.setEntry(name, { type: 'uint', value: BigInt(CHANGELOG_BYTES) });
  }
  return xdata.set(keys.linkCountOf, PENDING_INDEX);
}

/** With LOOKUPs that callers have asked for: all kinds of locks are counted, because names are about to be judged, too. */
export function lookupQuestions(state: ReplicateState, given: Dict | undefined): Dict {
  const xdata = withChangelogs(state, given === undefined ? new Dict() : given.clone());
  if (state.options['metadata-self-heal']) xdata.set(keys.listXattrs, 1);
  return xdata.set(INODELKS, 0).set(ENTRYLKS, 0).set(PARENT_ENTRYLKS, 0);
}

/** When only the state of the copies is of interest: the locks that count are those of transactions. */
export function refreshQuestions(state: ReplicateState): Dict {
  return withChangelogs(state, new Dict()).set(keys.inodelkDomainCount, state.domain);
}

/** Beginnings of the names of what is stored with a file, as opposed to what bricks make up. */
const STORED = ['user.', 'security.', 'system.', 'trusted.'];
const asked = [INODELKS, ENTRYLKS, PARENT_ENTRYLKS, keys.linkCountOf, keys.listXattrs].map(
  ({ name }) => name,
);

/** What the caller asked for, and not what replicate did. Changelogs are for healers. */
export function answerToCaller(
  state: ReplicateState,
  xdata: Dict | undefined,
  given: Dict | undefined,
  { pid }: CallContext,
): Dict | undefined {
  if (xdata === undefined || pid === HEAL_PID) return xdata;
  const visible = new Dict();
  const listed = given?.has(keys.listXattrs) === true || !state.options['metadata-self-heal'];
  for (const [name, entry] of xdata) {
    if (isChangelog(state, name)) continue;
    const wanted = given?.has(name) === true;
    if (!wanted && asked.includes(name)) continue;
    if (!wanted && !listed && STORED.some((prefix) => name.startsWith(prefix))) continue;
    visible.setEntry(name, entry);
  }
  return visible;
}

export function isChangelog(state: ReplicateState, name: string): boolean {
  return name.startsWith(PENDING_PREFIX) || name === state.dirtyName;
}

/** Whether any lock is held that the questions count. */
export function isLocked(xdata: Dict | undefined, what: 'data' | 'name'): boolean {
  const key = what === 'data' ? INODELKS : PARENT_ENTRYLKS;
  return (xdata?.get(key) ?? 0) > 0;
}

/** Whether the brick has anything to heal; one that can't say counts as one that has. */
export function hasPendingHeals(xdata: Dict | undefined): boolean {
  return xdata === undefined || (xdata.get(keys.linkCount) ?? 1) !== 0;
}

/** Answers by position of the copy. */
export function byPosition<K extends FopName>(
  state: ReplicateState,
  answers: readonly Answer<Reply<K>>[],
): (CopyAnswer<K> | undefined)[] {
  const found: (CopyAnswer<K> | undefined)[] = state.children.map(() => undefined);
  for (const answer of answers) {
    const { child, error } = answer;
    found[state.indexOf(child)] = error === undefined ? { reply: answer.reply } : { error };
  }
  return found;
}

export function succeeded(answers: readonly (CopyAnswer<FopName> | undefined)[]): ChildSet {
  let set = NO_CHILDREN;
  for (const [index, answer] of answers.entries()) if (answer?.reply !== undefined) set |= 1 << index;
  return set;
}

/** Copies that could be asked, whatever they said. */
export function reached(answers: readonly (CopyAnswer<FopName> | undefined)[]): ChildSet {
  let set = NO_CHILDREN;
  for (const [index, answer] of answers.entries()) {
    if (answer === undefined) continue;
    if (answer.error === undefined || !isUnreached(answer.error)) set |= 1 << index;
  }
  return set;
}

/** What a copy says of a file that it does not have, or of a name in a directory that it does not have. */
export function isAbsence(error: GlfsError | undefined): boolean {
  return error?.code === 'ENOENT' || error?.code === 'ESTALE';
}

/** Copies that say that there is no such file. */
export function absentOn(answers: readonly (CopyAnswer<FopName> | undefined)[]): ChildSet {
  let set = NO_CHILDREN;
  for (const [index, answer] of answers.entries()) if (isAbsence(answer?.error)) set |= 1 << index;
  return set;
}

function isUnreached(error: GlfsError): boolean {
  return error.outcome === 'unknown' || error.code === 'ENOTCONN';
}

/** Errors that say more than others, the first most: as AFR ranks them. */
const ranks: readonly ErrnoCode[] = ['ENODATA', 'ENOENT', 'ESTALE', 'ENOSPC'];

/** One error for those of all copies. */
export function finalError(
  state: ReplicateState,
  answers: readonly (CopyAnswer<FopName> | undefined)[],
): GlfsError {
  const failed: Failure[] = [];
  for (const [index, answer] of answers.entries()) {
    if (answer?.error !== undefined) failed.push({ child: state.children[index]!, error: answer.error });
  }
  for (const code of ranks) {
    const ranked = failed.filter(({ error }) => error.code === code);
    if (ranked.length > 0) return combined(ranked, state.name);
  }
  return combined(failed, state.name);
}

/**
 * Why nothing can be said of a file that too few copies have: what the copies say, but that it is missing only where enough say
 * so. The word of one that has missed its making is no more than that nobody else could be asked.
 */
export function refusal(
  state: ReplicateState,
  answers: readonly (CopyAnswer<FopName> | undefined)[],
): GlfsError {
  const error = finalError(state, answers);
  if (!state.quorum.met(reached(answers))) return state.tooFew(reached(answers)).with({ cause: error });
  const absent = absentOn(answers);
  if (!isAbsence(error) || !state.quorum.wanted || state.quorum.met(absent)) return error;
  const others = answers.map((answer, index) => (has(absent, index) ? undefined : answer));
  const unsure = others.some((answer) => answer?.error !== undefined);
  return unsure ? finalError(state, others) : state.tooFew(succeeded(answers)).with({ cause: error });
}
