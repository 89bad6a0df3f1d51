import type { MemberSet } from './member-set.ts';

interface Setup {
  readonly state: MemberSet & { readonly closing: AbortController };
  /** Files that are healed at once; none are with 0. */
  readonly atOnce: number;
  /** Files that wait for that; more are left to the self-heal daemon, or to the next one who comes upon them. */
  readonly length: number;
}

/** Files that this client came upon and heals in the background: so many at once, so many waiting, each once. */
export class HealQueue {
  private readonly waiting = new Map<string, () => Promise<unknown>>();
  private readonly running = new Set<string>();

  constructor(private readonly setup: Setup) {}

  /** `key` stands for the file, or for the name that is healed. */
  add(key: string, heal: () => Promise<unknown>): void {
    const { atOnce, length } = this.setup;
    const { waiting, running } = this;
    if (atOnce === 0 || waiting.has(key) || running.has(key)) return;
    if (waiting.size + running.size >= atOnce + length) return;
    waiting.set(key, heal);
    this.next();
  }

  private next(): void {
    const { waiting, running } = this;
    const { state, atOnce } = this.setup;
    if (state.closing.signal.aborted) waiting.clear();
    for (const [key, heal] of waiting) {
      if (running.size >= atOnce) return;
      waiting.delete(key);
      running.add(key);
      state.background('heal', async () => {
        try {
          await heal();
        } finally {
          running.delete(key);
          this.next();
        }
      });
    }
  }
}
