import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { authNone, Connection, encodeCredential } from '../../src/rpc/index.ts';
import { waitUntil } from '../helpers/wait.ts';
import { bulkCall, failure, numberCall } from './calls.ts';
import { answer, echo, reply, ScriptedServer, serverCall, words } from './scripted-server.ts';

async function connected(server: ScriptedServer, more = {}): Promise<Connection> {
  return Connection.open({ endpoint: server.endpoint, ...more });
}

describe('calls over a real socket', () => {
  test('thousands of calls in flight, answered in random order, each get their own answer', async () => {
    const waiting: (() => void)[] = [];
    await using server = await ScriptedServer.listen((call) => {
      waiting.push(() => answer(call, call.body));
      // As many as the client lets out, answered backwards and crosswise.
      queueMicrotask(() => {
        while (waiting.length > 0) waiting.splice(((waiting.length * 7919) % waiting.length) | 0, 1)[0]?.();
      });
    });
    const connection = await connected(server);
    const calls = Array.from({ length: 6000 }, (_, index) =>
      connection.call(numberCall(index, { lane: index % 3 === 0 ? 'control' : 'data' })),
    );
    expect(connection.inFlight).toBe(6000);
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index));
    expect(connection.inFlight).toBe(0);
    connection.destroy();
  });

  test('arguments are taken when the call is made, also where it must wait for its turn', async () => {
    await using server = await ScriptedServer.listen(() => undefined);
    const connection = await connected(server);
    // One writer for all calls, as callers have it.
    const memory = Buffer.alloc(4);
    const calls = Array.from({ length: 200 }, (_, index) => {
      memory.writeUInt32BE(index);
      return connection.call(numberCall(0, { arguments: memory }));
    });
    server.script = echo;
    for (const call of await server.received(64)) answer(call, call.body);
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index));
    connection.destroy();
  });

  test('at most 64 data calls are out; control calls and locks overtake them', async () => {
    await using server = await ScriptedServer.listen(() => undefined);
    const connection = await connected(server);
    const data = Array.from({ length: 200 }, (_, index) => connection.call(numberCall(index)));
    await server.received(64);
    const unlock = connection.call(numberCall(1000, { lane: 'control' }));
    const lock = connection.call(numberCall(1001, { lane: 'blocking' }));
    const calls = await server.received(66);
    expect(calls.length).toBe(66);
    expect(calls.slice(64).map(({ body }) => body.readUInt32BE(0))).toEqual([1000, 1001]);
    answer(calls[64]!, calls[64]!.body);
    expect(await unlock).toBe(1000);
    // One answer, one more data call, in order.
    answer(calls[63]!, calls[63]!.body);
    expect(await data[63]).toBe(63);
    expect((await server.received(67))[66]!.body.readUInt32BE(0)).toBe(64);
    expect(server.calls.length).toBe(67);
    connection.destroy();
    expect((await failure(lock)).code).toBe('ENOTCONN');
    const errors = await Promise.all(data.filter((_, index) => index !== 63).map(failure));
    expect(errors.filter((error) => error.outcome === 'unknown').length).toBe(64);
    expect(errors.filter((error) => error.outcome === 'failed').length).toBe(135);
  });

  test('locks that wait at the server never take the slots that unlocks need', async () => {
    await using server = await ScriptedServer.listen((call, { calls }) => {
      // An unlock lets one lock in.
      if (call.procedure === 99) {
        answer(call, call.body);
        const granted = calls.find(({ procedure }) => procedure !== 99)!;
        answer(granted, granted.body);
      }
    });
    const connection = await connected(server);
    const locks = Array.from({ length: 5000 }, (_, index) =>
      connection.call(numberCall(index, { lane: 'blocking' })).catch(() => -1),
    );
    await server.received(3072);
    const unlock = numberCall(7, {
      lane: 'control',
      procedure: { program: 1, version: 1, procedure: 99 },
    });
    expect(await connection.call(unlock)).toBe(7);
    expect(await locks[0]).toBe(0);
    // Data don't wait behind locks either.
    const data = connection.call(numberCall(8, { procedure: { program: 1, version: 1, procedure: 98 } }));
    await waitUntil(() => server.calls.some(({ procedure }) => procedure === 98), { what: 'the data call' });
    connection.destroy();
    await failure(data);
    await Promise.all(locks);
  });

  test('what the server calls is told at once and between replies, and never answered', async () => {
    const seen: number[] = [];
    await using server = await ScriptedServer.listen((call) => {
      // xids of servers are their own: the same numbers as ours.
      call.socket.write(
        Buffer.concat([
          serverCall(call.xid, 5, call.body),
          reply(call.xid, call.body),
          serverCall(1, 6, words(9)),
        ]),
      );
    });
    const connection = await connected(server, {
      onServerCall: (call: { procedure: number; arguments: { u32(): number } }) =>
        seen.push(call.procedure, call.arguments.u32()),
    });
    for (let value = 0; value < 3; value++) expect(await connection.call(numberCall(value))).toBe(value);
    expect(seen).toEqual([5, 0, 6, 9, 5, 1, 6, 9, 5, 2, 6, 9]);
    expect(server.calls.length).toBe(3);
    connection.destroy();
  });

  test('unix sockets', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'glfs-rpc-'));
    try {
      const path = join(directory, 'socket');
      await using server = await ScriptedServer.listen(echo, { path });
      const connection = await Connection.open({ endpoint: { path } });
      expect(connection.server).toBe(path);
      expect(await connection.call(numberCall(5))).toBe(5);
      expect(server.calls.length).toBe(1);
      connection.destroy();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('header and credential arrive as they were made', async () => {
    await using server = await ScriptedServer.listen(echo);
    const connection = await connected(server);
    const identity = { pid: 4, uid: 5, gid: 6, groups: [7, 8, 9], lkOwner: new Uint8Array([1, 2, 3]) };
    for (const flavor of ['v2', 'v3'] as const) {
      const credential = encodeCredential(flavor, identity);
      await connection.call(numberCall(1, { credential, payload: [Buffer.from('odd')] }));
      const seen = server.calls.at(-1)!;
      expect([seen.flavor, seen.credential.length]).toEqual([
        flavor === 'v2' ? 390039 : 390040,
        credential.length - 8,
      ]);
      expect(seen.credential).toEqual(Buffer.from(credential.subarray(8)));
      expect(seen.body).toEqual(Buffer.concat([words(1), Buffer.from('odd')]));
      expect([seen.program, seen.version, seen.procedure]).toEqual([1298437, 400, 13]);
    }
    await connection.call(numberCall(1, { credential: authNone }));
    expect(server.calls.at(-1)).toMatchObject({ flavor: 0, credential: Buffer.alloc(0) });
    connection.destroy();
  });

  test('payloads small and large, many in one tick, arrive in order and whole', async () => {
    await using server = await ScriptedServer.listen((call) => answer(call, words(call.body.length)));
    const connection = await connected(server);
    const sizes = [1, 3, 16_383, 16_384, 16_385, 65_536, 1_000_003, 0, 5];
    const payloads = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    const calls = payloads.map((payload, index) =>
      connection.call(numberCall(index, { payload: [payload] })),
    );
    expect(await Promise.all(calls)).toEqual(sizes.map((size) => size + 4));
    for (const [index, payload] of payloads.entries()) {
      expect(server.calls[index]!.body.equals(Buffer.concat([words(index), payload]))).toBe(true);
    }
    connection.destroy();
  });

  test('a call longer than a record can be is refused before anything is sent', async () => {
    await using server = await ScriptedServer.listen(echo);
    const connection = await connected(server);
    const piece = Buffer.alloc(1 << 20);
    const huge = Array.from({ length: 2048 }, () => piece);
    expect(await failure(connection.call(numberCall(1, { payload: huge })))).toMatchObject({
      code: 'EINVAL',
      outcome: 'failed',
    });
    expect(await connection.call(numberCall(2))).toBe(2);
    expect(server.calls.length).toBe(1);
    connection.destroy();
  });

  test('bulk lands in the memory of the caller, exactly', async () => {
    const data = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    await using server = await ScriptedServer.listen((call) => {
      answer(call, Buffer.concat([words(8, 1, 2), data]));
    });
    const connection = await connected(server);
    const memory = Buffer.alloc(400_000, 0xee);
    const got = await connection.call(bulkCall(memory.subarray(1000, 301_000)));
    expect(got.buffer).toBe(memory.buffer);
    expect(memory.subarray(1000, 301_000).equals(data)).toBe(true);
    expect(memory.subarray(0, 1000).every((byte) => byte === 0xee)).toBe(true);
    expect(memory.subarray(301_000).every((byte) => byte === 0xee)).toBe(true);
    // More than fits: into memory of its own.
    const little = Buffer.alloc(10, 0xee);
    expect(Buffer.from(await connection.call(bulkCall(little))).equals(data)).toBe(true);
    expect(little.every((byte) => byte === 0xee)).toBe(true);
    connection.destroy();
  });

  test('calls after the end fail at once, and the end is told once', async () => {
    await using server = await ScriptedServer.listen(echo);
    const reasons: Error[] = [];
    const connection = await connected(server, { onClose: (reason: Error) => reasons.push(reason) });
    await connection.call(numberCall(1));
    server.socket.destroy();
    await waitUntil(() => !connection.open, { what: 'the end', everyMs: 2 });
    let finished = 0;
    const late = connection.call(numberCall(2, { finished: () => finished++ }));
    expect(await failure(late)).toMatchObject({ code: 'ENOTCONN', outcome: 'failed' });
    connection.destroy();
    expect(finished).toBe(1);
    expect(reasons.map(({ message }) => message)).toEqual(['ECONNRESET: the server closed the connection']);
  });
});
