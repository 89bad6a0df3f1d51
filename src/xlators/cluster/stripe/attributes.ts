import { GlfsError } from '../../../errors.ts';
import { Dict, entryInteger } from '../../../protocol/dict.ts';
import type { Layout } from './layout.ts';

/** What one stripe of a file says of the whole, and of its own place in it. */
export interface StripeAttributes extends Layout {
  /** Which stripe it is, from 0. */
  readonly index: number;
}

const MOST_STRIPES = 256;

/**
 * trusted.NAME.stripe-size, -count, -index and -coalesce, where NAME is the translator's own: decimal text with a NUL behind it, on
 * every stripe of a file. Without the last, as before GlusterFS 3.3, the file is not coalesced.
 */
export class AttributeNames {
  readonly size: string;
  readonly count: string;
  readonly index: string;
  readonly coalesce: string;
  private readonly all: readonly string[];

  constructor(private readonly translator: string) {
    this.size = `trusted.${translator}.stripe-size`;
    this.count = `trusted.${translator}.stripe-count`;
    this.index = `trusted.${translator}.stripe-index`;
    this.coalesce = `trusted.${translator}.stripe-coalesce`;
    this.all = [this.size, this.count, this.index, this.coalesce];
  }

  isOwn(name: string): boolean {
    return this.all.includes(name);
  }

  /** `xdata` that also asks for them. */
  asking(xdata: Dict | undefined): Dict {
    const asking = xdata?.clone() ?? new Dict();
    for (const name of this.all) asking.setEntry(name, { type: 'uint', value: 0n });
    return asking;
  }

  /** `xdata` that gives them to a new file. */
  giving(xdata: Dict | undefined, { blockSize, count, coalesced }: Layout, index: number): Dict {
    const values: readonly (readonly [string, number])[] = [
      [this.size, blockSize],
      [this.count, count],
      [this.index, index],
      [this.coalesce, coalesced ? 1 : 0],
    ];
    const giving = xdata?.clone() ?? new Dict();
    for (const [name, value] of values) giving.setBytes(name, Buffer.from(`${value}\0`, 'latin1'));
    return giving;
  }

  without(dict: Dict | undefined): Dict | undefined {
    if (dict === undefined || !this.all.some((name) => dict.has(name))) return dict;
    const rest = dict.clone();
    for (const name of this.all) rest.delete(name);
    return rest;
  }

  /**
   * Undefined where the file has none of them.
   * @throws GlfsError EIO where they can't be
   */
  decode(xdata: Dict | undefined): StripeAttributes | undefined {
    const blockSize = this.number(xdata, this.size);
    const count = this.number(xdata, this.count);
    const index = this.number(xdata, this.index);
    if (blockSize === undefined && count === undefined && index === undefined) return undefined;
    const coalesced = (this.number(xdata, this.coalesce) ?? 0) !== 0;
    const possible =
      blockSize !== undefined &&
      count !== undefined &&
      index !== undefined &&
      blockSize > 0 &&
      count > 0 &&
      count <= MOST_STRIPES &&
      index >= 0 &&
      index < count;
    if (!possible) throw this.wrong(`stripe ${index} of ${count}, blocks of ${blockSize} bytes`);
    return { blockSize, count, index, coalesced };
  }

  private number(xdata: Dict | undefined, name: string): number | undefined {
    const entry = xdata?.entry(name);
    if (entry === undefined) return undefined;
    try {
      const value = Number(entryInteger(entry));
      if (Number.isSafeInteger(value)) return value;
    } catch (cause) {
      throw new GlfsError('EIO', `${name} holds no number`, { translator: this.translator, cause });
    }
    throw this.wrong(`${name} is out of bounds`);
  }

  private wrong(what: string): GlfsError {
    return new GlfsError('EIO', `attributes of a striped file can't be right: ${what}`, {
      translator: this.translator,
    });
  }
}

/** Attributes of any translator of this type: not for applications to change. As GlusterFS has it: `trusted.*stripe*`. */
export function isStripeAttribute(name: string): boolean {
  return name.startsWith('trusted.') && name.includes('stripe');
}
