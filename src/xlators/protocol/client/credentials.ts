import type { CallContext } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { encodeCredential, maxGroups } from '../../../rpc/index.ts';

/** Owner of callers that gave none: lock calls of an empty owner are refused. */
const DEFAULT_OWNER = new Uint8Array([0, 0, 0, 1]);

/** Encodes who calls; contexts that come again are encoded once. */
export class Credentials {
  private readonly known = {
    v2: new WeakMap<CallContext, Uint8Array>(),
    v3: new WeakMap<CallContext, Uint8Array>(),
  };
  private warned = false;

  constructor(
    private readonly sendGroups: boolean,
    private readonly log: Logger,
  ) {}

  of(context: CallContext, flavor: 'v2' | 'v3'): Uint8Array {
    const cached = this.known[flavor].get(context);
    if (cached !== undefined) return cached;
    const lkOwner = context.lkOwner.length === 0 ? DEFAULT_OWNER : context.lkOwner;
    const { pid, uid, gid, stamp } = context;
    const encoded = encodeCredential(flavor, {
      pid,
      uid,
      gid,
      stamp,
      lkOwner,
      groups: this.groups(context, flavor, lkOwner),
    });
    this.known[flavor].set(context, encoded);
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
