import { GlfsError } from '../errors.ts';
import type { GraphEvent } from './events.ts';
import type { Subvolume, Translator } from './translator.ts';

/** A built graph: the top, by which fops enter, and all translators, children before parents. */
export class Graph {
  private state: 'starting' | 'up' | 'down' = 'starting';
  private reason: GlfsError | undefined;
  private waiting: (() => void)[] = [];
  private readonly listeners: ((event: GraphEvent) => void)[] = [];

  constructor(
    readonly top: Subvolume,
    readonly translators: readonly Translator[],
  ) {
    top.translator.listen((event) => this.onEvent(event));
  }

  listen(listener: (event: GraphEvent) => void): void {
    this.listeners.push(listener);
  }

  private onEvent(event: GraphEvent): void {
    if (event.kind === 'child-up') this.settle('up');
    else if (event.kind === 'child-down') this.settle('down', event.reason);
    for (const listener of this.listeners) listener(event);
  }

  private settle(state: 'up' | 'down', reason?: GlfsError): void {
    this.state = state;
    this.reason = reason;
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) wake();
  }

  get isUp(): boolean {
    return this.state === 'up';
  }

  /** Starts all translators and waits until the top says whether it can serve. @throws GlfsError ENOTCONN where it can't. */
  async start(signal?: AbortSignal): Promise<void> {
    for (const translator of this.translators) await translator.start();
    if (this.state === 'starting') await this.firstState(signal);
    if (this.state === 'down')
      throw this.reason ?? new GlfsError('ENOTCONN', 'no subvolume of the volume can be reached');
  }

  private async firstState(signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const aborted = (): void =>
        reject(new GlfsError('ECANCELED', 'connecting was aborted', { cause: signal?.reason }));
      if (signal?.aborted) return aborted();
      signal?.addEventListener('abort', aborted, { once: true });
      this.waiting.push(() => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      });
    });
  }

  /** Closes all translators, parents first. Idempotent for each of them by their own contract: called once here. */
  async close(): Promise<void> {
    for (const translator of [...this.translators].reverse()) await translator.close();
  }

  dump(): Record<string, unknown> {
    return Object.fromEntries(
      this.translators.map((translator) => [
        translator.name,
        { type: translator.type, ...translator.dump() },
      ]),
    );
  }
}
