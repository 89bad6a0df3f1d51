import { type Gfid, gfidKey } from '../../protocol/gfid.ts';
import type { MemberSet } from './member-set.ts';

interface Setup {
  readonly state: MemberSet & { readonly closing: AbortController };
  /** Files that are healed at once; none are with 0. */
  readonly atOnce: number;
  /** Files that wait for that; more are left to the self-heal daemon, or to the next one who comes upon them. */
  readonly length: number;
  heal(gfid: Gfid): Promise<unknown>;
}

/** Files that this client came upon and heals in the background: so many at once, so many waiting, each once. */
export class HealQueue {
  private readonly waiting = new Map<string, Gfid>();
  private readonly running = new Set<string>();

  constructor(private readonly setup: Setup) {}

  add(gfid: Gfid): void {
    const { atOnce, length } = this.setup;
    const { waiting, running } = this;
    const key = gfidKey(gfid);
    if (atOnce === 0 || waiting.has(key) || running.has(key)) return;
    if (waiting.size + running.size >= atOnce + length) return;
    waiting.set(key, gfid);
    this.next();
  }

  private next(): void {
    const { waiting, running } = this;
    const { state, atOnce, heal } = this.setup;
    if (state.closing.signal.aborted) waiting.clear();
    for (const [key, gfid] of waiting) {
      if (running.size >= atOnce) return;
      waiting.delete(key);
      running.add(key);
      state.background('heal', async () => {
        try {
          await heal(gfid);
        } finally {
          running.delete(key);
          this.next();
        }
      });
    }
  }
}
