import type { GraphEvent } from '../../../graph/index.ts';
import type { Lock } from './lock-queue.ts';

interface Notice {
  readonly stillHeld: () => boolean;
  readonly event: () => GraphEvent;
}

/**
 * Tells holders that they are in the way: at once, and again for each call that meets the lock later than `delay` after the
 * last notice. Clients of GlusterFS keep locks beyond the call that needed them, until they are told.
 */
export class Contention {
  private notices: Notice[] = [];

  /** `delay` in milliseconds, `undefined`: nobody is told anything. */
  constructor(
    private readonly delay: number | undefined,
    private readonly now: () => number,
    private readonly emit: (event: GraphEvent) => void,
  ) {}

  notify<L extends Lock>(holder: L, stillHeld: () => boolean, event: () => GraphEvent): void {
    const now = this.now();
    if (this.delay === undefined || now - holder.notifiedAt < this.delay) return;
    holder.notifiedAt = now;
    if (this.notices.length === 0) queueMicrotask(() => this.send());
    this.notices.push({ stillHeld, event });
  }

  /** Only when the queues are at rest again: whoever hears of it may give back the lock in the same breath. */
  private send(): void {
    const notices = this.notices;
    this.notices = [];
    for (const { stillHeld, event } of notices) if (stillHeld()) this.emit(event());
  }
}
