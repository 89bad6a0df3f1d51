import { command, requireUrls } from '../command.ts';
import { Copier } from '../copier.ts';
import { CommandError } from '../errors.ts';
import { failed, orFail } from '../failed.ts';
import { quote } from '../quote.ts';
import { Remover } from '../remover.ts';
import type { Opened, Session } from '../session.ts';
import type { Place } from '../side.ts';
import { codeOf } from '../strerror.ts';
import { type Destination, destinationOf, placeIn, splitOperands } from '../targets.ts';
import { volumePlace } from '../volume-side.ts';

interface MvOptions {
  clobber?: boolean;
  force?: boolean;
  verbose?: boolean;
}

async function move(
  session: Session,
  url: string,
  destination: Destination,
  options: MvOptions,
): Promise<void> {
  const opened = await orFail(`cannot access ${quote(url)}`, session.open(url));
  const from = volumePlace(opened, session.calls);
  const to = placeIn(destination, url);
  const source = await orFail(`cannot stat ${quote(url)}`, from.side.stat(from.path, false));
  const existing = await to.side.stat(to.path, false).catch(() => undefined);
  if (existing !== undefined) {
    if (existing.identity === source.identity)
      throw new CommandError(`${quote(url)} and ${quote(to.shown)} are the same file`);
    if (options.clobber === false) return;
    const [isTree, ontoTree] = [source.kind === 'directory', existing.kind === 'directory'];
    if (ontoTree && !isTree)
      throw new CommandError(`cannot overwrite directory ${quote(to.shown)} with non-directory`);
    if (isTree && !ontoTree)
      throw new CommandError(
        `cannot overwrite non-directory ${quote(to.shown)} with directory ${quote(url)}`,
      );
  }
  if (from.side.key === to.side.key) await rename(session, opened, to);
  else await copyAndRemove(session, from, to);
  if (options.verbose) await session.out.line(`renamed ${quote(url)} -> ${quote(to.shown)}`);
  await session.out.record({ source: url, target: to.shown });
}

async function rename(session: Session, { location, volume }: Opened, to: Place): Promise<void> {
  try {
    await volume.rename(location.path, to.path, session.calls);
  } catch (error) {
    if (codeOf(error) === 'EINVAL')
      throw new CommandError(
        `cannot move ${quote(location.url)} to a subdirectory of itself, ${quote(to.shown)}`,
        {
          cause: error,
        },
      );
    throw failed(`cannot move ${quote(location.url)} to ${quote(to.shown)}`, error);
  }
}

/** From one volume to another: nothing is removed before everything has arrived on disk. */
async function copyAndRemove(session: Session, from: Place, to: Place): Promise<void> {
  const copier = new Copier(
    session,
    { recursive: true, preserve: true, force: true, fsync: true, silent: true },
    false,
  );
  if (!(await copier.copy(from, to))) return;
  await new Remover(session, { recursive: true, silent: true }).remove(from);
}

export const mv = command<MvOptions>({
  name: 'mv',
  summary: 'rename or move files',
  operands: 'SOURCE... TARGET',
  description:
    'Within a volume files are renamed. From one volume to another they are copied, and then removed.',
  options: [
    { flags: '-n, --no-clobber', help: 'leave alone what exists' },
    { flags: '-f, --force', help: 'overwrite without asking, which is the default' },
    { flags: '-v, --verbose', help: 'say what is moved' },
  ],
  examples: [
    ['mv gluster://server/vol/old gluster://server/vol/new', 'renames'],
    ['mv gluster://server/vol/a gluster://server/vol/b gluster://server/vol/dir', 'moves into a directory'],
  ],
  async run(session, operands, options) {
    const { sources, target } = splitOperands(operands);
    requireUrls(operands);
    const destination = await destinationOf(session, target, sources.length);
    for (const source of sources) {
      session.check();
      await session.report.attempt(`cannot move ${quote(source)}`, () =>
        move(session, source, destination, options),
      );
    }
  },
});
