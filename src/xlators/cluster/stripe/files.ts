import { GlfsError } from '../../../errors.ts';
import type { Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import type { AttributeNames, StripeAttributes } from './attributes.ts';
import type { Layout } from './layout.ts';

/** A file's layout, and which subvolume has which stripe. */
export interface FileLayout extends Layout {
  /** By number of the stripe. */
  readonly stripes: readonly Subvolume[];
}

const LIMIT = 65_536;

/** How files are striped, by gfid: that never changes, and inode objects may be exchanged at any time. */
export class Files {
  /** Least recently used first. */
  private readonly layouts = new Map<string, FileLayout>();

  constructor(
    private readonly translator: string,
    private readonly children: readonly Subvolume[],
    private readonly names: AttributeNames,
  ) {}

  get size(): number {
    return this.layouts.size;
  }

  known(gfid: Gfid): FileLayout | undefined {
    const key = gfidKey(gfid);
    const found = this.layouts.get(key);
    if (found === undefined) return undefined;
    this.layouts.delete(key);
    this.layouts.set(key, found);
    return found;
  }

  remember(gfid: Gfid, layout: FileLayout): FileLayout {
    const key = gfidKey(gfid);
    this.layouts.delete(key);
    this.layouts.set(key, layout);
    if (this.layouts.size > LIMIT) this.layouts.delete(this.layouts.keys().next().value!);
    return layout;
  }

  /** A file that is being made: stripes lie in the order of the volfile. */
  fresh(layout: Layout): FileLayout {
    return { ...layout, stripes: this.children };
  }

  /**
   * From what all subvolumes say, in the order of the volfile; `otherwise` is the layout of a file that no stripe says anything of.
   * @throws GlfsError EIO where stripes contradict each other, or one is there twice and another not at all: then any bytes that
   *   were given would be in the wrong place
   */
  decode(replies: readonly (Dict | undefined)[], otherwise: () => Layout | undefined): FileLayout {
    const parts = replies.map((xdata) => this.names.decode(xdata));
    const first = parts.find((part) => part !== undefined);
    if (first === undefined) {
      const layout = otherwise();
      if (layout === undefined) throw this.wrong('no stripe says how it is striped');
      return this.fresh(layout);
    }
    const { blockSize, count, coalesced } = first;
    if (count !== this.children.length)
      throw this.wrong(`it has ${count} stripes, and the volume ${this.children.length} subvolumes for them`);
    const stripes: Subvolume[] = [];
    for (const [at, part] of parts.entries()) {
      const child = this.children[at]!;
      if (part === undefined) throw this.wrong(`its stripe on ${child.name} does not say which one it is`);
      if (!sameLayout(part, first)) throw this.wrong(`its stripes differ about how it is striped`);
      if (stripes[part.index] !== undefined)
        throw this.wrong(`${stripes[part.index]!.name} and ${child.name} both have stripe ${part.index}`);
      stripes[part.index] = child;
    }
    return { blockSize, count, coalesced, stripes };
  }

  private wrong(what: string): GlfsError {
    return new GlfsError('EIO', `the file can't be put together: ${what}`, { translator: this.translator });
  }
}

function sameLayout(a: StripeAttributes, b: StripeAttributes): boolean {
  return a.blockSize === b.blockSize && a.count === b.count && a.coalesced === b.coalesced;
}
