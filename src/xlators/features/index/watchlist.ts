import type { OptionValues, Request } from '../../../graph/index.ts';
import { type Dict, entryBytes } from '../../../protocol/dict.ts';
import { XattropFlag } from '../../../protocol/messages.ts';
import type { options } from './options.ts';

/** The parts of the index, by the names of their directories. */
export type Kind = 'xattrop' | 'dirty' | 'entry-changes';
export type WatchedKind = Exclude<Kind, 'entry-changes'>;

/** Which attributes make a file one of the index. */
export class Watchlist {
  readonly dirty: readonly string[];
  private readonly pending: readonly string[];

  constructor(values: OptionValues<typeof options>) {
    this.dirty = fronts(values['xattrop-dirty-watchlist']);
    this.pending = [...fronts(values['xattrop64-watchlist']), ...fronts(values['xattrop-pending-watchlist'])];
  }

  /** Arrays of 64 bits matter only where an attribute of the pending list is among them. */
  tracks({ operation, dict }: Pick<Request<'xattrop'>, 'operation' | 'dict'>): boolean {
    if (operation === XattropFlag.ADD_ARRAY) return true;
    if (operation !== XattropFlag.ADD_ARRAY64) return false;
    return [...(dict?.names() ?? [])].some((name) => starts(name, this.pending));
  }

  private kindOf(name: string): WatchedKind | undefined {
    if (starts(name, this.dirty)) return 'dirty';
    return starts(name, this.pending) ? 'xattrop' : undefined;
  }

  /**
   * Of each kind that the attributes are of: is any of them other than zero? Arrays of 64 bits say nothing of the dirty
   * ones in a reply.
   */
  verdicts(dict: Dict | undefined, operation: number = XattropFlag.ADD_ARRAY): Map<WatchedKind, boolean> {
    const found = new Map<WatchedKind, boolean>();
    for (const [name, entry] of dict ?? []) {
      if (operation !== XattropFlag.ADD_ARRAY && !starts(name, this.pending)) continue;
      const kind = this.kindOf(name);
      if (kind === undefined) continue;
      const some = entryBytes(entry).some((byte) => byte !== 0);
      found.set(kind, some || found.get(kind) === true);
    }
    return found;
  }
}

function fronts(list: string): string[] {
  return list.split(',').filter((front) => front !== '');
}

function starts(name: string, list: readonly string[]): boolean {
  return list.some((front) => name.startsWith(front));
}
