import type { Dirent } from '../api/dirent.ts';
import type { Stats } from '../api/stats.ts';
import { mapInParallel } from './concurrency.ts';
import type { Listed } from './listing.ts';
import { childOf, type Location } from './locate.ts';
import type { Opened, Session } from './session.ts';

/** An entry of a directory, with where it is. */
export interface Entry extends Listed {
  readonly location: Location;
  /** A directory, and not a link to one. */
  readonly isDirectory: boolean;
}

export interface Wanted {
  /** Attributes of each entry, and the targets of links. */
  readonly attributes: boolean;
  /** Names that begin with a dot, too. */
  readonly hidden: boolean;
}

/** Lookups that are under way at once. */
const PARALLEL = 16;

/** All entries of a directory but `.` and `..`, unsorted. @throws GlfsError as opendir and readdir do */
export async function readEntries(session: Session, opened: Opened, wanted: Wanted): Promise<Entry[]> {
  const { volume, location } = opened;
  const listed: (Dirent & { stats?: Stats })[] = wanted.attributes
    ? await volume.readdirPlus(location.path, session.calls)
    : await volume.readdir(location.path, { ...session.calls, withFileTypes: true });
  const shown = listed.filter(({ name }) => wanted.hidden || !name.startsWith('.'));
  return mapInParallel(shown, PARALLEL, async (entry): Promise<Entry> => {
    const at = childOf(location, entry.name);
    const incomplete = wanted.attributes ? entry.stats === undefined : entry.type === 'unknown';
    // What vanished meanwhile is shown without attributes, as ls does.
    const stats = incomplete
      ? await volume.lstat(at.path, session.calls).catch(() => undefined)
      : entry.stats;
    const isLink = wanted.attributes && stats?.isSymbolicLink();
    const target = isLink ? await volume.readlink(at.path, session.calls).catch(() => undefined) : undefined;
    return {
      name: entry.name,
      location: at,
      stats,
      target,
      isDirectory: stats?.isDirectory() ?? entry.isDirectory(),
    };
  });
}

/** What a path names, itself or what it leads to. @throws GlfsError */
export async function readEntry(
  session: Session,
  { location, volume }: Opened,
  follow: boolean,
): Promise<Entry> {
  const stats = await (follow
    ? volume.stat(location.path, session.calls)
    : volume.lstat(location.path, session.calls));
  const target = stats.isSymbolicLink() ? await volume.readlink(location.path, session.calls) : undefined;
  return { name: location.url, location, stats, target, isDirectory: stats.isDirectory() };
}
