import type { GraphEvent, Subvolume } from '../../../graph/index.ts';
import type { DisperseState } from './state.ts';

/** Turns what the subvolumes report into what the whole is: up as soon as all have reported and enough are there. */
export class ChildEvents {
  private told: 'up' | 'down' | undefined;

  constructor(
    private readonly state: DisperseState,
    private readonly emit: (event: GraphEvent) => void,
  ) {}

  take(event: GraphEvent, child: Subvolume): void {
    if (event.kind === 'child-up') this.state.markUp(child);
    else if (event.kind === 'child-down') this.state.markDown(child, event.reason);
    else {
      this.state.locks.contended(event);
      this.emit(event);
      return;
    }
    this.tellAll(event.kind === 'child-down' ? event.reason : undefined);
  }

  private tellAll(cause: Extract<GraphEvent, { kind: 'child-down' }>['reason'] | undefined): void {
    const { state } = this;
    if (!state.allReported) return;
    const now = state.readableWith(state.up) ? 'up' : 'down';
    if (this.told === now) return;
    this.told = now;
    if (now === 'up') this.emit({ kind: 'child-up' });
    else this.emit({ kind: 'child-down', reason: state.tooFew(state.up).with({ cause }) });
  }
}
