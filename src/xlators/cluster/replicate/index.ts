/*
 * cluster/replicate: the same files on several subvolumes.
 *
 * Promise: what was acknowledged is on enough copies to survive the loss of one, and every copy that lacks it is accused, on
 * disk, by those that have it. Nothing is read from an accused copy. Where copies accuse each other, EIO: no copy is chosen
 * in silence. Other clients and GlusterFS's self-heal daemon see the same locks and the same marks.
 * Hides: a copy that is down, comes back, or answers with errors of its own, as long as enough others are there (ENOTCONN
 * otherwise); what it missed is healed.
 */
import {
  type CallContext,
  type FopFunction,
  type GraphEvent,
  type Reply,
  type Request,
  type Subvolume,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { inTurn } from '../in-turn.ts';
import { keepLocks, leaveLocks } from '../locking/lock-heal.ts';
import { ChildEvents } from './child-events.ts';
import { parts } from './fops.ts';
import { options, type ReplicateOptions } from './options.ts';
import { ReplicateState } from './state.ts';
import { settleAll } from './transaction/index.ts';

export class Replicate extends Translator<ReplicateOptions> {
  readonly state: ReplicateState;
  private readonly events: ChildEvents;

  constructor(setup: TranslatorSetup<ReplicateOptions>) {
    super(setup);
    this.state = new ReplicateState({ owner: this, ...setup });
    const emit = (event: GraphEvent): void => this.emit(event);
    this.events = new ChildEvents(this.state, emit);
    keepLocks(this.state, emit);
  }

  /** Every fop of the table has its part. */
  override own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    const { state } = this;
    const part = parts[fop];
    return (request: Request<K>, context: CallContext): Promise<Reply<K>> =>
      part(state, request, context).catch(inTurn);
  }

  protected override onEvent(event: GraphEvent, child: Subvolume): void {
    this.events.take(event, child);
  }

  override async close(): Promise<void> {
    this.state.closing.abort();
    await settleAll(this.state);
    leaveLocks(this.state);
    await this.state.idle();
  }

  override dump(): Record<string, unknown> {
    const { state } = this;
    return {
      subvolumes: Object.fromEntries(state.children.map((child) => [child.name, { up: state.isUp(child) }])),
      quorum: state.quorum.met(state.up),
      'quorum-rule': state.quorum.rule,
      generation: state.generation,
      files: state.files.size,
    };
  }
}

export const replicateType: TranslatorType<ReplicateOptions> = {
  type: 'cluster/replicate',
  summary: 'the same files on several subvolumes; what one misses is marked on the others and healed',
  options,
  // Calls must not wait for a copy that is gone: the others have the data.
  // One copy that can't give a lock again must not poison the fd for all: see lock-heal.ts.
  defaultsBelow: { 'reconnect-grace': '0', 'retake-locks': 'off' },
  create: (setup) => new Replicate(setup),
};

/** The same by GlusterFS's other name. */
export const afrType: TranslatorType<ReplicateOptions> = { ...replicateType, type: 'cluster/afr' };
