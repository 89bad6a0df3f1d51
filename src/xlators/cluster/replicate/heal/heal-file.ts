import { type CallContext, Inode } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { NO_CHILDREN } from '../../children.ts';
import type { ChangeKind } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';
import { healData } from './data.ts';
import { healEntries } from './entry.ts';
import { answered, examine } from './examine.ts';
import { suspicionOf } from './inspect.ts';
import { healMetadata } from './metadata.ts';
import { failure, splitBrain } from './outcome.ts';
import {
  checkpoint,
  type HealResult,
  type HealSession,
  type HealStatus,
  openSession,
  requireAll,
  type SplitBrainPolicy,
} from './session.ts';

/** In this order: bytes change times, which metadata then sets. */
const steps: readonly (readonly [ChangeKind, (session: HealSession) => Promise<HealResult>])[] = [
  ['data', healData],
  ['metadata', healMetadata],
  ['entry', healEntries],
];

/** What counts more in the end. */
const severity: readonly HealStatus[] = ['split-brain', 'failed', 'busy', 'healed', 'clean'];

export const allKinds: readonly ChangeKind[] = steps.map(([kind]) => kind);

/** Heals attributes, data and entries of one file, whatever it needs. Never rejects for what is wrong with the file. */
export async function healFile(
  state: ReplicateState,
  gfid: Gfid,
  context: CallContext,
  policy?: SplitBrainPolicy,
  kinds: readonly ChangeKind[] = allKinds,
): Promise<HealResult> {
  const inode = new Inode(gfid);
  const file = state.file(gfid);
  file.pins++;
  try {
    return await healKinds(openSession(state, inode, context, policy), kinds);
  } catch (thrown) {
    return failure(thrown);
  } finally {
    file.pins--;
    file.forget();
  }
}

async function healKinds(session: HealSession, kinds: readonly ChangeKind[]): Promise<HealResult> {
  const { state, inode } = session;
  requireAll(state);
  const found = await examine(state, inode, session.context);
  const suspicion = suspicionOf(state, found);
  if (suspicion.torn) return splitBrain(session, 'entry');
  requireAll(state, answered(found));
  inode.type = suspicion.type;
  const results: HealResult[] = [];
  for (const [kind, heal] of steps) {
    if (!suspicion.kinds[kind] || !kinds.includes(kind)) continue;
    if (kind === 'data' && suspicion.type !== 'file') continue;
    checkpoint(session);
    results.push(await heal(session).catch(failure));
  }
  return together(results);
}

function together(results: readonly HealResult[]): HealResult {
  const sinks = results.reduce((set, result) => set | result.sinks, NO_CHILDREN);
  for (const status of severity) {
    const found = results.find((result) => result.status === status);
    if (found !== undefined) return { ...found, sinks };
  }
  return { status: 'clean', sinks };
}
