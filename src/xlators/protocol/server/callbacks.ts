import type { GraphEvent } from '../../../graph/index.ts';
import * as messages from '../../../protocol/callback-messages.ts';
import { serializedDictSchema } from '../../../protocol/dict-serialized.ts';
import { gfidToString } from '../../../protocol/gfid.ts';
import { CallbackProcedure, programs } from '../../../protocol/handshake.ts';
import { emptyIatt } from '../../../protocol/iatt.ts';
import type { Procedure } from '../../../rpc/index.ts';
import { opaque, struct, type Xdr, XdrWriter } from '../../../xdr/index.ts';

const xdata = opaque(0);
const NO_XDATA = new Uint8Array(0);

/** Attributes that changed; where the flags speak of attributes and nothing is here, clients of 10 keep removed ones. */
const cacheInvalidation = struct({ ...messages.cacheInvalidation.fields, xdata: serializedDictSchema });
const recallLease = struct({ ...messages.recallLease.fields, xdata });
const inodelkContention = struct({ ...messages.inodelkContention.fields, xdata });
const entrylkContention = struct({ ...messages.entrylkContention.fields, xdata });

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
