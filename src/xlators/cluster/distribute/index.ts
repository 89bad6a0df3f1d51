/*
 * cluster/distribute: many subvolumes as one.
 *
 * Promise: every file is on one subvolume, every directory on all of them, and a name leads to its file whatever subvolume
 * has it: by the hash of the name and the directory's layout, by a linkto file, or by searching. All clients of a volume,
 * GlusterFS's own among them, find the same, and none loses what another has made.
 * Hides: files that a rebalance moves while they are open, directories and ranges that are missing on subvolumes that were
 * down or are new, linkto files that lead nowhere. A subvolume that is down takes its files with it (ENOTCONN names it);
 * the others stay.
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
import { ChildEvents } from './child-events.ts';
import { parts, partsAlone } from './fops.ts';
import { type DistributeOptions, options } from './options.ts';
import type { PlacementPolicy } from './placement.ts';
import { DistributeState } from './state.ts';

export class Distribute extends Translator<DistributeOptions> {
  readonly state: DistributeState;
  private readonly events: ChildEvents;

  constructor(
    setup: TranslatorSetup<DistributeOptions>,
    placement?: (state: DistributeState) => PlacementPolicy,
  ) {
    super(setup);
    this.state = new DistributeState({
      owner: this,
      children: setup.children,
      options: setup.options,
      log: setup.environment.logger,
    });
    if (placement !== undefined) this.state.placement = placement(this.state);
    this.events = new ChildEvents(this.state, (event) => this.emit(event));
  }

  /** Every fop of the table has its part; with one subvolume most are the subvolume's own. */
  override own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    const part = this.children.length === 1 ? partsAlone[fop] : parts[fop];
    if (part === undefined) return undefined;
    const { state } = this;
    return (request: Request<K>, context: CallContext): Promise<Reply<K>> => part(state, request, context);
  }

  protected override onEvent(event: GraphEvent, child: Subvolume): void {
    this.events.take(event, child);
  }

  override async close(): Promise<void> {
    await this.state.idle();
  }

  override dump(): Record<string, unknown> {
    const { state } = this;
    return {
      subvolumes: Object.fromEntries(
        state.children.map((child) => [
          child.name,
          {
            up: state.isUp(child),
            decommissioned: state.decommissioned.has(child),
            ...state.freeSpace.usage(child),
          },
        ]),
      ),
      commitHash: state.commitHash,
      generation: state.generation,
    };
  }
}

export const distributeType: TranslatorType<DistributeOptions> = {
  type: 'cluster/distribute',
  summary: 'one volume of many subvolumes: each file on one of them, found by the hash of its name',
  options,
  create: (setup) => new Distribute(setup),
};

/** The same by GlusterFS's other name. */
export const dhtType: TranslatorType<DistributeOptions> = { ...distributeType, type: 'cluster/dht' };
