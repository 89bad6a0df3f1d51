import { fixed, string, struct, u32 } from '../xdr/index.ts';
import { oldIattSchema } from './dialect.ts';
import { gfidSchema } from './gfid.ts';
import { flockSchema, nameSchema } from './messages.ts';

/*
 * What bricks call their clients with: arguments of the callback program, up to their xdata. The old iatt and a gfid as text are
 * what version 4 of the file program left as they were.
 */

/* gfs3_cbk_cache_invalidation_req: string gfid (UUID text), u32 event_type, flags, expire_time_attr; three gf_iatt; xdata */
export const cacheInvalidation = struct({
  gfid: string(64),
  type: u32,
  flags: u32,
  expires: u32,
  stat: oldIattSchema,
  parent: oldIattSchema,
  oldParent: oldIattSchema,
});

/* gfs3_recall_lease_req: opaque gfid[16], u32 lease_type, opaque tid[16], xdata */
export const recallLease = struct({ gfid: gfidSchema, type: u32, leaseId: fixed(16) });

/* gfs4_inodelk_contention_req: opaque gfid[16], flock, u32 pid, string domain, xdata */
export const inodelkContention = struct({
  gfid: gfidSchema,
  flock: flockSchema,
  pid: u32,
  domain: nameSchema,
});

/* gfs4_entrylk_contention_req: opaque gfid[16], u32 type, u32 pid, string name, string domain, xdata */
export const entrylkContention = struct({
  gfid: gfidSchema,
  type: u32,
  pid: u32,
  name: nameSchema,
  domain: nameSchema,
});
