import { GlfsError } from '../../../errors.ts';
import type { GraphEvent, Subvolume } from '../../../graph/index.ts';
import type { StripeState } from './state.ts';

/**
 * Turns what the subvolumes report into what the whole is: up with the first subvolume, which has all names, once all have
 * reported. Where another is missing, files fail and directories do not.
 */
export class ChildEvents {
  private told: 'up' | 'down' | undefined;

  constructor(
    private readonly state: StripeState,
    private readonly emit: (event: GraphEvent) => void,
  ) {}

  take(event: GraphEvent, child: Subvolume): void {
    const { state } = this;
    if (event.kind !== 'child-up' && event.kind !== 'child-down') {
      // Attributes that a brick tells are those of one stripe.
      this.emit(event.kind === 'cache-invalidation' ? { ...event, stat: undefined } : event);
      return;
    }
    if (event.kind === 'child-up') state.markUp(child);
    else {
      state.markDown(child, event.reason);
      const details = { translator: state.name, subvolume: child.name, error: event.reason };
      state.log.warn(details, 'subvolume is down: striped files need all');
    }
    if (state.allReported) this.tell(state.isUp(state.first) ? 'up' : 'down');
  }

  private tell(now: 'up' | 'down'): void {
    if (this.told === now) return;
    this.told = now;
    const { state } = this;
    if (now === 'up') this.emit({ kind: 'child-up' });
    else {
      const { reason, cause } = state.downError(state.first);
      this.emit({
        kind: 'child-down',
        reason: new GlfsError('ENOTCONN', reason, { translator: state.name, cause }),
      });
    }
  }
}
