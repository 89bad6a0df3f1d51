import { copyBytes } from '../../../xdr/index.ts';
import type { Held } from './lock/held.ts';
import type { DisperseState } from './state.ts';

/**
 * Stripes of one file as they are on the bricks, so that a write that begins or ends within one needn't read it. They are
 * kept with the grant of the lock under which they were written: whoever holds another one has never heard of them.
 */
export class StripeCache {
  /** By offset, the one that was used last at the end. */
  private readonly stripes = new Map<number, Uint8Array>();

  constructor(
    private readonly most: number,
    private readonly stripe: number,
  ) {}

  get size(): number {
    return this.stripes.size;
  }

  /** Not to be changed. */
  get(offset: number): Uint8Array | undefined {
    const found = this.stripes.get(offset);
    if (found === undefined) return undefined;
    this.stripes.delete(offset);
    this.stripes.set(offset, found);
    return found;
  }

  /**
   * All good subvolumes have taken these stripes: what is kept of them is brought up to date, and the last one is kept, too,
   * where a later write may go on within it.
   */
  written(start: number, bytes: Uint8Array, keepsLast: boolean): void {
    const { stripe } = this;
    for (const offset of [...this.stripes.keys()]) {
      const at = offset - start;
      if (at >= 0 && at < bytes.length) this.keep(offset, bytes.subarray(at, at + stripe));
    }
    if (keepsLast) this.keep(start + bytes.length - stripe, bytes.subarray(bytes.length - stripe));
  }

  clear(): void {
    this.stripes.clear();
  }

  private keep(offset: number, bytes: Uint8Array): void {
    if (this.most === 0) return;
    this.stripes.delete(offset);
    this.stripes.set(offset, copyBytes(bytes));
    if (this.stripes.size > this.most) this.stripes.delete(this.stripes.keys().next().value!);
  }
}

const caches = new WeakMap<Held['grant'], StripeCache>();

/** What is kept of the file under this lock. */
export function stripeCache(state: DisperseState, { grant }: Pick<Held, 'grant'>): StripeCache {
  let cache = caches.get(grant);
  if (cache === undefined) {
    cache = new StripeCache(state.options['stripe-cache'], state.stripe);
    caches.set(grant, cache);
  }
  return cache;
}
