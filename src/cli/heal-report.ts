import type { HealBrick, Healer } from '../api/heal/healer.ts';
import type { HealEntry, HealOutcome } from '../api/heal/types.ts';
import { type ErrnoCode, type GlfsError, toGlfsError } from '../errors.ts';
import { CommandError } from './errors.ts';
import type { Session } from './session.ts';
import { reasonOf, strerror } from './strerror.ts';

type Form = 'entries' | 'summary' | 'split-brain';

/** What one brick's index lists. */
interface BrickEntries {
  readonly brick: HealBrick;
  readonly entries: readonly HealEntry[];
  /** What broke off the crawl, or kept it from beginning. */
  readonly error?: GlfsError;
}

interface Named {
  readonly gfid: string;
  readonly path?: string;
}

/** As `gluster volume heal` names a file. */
export function nameOf({ gfid, path }: Named): string {
  return path ?? `<gfid:${gfid}>`;
}

/** Prints what each brick's index lists, as `gluster volume heal info` does. */
export async function reportInfo(session: Session, healer: Healer, form: Form): Promise<void> {
  if (form === 'split-brain') healer.requireCopies();
  for (const brick of healer.bricks()) {
    if (form === 'split-brain' && brick.type !== 'replicate') continue;
    session.check();
    const found = await entriesOf(session, healer, brick, form);
    await session.out.record(form === 'summary' ? summaryRecord(found) : entriesRecord(found));
    const lines = form === 'summary' ? summaryLines(found) : entryLines(found, form);
    for (const line of [`Brick ${brick.brick}`, ...lines, '']) await session.out.line(line);
  }
}

async function entriesOf(
  session: Session,
  healer: Healer,
  brick: HealBrick,
  form: Form,
): Promise<BrickEntries> {
  const entries: HealEntry[] = [];
  try {
    for await (const entry of healer.info(brick.brick, { signal: session.signal }))
      if (form !== 'split-brain' || entry.state === 'split-brain') entries.push(entry);
    return { brick, entries };
  } catch (thrown) {
    session.check();
    return { brick, entries, error: toGlfsError(thrown) };
  }
}

const notes = { pending: '', healing: ' - Possibly undergoing heal', 'split-brain': ' - Is in split-brain' };

function entryLines({ entries, error }: BrickEntries, form: Form): string[] {
  const count = form === 'split-brain' ? 'Number of entries in split-brain:' : 'Number of entries:';
  const note = ({ state }: HealEntry): string => (form === 'split-brain' ? '' : notes[state]);
  return [
    ...entries.map((entry) => `${nameOf(entry)}${note(entry)}`),
    `Status: ${statusText({ entries, error })}`,
    `${count} ${countText({ entries, error }, entries.length)}`,
  ];
}

function summaryLines(found: Omit<BrickEntries, 'brick'>): string[] {
  const { total, pending, splitBrain, healing } = countsOf(found.entries);
  const text = (count: number): string => countText(found, count);
  return [
    `Status: ${statusText(found)}`,
    `Total Number of entries: ${text(total)}`,
    `Number of entries in heal pending: ${text(pending)}`,
    `Number of entries in split-brain: ${text(splitBrain)}`,
    `Number of entries possibly healing: ${text(healing)}`,
  ];
}

function statusText({ entries, error }: Omit<BrickEntries, 'brick'>): string {
  if (error === undefined) return 'Connected';
  const reason = strerror(error.code);
  return entries.length === 0 ? reason : `Failed to process entries completely. (${reason})`;
}

/** Of a brick that said nothing no number is known. */
function countText({ entries, error }: Omit<BrickEntries, 'brick'>, count: number): string {
  return error !== undefined && entries.length === 0 ? '-' : String(count);
}

function countsOf(entries: readonly HealEntry[]) {
  const of = (state: HealEntry['state']): number => entries.filter((entry) => entry.state === state).length;
  return {
    total: entries.length,
    pending: of('pending'),
    splitBrain: of('split-brain'),
    healing: of('healing'),
  };
}

function brickRecord({ brick, error }: BrickEntries) {
  const status: 'connected' | ErrnoCode = error?.code ?? 'connected';
  return { brick: brick.brick, set: brick.set, status };
}

function entriesRecord(found: BrickEntries): object {
  const entries = found.entries.map(({ gfid, path, state, kinds }) => ({ gfid, path, state, kinds }));
  return { ...brickRecord(found), entries };
}

function summaryRecord(found: BrickEntries): object {
  return { ...brickRecord(found), ...countsOf(found.entries) };
}

const problems = {
  'split-brain': 'Is in split-brain',
  busy: 'Possibly undergoing heal',
  failed: 'Still to be healed',
} as const;

/** Prints what a heal does, as it does it, and in the end how much. What is not healed is a failure. */
export async function reportHeals(session: Session, outcomes: AsyncIterable<HealOutcome>): Promise<void> {
  let healed = 0;
  let left = 0;
  for await (const outcome of outcomes) {
    await session.out.record(recordOf(outcome));
    if (outcome.status === 'healed') {
      healed++;
      await session.out.line(`${nameOf(outcome)} - healed on ${outcome.bricks.join(', ')}`);
    } else if (outcome.status === 'unreachable') {
      session.report.problem(`${outcome.brick}: ${reasonOf(outcome.error)}`, { cause: outcome.error });
    } else if (outcome.status !== 'purged') {
      left++;
      const { error } = outcome;
      const why = error === undefined || outcome.status === 'split-brain' ? '' : `: ${reasonOf(error)}`;
      session.report.problem(`${nameOf(outcome)} - ${problems[outcome.status]}${why}`, { cause: error });
    }
  }
  await session.out.line(`Number of healed entries: ${healed}`);
  if (left > 0) await session.out.line(`Number of entries that still need healing: ${left}`);
}

function recordOf(outcome: HealOutcome): object {
  if (!('error' in outcome) || outcome.error === undefined) return outcome;
  const { message, code } = outcome.error;
  return { ...outcome, error: { message, code } };
}

/** Prints how one file in split-brain was healed. @throws CommandError in the words of `gluster volume heal` */
export async function reportResolution(
  session: Session,
  file: string,
  resolution: Promise<HealOutcome>,
): Promise<void> {
  try {
    await session.out.record(recordOf(await resolution));
  } catch (thrown) {
    session.check();
    const error = toGlfsError(thrown);
    const reason = error.code === 'EINVAL' ? error.reason : reasonOf(error);
    throw new CommandError(`Healing ${file} failed: ${reason}.`, { cause: error });
  }
  await session.out.line(`Healed ${file}.`);
}
