import { describe, expect, test } from 'vitest';
import { type FopName, fops } from '../../../../src/protocol/fops.ts';
import type { Iatt } from '../../../../src/protocol/iatt.ts';
import { decodeCredential, encodeCredential } from '../../../../src/rpc/index.ts';
import { readCall } from '../../../../src/rpc/message.ts';
import { encodeReply } from '../../../../src/rpc/reply.ts';
import { XdrWriter } from '../../../../src/xdr/index.ts';
import { callbackEvent } from '../../../../src/xlators/protocol/client/callbacks.ts';
import { toDirectoryEntries } from '../../../../src/xlators/protocol/client/wire.ts';
import { callbackOf } from '../../../../src/xlators/protocol/server/callbacks.ts';
import { argumentsOf, decodeRequest } from '../../../../src/xlators/protocol/server/decode.ts';
import { ReplyEncoder } from '../../../../src/xlators/protocol/server/encode.ts';
import { type FopVector, fopVectors, load, resultOf } from '../../../protocol/wire-vectors.ts';

const vectors = fopVectors().filter(({ fop }) => fop in fops) as (FopVector & { fop: FopName })[];
const answered = vectors.filter(({ reply }) => reply.readUInt32BE(24) === 0);

/** What a translator would have asked for, and answered, for the server to send those bytes. */
function replyOf({ layout, dialect, reply, fop }: FopVector): {
  ret: number;
  errno: number;
  reply: Record<string, unknown>;
} {
  const reader = resultOf(reply);
  const [ret, errno] = [reader.i32(), reader.i32()];
  const before = layout.xdataLast ? undefined : dialect.dict.decode(reader);
  const fields = layout.reply.decode(reader) as Record<string, unknown>;
  const xdata = layout.xdataLast ? dialect.dict.decode(reader) : before;
  if (fop === 'read') {
    fields.data = reader.bytes.subarray(reader.position, reader.end);
    fields.eof = errno === 2;
  }
  if (fop === 'readdir' || fop === 'readdirp') fields.eof = errno === 2;
  if (Array.isArray(fields.entries)) {
    const listed = fields.entries as { stat?: Iatt }[];
    // The client takes a stat without gfid for none.
    fields.entries = toDirectoryEntries(listed as never).map((entry, at) => ({
      ...entry,
      stat: listed[at]!.stat,
    }));
  }
  return { ret, errno, reply: { ...fields, xdata } };
}

describe('requests of real clients', () => {
  test.each(vectors)('$title: are read to the last byte', ({ request, fop, layout, dialect }) => {
    const call = readCall(request.subarray(4));
    const wire = decodeRequest(call.arguments, fop, layout, dialect);
    const given = argumentsOf(fop, wire);
    for (const field of ['gfid', 'pargfid', 'bname', 'fd', 'oldgfid', 'fdIn'])
      expect(given).not.toHaveProperty(field);
    if (fop === 'write') expect(given.size).toBe(wire.fields.size);
    const writer = new XdrWriter(64);
    layout.request.encode(writer, wire.fields);
    dialect.dict.encode(writer, wire.xdata);
    writer.raw(wire.payload);
    expect(request.toString('hex').endsWith(Buffer.from(writer.bytes).toString('hex'))).toBe(true);
  });

  test.each(vectors)('$title: say who calls', ({ request }) => {
    const { flavor, credential } = readCall(request.subarray(4));
    const identity = decodeCredential(flavor, credential)!;
    const again = encodeCredential(flavor === 390040 ? 'v3' : 'v2', identity);
    expect(Buffer.from(again.subarray(8)).toString('hex')).toBe(Buffer.from(credential).toString('hex'));
  });
});

/** Where a real brick says what nobody can know from the reply: a length that counts hidden attributes, a lease that was refused. */
const unreproducible = ['400 GETXATTR list', '400 LEASE errno 1'];

/** Bricks leave whatever errno they met on the way in a reply that is good. */
function withoutNoise(record: Buffer, fop: FopName): string {
  const [RET, ERRNO] = [28, 32];
  const copy = Buffer.from(record);
  const says = fop === 'read' || fop === 'readdir' || fop === 'readdirp';
  if (copy.readInt32BE(RET) >= 0 && !says) copy.writeInt32BE(0, ERRNO);
  return copy.toString('hex');
}

describe('replies of a real brick', () => {
  test.each(answered.filter(({ title }) => !unreproducible.includes(title)))(
    '$title: are written byte for byte',
    (vector) => {
      const { fop, layout, dialect, request } = vector;
      const { ret, errno, reply } = replyOf(vector);
      const call = readCall(request.subarray(4));
      const asked = argumentsOf(fop, decodeRequest(call.arguments, fop, layout, dialect));
      const encoder = new ReplyEncoder(dialect);
      const answer = ret < 0 ? encoder.failure(layout, errno) : encoder.success(fop, layout, asked, reply);
      const bytes = encodeReply(call.xid, answer);
      expect(bytes.toString('hex')).toBe(withoutNoise(vector.reply, fop));
    },
  );
});

describe('callbacks', () => {
  const told = load('callbacks').filter(({ name }) => name !== 'FETCHSPEC' && name !== 'STATEDUMP');
  test.each(told)('$name $case: is written as a brick writes it', ({ name, request }) => {
    const call = readCall(request.subarray(4));
    const event = name === 'CHILD_DOWN' ? ({ kind: 'child-down' } as const) : callbackEvent(call)!;
    const { procedure, encoded } = callbackOf(event)!;
    expect(procedure).toEqual({ program: call.program, version: call.version, procedure: call.procedure });
    expect(Buffer.from(encoded).toString('hex')).toBe(request.subarray(44).toString('hex'));
  });
});
