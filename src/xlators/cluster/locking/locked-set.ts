import type { CallContext, Environment, Reply, Request } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import type { MemberSet } from '../member-set.ts';

/** Subvolumes on which applications' locks are held together. */
export interface LockedSet extends MemberSet {
  readonly environment: Environment;
  /** UUID of the volume, where the translator's own options say it. */
  readonly volumeId?: string;
}

/** How a cluster translator does one fop that is about locks. */
export type LockPart<K extends FopName> = (
  state: LockedSet,
  request: Request<K>,
  context: CallContext,
) => Promise<Reply<K>>;
