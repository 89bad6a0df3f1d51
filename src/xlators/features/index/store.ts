import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { type ErrnoCode, GlfsError, toGlfsError } from '../../../errors.ts';
import { type Gfid, gfidToString, newGfid } from '../../../protocol/gfid.ts';
import { decodeText, encodeText } from '../../../xdr/index.ts';
import type { Kind } from './watchlist.ts';

const SLASH = Buffer.from('/');

/** Names by path, joined as bytes: names of files need not be UTF-8. */
export function below(directory: Buffer, name: string): Buffer {
  if (name === '' || name === '.' || name === '..' || name.includes('/'))
    throw new GlfsError('EINVAL', `not a name of an entry: '${name}'`);
  return Buffer.concat([directory, SLASH, encodeText(name)]);
}

/**
 * The index on disk: KIND/GFID for each file (entry-changes/GFID/NAME for each name) that a heal may be pending for. All are
 * hard links to one empty file KIND/KIND-UUID, so that an entry costs no inode, and that file's link count tells whether
 * there are any. Every step is synchronous: nothing comes between.
 */
export class IndexStore {
  /** UUID of the base files that entries are linked to from now on; others are of earlier runs. */
  private current = newGfid();

  constructor(private readonly base: Buffer) {}

  /** @throws GlfsError ENOENT, ENOTDIR where the directory above the index is missing. */
  start(kinds: readonly Kind[]): void {
    system(() => makeDirectory(this.base));
    for (const kind of kinds) {
      const directory = this.directory(kind);
      system(() => makeDirectory(directory));
      // What a crash or a stop left of base files that nothing hangs on any more.
      for (const name of this.names(directory))
        if (isBase(kind, name) && lstatSync(below(directory, name)).nlink === 1)
          unlinkSync(below(directory, name));
    }
  }

  directory(kind: Kind): Buffer {
    return below(this.base, kind);
  }

  add(kind: Kind, gfid: Gfid): void {
    this.link(kind, below(this.directory(kind), gfidToString(gfid)));
  }

  /** No more entry of that file; its absence is no failure. */
  remove(kind: Kind, gfid: Gfid): void {
    const path = below(this.directory(kind), gfidToString(gfid));
    if (kind !== 'entry-changes') {
      unlessMissing(() => unlinkSync(path));
      return;
    }
    try {
      unlessMissing(() => rmdirSync(path));
    } catch (error) {
      if (toGlfsError(error).code !== 'ENOTEMPTY') throw error;
      // Names were left out by a heal that did not go by them: a crawl finds the stale directory under its new name.
      system(() => renameSync(path, below(this.directory(kind), gfidToString(newGfid()))));
    }
  }

  /** A name in a directory that is about to change. */
  addName(directory: Gfid, name: string): void {
    const parent = below(this.directory('entry-changes'), gfidToString(directory));
    const path = below(parent, name);
    system(() => makeDirectory(parent));
    this.link('entry-changes', path);
  }

  removeName(directory: Gfid, name: string): void {
    const parent = below(this.directory('entry-changes'), gfidToString(directory));
    unlessMissing(() => unlinkSync(below(parent, name)));
  }

  has(kind: Kind, gfid: Gfid): boolean {
    return (
      lstatSync(below(this.directory(kind), gfidToString(gfid)), { throwIfNoEntry: false }) !== undefined
    );
  }

  unlink(path: Buffer): void {
    system(() => unlinkSync(path));
  }

  wipe(path: Buffer): void {
    system(() => rmSync(path, { recursive: true, force: true }));
  }

  private link(kind: Kind, path: Buffer): void {
    const code = system(() => tryLink(this.basePath(kind), path));
    if (code === undefined) return;
    // The base file is missing (first use; its directory may be, too), or has all the links that the file system allows.
    if (code === 'EMLINK') this.current = newGfid();
    system(() => {
      makeDirectory(this.directory(kind));
      closeSync(openSync(this.basePath(kind), 'a', 0));
      const again = tryLink(this.basePath(kind), path);
      if (again !== undefined) throw new GlfsError(again, `the index can't take ${decodeText(path)}`);
    });
  }

  private basePath(kind: Kind): Buffer {
    return below(this.directory(kind), `${kind}-${gfidToString(this.current)}`);
  }

  /** Entries of a part; the base files don't count. */
  count(kind: Kind): number {
    const directory = this.directory(kind);
    return this.names(directory).filter((name) => !name.startsWith(kind)).length;
  }

  /** Is any file in the part? By a link count, without listing. What can't be told counts as "yes". */
  hasAny(kind: Kind): boolean {
    const directory = this.directory(kind);
    let doubtful = false;
    try {
      const entries = opendirSync(directory, { encoding: 'buffer' as BufferEncoding });
      try {
        for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
          const name = entry.name as unknown as Buffer;
          const stat = lstatSync(Buffer.concat([directory, SLASH, name]), { throwIfNoEntry: false });
          if (stat === undefined) doubtful = true;
          else if (stat.nlink > 1) return true;
          else doubtful = false;
        }
      } finally {
        entries.closeSync();
      }
    } catch {
      return true;
    }
    return doubtful;
  }

  names(directory: Buffer): string[] {
    return system(() => readdirSync(directory, { encoding: 'buffer' }).map((name) => decodeText(name)));
  }
}

/** Base files of the kinds that hold files; those of entry-changes are listed, as GlusterFS does. */
export function isHidden(name: string): boolean {
  return isBase('xattrop', name) || isBase('dirty', name);
}

function isBase(kind: Kind, name: string): boolean {
  return name.startsWith(`${kind}-`);
}

/** As glusterfsd makes them: 0600. Who is not root can't enter such a directory. */
function makeDirectory(path: Buffer): void {
  try {
    mkdirSync(path, process.getuid?.() === 0 ? 0o600 : 0o700);
  } catch (error) {
    if (toGlfsError(error).code !== 'EEXIST') throw error;
    if (!lstatSync(path).isDirectory())
      throw new GlfsError('ENOTDIR', `${decodeText(path)} is not a directory`);
  }
}

/** Links; an entry that is there is as good. ENOENT and EMLINK are for the caller. */
function tryLink(base: Buffer, path: Buffer): ErrnoCode | undefined {
  try {
    linkSync(base, path);
  } catch (error) {
    const { code } = toGlfsError(error);
    if (code === 'ENOENT' || code === 'EMLINK') return code;
    if (code !== 'EEXIST') throw error;
  }
  return undefined;
}

function unlessMissing(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (toGlfsError(error).code !== 'ENOENT') throw toGlfsError(error);
  }
}

function system<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw toGlfsError(error);
  }
}
