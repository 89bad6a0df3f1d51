/*
 * cluster/disperse: each regular file in fragments, one a subvolume, of which any `data` are enough (erasure coding).
 *
 * Promise: what was acknowledged can be read from any `data` of the subvolumes that are good; who missed something is behind
 * in trusted.ec.version or marked in trusted.ec.dirty, and is not read until it is healed. Fragments and counters are
 * GlusterFS's, byte for byte: other clients and the self-heal daemon work on the same files.
 * Hides: up to `redundancy` subvolumes that are down, come back, or answer otherwise than the rest. Beyond that ENOTCONN or
 * EIO, and nothing is changed.
 */
import { GlfsError } from '../../../errors.ts';
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
import { type DisperseOptions, options } from './options.ts';
import { DisperseState } from './state.ts';

export class Disperse extends Translator<DisperseOptions> {
  readonly state: DisperseState;
  private readonly events: ChildEvents;

  constructor(setup: TranslatorSetup<DisperseOptions>) {
    super(setup);
    this.state = new DisperseState({ owner: this, ...setup });
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
    await this.state.locks.settleAll();
    leaveLocks(this.state);
    await this.state.idle();
  }

  override dump(): Record<string, unknown> {
    const { state } = this;
    return {
      subvolumes: Object.fromEntries(state.children.map((child) => [child.name, { up: state.isUp(child) }])),
      data: state.data,
      redundancy: state.redundancy,
      generation: state.generation,
      files: state.files.size,
    };
  }
}

/**
 * Random schedules have seen wrong bytes read after bricks were lost and healed (docs/decisions/0017): nobody gets these volumes
 * without having asked for them.
 * @throws GlfsError EOPNOTSUPP
 */
function requireConsent(translator: string): void {
  if (process.env.GLFS_DISPERSE === 'on') return;
  throw new GlfsError(
    'EOPNOTSUPP',
    'dispersed volumes are not served yet: bytes were read wrongly in tests in which bricks were lost; GLFS_DISPERSE=on serves them all the same',
    { translator },
  );
}

export const disperseType: TranslatorType<DisperseOptions> = {
  type: 'cluster/disperse',
  summary: 'each file in fragments on several subvolumes, of which some may be missing (erasure coding)',
  options,
  // Calls must not wait for a subvolume that is gone: the others have the data.
  defaultsBelow: { 'reconnect-grace': '0', 'retake-locks': 'off' },
  create: (setup) => {
    requireConsent(setup.name);
    return new Disperse(setup);
  },
};

/** The same by GlusterFS's other name. */
export const ecType: TranslatorType<DisperseOptions> = { ...disperseType, type: 'cluster/ec' };
