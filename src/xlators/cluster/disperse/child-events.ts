import { GlfsError } from '../../../errors.ts';
import type { GraphEvent, Subvolume } from '../../../graph/index.ts';
import { indicesOf } from '../children.ts';
import { healLocks, loseMember } from '../locking/lock-heal.ts';
import type { DisperseState } from './state.ts';

/**
 * Turns what the subvolumes report into what the whole is: up as soon as all have reported and there are enough of them to
 * read, down when there are not. One that comes back takes part again only when it has the applications' locks.
 */
export class ChildEvents {
  private told: 'up' | 'down' | undefined;
  /** By position: counts comings and goings, so that a lock heal that ends late changes nothing. */
  private readonly turns: number[];

  constructor(
    private readonly state: DisperseState,
    private readonly emit: (event: GraphEvent) => void,
  ) {
    this.turns = state.children.map(() => 0);
  }

  take(event: GraphEvent, child: Subvolume): void {
    if (event.kind === 'child-up') this.comes(child);
    else if (event.kind === 'child-down') this.goes(child, event.reason);
    else {
      this.state.locks.contended(event);
      this.emit(event);
    }
  }

  private comes(child: Subvolume): void {
    const { state, turns } = this;
    const index = state.indexOf(child);
    const turn = ++turns[index]!;
    const healed = healLocks(state, index);
    const enter = (): void => {
      if (turns[index] !== turn) return;
      state.markUp(child);
      state.log.debug({ translator: state.name, subvolume: child.name }, 'subvolume is up');
      this.tellAll();
    };
    if (healed === undefined) enter();
    else void healed.finally(enter);
  }

  private goes(child: Subvolume, reason: GlfsError | undefined): void {
    const { state, turns } = this;
    const index = state.indexOf(child);
    turns[index]!++;
    state.markDown(child, reason);
    loseMember(state, index);
    state.log.warn({ translator: state.name, subvolume: child.name, error: reason }, 'subvolume is down');
    this.tellAll(reason);
  }

  private tellAll(cause?: GlfsError): void {
    const { state } = this;
    if (!state.allReported) return;
    const now = state.readableWith(state.up) ? 'up' : 'down';
    if (this.told === now) return;
    this.told = now;
    if (now === 'up') {
      this.emit({ kind: 'child-up' });
      return;
    }
    const down = indicesOf(state.all & ~state.up).map((index) => state.children[index]!);
    // The last to report may be one that is up.
    const why = cause ?? down.map((one) => state.whyDown(one)).find((known) => known !== undefined);
    const { reason } = state.tooFew(state.up);
    const error = new GlfsError('ENOTCONN', reason, { translator: state.name, cause: why });
    this.emit({ kind: 'child-down', reason: error });
  }
}
