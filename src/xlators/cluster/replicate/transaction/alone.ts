import { type CallContext, detached, newLkOwner, type Reply } from '../../../../graph/index.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import { countOf, NO_CHILDREN } from '../../children.ts';
import { dataLockee, entryLockees, type Lockee, metadataLockee, WHOLE_FILE } from '../../locking/lockees.ts';
import { takeLocks } from '../../locking/locks.ts';
import { internalDetached } from '../../wind.ts';
import type { Operation } from '../operation.ts';
import type { ReplicateState } from '../state.ts';
import { Marking } from './marking.ts';
import type { MarkTarget } from './marks.ts';
import { answer } from './reply.ts';
import { type Answers, judge, type Verdict } from './verdict.ts';
import { windCopies } from './winding.ts';

/** One change under locks and marks of its own. */
export async function runAlone<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  context: CallContext,
): Promise<Reply<K>> {
  const owner: CallContext = { ...internalDetached(context), lkOwner: newLkOwner() };
  const locks = await takeLocks(state, lockeesOf(state, operation), owner);
  let marking: Marking;
  try {
    marking = await Marking.begin(state, operation.kind, targetsOf(operation), locks, owner);
  } catch (error) {
    state.background('unlock', () => locks.drop());
    throw error;
  }
  const { reply, error } = await changeUnder(state, operation, marking, context, () => locks.drop());
  if (reply === undefined) throw error;
  return reply;
}

export interface Changed<K extends FopName> {
  readonly reply?: Reply<K>;
  readonly error?: unknown;
  /** Not all copies that took part have made the change. */
  readonly failed: boolean;
}

/** Makes the change and sets the marks right; `after` runs when all is done, however it ends. Never rejects. */
export async function changeUnder<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  marking: Marking,
  context: CallContext,
  after: () => Promise<void>,
): Promise<Changed<K>> {
  const finish = (): void => state.background('post-op', () => marking.end().finally(after));
  let verdict: Verdict<K>;
  let failed: boolean;
  try {
    verdict = await change(state, operation, marking, detached(context));
    failed = marking.take(verdict);
    await mend(state, operation, verdict, context);
  } catch (error) {
    finish();
    return { error, failed: true };
  }
  const { error, outcome } = verdict;
  if (!failed && !marking.owes) {
    finish();
    return error === undefined ? { reply: answer(state, operation, outcome), failed } : { error, failed };
  }
  const late = await marking.end().finally(() => state.background('unlock', after));
  if (error !== undefined) return { error, failed };
  if (late !== undefined) return { error: late.with({ outcome: 'unknown' }), failed };
  return { reply: answer(state, operation, outcome), failed };
}

function change<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  marking: Marking,
  context: CallContext,
): Promise<Verdict<K>> {
  const refusal = marking.refusal();
  if (refusal !== undefined) return Promise.reject(refusal);
  return new Promise((resolve, reject) => {
    windCopies(state, operation, marking.ready, context, (answers) => {
      try {
        if (leavesUnstable(operation, answers)) marking.wrote();
        resolve(judge(state, operation, answers, marking));
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

/** Whether bytes of the change are in caches of bricks. */
export function leavesUnstable<K extends FopName>(operation: Operation<K>, answers: Answers<K>): boolean {
  if (operation.kind !== 'data' || !operation.unstable) return false;
  return operation.settles === undefined || !operation.settles(answers);
}

async function mend<K extends FopName>(
  state: ReplicateState,
  operation: Operation<K>,
  { outcome, error }: Verdict<K>,
  context: CallContext,
): Promise<void> {
  if (operation.mend === undefined || error !== undefined || outcome.failed === NO_CHILDREN) return;
  if (countOf(outcome.succeeded) === 0 || !state.quorum.met(outcome.succeeded)) return;
  try {
    await operation.mend(outcome, internalDetached(context));
  } catch (thrown) {
    state.log.warn({ translator: state.name, error: thrown }, 'copies of a new file could not be marked');
  }
}

function lockeesOf<K extends FopName>(state: ReplicateState, operation: Operation<K>): Lockee[] {
  if (operation.kind === 'entry') return entryLockees(operation.locks, state.domain);
  if (operation.kind === 'metadata') return [metadataLockee(operation, state.domain)];
  const whole = state.options['full-lock'] || state.arbiter !== undefined;
  return [dataLockee(operation, state.domain, whole ? WHOLE_FILE : operation.range)];
}

function targetsOf<K extends FopName>(operation: Operation<K>): MarkTarget[] {
  if (operation.kind !== 'entry') return [operation];
  return operation.marks.map(({ parent, name }) => ({ inode: parent, name }));
}
