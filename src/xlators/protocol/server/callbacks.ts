import type { GraphEvent } from '../../../graph/index.ts';
import { oldIattSchema } from '../../../protocol/dialect.ts';
import { serializedDictSchema } from '../../../protocol/dict-serialized.ts';
import { gfidSchema, gfidToString } from '../../../protocol/gfid.ts';
import { CallbackProcedure, programs } from '../../../protocol/handshake.ts';
import { emptyIatt } from '../../../protocol/iatt.ts';
import { flockSchema, nameSchema } from '../../../protocol/messages.ts';
import type { Procedure } from '../../../rpc/index.ts';
import { fixed, opaque, string, struct, u32, type Xdr, XdrWriter } from '../../../xdr/index.ts';

const xdata = opaque(0);
const NO_XDATA = new Uint8Array(0);

/* gfs3_cbk_cache_invalidation_req: string gfid (UUID text), u32 event_type, flags, expire_time_attr; three gf_iatt; xdata */
const cacheInvalidation = struct({
  gfid: string(64),
  type: u32,
  flags: u32,
  expires: u32,
  stat: oldIattSchema,
  parent: oldIattSchema,
  oldParent: oldIattSchema,
  /** Attributes that changed; where the flags speak of attributes and nothing is here, clients of 10 keep removed ones. */
  xdata: serializedDictSchema,
});
/* gfs3_recall_lease_req: opaque gfid[16], u32 lease_type, opaque tid[16], xdata */
const recallLease = struct({ gfid: gfidSchema, type: u32, leaseId: fixed(16), xdata });
/* gfs4_inodelk_contention_req: opaque gfid[16], flock, u32 pid, string domain, xdata */
const inodelkContention = struct({
  gfid: gfidSchema,
  flock: flockSchema,
  pid: u32,
  domain: nameSchema,
  xdata,
});
/* gfs4_entrylk_contention_req: opaque gfid[16], u32 type, u32 pid, string name, string domain, xdata */
const entrylkContention = struct({
  gfid: gfidSchema,
  type: u32,
  pid: u32,
  name: nameSchema,
  domain: nameSchema,
  xdata,
});

/** A call to a client. */
export interface Callback {
  readonly procedure: Procedure;
  readonly encoded: Uint8Array;
}

/** UPCALL_CACHE_INVALIDATION */
const UPCALL_TYPE = 1;

type EventOf<K extends GraphEvent['kind']> = Extract<GraphEvent, { kind: K }>;
type Encoders = { readonly [K in GraphEvent['kind']]?: (event: EventOf<K>) => Callback };

/** What clients are called for, by the event that makes it known here. */
const encoders: Encoders = {
  'child-up': () => callback(CallbackProcedure.CHILD_UP, struct({}), {}),
  'child-down': () => callback(CallbackProcedure.CHILD_DOWN, struct({}), {}),
  'cache-invalidation': ({ gfid, flags, expiresIn, stat, parent, oldParent, xattrs }) =>
    callback(CallbackProcedure.CACHE_INVALIDATION, cacheInvalidation, {
      gfid: gfidToString(gfid),
      type: UPCALL_TYPE,
      flags,
      expires: expiresIn,
      stat: stat ?? emptyIatt(),
      parent: parent ?? emptyIatt(),
      oldParent: oldParent ?? emptyIatt(),
      xdata: xattrs,
    }),
  'lease-recall': ({ gfid, type, leaseId }) =>
    callback(CallbackProcedure.RECALL_LEASE, recallLease, { gfid, type, leaseId, xdata: NO_XDATA }),
  'inodelk-contention': ({ gfid, flock, domain, pid }) =>
    callback(CallbackProcedure.INODELK_CONTENTION, inodelkContention, {
      gfid,
      flock,
      pid: (pid ?? flock.pid) >>> 0,
      domain,
      xdata: NO_XDATA,
    }),
  'entrylk-contention': ({ gfid, type, name, domain, pid = 0 }) =>
    callback(CallbackProcedure.ENTRYLK_CONTENTION, entrylkContention, {
      gfid,
      type,
      pid: pid >>> 0,
      name,
      domain,
      xdata: NO_XDATA,
    }),
};

function callback<T>(procedure: number, schema: Xdr<T>, value: T): Callback {
  const writer = new XdrWriter(512);
  schema.encode(writer, value);
  return { procedure: { ...programs.callback, procedure }, encoded: writer.bytes };
}

/** The call that tells a client of an event; `undefined` where there is none for it. */
export function callbackOf(event: GraphEvent): Callback | undefined {
  const encode = encoders[event.kind] as ((event: GraphEvent) => Callback) | undefined;
  return encode?.(event);
}
