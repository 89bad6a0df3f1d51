import { GlfsError } from '../../../errors.ts';
import type { GraphEvent, Subvolume } from '../../../graph/index.ts';
import { UpcallFlag } from '../../../protocol/upcall-flag.ts';
import { indicesOf } from '../children.ts';
import { healLocks, loseMember } from '../locking/lock-heal.ts';
import type { ReplicateState } from './state.ts';
import { contended } from './transaction/index.ts';

/**
 * Turns what the copies report into what the whole is: up as soon as all have reported and there are enough of them to read
 * and write, down when there are not. A copy that comes back takes part again only when it has the applications' locks.
 */
export class ChildEvents {
  private told: 'up' | 'down' | undefined;
  /** By position: counts comings and goings, so that a lock heal that ends late changes nothing. */
  private readonly turns: number[];

  constructor(
    private readonly state: ReplicateState,
    private readonly emit: (event: GraphEvent) => void,
  ) {
    this.turns = state.children.map(() => 0);
  }

  take(event: GraphEvent, child: Subvolume): void {
    if (event.kind === 'child-up') this.comes(child);
    else if (event.kind === 'child-down') this.goes(child, event.reason);
    else {
      contended(this.state, event);
      this.doubt(event);
      this.emit(event);
    }
  }

  /** Another client has changed attributes, and marks are attributes: a copy that it could not reach may be accused now. */
  private doubt(event: GraphEvent): void {
    if (event.kind !== 'cache-invalidation' || (event.flags & UpcallFlag.XATTR) === 0) return;
    this.state.files.known(event.gfid)?.forget();
  }

  private comes(child: Subvolume): void {
    const { state, turns } = this;
    const index = state.indexOf(child);
    const turn = ++turns[index]!;
    const healed = healLocks(state, index);
    const enter = (): void => {
      if (turns[index] !== turn) return;
      state.markUp(child);
      state.log.debug({ translator: state.name, subvolume: child.name }, 'copy is up');
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
    state.log.warn({ translator: state.name, subvolume: child.name, error: reason }, 'copy is down');
    this.tellAll(reason);
  }

  private tellAll(cause?: GlfsError): void {
    const { state } = this;
    if (!state.allReported) return;
    if (state.quorum.met(state.up)) this.tell('up');
    else this.tell('down', cause);
  }

  private tell(now: 'up' | 'down', cause?: GlfsError): void {
    if (this.told === now) return;
    this.told = now;
    if (now === 'up') {
      this.emit({ kind: 'child-up' });
      return;
    }
    const { state } = this;
    const down = indicesOf(state.all & ~state.up).map((index) => state.children[index]!);
    // The last to report may be one that is up.
    const why = cause ?? down.map((child) => state.whyDown(child)).find((known) => known !== undefined);
    const reason = new GlfsError('ENOTCONN', state.tooFew(state.up).reason, {
      translator: state.name,
      cause: why,
    });
    this.emit({ kind: 'child-down', reason });
  }
}
