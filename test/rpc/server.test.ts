import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Connection, encodeCredential, type IncomingCall } from '../../src/rpc/index.ts';
import { waitUntil } from '../helpers/wait.ts';
import { Authority } from './authority.ts';
import { bulkCall, failure, numberCall } from './calls.ts';
import { marked, words } from './scripted-server.ts';
import { callRecord, echo, RawPeer, type TestServer as Server, TestServer } from './served.ts';

const soon = { everyMs: 2 };
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Holds calls until the test answers them. */
class Held {
  readonly calls: { call: IncomingCall; answer: (answer: Answer) => void }[] = [];

  readonly dispatch = (call: IncomingCall): Promise<Answer> =>
    new Promise((resolve) => this.calls.push({ call, answer: resolve }));

  async got(count: number): Promise<void> {
    await waitUntil(() => this.calls.length >= count, { what: `${count} calls`, ...soon });
  }
}

const xids = (records: readonly Buffer[]): number[] => records.map((record) => record.readUInt32BE(0));
const warnings = (server: Server): string[] =>
  server.lines
    .filter(({ level }) => level === 'warn')
    .map(({ details }) => String((details.err as Error)?.message));

describe('calls and answers', () => {
  test('are matched by xid, in whatever order answers come', async () => {
    await using server = await TestServer.start();
    const held = new Held();
    server.answer = held.dispatch;
    using peer = await RawPeer.connect(server.port);
    for (const xid of [7, 8, 9]) peer.call(xid);
    await held.got(3);
    for (const at of [2, 0, 1]) held.calls[at]!.answer(echo(held.calls[at]!.call));
    expect(xids(await peer.answers(3))).toEqual([9, 7, 8]);
    // xid, REPLY, accepted, verifier {0, 0}, success, result.
    expect(peer.records[0]!.toString('hex')).toBe(words(9, 1, 0, 0, 0, 0, 9).toString('hex'));
  });

  test('our own connection speaks to it, by many calls at once', async () => {
    await using server = await TestServer.start();
    const connection = await Connection.open({ endpoint: { host: '127.0.0.1', port: server.port } });
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, value) => connection.call(numberCall(value))),
    );
    expect(answers).toEqual(Array.from({ length: 500 }, (_, value) => value));
    connection.destroy();
  });

  test('payload follows the result: small and large, unpadded', async () => {
    await using server = await TestServer.start();
    for (const length of [0, 1, 5, 16 * 1024 - 1, 16 * 1024, 3_000_001]) {
      const payload = Buffer.alloc(length, length % 251);
      server.answer = () => ({ result: words(0), payload: [payload.subarray(0, 1), payload.subarray(1)] });
      const connection = await Connection.open({ endpoint: { host: '127.0.0.1', port: server.port } });
      const got = await connection.call(bulkCall(undefined));
      expect(got.length).toBe(length);
      expect(Buffer.compare(got, payload)).toBe(0);
      connection.destroy();
    }
  });

  test.each([
    [{ refused: 'no-program' }, [1]],
    [{ refused: 'no-version', versions: [330, 400] }, [2, 330, 400]],
    [{ refused: 'no-procedure' }, [3]],
    [{ refused: 'garbage' }, [4]],
    [{ refused: 'system-error' }, [5]],
  ] as [Answer, number[]][])('%j is an accept_stat', async (answer, state) => {
    await using server = await TestServer.start();
    server.answer = () => answer;
    using peer = await RawPeer.connect(server.port);
    peer.call(3);
    expect((await peer.answers(1))[0]!.toString('hex')).toBe(words(3, 1, 0, 0, 0, ...state).toString('hex'));
  });

  test('an exception of the dispatcher is a system error and a line, and the next call goes on', async () => {
    await using server = await TestServer.start();
    server.answer = (call) => {
      if (call.xid === 1) throw new Error('a bug');
      return echo(call);
    };
    using peer = await RawPeer.connect(server.port);
    peer.call(1);
    peer.call(2);
    const records = await peer.answers(2);
    expect(records.find((record) => record.readUInt32BE(0) === 1)!.readUInt32BE(20)).toBe(5);
    expect(server.lines).toContainEqual(expect.objectContaining({ level: 'error' }));
  });
});

describe('credentials', () => {
  const identity = { pid: -6, uid: 1000, gid: 100, groups: [4, 5, 6], lkOwner: Buffer.from([1, 2, 3]) };

  test.each(['v2', 'v3'] as const)('%s says who calls', async (flavor) => {
    await using server = await TestServer.start();
    using peer = await RawPeer.connect(server.port);
    const stamp = { flags: 3, seconds: 2 ** 33, nanoseconds: 5 };
    const given = flavor === 'v3' ? { ...identity, stamp } : identity;
    peer.send(callRecord(1, words(1), { credential: encodeCredential(flavor, given) }));
    await peer.answers(1);
    expect(server.calls[0]!.identity).toEqual({ ...given, lkOwner: new Uint8Array([1, 2, 3]) });
  });

  test('AUTH_NONE says nothing, AUTH_SYS users and groups', async () => {
    await using server = await TestServer.start();
    using peer = await RawPeer.connect(server.port);
    peer.call(1);
    const body = [words(77, 3), Buffer.from('vm1\0'), words(1000, 100, 2, 8, 9)];
    const length = Buffer.concat(body).length;
    peer.send(callRecord(2, words(1), { credential: Buffer.concat([words(1, length), ...body]) }));
    await peer.answers(2);
    expect(server.calls[0]!.identity).toBeUndefined();
    expect(server.calls[1]!.identity).toMatchObject({ uid: 1000, gid: 100, groups: [8, 9], pid: 0 });
  });

  test('one that is not of its flavor is denied, and the connection stays', async () => {
    await using server = await TestServer.start();
    using peer = await RawPeer.connect(server.port);
    peer.send(callRecord(1, words(1), { credential: words(390040, 8, 1, 2) }));
    peer.call(2);
    const records = await peer.answers(2);
    expect(records[0]!.toString('hex')).toBe(words(1, 1, 1, 1, 2).toString('hex'));
    expect(server.calls.map(({ xid }) => xid)).toEqual([2]);
  });
});

describe('what is no call', () => {
  const call = callRecord(1, words(1));
  const garbage: [string, Buffer][] = [
    ['text', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a TLS hello', Buffer.from('16030100ca010000c60303aabbccddeeff', 'hex')],
    ['an empty record', words(0x8000_0000)],
    ['a fragment of four bytes', words(0x8000_0004, 1)],
    ['a reply', marked(words(1, 1, 0, 0, 0, 0))],
    ['another version of RPC', marked(words(1, 0, 3, 1, 1, 1, 0, 0, 0, 0))],
    ['a call that ends in its header', marked(words(1, 0, 2, 1298437, 400))],
    ['a credential longer than the call', marked(words(1, 0, 2, 1298437, 400, 1, 390039, 200, 0, 0))],
    [
      'a credential of 404 bytes',
      callRecord(1, words(1), { credential: Buffer.concat([words(0, 404), Buffer.alloc(404)]) }),
    ],
    ['a length of 2 GiB', words(0xffff_ffff, 1, 0, 2)],
    ['a length just above the limit', words(0x8010_0001, 1, 0, 2)],
    [
      'fragments above the limit together',
      Buffer.concat([words(0x000f_0000, 1, 0), Buffer.alloc(0xf_0000 - 8), words(0x800f_0000)]),
    ],
  ];

  test.each(garbage)('%s: ends that connection, and no other', async (_name, bytes) => {
    await using server = await TestServer.start();
    using bystander = await RawPeer.connect(server.port);
    using peer = await RawPeer.connect(server.port);
    peer.send(bytes);
    await peer.closed();
    bystander.call(5);
    expect(xids(await bystander.answers(1))).toEqual([5]);
    expect(warnings(server)).toHaveLength(1);
    expect(server.calls).toHaveLength(1);
  });

  test('nothing is taken from what follows garbage in the same chunk', async () => {
    await using server = await TestServer.start();
    using peer = await RawPeer.connect(server.port);
    peer.send(Buffer.concat([call, words(0x8000_0004, 1), call]));
    await peer.closed();
    expect(server.calls).toHaveLength(1);
  });

  test('memory follows what has arrived, not what is announced', async () => {
    await using server = await TestServer.start();
    const peers = await Promise.all(Array.from({ length: 60 }, () => RawPeer.connect(server.port)));
    await server.connection(60);
    for (const connection of server.server.connections) connection.trust();
    const before = process.memoryUsage().arrayBuffers;
    for (const peer of peers) peer.send(words(0x8400_0000, 1, 0, 2, 1298437, 400, 13));
    // One more that is answered: by then the others were read.
    using last = await RawPeer.connect(server.port);
    last.call(1);
    await last.answers(1);
    await nextTurn();
    // 60 x 64 MiB were announced.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60 * 2 ** 20);
    for (const peer of peers) peer.socket.destroy();
  });

  test('a trusted peer may send a WRITE of 64 MiB, and no more than its frame around it', async () => {
    await using server = await TestServer.start();
    server.answer = (incoming) => ({ result: words(incoming.arguments.remaining) });
    using peer = await RawPeer.connect(server.port);
    (await server.connection()).trust();
    const body = Buffer.alloc(64 << 20, 7);
    peer.send(callRecord(1, body));
    expect((await peer.answers(1))[0]!.readUInt32BE(24)).toBe(body.length);
    peer.send(words(0x8000_0000 + (64 << 20) + 128 * 1024 + 1, 1, 0));
    await peer.closed();
  });
});

describe('records', () => {
  test('may be cut anywhere', async () => {
    await using server = await TestServer.start();
    using peer = await RawPeer.connect(server.port);
    const record = callRecord(1, words(1, 2, 3));
    for (let at = 1; at < record.length; at++) {
      const numbered = Buffer.from(record);
      numbered.writeUInt32BE(at, 4);
      peer.send(numbered.subarray(0, at));
      await nextTurn();
      peer.send(numbered.subarray(at));
    }
    const records = await peer.answers(record.length - 1);
    expect(xids(records)).toEqual(Array.from({ length: record.length - 1 }, (_, at) => at + 1));
    for (const answered of records)
      expect(answered.subarray(24).toString('hex')).toBe(words(1, 2, 3).toString('hex'));
  });

  test('may come byte by byte', async () => {
    await using server = await TestServer.start();
    using peer = await RawPeer.connect(server.port);
    for (const byte of callRecord(6, words(4))) {
      peer.send(Buffer.from([byte]));
      await nextTurn();
    }
    expect(xids(await peer.answers(1))).toEqual([6]);
  });

  test('may come in fragments', async () => {
    await using server = await TestServer.start();
    using peer = await RawPeer.connect(server.port);
    const body = callRecord(6, words(4, 5)).subarray(4);
    const parts = [body.subarray(0, 9), body.subarray(9, 9), body.subarray(9, 30), body.subarray(30)];
    for (const [at, part] of parts.entries()) {
      peer.send(Buffer.concat([words(part.length + (at === 3 ? 0x8000_0000 : 0)), part]));
      await nextTurn();
    }
    expect((await peer.answers(1))[0]!.subarray(24).toString('hex')).toBe(words(4, 5).toString('hex'));
  });

  test('are kept by whoever got them, however long and whatever comes after', async () => {
    await using server = await TestServer.start();
    const kept: { bytes: Buffer; fill: number }[] = [];
    server.answer = (call) => {
      const { bytes, position, end } = call.arguments;
      kept.push({ bytes: bytes.subarray(position, end) as Buffer, fill: call.xid });
      return { result: words(0) };
    };
    using peer = await RawPeer.connect(server.port);
    (await server.connection()).trust();
    const sizes = [8, 70_000, 16, 300_000, 2_000_000, 12, 1_100_000, 40];
    for (const [at, size] of sizes.entries()) peer.send(callRecord(at + 1, Buffer.alloc(size, at + 1)));
    await peer.answers(sizes.length);
    expect(kept.map(({ bytes }) => bytes.length)).toEqual(sizes);
    for (const { bytes, fill } of kept) expect(bytes.every((byte) => byte === fill)).toBe(true);
  });
});

describe('bounds', () => {
  test('a connection that makes no handshake is dropped, one that is trusted is not', async () => {
    await using server = await TestServer.start({ handshakeTimeout: 60 });
    using good = await RawPeer.connect(server.port);
    (await server.connection(1)).trust();
    using silent = await RawPeer.connect(server.port);
    using half = await RawPeer.connect(server.port);
    half.send(callRecord(1, words(1)).subarray(0, 20));
    using busy = await RawPeer.connect(server.port);
    busy.call(1);
    await Promise.all([silent.closed(), half.closed(), busy.closed()]);
    good.call(3);
    expect(xids(await good.answers(1))).toEqual([3]);
  });

  test('newcomers push the oldest newcomer out', async () => {
    await using server = await TestServer.start({ untrustedConnections: 3 });
    using trusted = await RawPeer.connect(server.port);
    (await server.connection(1)).trust();
    const peers: RawPeer[] = [];
    for (let count = 1; count <= 5; count++) {
      peers.push(await RawPeer.connect(server.port));
      await waitUntil(() => server.server.connections.size >= Math.min(count, 3) + 1, {
        what: 'it to be taken',
        ...soon,
      });
    }
    await peers[0]!.closed();
    await peers[1]!.closed();
    for (const peer of [trusted, ...peers.slice(2)]) {
      peer.call(1);
      await peer.answers(1);
    }
    for (const peer of peers) peer.socket.destroy();
  });

  test('beyond 64 calls that wait no more are read, and locks do not count', async () => {
    await using server = await TestServer.start();
    const held = new Held();
    server.answer = held.dispatch;
    using peer = await RawPeer.connect(server.port);
    for (let xid = 1; xid <= 64; xid++) peer.call(xid);
    await held.got(64);
    for (let xid = 65; xid <= 70; xid++) peer.call(xid);
    // Another connection is served meanwhile; by then those bytes have come here too.
    using other = await RawPeer.connect(server.port);
    other.call(1);
    await held.got(65);
    expect(held.calls).toHaveLength(65);
    held.calls[5]!.call.uncounted();
    await held.got(66);
    held.calls[6]!.answer({ result: words(0) });
    expect(xids(await peer.answers(1))).toEqual([7]);
    await held.got(67);
    expect(held.calls).toHaveLength(67);
    // What doesn't count is answered all the same, once.
    held.calls[5]!.answer({ result: words(0) });
    expect(xids(await peer.answers(2))).toEqual([7, 6]);
  });

  test('who floods it pushes out his own, not those of other hosts', async () => {
    await using server = await TestServer.start({ untrustedConnections: 8 });
    using other = await RawPeer.connect(server.port);
    await server.connection(1);
    const flood: Socket[] = [];
    for (let count = 0; count < 40; count++)
      flood.push(connect({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.2' }));
    for (const socket of flood) socket.on('error', () => {});
    await waitUntil(() => flood.filter((socket) => socket.destroyed).length >= 32, {
      what: 'the flood to ebb',
      ...soon,
    });
    other.call(1);
    expect(xids(await other.answers(1))).toEqual([1]);
    for (const socket of flood) socket.destroy();
  });

  test('connections have an end, for the host that has most of them', async () => {
    await using server = await TestServer.start({ connections: 4 });
    using other = await RawPeer.connect(server.port);
    (await server.connection(1)).trust();
    const many: Socket[] = [];
    for (let count = 0; count < 10; count++) {
      const socket = connect({ port: server.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      socket.on('error', () => {});
      many.push(socket);
    }
    await waitUntil(() => many.filter((socket) => socket.destroyed).length === 7, {
      what: 'seven to be put out',
      ...soon,
    });
    other.call(1);
    expect(xids(await other.answers(1))).toEqual([1]);
    for (const socket of many) socket.destroy();
  });

  test('of one chunk no more is taken than of several', async () => {
    await using server = await TestServer.start();
    const held = new Held();
    server.answer = held.dispatch;
    using peer = await RawPeer.connect(server.port);
    peer.send(Buffer.concat(Array.from({ length: 200 }, (_, index) => callRecord(index + 1, words(index)))));
    await held.got(64);
    using other = await RawPeer.connect(server.port);
    other.call(1);
    await held.got(65);
    expect(held.calls).toHaveLength(65);
    for (let index = 0; index < 201; index++) {
      await held.got(index + 1);
      held.calls[index]!.answer({ result: words(0) });
    }
    expect(xids(await peer.answers(200)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 1),
    );
  });

  test('calls that are not answered hold no more than so many bytes', async () => {
    await using server = await TestServer.start({ limits: { held: 1 << 20 } });
    const held = new Held();
    server.answer = held.dispatch;
    using peer = await RawPeer.connect(server.port);
    (await server.connection()).trust();
    for (let xid = 1; xid <= 10; xid++) peer.send(callRecord(xid, Buffer.alloc(400_000)));
    await held.got(3);
    using other = await RawPeer.connect(server.port);
    other.call(1);
    await held.got(4);
    expect(held.calls).toHaveLength(4);
    held.calls[0]!.answer({ result: words(0) });
    await held.got(5);
  });

  test('a peer that takes no replies is read no further', async () => {
    await using server = await TestServer.start();
    const payload = Buffer.alloc(1 << 20);
    server.answer = () => ({ result: words(0), payload: [payload] });
    using peer = await RawPeer.connect(server.port);
    const connection = await server.connection();
    peer.socket.pause();
    for (let xid = 1; xid <= 400; xid++) {
      peer.call(xid);
      await nextTurn();
    }
    let last = -1;
    await waitUntil(
      () => {
        const stands = server.calls.length === last;
        last = server.calls.length;
        return stands;
      },
      { what: 'the server to stop', everyMs: 50 },
    );
    expect(last).toBeLessThan(150);
    peer.socket.resume();
    await peer.answers(400);
    expect(connection.open).toBe(true);
  });
});

describe('what servers do of themselves', () => {
  test('calls to the client have xids of their own, from 1', async () => {
    await using server = await TestServer.start();
    using peer = await RawPeer.connect(server.port);
    const connection = await server.connection();
    connection.call({ program: 52743234, version: 1, procedure: 5 }, words(9));
    connection.call({ program: 52743234, version: 1, procedure: 7 }, new Uint8Array(0));
    const records = await peer.answers(2);
    expect(records[0]!.toString('hex')).toBe(words(1, 0, 2, 52743234, 1, 5, 0, 0, 0, 0, 9).toString('hex'));
    expect(xids(records)).toEqual([1, 2]);
  });

  test('the end of a connection is told once; late answers go nowhere', async () => {
    await using server = await TestServer.start();
    const held = new Held();
    server.answer = held.dispatch;
    const peer = await RawPeer.connect(server.port);
    peer.call(1);
    await held.got(1);
    peer.socket.destroy();
    await waitUntil(() => server.closed.length > 0, { what: 'the end', ...soon });
    held.calls[0]!.answer({ result: words(0) });
    await nextTurn();
    expect(server.closed).toHaveLength(1);
    expect(server.closed[0]!.open).toBe(false);
    expect(server.lines).toEqual([]);
  });
});

describe('faults to order', () => {
  test('paused: nothing is taken in, nothing sent, and nothing lost', async () => {
    await using server = await TestServer.start({ handshakeTimeout: 50 });
    const held = new Held();
    server.answer = held.dispatch;
    using peer = await RawPeer.connect(server.port);
    const connection = await server.connection();
    connection.trust();
    peer.call(1);
    await held.got(1);
    server.server.pause();
    held.calls[0]!.answer({ result: words(1) });
    connection.call({ program: 52743234, version: 1, procedure: 7 }, new Uint8Array(0));
    peer.call(2);
    using late = await RawPeer.connect(server.port);
    late.call(3);
    // Another server, with twice the patience, drops its silent newcomer: the time for ours is over.
    await using other = await TestServer.start({ handshakeTimeout: 100 });
    using silent = await RawPeer.connect(other.port);
    await silent.closed();
    expect(held.calls).toHaveLength(1);
    expect([peer.received, late.received, late.isClosed]).toEqual([0, 0, false]);
    server.answer = echo;
    server.server.resume();
    await peer.answers(3);
    expect(xids(peer.records).sort()).toEqual([1, 1, 2]);
    expect(xids(await late.answers(1))).toEqual([3]);
  });

  test('half of a reply, then the end: nothing comes behind it that could pass for the other half', async () => {
    await using server = await TestServer.start();
    server.answer = () => ({ result: words(1, 2, 3), payload: [Buffer.alloc(1000)] });
    using peer = await RawPeer.connect(server.port);
    (await server.connection()).truncateNext();
    for (const xid of [1, 2, 3]) peer.call(xid);
    await peer.closed();
    expect(peer.records).toEqual([]);
    expect(peer.received).toBe((28 + 12 + 1000) / 2);
  });

  test('all connections are cut, new ones are taken', async () => {
    await using server = await TestServer.start();
    using first = await RawPeer.connect(server.port);
    using second = await RawPeer.connect(server.port);
    await server.connection(2);
    server.server.destroyConnections();
    await Promise.all([first.closed(), second.closed()]);
    using third = await RawPeer.connect(server.port);
    third.call(1);
    await third.answers(1);
    expect(server.lines).toEqual([]);
  });

  test('closed: nobody can connect, and the port is free', async () => {
    const server = await TestServer.start();
    const { port } = server;
    using peer = await RawPeer.connect(port);
    await server.server.close();
    await peer.closed();
    await expect(RawPeer.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await using again = await TestServer.start({ endpoint: { host: '127.0.0.1', port } });
    expect(again.port).toBe(port);
    await server.server.close();
  });
});

describe('where it listens', () => {
  const directory = mkdtempSync(join(tmpdir(), 'glfs-rpc-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  test('a port that is taken is EADDRINUSE', async () => {
    await using server = await TestServer.start();
    const error = await failure(TestServer.start({ endpoint: { host: '127.0.0.1', port: server.port } }));
    expect(error).toMatchObject({ code: 'EADDRINUSE' });
  });

  test('a unix socket, also where a dead server left one behind', async () => {
    const path = join(directory, 'brick.socket');
    for (let round = 0; round < 2; round++) {
      await using server = await TestServer.start({ endpoint: { path } });
      const connection = await Connection.open({ endpoint: { path } });
      expect(await connection.call(numberCall(4))).toBe(4);
      expect((await server.connection()).peer).toMatchObject({ host: path, port: 0 });
      connection.destroy();
    }
    expect(existsSync(path)).toBe(false);
  });
});

describe('TLS', () => {
  let ours: Authority;
  let others: Authority;
  let serverPair: { cert: Buffer; key: Buffer };
  beforeAll(() => {
    ours = new Authority();
    others = new Authority();
    serverPair = ours.issue('server');
  });
  afterAll(() => {
    ours.remove();
    others.remove();
  });
  const start = (more = {}): Promise<Server> =>
    TestServer.start({ tls: { ca: ours.ca, ...serverPair }, ...more });

  test('a client with a certificate of the authority is known by its name', async () => {
    await using server = await start();
    const tls = { ca: ours.ca, ...ours.issue('alice') };
    const connection = await Connection.open({ endpoint: { host: '127.0.0.1', port: server.port, tls } });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, value) => connection.call(numberCall(value))),
    );
    expect(answers).toHaveLength(100);
    expect((await server.connection()).peer.commonName).toBe('alice');
    const payload = Buffer.alloc(3_000_000, 5);
    server.answer = () => ({ result: words(0), payload: [payload] });
    expect((await connection.call(bulkCall(undefined))).length).toBe(payload.length);
    connection.destroy();
  });

  test('no certificate, one of another authority, plain text: refused, others are served', async () => {
    await using server = await start();
    using good = await RawPeer.connect(server.port, { ca: ours.ca, ...ours.issue('bob') });
    for (const pair of [{}, others.issue('mallory')]) {
      // With TLS 1.3 the client believes itself connected until it is told otherwise.
      const peer = await RawPeer.connect(server.port, { ca: ours.ca, ...pair }).catch(() => undefined);
      await peer?.closed();
    }
    using plain = await RawPeer.connect(server.port);
    plain.call(1);
    await plain.closed();
    good.call(8);
    expect(xids(await good.answers(1))).toEqual([8]);
    expect(server.calls).toHaveLength(1);
  });

  test('who begins no TLS handshake is dropped', async () => {
    await using server = await start({ handshakeTimeout: 60 });
    using silent = await RawPeer.connect(server.port);
    await silent.closed();
  });

  test('who has made it is not dropped for it', async () => {
    await using server = await start({ handshakeTimeout: 150 });
    using peer = await RawPeer.connect(server.port, { ca: ours.ca, ...ours.issue('carol') });
    (await server.connection()).trust();
    using silent = await RawPeer.connect(server.port);
    await silent.closed();
    peer.call(1);
    await peer.answers(1);
  });

  test('certificates that are none are EINVAL', async () => {
    const error = await failure(TestServer.start({ tls: { cert: 'x', key: 'y' } }));
    expect(error).toMatchObject({ code: 'EINVAL' });
  });

  test('paused before the handshake: it is made afterwards', async () => {
    await using server = await start();
    server.server.pause();
    const pair = ours.issue('dave');
    const coming = RawPeer.connect(server.port, { ca: ours.ca, ...pair });
    await new Promise<void>((resolve) => {
      const socket = connect({ port: server.port, host: '127.0.0.1' }, () => {
        socket.destroy();
        resolve();
      });
    });
    server.server.resume();
    using peer = await coming;
    peer.call(1);
    await peer.answers(1);
  });
});
