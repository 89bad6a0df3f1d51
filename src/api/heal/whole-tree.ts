import { isGlfsError, toGlfsError } from '../../errors.ts';
import { gfidToString } from '../../protocol/gfid.ts';
import { inOrder } from './in-order.ts';
import type { Crawl, IndexPasses } from './passes.ts';
import { type FoundFile, ROOT } from './tree.ts';
import type { HealOutcome } from './types.ts';

/** What became of one name: the file that it leads to, and what was done to that. */
interface Visited {
  readonly file?: FoundFile;
  readonly outcome?: HealOutcome;
}

/**
 * Heals every file that any brick of one set has, from the root down: directories before what is in them, so that a brick
 * that is empty has a place for each.
 */
export async function* healTree(
  { set, context, parallel }: Crawl,
  passes: IndexPasses,
): AsyncGenerator<HealOutcome, void, void> {
  const visit = async (directory: FoundFile, name: string): Promise<Visited> => {
    try {
      const file = await set.healedName(directory, name, context);
      if (file === undefined) return {};
      return { file, outcome: await passes.heal(file.gfid, file.path) };
    } catch (thrown) {
      const error = toGlfsError(thrown);
      if (error.code === 'ECANCELED') throw error;
      // The name has no gfid of its own where bricks mean different files by it: it is its directory's trouble.
      const path = directory.path === '/' ? `/${name}` : `${directory.path}/${name}`;
      const status = isGlfsError(error, 'EIO') ? 'split-brain' : 'failed';
      return { outcome: { status, gfid: gfidToString(directory.gfid), path, error } };
    }
  };
  const root = await passes.heal(ROOT.gfid, ROOT.path);
  if (root !== undefined) yield root;
  for (const directories: FoundFile[] = [ROOT]; directories.length > 0; ) {
    const directory = directories.pop()!;
    const names = await set.namesIn(directory, context);
    for await (const { file, outcome } of inOrder(names, parallel, (name) => visit(directory, name))) {
      if (outcome !== undefined) yield outcome;
      if (file?.type === 'directory') directories.push(file);
    }
  }
}
