import type { CallContext } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { encodeCredential, maxGroups, withStamp } from '../../../rpc/index.ts';

/** Owner of callers that gave none: lock calls of an empty owner are refused. */
const DEFAULT_OWNER = new Uint8Array([0, 0, 0, 1]);

/** A credential without a stamp, and whom it was made for. */
interface Known {
  readonly context: CallContext;
  readonly encoded: Uint8Array;
}

/**
 * Encodes who calls. Every write has a context of its own, because it has a time of its own; all else of it comes again and
 * again, and is encoded once for each owner.
 */
export class Credentials {
  private readonly known = { v2: new WeakMap<Uint8Array, Known>(), v3: new WeakMap<Uint8Array, Known>() };
  private warned = false;

  constructor(
    private readonly sendGroups: boolean,
    private readonly log: Logger,
  ) {}

  of(context: CallContext, flavor: 'v2' | 'v3'): Uint8Array {
    const known = this.known[flavor].get(context.lkOwner);
    const encoded =
      known !== undefined && sameCaller(known.context, context)
        ? known.encoded
        : this.encode(context, flavor);
    return context.stamp === undefined || flavor === 'v2' ? encoded : withStamp(encoded, context.stamp);
  }

  private encode(context: CallContext, flavor: 'v2' | 'v3'): Uint8Array {
    const lkOwner = context.lkOwner.length === 0 ? DEFAULT_OWNER : context.lkOwner;
    const { pid, uid, gid } = context;
    const encoded = encodeCredential(flavor, {
      pid,
      uid,
      gid,
      lkOwner,
      groups: this.groups(context, flavor, lkOwner),
    });
    this.known[flavor].set(context.lkOwner, { context, encoded });
    return encoded;
  }

  /** Groups that don't fit are left out: that can deny access, never grant it. `server.manage-gids` lifts the limit. */
  private groups({ groups }: CallContext, flavor: 'v2' | 'v3', lkOwner: Uint8Array): readonly number[] {
    if (!this.sendGroups) return [];
    const most = maxGroups(flavor, lkOwner.length);
    if (groups.length <= most) return groups;
    if (!this.warned) {
      this.warned = true;
      this.log.warn(
        { groups: groups.length, sent: most },
        'the caller has more groups than a call can carry; see server.manage-gids',
      );
    }
    return groups.slice(0, most);
  }
}

function sameCaller(a: CallContext, b: CallContext): boolean {
  return a.uid === b.uid && a.gid === b.gid && a.pid === b.pid && a.groups === b.groups;
}
