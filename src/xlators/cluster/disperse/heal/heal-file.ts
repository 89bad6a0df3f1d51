import { GlfsError } from '../../../../errors.ts';
import { type CallContext, Inode } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { typeOfMode } from '../../../../protocol/iatt.ts';
import { countOf, NO_CHILDREN } from '../../children.ts';
import type { DisperseState } from '../state.ts';
import { healData } from './data.ts';
import { healEntries } from './entry.ts';
import { type Examination, examine, type HealKind, kindsOf } from './examine.ts';
import { inspect } from './inspect.ts';
import { healMetadata } from './metadata.ts';
import {
  CLEAN,
  checkpoint,
  failure,
  type HealResult,
  type HealSession,
  type HealStatus,
  openSession,
  requireEnough,
} from './session.ts';

/** What a heal came to. */
export interface FileHealResult extends HealResult {
  /** Files that a directory has got by it, and that are to be healed themselves. */
  readonly made: readonly Gfid[];
}

type Healed = HealResult & { readonly made?: readonly Gfid[] };

/** Bytes change times, and so do names: attributes come last. */
const steps: Readonly<Record<HealKind, (session: HealSession) => Promise<Healed>>> = {
  data: healData,
  entry: healEntries,
  metadata: healMetadata,
};

/** What counts more in the end. */
const severity: readonly HealStatus[] = ['failed', 'busy', 'healed', 'clean'];

/** `thorough`: whatever the counters say. `partial`: of a directory its attributes only. */
export interface HealWishes {
  readonly thorough?: boolean;
  readonly partial?: boolean;
}

/** Heals attributes, data and names of one file, whatever it needs. Never rejects for what is wrong with the file. */
export async function healFile(
  state: DisperseState,
  gfid: Gfid,
  caller: CallContext,
  wishes: HealWishes = {},
): Promise<FileHealResult> {
  try {
    return await healKinds(openSession(state, new Inode(gfid), caller), wishes);
  } catch (thrown) {
    return { ...failure(thrown), made: [] };
  }
}

async function healKinds(session: HealSession, { thorough, partial }: HealWishes): Promise<FileHealResult> {
  const { state, inode } = session;
  requireEnough(state, state.up);
  const seen = await examine(session, inode, state.up);
  requirePresent(session, seen);
  const [first] = seen.found;
  inode.type = typeOfMode(first!.stat.mode);
  if (!thorough && inspect(state, seen, false).need === 'no') return { ...CLEAN, made: [] };
  const results: Healed[] = [];
  for (const kind of kindsOf(first!.stat)) {
    if (partial && kind === 'entry') continue;
    checkpoint(session);
    results.push(await steps[kind](session).catch(failure));
  }
  return together(results);
}

/** @throws GlfsError ENOENT where so many lack it that nobody can have it; ENOTCONN */
function requirePresent({ state }: HealSession, { children, absent, errors }: Examination): void {
  const gone = countOf(absent) > state.redundancy;
  if (children === NO_CHILDREN && gone) throw errors[0]!;
  if (!gone) {
    requireEnough(state, children);
    return;
  }
  const reason = 'too few subvolumes have it: it goes when its directory is healed';
  throw new GlfsError('ENOENT', reason, { translator: state.name });
}

function together(results: readonly Healed[]): FileHealResult {
  const sinks = results.reduce((set, result) => set | result.sinks, NO_CHILDREN);
  const made = results.flatMap((result) => result.made ?? []);
  for (const status of severity) {
    const found = results.find((result) => result.status === status);
    if (found !== undefined) return { ...found, sinks, made };
  }
  return { ...CLEAN, made };
}
