import type { Dict } from '../../../../protocol/dict.ts';
import { type ChildSet, countOf, indicesOf, NO_CHILDREN } from '../../children.ts';
import { copyMetadata, fingerprint, MERGED, sharedAttributes } from '../../shared-attributes.ts';
import { wind, windAll } from '../../wind.ts';
import { settleCounters } from './counters.ts';
import { restoreTimes } from './data-heal.ts';
import { beyondRepair, largest } from './direction.ts';
import { attributesOf, type Examined, examine, METADATA } from './examine.ts';
import { type Hold, locked } from './locks.ts';
import { CLEAN, checkpoint, type HealResult, type HealSession, requireEnough } from './session.ts';

/** A file with all that must be the same everywhere. */
interface Described extends Examined {
  readonly attributes: Dict;
}

/** Brings permissions, owner, extended attributes and times from those that agree to all others. */
export function healMetadata(session: HealSession): Promise<HealResult> {
  return locked(session, session.inode, (hold) => healLocked(session, hold));
}

async function healLocked(session: HealSession, { on }: Hold): Promise<HealResult> {
  const { state, inode, context } = session;
  const now = await examine(session, inode, on);
  const described = await describe(session, now.found);
  const sources = sourcesAmong(session, described);
  const source = described
    .filter(({ index }) => (sources & (1 << index)) !== 0)
    .reduce((newest, each) => (each.version[METADATA] > newest.version[METADATA] ? each : newest));
  const sinks = described.reduce((set, { index }) => set | (1 << index), NO_CHILDREN) & ~sources;
  checkpoint(session);
  let healed = NO_CHILDREN;
  let failed: unknown;
  for (const index of indicesOf(sinks)) {
    const { error } = await wind(state.children[index]!, (child) =>
      copyMetadata(child, inode, source, context),
    );
    if (error === undefined) healed |= 1 << index;
    else failed = error;
  }
  if (sinks !== NO_CHILDREN && healed === NO_CHILDREN) throw failed;
  await restoreTimes(session, source, healed);
  const complete = await settleCounters(session, { counter: METADATA, now, source, sources, healed });
  if (failed !== undefined) return { status: 'failed', sinks: healed, error: failed };
  if (healed !== NO_CHILDREN) return { status: 'healed', sinks: healed };
  if (!complete) throw state.tooFew(sources);
  return CLEAN;
}

/** @throws GlfsError ENOTCONN */
async function describe(
  { state, inode, context }: HealSession,
  found: readonly Examined[],
): Promise<Described[]> {
  const answers = await windAll(
    found.map(({ index }) => state.children[index]!),
    (child) => sharedAttributes(child, inode, context),
  );
  const described = found.flatMap((each, position) => {
    const attributes = answers[position]!.reply;
    return attributes === undefined ? [] : [{ ...each, attributes }];
  });
  requireEnough(
    state,
    described.reduce((set, { index }) => set | (1 << index), NO_CHILDREN),
  );
  return described;
}

/**
 * Those that say the same, by what they say and not by their version: a change may have been made, and the version not moved. Times
 * of reads may differ among those that are right, so they decide only where all else is alike.
 * @throws GlfsError EIO
 */
function sourcesAmong({ state }: HealSession, described: readonly Described[]): ChildSet {
  const exactly = largest(described, (each) => keyOf(each, () => true));
  if (countOf(exactly) >= state.data) return exactly;
  const roughly = largest(described, (each) => keyOf(each, (name) => name !== MERGED));
  if (countOf(roughly) >= state.data) return roughly;
  throw beyondRepair(state, 'subvolumes have the same attributes');
}

function keyOf({ stat, attributes }: Described, counts: (name: string) => boolean): string {
  const entries = [...attributes]
    .filter(([name]) => counts(name))
    .map(([name, entry]) => [name, fingerprint(entry)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([attributesOf(stat), entries]);
}
