import { GlfsError } from '../errors.ts';
import { padding, XdrReader } from '../xdr/index.ts';
import { MAX_CREDENTIAL } from './credentials.ts';

/** Message types and states of ONC RPC version 2 (RFC 5531). */
export const MessageType = { CALL: 0, REPLY: 1 } as const;
export const RPC_VERSION = 2;

/** A remote procedure by its numbers. */
export interface Procedure {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
}

/*
 * call:  u32 mark | u32 xid, 0, 2, program, version, procedure; credential {flavor, opaque<>}; verifier {0, 0}; arguments
 */
/** Bytes of a call in front of its credential, the record mark included. */
export const CALL_PREFIX = 28;
const VERIFIER = 8;

/** Bytes of a call's header, the record mark included. */
export function callHeaderLength(credential: Uint8Array): number {
  return CALL_PREFIX + credential.length + VERIFIER;
}

/** Writes mark, header, credential and an empty verifier at `at`; `length` counts all bytes behind the header. */
export function writeCallHeader(
  target: Buffer,
  at: number,
  xid: number,
  { program, version, procedure }: Procedure,
  credential: Uint8Array,
  length: number,
): number {
  const header = callHeaderLength(credential);
  target.writeUInt32BE((0x8000_0000 + header - 4 + length) >>> 0, at);
  target.writeUInt32BE(xid, at + 4);
  target.writeUInt32BE(MessageType.CALL, at + 8);
  target.writeUInt32BE(RPC_VERSION, at + 12);
  target.writeUInt32BE(program, at + 16);
  target.writeUInt32BE(version, at + 20);
  target.writeUInt32BE(procedure, at + 24);
  target.set(credential, at + CALL_PREFIX);
  target.fill(0, at + CALL_PREFIX + credential.length, at + header);
  return at + header;
}

/*
 * reply: u32 xid, 1, reply_stat (0 accepted, 1 denied); accepted: verifier {flavor, opaque<>}, u32 accept_stat, result;
 * denied: u32 reject_stat (0 version mismatch, 1 authentication), u32 ...
 */
const acceptErrors: Readonly<
  Record<number, readonly [code: 'EPROTONOSUPPORT' | 'EPROTO' | 'EIO', text: string]>
> = {
  1: ['EPROTONOSUPPORT', 'the server does not have this program'],
  2: ['EPROTONOSUPPORT', 'the server does not have this version of the program'],
  3: ['EPROTONOSUPPORT', 'the server does not have this procedure'],
  4: ['EPROTO', 'the server could not decode the call, or took it before the handshake'],
  5: ['EIO', 'the server ran into an internal error'],
};

const DENIED =
  'the server refused the call at the RPC level. It probably wants a privileged source port: set "option rpc-auth-allow-insecure on" in glusterd.vol and "gluster volume set VOLUME server.allow-insecure on", or connect from a port below 1024 (option privilegedPort)';

/**
 * Moves a reader behind the header of a reply.
 * @throws GlfsError EACCES where the server denied the call, EPROTONOSUPPORT, EPROTO or EIO where it could not take it.
 */
export function readReplyHeader(record: Uint8Array): XdrReader {
  const reader = new XdrReader(record, 8);
  if (reader.u32() !== 0) throw denied(reader);
  reader.u32();
  const verifier = reader.length(400);
  reader.take(verifier + padding(verifier));
  const state = reader.u32();
  if (state !== 0) {
    const [code, text] = acceptErrors[state] ?? ['EPROTO', `the server answered with accept_stat ${state}`];
    throw new GlfsError(code, text);
  }
  return reader;
}

function denied(reader: XdrReader): GlfsError {
  return reader.u32() === 1
    ? new GlfsError('EACCES', DENIED)
    : new GlfsError('EPROTONOSUPPORT', 'the server speaks another version of RPC');
}

/** A call that the server makes to us, on the same connection. */
export interface ServerCall extends Procedure {
  readonly xid: number;
  /** Arguments; valid during the call only. */
  readonly arguments: XdrReader;
}

/** A call as it comes, with its credential unread. */
export interface RawCall extends ServerCall {
  readonly flavor: number;
  /** A view of the record. */
  readonly credential: Uint8Array;
}

/** @throws GlfsError EPROTO where the record is no call of RPC version 2. */
export function readCall(record: Uint8Array): RawCall {
  const reader = new XdrReader(record);
  const xid = reader.u32();
  const type = reader.u32();
  const rpcVersion = reader.u32();
  if (type !== MessageType.CALL || rpcVersion !== RPC_VERSION)
    throw new GlfsError('EPROTO', 'RPC: not a call of version 2');
  const [program, version, procedure] = [reader.u32(), reader.u32(), reader.u32()];
  const flavor = reader.u32();
  const credential = reader.opaqueView(MAX_CREDENTIAL);
  reader.u32();
  reader.opaqueView(MAX_CREDENTIAL);
  return { xid, program, version, procedure, flavor, credential, arguments: reader };
}
