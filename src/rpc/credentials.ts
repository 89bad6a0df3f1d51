import { GlfsError } from '../errors.ts';
import { XdrReader, XdrWriter } from '../xdr/index.ts';

/** Credential flavors of ONC RPC (RFC 5531) that GlusterFS knows. */
export const AuthFlavor = { NONE: 0, SYS: 1, GLUSTERFS_V2: 390039, GLUSTERFS_V3: 390040 } as const;

/** RFC 5531: the body of a credential has at most 400 bytes. A server answers a longer one with xid 0: the caller would hang. */
export const MAX_CREDENTIAL = 400;

/** The most groups that fit beside an owner of `ownerBytes`. */
export function maxGroups(flavor: 'v2' | 'v3', ownerBytes: number): number {
  const words = flavor === 'v3' ? 91 : 95;
  return Math.max(0, words - Math.ceil(ownerBytes / 4));
}

/** Who calls, as the wire says it. */
export interface Identity {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly lkOwner: Uint8Array;
  readonly stamp?: { readonly flags: number; readonly seconds: number; readonly nanoseconds: number };
}

/** AUTH_NULL: flavor 0, empty body. */
export const authNone: Uint8Array = new Uint8Array(8);

/*
 * AUTH_GLUSTERFS_v3: u32 flavor, u32 length; i32 pid, u32 uid, u32 gid, u32 flags, u32 ctime_nsec, u64 ctime_sec (nsec
 * stands before sec), u32 groups<>, opaque lk_owner<>.
 * AUTH_GLUSTERFS_v2: the same without flags and ctime.
 */
/** @throws GlfsError EINVAL where groups and owner together exceed what a credential can hold. */
export function encodeCredential(flavor: 'v2' | 'v3', identity: Identity): Uint8Array {
  const writer = new XdrWriter(64 + identity.groups.length * 4 + identity.lkOwner.length);
  writer.u32(flavor === 'v3' ? AuthFlavor.GLUSTERFS_V3 : AuthFlavor.GLUSTERFS_V2);
  writer.u32(0);
  writer.i32(identity.pid);
  writer.u32(identity.uid);
  writer.u32(identity.gid);
  if (flavor === 'v3') {
    writer.u32(identity.stamp?.flags ?? 0);
    writer.u32(identity.stamp?.nanoseconds ?? 0);
    writer.u53(identity.stamp?.seconds ?? 0);
  }
  writer.u32(identity.groups.length);
  for (const group of identity.groups) writer.u32(group);
  writer.opaque(identity.lkOwner, 1024);
  const body = writer.position - 8;
  if (body > MAX_CREDENTIAL) {
    throw new GlfsError(
      'EINVAL',
      `${identity.groups.length} groups and a lock owner of ${identity.lkOwner.length} bytes do not fit into a credential (at most ${maxGroups(flavor, identity.lkOwner.length)} groups)`,
    );
  }
  writer.patchU32(4, body);
  return writer.bytes;
}

/** Where flags, nanoseconds and seconds stand in an encoded AUTH_GLUSTERFS_v3. */
const STAMP_AT = 20;

/** A copy of an encoded v3 credential with another stamp: what differs from write to write of one caller. */
export function withStamp(credential: Uint8Array, stamp: NonNullable<Identity['stamp']>): Uint8Array {
  const copy = new Uint8Array(credential);
  const view = new DataView(copy.buffer);
  view.setUint32(STAMP_AT, stamp.flags);
  view.setUint32(STAMP_AT + 4, stamp.nanoseconds);
  view.setUint32(STAMP_AT + 8, Math.floor(stamp.seconds / 0x1_0000_0000));
  view.setUint32(STAMP_AT + 12, stamp.seconds % 0x1_0000_0000);
  return copy;
}

const NO_OWNER = new Uint8Array(0);
const MAX_GROUPS = 100;

/*
 * AUTH_SYS (RFC 5531, appendix A): u32 stamp, string machinename<255>, u32 uid, u32 gid, u32 gids<16>.
 */
function decodeSys(reader: XdrReader): Identity {
  reader.u32();
  reader.opaqueView(255);
  const [uid, gid] = [reader.u32(), reader.u32()];
  return { pid: 0, uid, gid, groups: groupsOf(reader), lkOwner: NO_OWNER };
}

function decodeGluster(reader: XdrReader, stamped: boolean): Identity {
  const [pid, uid, gid] = [reader.i32(), reader.u32(), reader.u32()];
  const stamp = stamped
    ? { flags: reader.u32(), nanoseconds: reader.u32(), seconds: reader.u53() }
    : undefined;
  const groups = groupsOf(reader);
  return { pid, uid, gid, groups, lkOwner: reader.opaque(MAX_CREDENTIAL), stamp };
}

function groupsOf(reader: XdrReader): number[] {
  return Array.from({ length: reader.count(MAX_GROUPS, 4) }, () => reader.u32());
}

/**
 * Who calls, as the body of a credential says; `undefined` where it says nothing: AUTH_NONE, and flavors that GlusterFS's
 * servers take without a look at them.
 * @throws GlfsError EPROTO where the body is not of its flavor.
 */
export function decodeCredential(flavor: number, body: Uint8Array): Identity | undefined {
  const reader = new XdrReader(body);
  if (flavor === AuthFlavor.SYS) return decodeSys(reader);
  if (flavor !== AuthFlavor.GLUSTERFS_V2 && flavor !== AuthFlavor.GLUSTERFS_V3) return undefined;
  const identity = decodeGluster(reader, flavor === AuthFlavor.GLUSTERFS_V3);
  reader.finish();
  return identity;
}
