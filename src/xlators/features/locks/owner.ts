import { GlfsError } from '../../../errors.ts';
import type { CallContext, Client } from '../../../graph/index.ts';
import { copyBytes } from '../../../xdr/index.ts';

/** Who holds or wants a lock: the lk-owner of a call at one client. The same bytes from another client are another owner. */
export interface Owner {
  /** Equal for equal owners, and for these only. */
  readonly id: string;
  readonly bytes: Uint8Array;
  /** Absent in a client's own graph: all of its callers are one client. */
  readonly client: Client | undefined;
  readonly pid: number;
}

const serials = new WeakMap<Client, number>();
let nextSerial = 1;

/** Two clients may bear one process-uuid one after the other: the object is the identity, so it gets a number. */
function serialOf(client: Client | undefined): number {
  if (client === undefined) return 0;
  let serial = serials.get(client);
  if (serial === undefined) {
    serial = nextSerial++;
    serials.set(client, serial);
  }
  return serial;
}

export function ownerOf(context: CallContext, client: Client | undefined = context.client): Owner {
  // The owner of a call from the wire lasts as long as the call; a lock lasts longer.
  const bytes = copyBytes(context.lkOwner);
  const id = `${serialOf(client)}:${Buffer.from(bytes).toString('hex')}`;
  return { id, bytes, client, pid: context.pid };
}

/** @throws GlfsError EINVAL for an owner that is empty or all zeros: nobody could tell its locks from those of others. */
export function lockOwnerOf(context: CallContext): Owner {
  if (context.lkOwner.every((byte) => byte === 0)) {
    throw new GlfsError('EINVAL', 'a lock needs an owner');
  }
  return ownerOf(context);
}
