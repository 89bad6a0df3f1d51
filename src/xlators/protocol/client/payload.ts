import { GlfsError, type GlfsErrorDetails } from '../../../errors.ts';
import type { Reply, Request } from '../../../graph/index.ts';
import type { Dialect, Layout } from '../../../protocol/dialect.ts';
import { dialect330 } from '../../../protocol/dialect.ts';
import type { BulkLayout } from '../../../rpc/index.ts';
import { padding, type XdrReader, type XdrWriter } from '../../../xdr/index.ts';
import { decodeReply } from './wire.ts';

/* READ request: opaque gfid[16], i64 fd, u64 offset, u32 size, u32 flag, xdata */
/* WRITE request: the same, then raw data, unpadded, to the end of the record */
export function encodeTransfer(
  writer: XdrWriter,
  dialect: Dialect,
  request: Request<'read'> | Request<'write'>,
  number: bigint,
): void {
  writer.fixed(request.fd.inode.gfid, 16);
  writer.i64(number);
  writer.u53(request.offset);
  writer.u32(request.size);
  writer.u32(request.flags);
  dialect.dict.encode(writer, request.xdata);
}

/*
 * READ reply: i32 ret, i32 errno, iatt, u32 size, xdata, then raw data, unpadded, to the end of the record.
 * Version 4: xdata is a gfx_dict whose u32 size counts what follows its first 12 bytes. Version 330: an opaque.
 */
export function readBulk(dialect: Dialect, into: Uint8Array | undefined): BulkLayout {
  const dictAt = 8 + dialect.iattBytes + 4;
  const old = dialect === dialect330;
  const frontMinimum = dictAt + (old ? 4 : 12);
  return {
    frontMinimum,
    into,
    headerLength: (result) => {
      if (result.getInt32(0) < 0) return Number.POSITIVE_INFINITY;
      const length = result.getUint32(dictAt);
      return frontMinimum + (old ? length + padding(length) : length);
    },
  };
}

const EOF_ERRNO = 2;
const EMPTY = new Uint8Array(0);

/** @throws GlfsError the brick's; EPROTO where the bytes don't agree with their announcement. */
export function decodeRead(
  reader: XdrReader,
  bulk: Uint8Array | undefined,
  layout: Layout,
  dialect: Dialect,
  request: Request<'read'>,
  details: () => GlfsErrorDetails,
): Reply<'read'> {
  const start = reader.position;
  const [ret, errno] = [reader.i32(), reader.i32()];
  reader.position = start;
  const { stat, xdata } = decodeReply(reader, layout, dialect, details) as Pick<
    Reply<'read'>,
    'stat' | 'xdata'
  >;
  const data = bulk ?? EMPTY;
  if (data.length !== ret || ret > request.size || ret > (request.into?.length ?? ret)) {
    throw new GlfsError('EPROTO', `READ of ${request.size} bytes: ${ret} announced, ${data.length} arrived`);
  }
  return {
    data: settleInto(data, request.into),
    stat,
    xdata,
    eof: errno === EOF_ERRNO || ret < request.size,
  };
}

/** Puts the bytes into the caller's memory where they did not land there at once. */
function settleInto(data: Uint8Array, into: Uint8Array | undefined): Uint8Array {
  if (into === undefined || data.length === 0) return data;
  if (data.buffer === into.buffer && data.byteOffset === into.byteOffset) return data;
  into.set(data);
  return into.subarray(0, data.length);
}
