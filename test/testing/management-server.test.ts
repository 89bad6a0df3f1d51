import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silent } from '../../src/logger.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { serializeDict } from '../../src/protocol/dict-serialized.ts';
import {
  CallbackProcedure,
  getSpecReply,
  getSpecRequest,
  portByBrickReply,
  portByBrickRequest,
  procedures,
  programs,
} from '../../src/protocol/handshake.ts';
import type { Procedure } from '../../src/rpc/index.ts';
import { readReplyHeader } from '../../src/rpc/message.ts';
import { ManagementServer } from '../../src/testing/management-server.ts';
import { copyBytes, type Xdr, XdrWriter } from '../../src/xdr/index.ts';
import { callRecord, RawPeer } from '../rpc/served.ts';

/** Long enough for a call on a busy machine, short enough to wait for its end. */
const HANDSHAKE = 1000;
const VOLFILE = 'volume demo\n';

let server: ManagementServer;
/** A client in good standing, from the beginning of each test to its end. */
let client: RawPeer;

beforeEach(async () => {
  server = new ManagementServer({
    host: '127.0.0.1',
    log: silent,
    handshakeTimeout: HANDSHAKE,
    volumes: {
      volfile: (key) => (key === 'demo' ? VOLFILE : undefined),
      volumeId: (volume) => (volume === 'demo' ? '6f1d3c1e-14a1-4fd5-a1fc-2d6ffcaf7f2a' : undefined),
      port: (directory) => (directory === '/brick' ? 49152 : undefined),
    },
  });
  await server.listen(0);
  client = await RawPeer.connect(server.port);
  await fetchVolfile(client);
});
afterEach(async () => {
  client.socket.destroy();
  await server.close();
});

function request<Q>(procedure: Procedure, schema: Xdr<Q>, fields: Q): Buffer {
  const writer = new XdrWriter(256);
  schema.encode(writer, fields);
  return callRecord(1, copyBytes(writer.bytes), { to: procedure });
}

function getSpec(key: string): Buffer {
  const versions = ['min-op-version', 'max-op-version'].map(
    (name, at) => [name, { type: 'str', value: at === 0 ? '1' : '100000' }] as const,
  );
  return request(procedures.getSpec, getSpecRequest, {
    flags: 0,
    key,
    xdata: serializeDict(new Dict(versions)),
  });
}

/** The next record that comes when `bytes` go out. */
async function asked(peer: RawPeer, bytes: Buffer): Promise<Buffer> {
  const before = peer.records.length;
  peer.send(bytes);
  return (await peer.answers(before + 1))[before]!;
}

async function fetchVolfile(peer: RawPeer): Promise<void> {
  const reply = await asked(peer, getSpec('demo'));
  expect(getSpecReply.decode(readReplyHeader(reply)).spec).toBe(VOLFILE);
}

async function hearsOfChanges(peer: RawPeer): Promise<void> {
  const before = peer.records.length;
  server.announceChange();
  const record = (await peer.answers(before + 1))[before]!;
  // xid, CALL, RPC version 2, program, version, procedure.
  expect([1, 3, 4, 5].map((word) => record.readUInt32BE(4 * word))).toEqual([
    0,
    programs.callback.program,
    programs.callback.version,
    CallbackProcedure.FETCH_SPEC,
  ]);
}

async function serves(): Promise<void> {
  await fetchVolfile(client);
  await hearsOfChanges(client);
  using another = await RawPeer.connect(server.port);
  await fetchVolfile(another);
}

describe('who is no client', () => {
  test.each<[string, Buffer]>([
    ['a request of HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['half a header', getSpec('demo').subarray(0, 18)],
    ['a record of 60 MiB', Buffer.concat([Buffer.from([0x83, 0xc0, 0, 0]), getSpec('demo').subarray(4)])],
    ['nothing at all', Buffer.alloc(0)],
  ])('%s: the connection ends, and others notice nothing', async (_, bytes) => {
    using peer = await RawPeer.connect(server.port);
    if (bytes.length > 0) peer.send(bytes);
    await serves();
    await peer.closed();
    expect(peer.records).toEqual([]);
    await serves();
  });

  test.each<[string, Buffer, acceptState: number]>([
    [
      'an unknown program',
      callRecord(1, new Uint8Array(8), { to: { program: 77, version: 1, procedure: 1 } }),
      1,
    ],
    [
      'the program of files',
      callRecord(1, new Uint8Array(8), { to: { program: 1298437, version: 400, procedure: 1 } }),
      1,
    ],
    ['arguments that are none', callRecord(1, new Uint8Array(0), { to: procedures.getSpec }), 4],
  ])('%s: refused, not trusted for it, and dropped when the time is over', async (_, bytes, state) => {
    using peer = await RawPeer.connect(server.port);
    const reply = await asked(peer, bytes);
    // xid, REPLY, accepted, verifier of 8 bytes, accept_stat.
    expect(reply.readUInt32BE(20)).toBe(state);
    await serves();
    await peer.closed();
    // Nor was it told what is going on.
    expect(peer.records).toHaveLength(1);
    await serves();
  });

  test('a client of a volume that is not there has no more time than others', async () => {
    using peer = await RawPeer.connect(server.port);
    expect(getSpecReply.decode(readReplyHeader(await asked(peer, getSpec('other')))).ret).toBe(-1);
    await peer.closed();
    await serves();
  });
});

test('a client that got its volfile may not announce 60 MiB either', async () => {
  using peer = await RawPeer.connect(server.port);
  await fetchVolfile(peer);
  peer.send(Buffer.from([0x83, 0xc0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0]));
  await peer.closed();
  await serves();
});

test('one that asks for ports alone gets them, time and again', async () => {
  using peer = await RawPeer.connect(server.port);
  const portOf = async (brick: string): Promise<number> =>
    portByBrickReply.decode(
      readReplyHeader(await asked(peer, request(procedures.portByBrick, portByBrickRequest, { brick }))),
    ).port;
  expect(await portOf('/brick')).toBe(49152);
  expect(await portOf('/elsewhere')).toBe(0);
  expect(await portOf('/brick')).toBe(49152);
});

test('a client with its volfile outlives the time of the handshake', async () => {
  using stranger = await RawPeer.connect(server.port);
  // It came after the client, and has gone when its time was over.
  await stranger.closed();
  expect(client.isClosed).toBe(false);
  await serves();
});
