/** xid = generation << 12 | slot: a late reply to a call that is long gone finds another generation in its slot. */
const SLOT_BITS = 12;
export const SLOTS = 1 << SLOT_BITS;
const GENERATIONS = 1 << (32 - SLOT_BITS);

/** Calls in flight by xid, in fixed arrays. Up to 4096 at once. */
export class XidTable<T> {
  private readonly entries: (T | undefined)[] = new Array<T | undefined>(SLOTS).fill(undefined);
  private readonly generations = new Uint32Array(SLOTS);
  private readonly free: number[] = [];
  private used = 0;
  size = 0;

  get full(): boolean {
    return this.size === SLOTS;
  }

  /** The xid under which the entry stands from now on. The table must not be full. xid 0 is never given. */
  add(entry: T): number {
    const slot = this.free.pop() ?? this.used++;
    const generation = (this.generations[slot]! + 1) % GENERATIONS;
    this.generations[slot] = generation === 0 ? 1 : generation;
    this.entries[slot] = entry;
    this.size++;
    return ((this.generations[slot]! << SLOT_BITS) | slot) >>> 0;
  }

  get(xid: number): T | undefined {
    const slot = xid & (SLOTS - 1);
    return this.generations[slot] === xid >>> SLOT_BITS ? this.entries[slot] : undefined;
  }

  remove(xid: number): T | undefined {
    const entry = this.get(xid);
    if (entry === undefined) return undefined;
    const slot = xid & (SLOTS - 1);
    this.entries[slot] = undefined;
    this.free.push(slot);
    this.size--;
    return entry;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let slot = 0; slot < this.used; slot++) {
      const entry = this.entries[slot];
      if (entry !== undefined) yield entry;
    }
  }

  clear(): T[] {
    const all = [...this];
    for (let slot = 0; slot < this.used; slot++) this.entries[slot] = undefined;
    this.free.length = 0;
    for (let slot = this.used - 1; slot >= 0; slot--) this.free.push(slot);
    this.size = 0;
    return all;
  }
}
