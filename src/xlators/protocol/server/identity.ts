import type { CallContext, OptionValues } from '../../../graph/index.ts';
import type { Identity } from '../../../rpc/index.ts';
import type { BrickClient } from './client.ts';
import type { HostGroups } from './groups.ts';
import type { options } from './options.ts';

/** GlusterFS's own callers within the pool that are never squashed: geo-replication, rebalance, --no-root-squash, quota, heal. */
const EXEMPT: ReadonlySet<number> = new Set([-1, -3, -4, -5, -6]);
/** Calls of GlusterFS's NFS server are squashed wherever they come from. */
const NFS_PID = 1;

/** AUTH_NONE runs as root, as bricks have it. */
const NOBODY: Identity = { pid: 0, uid: 0, gid: 0, groups: [], lkOwner: new Uint8Array(0) };

/** On whose behalf a call of a client runs. */
export class Identities {
  private readonly squashes: boolean;

  constructor(
    private readonly rules: OptionValues<typeof options>,
    private readonly groups: HostGroups,
  ) {
    this.squashes = rules['root-squash'] || rules['all-squash'];
  }

  /** The context of a call. */
  contextOf(given: Identity | undefined, client: BrickClient): CallContext | Promise<CallContext> {
    const identity = given ?? NOBODY;
    const squashed = this.squashes && isSquashed(identity, client) ? this.squash(identity) : identity;
    const { uid, gid, groups, pid, lkOwner, stamp } = squashed;
    // A stamp without flags still is the caller's time: SETATTR takes the ctime from it. Who has none sends zeros.
    const stamped = stamp !== undefined && (stamp.flags !== 0 || stamp.seconds !== 0);
    const context = { uid, gid, groups, pid, lkOwner, stamp: stamped ? stamp : undefined, client };
    if (!this.rules['manage-gids']) return context;
    return this.groups.of(uid, gid).then((resolved) => ({ ...context, groups: resolved }));
  }

  private squash(identity: Identity): Identity {
    const { rules } = this;
    const { anonuid, anongid } = rules;
    const all = rules['all-squash'];
    return {
      ...identity,
      // Negative ones are internal callers, who may do everything: not for who is squashed to say.
      pid: Math.max(identity.pid, 0),
      uid: all || identity.uid === 0 ? anonuid : identity.uid,
      gid: all || identity.gid === 0 ? anongid : identity.gid,
      // GlusterFS leaves the groups of `all-squash` as the caller gave them, and with them all that those may do.
      groups: all ? [] : identity.groups.map((group) => (group === 0 ? anongid : group)),
    };
  }
}

function isSquashed({ pid }: Identity, client: BrickClient): boolean {
  return pid === NFS_PID || !client.ofPool || !EXEMPT.has(pid);
}
