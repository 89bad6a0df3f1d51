import type { GraphEvent } from '../../../graph/index.ts';
import { oldIattSchema } from '../../../protocol/dialect.ts';
import { type Gfid, gfidFromString, gfidSchema } from '../../../protocol/gfid.ts';
import { CallbackProcedure, programs } from '../../../protocol/handshake.ts';
import { flockSchema, nameSchema } from '../../../protocol/messages.ts';
import type { ServerCall } from '../../../rpc/index.ts';
import { fixed, string, struct, u32, XdrReader } from '../../../xdr/index.ts';

/* gfs3_cbk_cache_invalidation_req: string gfid (UUID text), u32 event_type, flags, expire_time_attr; three gf_iatt; xdata */
const cacheInvalidation = struct({
  gfid: string(64),
  type: u32,
  flags: u32,
  expires: u32,
  stat: oldIattSchema,
  parent: oldIattSchema,
  oldParent: oldIattSchema,
});
/* gfs3_recall_lease_req: opaque gfid[16], u32 lease_type, opaque tid[16], xdata */
const recallLease = struct({ gfid: gfidSchema, type: u32, leaseId: fixed(16) });
/* gfs4_inodelk_contention_req: opaque gfid[16], flock, u32 pid, string domain, xdata */
const inodelkContention = struct({ gfid: gfidSchema, flock: flockSchema, pid: u32, domain: nameSchema });
/* gfs4_entrylk_contention_req: opaque gfid[16], u32 type, u32 pid, string name, string domain, xdata */
const entrylkContention = struct({
  gfid: gfidSchema,
  type: u32,
  pid: u32,
  name: nameSchema,
  domain: nameSchema,
});

type Decode = (call: ServerCall) => GraphEvent;

/** Calls that bricks make to us and that mean something to translators. Their xdata are empty and are not read. */
const decoders: Readonly<Record<number, Decode>> = {
  [CallbackProcedure.CACHE_INVALIDATION]: (call) => {
    const { gfid, flags, expires, stat, parent, oldParent } = cacheInvalidation.decode(call.arguments);
    return {
      kind: 'cache-invalidation',
      gfid: gfidFromString(gfid) as Gfid,
      flags,
      expiresIn: expires,
      stat,
      parent,
      oldParent,
    };
  },
  [CallbackProcedure.RECALL_LEASE]: (call) => ({
    kind: 'lease-recall',
    ...recallLease.decode(call.arguments),
  }),
  [CallbackProcedure.INODELK_CONTENTION]: (call) => ({
    kind: 'inodelk-contention',
    ...inodelkContention.decode(call.arguments),
  }),
  [CallbackProcedure.ENTRYLK_CONTENTION]: (call) => ({
    kind: 'entrylk-contention',
    ...entrylkContention.decode(call.arguments),
  }),
};

/** @throws GlfsError EPROTO where the call does not decode. */
export function callbackEvent(call: ServerCall): GraphEvent | undefined {
  if (call.program !== programs.callback.program) return undefined;
  // Several graphs share a connection, and each decodes for itself.
  const { bytes, position, end } = call.arguments;
  return decoders[call.procedure]?.({ ...call, arguments: new XdrReader(bytes, position, end) });
}
