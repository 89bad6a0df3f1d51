import { GlfsError } from '../../../src/errors.ts';

export type Mode = 'read' | 'write';

interface Holder {
  readonly owner: string;
  readonly mode: Mode;
}
interface Waiter extends Holder {
  readonly grant: () => void;
}

/**
 * Locks of a brick, by a key that says what is locked (gfid and domain, and name). First come, first served; an owner's
 * own locks don't conflict and stack.
 */
export class LockTable {
  private readonly held = new Map<string, Holder[]>();
  private readonly waiting = new Map<string, Waiter[]>();

  /** @throws GlfsError EAGAIN where it is taken and `blocking` is false. */
  async take(key: string, owner: string, mode: Mode, blocking: boolean): Promise<void> {
    const queue = this.waiting.get(key) ?? [];
    if (queue.length === 0 && this.isFree(key, owner, mode)) return this.grant(key, { owner, mode });
    if (!blocking) throw new GlfsError('EAGAIN');
    await new Promise<void>((resolve) => {
      this.waiting.set(key, [...queue, { owner, mode, grant: resolve }]);
    });
  }

  /** @throws GlfsError EINVAL where the owner has no such lock. */
  drop(key: string, owner: string): void {
    const held = this.held.get(key) ?? [];
    const at = held.findIndex((holder) => holder.owner === owner);
    if (at < 0) throw new GlfsError('EINVAL', 'no such lock');
    const rest = held.toSpliced(at, 1);
    if (rest.length === 0) this.held.delete(key);
    else this.held.set(key, rest);
    this.wake(key);
  }

  /** Keys of all locks that are held or waited for. */
  get keys(): string[] {
    return [...new Set([...this.held.keys(), ...this.waiting.keys()])];
  }

  private isFree(key: string, owner: string, mode: Mode): boolean {
    const others = (this.held.get(key) ?? []).filter((holder) => holder.owner !== owner);
    return mode === 'read' ? others.every((holder) => holder.mode === 'read') : others.length === 0;
  }

  private grant(key: string, holder: Holder): void {
    this.held.set(key, [...(this.held.get(key) ?? []), holder]);
  }

  private wake(key: string): void {
    for (;;) {
      const [first, ...rest] = this.waiting.get(key) ?? [];
      if (first === undefined || !this.isFree(key, first.owner, first.mode)) return;
      if (rest.length === 0) this.waiting.delete(key);
      else this.waiting.set(key, rest);
      this.grant(key, { owner: first.owner, mode: first.mode });
      first.grant();
    }
  }
}
