import { type Logger, silent } from '../../../src/logger.ts';
import { MERGED } from '../../../src/xlators/cluster/replicate/heal/entry-decision.ts';

/** A logger for all clients of a volume, and the directories of which they have said that the names of all copies are kept. */
export function watchMerges(): { readonly merged: ReadonlySet<string>; readonly logger: Logger } {
  const merged = new Set<string>();
  const logger: Logger = {
    ...silent,
    debug: (details, message) => {
      if (message === MERGED) merged.add((details as { readonly directory: string }).directory);
    },
  };
  return { merged, logger };
}
