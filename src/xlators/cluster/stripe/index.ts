/*
 * cluster/stripe: the blocks of a file in turn on several subvolumes. The type went with GlusterFS 6; volumes of before have it.
 *
 * Promise: files that GlusterFS 3 to 5 have striped, coalesced or not, are read and written in place, and what is written here they
 * could read. All stripes of a file are needed: what one can't give is an error (ENOTCONN, or EIO where it is lost), and never
 * zeros. Names, links, special files, extended attributes and locks are those of the first subvolume; directories are on all.
 * Hides: nothing of a subvolume's failures; a client that died half-way in making, renaming or removing a name.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { GlfsError, isGlfsError } from '../../../errors.ts';
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
import { type Part, parts, refused } from './fops.ts';
import { options, type StripeOptions } from './options.ts';
import { StripeState } from './state.ts';

const LEAST_CHILDREN = 2;
const MOST_CHILDREN = 256;

export class Stripe extends Translator<StripeOptions> {
  readonly state: StripeState;
  private readonly events: ChildEvents;

  constructor(setup: TranslatorSetup<StripeOptions>) {
    super(setup);
    const { length } = setup.children;
    if (length < LEAST_CHILDREN || length > MOST_CHILDREN)
      throw new GlfsError('EINVAL', `needs ${LEAST_CHILDREN} to ${MOST_CHILDREN} subvolumes, not ${length}`, {
        translator: this.name,
      });
    this.state = new StripeState(this);
    this.events = new ChildEvents(this.state, (event) => this.emit(event));
  }

  override get refuses(): readonly FopName[] {
    return refused;
  }

  override own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    const { state } = this;
    const part = (parts as Partial<Record<FopName, unknown>>)[fop] as Part<K> | undefined;
    if (part === undefined) return undefined;
    return async (request: Request<K>, context: CallContext): Promise<Reply<K>> => {
      try {
        return await part(state, request, context);
      } catch (error) {
        // Whoever tries again at once must not keep sockets and timers from their turn.
        if (isGlfsError(error, 'ENOTCONN')) await turn();
        throw error;
      }
    };
  }

  protected override onEvent(event: GraphEvent, child: Subvolume): void {
    this.events.take(event, child);
  }

  override dump(): Record<string, unknown> {
    const { state } = this;
    return {
      subvolumes: Object.fromEntries(state.children.map((child) => [child.name, { up: state.isUp(child) }])),
      'block-size': state.options['block-size'],
      coalesce: state.options.coalesce,
      files: state.files.size,
    };
  }
}

export const stripeType: TranslatorType<StripeOptions> = {
  type: 'cluster/stripe',
  summary: 'the blocks of a file in turn on several subvolumes; volumes from before GlusterFS 6',
  options,
  create: (setup) => new Stripe(setup),
};
