import { GlfsError } from '../../../errors.ts';
import type { GraphEvent, Subvolume } from '../../../graph/index.ts';
import type { DistributeState } from './state.ts';

/**
 * Turns what the subvolumes report into what the whole is: up once all have reported and one of them is up, down when
 * none is. That one of several goes down or comes back is only noted.
 */
export class ChildEvents {
  private told: 'up' | 'down' | undefined;

  constructor(
    private readonly state: DistributeState,
    private readonly emit: (event: GraphEvent) => void,
  ) {}

  take(event: GraphEvent, child: Subvolume): void {
    if (event.kind !== 'child-up' && event.kind !== 'child-down') {
      this.emit(event);
      return;
    }
    const { state } = this;
    const details = { translator: state.name, subvolume: child.name };
    if (event.kind === 'child-up') {
      state.markUp(child);
      state.log.debug(details, 'subvolume is up');
    } else {
      state.markDown(child, event.reason);
      state.log.warn({ ...details, error: event.reason }, 'subvolume is down');
    }
    if (!state.allReported) return;
    const ends = event.kind === 'child-down' && state.options['assert-no-child-down'];
    if (state.upChildren.length > 0 && !ends) this.tell('up');
    else this.tell('down', event.kind === 'child-down' ? event.reason : undefined);
  }

  private tell(now: 'up' | 'down', cause?: GlfsError): void {
    if (this.told === now) return;
    this.told = now;
    if (now === 'up') {
      this.emit({ kind: 'child-up' });
      return;
    }
    const down = this.state.children.filter((child) => !this.state.isUp(child)).map(({ name }) => name);
    const reason = new GlfsError('ENOTCONN', `subvolume ${down.join(', ')} down`, {
      translator: this.state.name,
      cause,
    });
    this.emit({ kind: 'child-down', reason });
  }
}
