import { readdirSync, readFileSync } from 'node:fs';
import { parseSerializedDict } from '../../src/protocol/dict-serialized.ts';
import { dictSchema } from '../../src/protocol/dict-wire.ts';
import * as handshake from '../../src/protocol/handshake.ts';
import { readCall, readReplyHeader } from '../../src/rpc/message.ts';
import { RecordReader } from '../../src/rpc/record.ts';
import { parseVolfile } from '../../src/volfile/index.ts';
import { type Xdr, XdrReader } from '../../src/xdr/index.ts';
import { callbackEvent } from '../../src/xlators/protocol/client/callbacks.ts';
import { decodeRead, readBulk } from '../../src/xlators/protocol/client/payload.ts';
import { decodeReply, toDirectoryEntries } from '../../src/xlators/protocol/client/wire.ts';
import { callParts, fopVectors, load } from '../protocol/wire-vectors.ts';

/** A decoder with correct inputs for it. */
export interface Target {
  name: string;
  /** Share of the mutations that it gets. */
  weight: number;
  inputs: Buffer[];
  /** Decodes; `index` tells which input the bytes were made of. */
  decode(bytes: Buffer, index: number): void;
}

const details = (): object => ({});

/** Replies to every fop, in both versions of the program, from the first byte of the record. */
function replies(): Target {
  const vectors = fopVectors();
  return {
    name: 'replies to file operations',
    weight: 10,
    inputs: vectors.map(({ reply }) => reply.subarray(4)),
    decode: (bytes, index) => {
      const { layout, dialect, fop } = vectors[index]!;
      if (bytes.length < 8) return;
      if (fop === 'read') {
        decodeReadReply(bytes, vectors[index]!);
        return;
      }
      const reply = decodeReply(readReplyHeader(bytes), layout, dialect, details);
      if (fop === 'readdirp' || fop === 'readdir') toDirectoryEntries(reply.entries as never);
    },
  };
}

/** As the connection does it: header and data are parted before the header is decoded. */
function decodeReadReply(
  bytes: Buffer,
  { layout, dialect, request }: ReturnType<typeof fopVectors>[number],
): void {
  const { size } = layout.request.decode(new XdrReader(callParts(request).body)) as { size: number };
  const bulk = readBulk(dialect, undefined);
  const reader = readReplyHeader(bytes);
  const start = reader.position;
  if (bytes.length - start < bulk.frontMinimum) {
    decode(readReplyHeader(bytes), undefined);
    return;
  }
  const header = bulk.headerLength(
    new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start),
  );
  const end = Math.min(start + header, bytes.length);
  decode(readReplyHeader(bytes.subarray(0, end)), bytes.subarray(end));
  function decode(from: XdrReader, data: Uint8Array | undefined): void {
    decodeRead(from, data, layout, dialect, { size } as never, details);
  }
}

/** Calls of clients, as a server would read them. */
function requests(): Target {
  const vectors = fopVectors();
  return {
    name: 'calls',
    weight: 2,
    inputs: vectors.map(({ request }) => request.subarray(4)),
    decode: (bytes, index) => {
      const { layout, dialect } = vectors[index]!;
      const call = readCall(bytes);
      layout.request.decode(call.arguments);
      dialect.dict.decode(call.arguments);
    },
  };
}

function handshakes(): Target {
  const schemas: Record<string, Xdr<unknown>> = {
    DUMP: handshake.dumpReply,
    SETVOLUME: handshake.setVolumeReply,
    GETSPEC: handshake.getSpecReply,
    GET_VOLUME_INFO: handshake.getVolumeInfoReply,
    PORTBYBRICK: handshake.portByBrickReply,
  };
  const vectors = load('handshake').filter(({ name }) => name in schemas);
  return {
    name: 'replies to handshakes',
    weight: 3,
    inputs: vectors.map(({ reply }) => reply.subarray(4)),
    decode: (bytes, index) => {
      const reader = readReplyHeader(bytes);
      const reply = schemas[vectors[index]!.name]!.decode(reader) as { dict?: Uint8Array; spec?: string };
      reader.finish();
      if (reply.dict !== undefined) parseSerializedDict(reply.dict);
      if (reply.spec !== undefined) parseVolfile(reply.spec);
    },
  };
}

function callbacks(): Target {
  return {
    name: 'calls of servers',
    weight: 2,
    inputs: load('callbacks').map(({ request }) => request.subarray(4)),
    decode: (bytes) => void callbackEvent(readCall(bytes)),
  };
}

/** Both serializations, from wherever vectors have them. */
function dicts(): Target[] {
  const gfx = fopVectors()
    .filter(({ dialect }) => dialect.version === 400)
    .map(({ request, layout }) => {
      const { body } = callParts(request);
      const reader = new XdrReader(body);
      layout.request.decode(reader);
      const start = reader.position;
      dictSchema.decode(reader);
      return body.subarray(start, reader.position);
    });
  const serialized = load('handshake').flatMap(({ name, request }) => {
    if (name !== 'SETVOLUME' && name !== 'GET_VOLUME_INFO') return [];
    return [Buffer.from(handshake.setVolumeRequest.decode(new XdrReader(callParts(request).body)).dict)];
  });
  return [
    {
      name: 'gfx_dict',
      weight: 3,
      inputs: gfx,
      decode: (bytes) => void dictSchema.decode(new XdrReader(bytes)),
    },
    {
      name: 'serialized dict',
      weight: 2,
      inputs: serialized.filter((bytes) => bytes.length > 0),
      decode: (bytes) => void parseSerializedDict(bytes),
    },
  ];
}

const RECORD_LIMIT = 1 << 20;

/** Streams of several records, in chunks, with bulk for those that look like READ's. */
function streams(): Target {
  const records = fopVectors().map(({ reply }) => reply);
  const inputs = records.map((record, index) =>
    Buffer.concat([
      record,
      records[(index * 7 + 1) % records.length]!,
      records[(index * 13 + 5) % records.length]!,
    ]),
  );
  return {
    name: 'streams of records',
    weight: 5,
    inputs,
    decode: (bytes, index) => {
      const bulk = {
        frontMinimum: 44,
        headerLength: (front: Uint8Array) => 44 + (front[43] ?? 0),
        destination: (length: number) => new Uint8Array(length),
      };
      const reader = new RecordReader({
        recipient: (xid) =>
          xid % 5 === 0
            ? undefined
            : { limit: RECORD_LIMIT, settled: false, bulk: xid % 2 === 0 ? bulk : undefined },
        record: (_xid, _type, record) => {
          if (record.length >= 24) readReplyHeader(record);
        },
      });
      const chunk = 1 + ((index * 31) % 700);
      for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk));
    },
  };
}

function volfiles(): Target {
  const directory = new URL('../vectors/volfiles/', import.meta.url);
  const names = readdirSync(directory).filter((name) => name.endsWith('.vol'));
  return {
    name: 'volfiles',
    weight: 3,
    inputs: names.map((name) => readFileSync(new URL(name, directory))),
    decode: (bytes) => void parseVolfile(bytes),
  };
}

export function targets(): Target[] {
  return [replies(), requests(), handshakes(), callbacks(), ...dicts(), streams(), volfiles()];
}
