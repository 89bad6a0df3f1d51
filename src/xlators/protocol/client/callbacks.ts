import type { GraphEvent } from '../../../graph/index.ts';
import {
  cacheInvalidation,
  entrylkContention,
  inodelkContention,
  recallLease,
} from '../../../protocol/callback-messages.ts';
import { type Gfid, gfidFromString } from '../../../protocol/gfid.ts';
import { CallbackProcedure, programs } from '../../../protocol/handshake.ts';
import type { ServerCall } from '../../../rpc/index.ts';
import { XdrReader } from '../../../xdr/index.ts';

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
