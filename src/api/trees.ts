import { GlfsError, isGlfsError } from '../errors.ts';
import type { Inode } from '../graph/index.ts';
import type { Call } from './calls.ts';
import { mkdir, rmdir } from './entries.ts';
import { parsePath } from './names.ts';
import { openDirectory } from './opening.ts';
import { atPath, atPlace, lookupChild, pathOf } from './paths.ts';
import { inFlight } from './transfer.ts';
import type { Path } from './types.ts';

/** Entries of one directory that are removed at once. */
const PARALLEL = 8;
const LISTING_BYTES = 128 * 1024;
/** How often a directory is emptied again because others still fill it. */
const ROUNDS = 3;

/**
 * `mkdir -p`. Gives the absolute path of the first directory that was made, or undefined where all were there.
 * @throws GlfsError ENOTDIR or EEXIST where something else than a directory is in the way
 */
export async function makeTree(call: Call, path: Path, mode: number): Promise<string | undefined> {
  const { absolute, names } = parsePath(path);
  const prefixes = names.map((_, index) => `${absolute ? '/' : ''}${names.slice(0, index + 1).join('/')}`);
  // From the end, because most of the way is there as a rule.
  let missing = prefixes.length;
  const made: string[] = [];
  for (let index = missing - 1; index >= 0; index--) {
    const state = await makeOne(call, prefixes[index]!, mode, made);
    if (state === 'there') {
      missing = index + 1;
      break;
    }
    missing = index;
  }
  if (made.length === 0 && missing === prefixes.length) return undefined;
  for (let index = missing; index < prefixes.length; index++) {
    if ((await makeOne(call, prefixes[index]!, mode, made)) === 'no parent') throw new GlfsError('ENOENT');
  }
  return made[0];
}

/** Makes one directory, or finds it. `made` gets the path of a new one. */
async function makeOne(
  call: Call,
  path: string,
  mode: number,
  made: string[],
): Promise<'there' | 'no parent'> {
  try {
    await atPlace(call, path, 'EEXIST', async ({ parent, name, step }) => {
      const { inode } = await mkdir(call, parent, name, mode);
      made.push(await pathOf(call, { inode, name, parent: step }));
    });
    return 'there';
  } catch (error) {
    if (isGlfsError(error, 'ENOENT')) return 'no parent';
    if (!isGlfsError(error, 'EEXIST')) throw error;
    await atPath(call, path, true, async ({ inode }) => {
      if (inode.type !== 'directory') throw error;
    });
    return 'there';
  }
}

/** Removes an entry with everything below it; a link is removed, never followed. What vanishes meanwhile is gone, too. */
export async function removeTree(call: Call, parent: Inode, name: string): Promise<void> {
  const { inode } = await lookupChild(call, parent, name);
  if (inode.type !== 'directory') {
    await call.fop('unlink', { loc: { inode, parent, name, path: call.path }, xflags: 0 });
    call.scope.mount.inodes.unlinkEntry(parent, name);
    return;
  }
  for (let round = 1; ; round++) {
    await removeContents(call, inode);
    try {
      return await rmdir(call, parent, name);
    } catch (error) {
      if (!isGlfsError(error, 'ENOTEMPTY') || round === ROUNDS) throw error;
    }
  }
}

async function removeContents(call: Call, directory: Inode): Promise<void> {
  for await (const names of listing(call, directory)) {
    await inFlight(
      names.length,
      (index) => ignoringAbsence(() => removeTree(call, directory, names[index]!)),
      PARALLEL,
    );
  }
}

/** Names in a directory, batch by batch. */
async function* listing(call: Call, inode: Inode): AsyncGenerator<string[]> {
  const file = await openDirectory(call, { inode, path: call.path });
  try {
    for (let offset = 0n; ; ) {
      const { entries } = await call.fop('readdir', { fd: file.fd, offset, size: LISTING_BYTES });
      const last = entries.at(-1);
      if (last === undefined) return;
      yield entries.map(({ name }) => name).filter((name) => name !== '.' && name !== '..');
      offset = last.offset;
    }
  } finally {
    await file.leave(call.context, false);
  }
}

export async function ignoringAbsence(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isGlfsError(error, 'ENOENT')) throw error;
  }
}
