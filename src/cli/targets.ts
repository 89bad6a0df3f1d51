import { CommandError, UsageError } from './errors.ts';
import { failed } from './failed.ts';
import { localPlace } from './local-side.ts';
import { baseName, isVolumeUrl, locate } from './locate.ts';
import { quote } from './quote.ts';
import type { Session } from './session.ts';
import type { Place } from './side.ts';
import { codeOf } from './strerror.ts';
import { volumePlace } from './volume-side.ts';

/** Sources and target of cp, mv, put and get. @throws UsageError where there are too few */
export function splitOperands(operands: readonly string[]): { sources: readonly string[]; target: string } {
  const target = operands.at(-1);
  if (target === undefined) throw new UsageError('missing file operand');
  if (operands.length === 1) throw new UsageError(`missing destination file operand after ${quote(target)}`);
  return { sources: operands.slice(0, -1), target };
}

/** The place that an operand names: in a volume where it is a URL, on this machine otherwise. */
export async function placeOf(session: Session, operand: string): Promise<Place> {
  if (!isVolumeUrl(operand)) return localPlace(operand);
  return volumePlace(await session.open(operand), session.calls);
}

/** Where sources go: a directory that takes them under their own names, or the one name that is given. */
export interface Destination {
  readonly place: Place;
  readonly isDirectory: boolean;
}

/** What a path can have wrong with it. */
const codesOfPaths: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENAMETOOLONG']);

/** @throws CommandError where several sources are to go to something that is no directory */
export async function destinationOf(session: Session, target: string, sources: number): Promise<Destination> {
  const message = `target ${quote(target)}`;
  try {
    const place = await placeOf(session, target);
    const existing = await place.side.stat(place.path, true).catch((error: unknown) => {
      // What is not there yet is made, and whether it can be made is the copying's to say.
      if (sources === 1 && codesOfPaths.has(codeOf(error) ?? '')) return undefined;
      throw error;
    });
    const isDirectory = existing?.kind === 'directory';
    if (sources > 1 && !isDirectory) throw new CommandError(`${message}: Not a directory`);
    return { place, isDirectory };
  } catch (error) {
    throw failed(message, error);
  }
}

/** The place for one source. `.`, `..` and the root of a volume go into the directory itself. */
export function placeIn({ place, isDirectory }: Destination, source: string): Place {
  if (!isDirectory) return place;
  const name = baseName(isVolumeUrl(source) ? locate(source).path : source);
  return name === '' || name === '.' || name === '..' ? place : place.child(name);
}
