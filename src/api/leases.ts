import { randomBytes } from 'node:crypto';
import { GlfsError } from '../errors.ts';
import type { Inode } from '../graph/index.ts';
import { gfidEquals } from '../protocol/gfid.ts';
import { LeaseCommand, LeaseType } from '../protocol/messages.ts';
import { copyBytes } from '../xdr/index.ts';
import type { Call } from './calls.ts';
import type { CallOptions, LeaseKind } from './types.ts';

const LEASE_ID_BYTES = 16;

/** What taking a lease may be told. */
export interface LeaseOptions extends CallOptions {
  /** 16 bytes (default: random ones). */
  id?: Uint8Array;
  /** Called when a server asks for the lease back, because somebody else wants the file. */
  onRecall?: (lease: Lease) => void;
}

/** SET of a lease, with the way to give it up. */
export async function takeLease(
  call: Call,
  inode: Inode,
  kind: LeaseKind,
  options: LeaseOptions | undefined,
  giveUp: (id: Uint8Array) => Promise<void>,
): Promise<Lease> {
  const id = await setLease(call, inode, kind, options?.id);
  const lease = new Lease(kind, id, async () => {
    stop();
    await giveUp(id);
  });
  // Recalls name the file, not the lease.
  const stop = call.scope.mount.listen((event) => {
    if (event.kind === 'lease-recall' && gfidEquals(event.gfid, inode.gfid)) options?.onRecall?.(lease);
  });
  return lease;
}

/** SET of a lease. @throws GlfsError EAGAIN where others have the file open in a way that forbids it. */
async function setLease(call: Call, inode: Inode, kind: LeaseKind, id?: Uint8Array): Promise<Uint8Array> {
  const used = copyBytes(id ?? randomBytes(LEASE_ID_BYTES));
  checkId(used);
  const type = kind === 'read' ? LeaseType.READ : LeaseType.READ_WRITE;
  await send(call, inode, LeaseCommand.SET, type, used);
  return used;
}

/** The lease that the file has, of whomever: servers want an id, and look at none. */
export async function getLease(
  call: Call,
  inode: Inode,
  id: Uint8Array = randomBytes(LEASE_ID_BYTES),
): Promise<LeaseKind | undefined> {
  checkId(id);
  return leaseKind(await send(call, inode, LeaseCommand.GET, LeaseType.NONE, id));
}

export async function unlockLease(call: Call, inode: Inode, kind: LeaseKind, id: Uint8Array): Promise<void> {
  checkId(id);
  const type = kind === 'read' ? LeaseType.READ : LeaseType.READ_WRITE;
  await send(call, inode, LeaseCommand.UNLOCK, type, id);
}

export function leaseKind(type: number): LeaseKind | undefined {
  if (type === LeaseType.READ) return 'read';
  return type === LeaseType.READ_WRITE ? 'read-write' : undefined;
}

async function send(
  call: Call,
  inode: Inode,
  command: number,
  type: number,
  id: Uint8Array,
): Promise<number> {
  const loc = { inode, path: call.path };
  const reply = await call.fop('lease', { loc, lease: { command, type, id, flags: 0 } });
  return reply.lease.type;
}

function checkId(id: Uint8Array): void {
  if (id.length !== LEASE_ID_BYTES) throw new GlfsError('EINVAL', `a lease id has ${LEASE_ID_BYTES} bytes`);
}

/** A lease that is held. */
export class Lease implements AsyncDisposable {
  private released: Promise<void> | undefined;

  constructor(
    readonly type: LeaseKind,
    /** 16 bytes: calls under the lease are those of `volume.as({ leaseId: lease.id })`. */
    readonly id: Uint8Array,
    private readonly giveUp: () => Promise<void>,
  ) {}

  /** Idempotent. */
  release(): Promise<void> {
    this.released ??= this.giveUp();
    return this.released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
