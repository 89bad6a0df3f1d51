import type { ReplicateState } from '../state.ts';

/** Weight of the newest reply in the mean latency. */
const NEWEST = 1 / 8;

/** What reads of each copy have been like. */
export class ReadLoad {
  /** By position: reads under way. */
  readonly pending: number[];
  /** By position: mean milliseconds from call to reply; undefined where none has been answered yet. */
  readonly latency: (number | undefined)[];

  constructor(count: number) {
    this.pending = new Array<number>(count).fill(0);
    this.latency = new Array<number | undefined>(count).fill(undefined);
  }

  /** Counts a read of a copy for as long as it takes. */
  async measure<T>(index: number, read: () => Promise<T>): Promise<T> {
    const began = performance.now();
    this.pending[index]!++;
    try {
      const reply = await read();
      this.record(index, performance.now() - began);
      return reply;
    } finally {
      this.pending[index]!--;
    }
  }

  record(index: number, milliseconds: number): void {
    const before = this.latency[index];
    this.latency[index] = before === undefined ? milliseconds : before + (milliseconds - before) * NEWEST;
  }
}

const loads = new WeakMap<ReplicateState, ReadLoad>();

export function loadOf(state: ReplicateState): ReadLoad {
  let load = loads.get(state);
  if (load === undefined) {
    load = new ReadLoad(state.children.length);
    loads.set(state, load);
  }
  return load;
}
