import { decodeText } from '../xdr/index.ts';
import { checksumOf, contentOf } from './checksum-files.ts';
import { type ChecksumLine, parseChecksum, printName } from './checksum-lines.ts';
import { type DigestName, digestBytes } from './digests.ts';
import type { Session } from './session.ts';
import { codeOf } from './strerror.ts';

export interface CheckOptions {
  readonly algorithm: DigestName;
  /** Files that are not there are no failure. */
  readonly ignoreMissing: boolean;
  /** Only the exit code tells. */
  readonly silent: boolean;
}

type Outcome = 'ok' | 'failed' | 'unreadable' | 'missing';

const shownAs: Partial<Record<Outcome, string>> = {
  ok: 'OK',
  failed: 'FAILED',
  unreadable: 'FAILED open or read',
};

/** Checks the files of one list; messages and their order are sha256sum's. @throws where the list can't be read */
export async function checkList(session: Session, list: string, options: CheckOptions): Promise<void> {
  const { lines, malformed } = await readList(session, list, digestBytes(options.algorithm));
  if (lines.length === 0) {
    session.report.problem(`${list}: no properly formatted checksum lines found`);
    return;
  }
  const counts: Record<Outcome, number> = { ok: 0, failed: 0, unreadable: 0, missing: 0 };
  for (const line of lines) {
    session.check();
    const outcome = await checkFile(session, line, options);
    counts[outcome]++;
    const shown = shownAs[outcome];
    if (shown === undefined) continue;
    if (!options.silent) await session.out.line(`${printName(line.name)}: ${shown}`);
    const { algorithm } = options;
    await session.out.record({ file: line.name, algorithm, status: outcome });
  }
  sumUp(session, list, { ...counts, malformed }, options);
}

async function readList(
  session: Session,
  list: string,
  bytes: number,
): Promise<{ lines: ChecksumLine[]; malformed: number }> {
  const meant = decodeText(await contentOf(session, list))
    .split('\n')
    .map((text) => text.replace(/\r$/, ''))
    .filter((text) => text !== '' && !text.startsWith('#'));
  const lines = meant.map((text) => parseChecksum(text, bytes)).filter((line) => line !== undefined);
  return { lines, malformed: meant.length - lines.length };
}

async function checkFile(
  session: Session,
  { name, hex }: ChecksumLine,
  { algorithm, ignoreMissing }: CheckOptions,
): Promise<Outcome> {
  let seen: string;
  try {
    seen = await checksumOf(session, name, algorithm);
  } catch (error) {
    if (ignoreMissing && codeOf(error) === 'ENOENT') return 'missing';
    session.report.failure({ message: name }, error);
    return 'unreadable';
  }
  return seen === hex ? 'ok' : 'failed';
}

function sumUp(
  { report }: Session,
  list: string,
  { ok, failed, unreadable, malformed }: Record<Outcome | 'malformed', number>,
  { silent, ignoreMissing }: CheckOptions,
): void {
  const nothing = ignoreMissing && ok + failed === 0;
  if (silent) {
    if (failed > 0 || nothing) report.silentProblem();
    return;
  }
  const many = (count: number, one: string, more: string): string =>
    `WARNING: ${count} ${count === 1 ? one : more}`;
  if (malformed > 0)
    report.note(many(malformed, 'line is improperly formatted', 'lines are improperly formatted'));
  if (unreadable > 0)
    report.note(many(unreadable, 'listed file could not be read', 'listed files could not be read'));
  if (failed > 0)
    report.problem(many(failed, 'computed checksum did NOT match', 'computed checksums did NOT match'));
  if (nothing) report.problem(`${list}: no file was verified`);
}
