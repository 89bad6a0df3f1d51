import type { OptionSpec } from '../command.ts';
import { Copier, type CopyOptions } from '../copier.ts';
import { orFail } from '../failed.ts';
import { quote } from '../quote.ts';
import type { Session } from '../session.ts';
import { destinationOf, placeIn, placeOf } from '../targets.ts';

/** Options that cp, put and get have in common. */
export const copyOptions: readonly OptionSpec[] = [
  { flags: '-r, --recursive', help: 'directories with all that is in them; symbolic links stay links' },
  { flags: '-p, --preserve', help: 'keep mode, owner (where allowed) and times' },
  { flags: '-L, --dereference', help: 'copy what symbolic links lead to' },
  { flags: '-f, --force', help: "remove a target that can't be opened, and try again" },
  { flags: '-n, --no-clobber', help: 'leave alone what exists' },
  { flags: '-v, --verbose', help: 'say what is copied' },
  { flags: '--fsync', help: 'wait until the data is on disk' },
];

/** Copies sources to, or into, a target. Failures of single sources are reported. @throws CommandError of the target */
export async function copyAll(
  session: Session,
  sources: readonly string[],
  target: string,
  options: CopyOptions,
): Promise<void> {
  const destination = await destinationOf(session, target, sources.length);
  const single = sources.length === 1 && options.recursive !== true;
  const copier = new Copier(session, options, single);
  for (const source of sources) {
    session.check();
    const message = `cannot access ${quote(source)}`;
    await session.report.attempt(message, async () => {
      const from = await orFail(message, placeOf(session, source));
      await copier.copy(from, placeIn(destination, source));
    });
  }
}
