import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Connection } from '../../src/rpc/index.ts';
import { waitUntil } from '../helpers/wait.ts';
import { bulkCall, failure, numberCall } from './calls.ts';
import { answer, echo, reply, ScriptedServer, words } from './scripted-server.ts';

async function connected(server: ScriptedServer, more = {}): Promise<Connection> {
  return Connection.open({ endpoint: server.endpoint, ...more });
}

describe('memory of callers whose wait has ended', () => {
  test('what a caller writes into its buffer after the abort never reaches the server', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 5 }),
        async (sizes, byDeadline, ticks) => {
          await using server = await ScriptedServer.listen(() => undefined);
          const connection = await connected(server);
          // The server's side takes nothing: the bytes wait in our process and in the kernel.
          await waitUntil(() => server.sockets.size === 1, { what: 'the connection', everyMs: 1 });
          server.socket.pause();
          const ending = new AbortController();
          const payload = sizes.map((size) => Buffer.alloc(size, 0x11));
          const more = byDeadline ? { deadline: performance.now() + 20 } : { signal: ending.signal };
          const call = failure(connection.call(numberCall(1, { payload, ...more })));
          for (let tick = 0; tick < ticks; tick++) await new Promise(setImmediate);
          ending.abort();
          const error = await call;
          expect(error.code).toBe(byDeadline ? 'ETIMEDOUT' : 'ECANCELED');
          // On a busy machine the deadline may pass before the call is made: then nothing is sent.
          if (byDeadline && error.outcome === 'failed') {
            connection.destroy();
            return;
          }
          expect(error.outcome).toBe('unknown');
          for (const part of payload) part.fill(0x22);
          server.socket.resume();
          const [seen] = await server.received(1);
          expect(seen!.body.length).toBe(4 + sizes.reduce((sum, size) => sum + size, 0));
          expect(seen!.body.indexOf(0x22)).toBe(-1);
          connection.destroy();
        },
      ),
      { numRuns: 30 },
    );
  });

  test('what arrives after the abort is never written into the buffer of the caller', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 600_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 64 }),
        async (size, share, head) => {
          const result = Buffer.concat([words(head), Buffer.alloc(head), Buffer.alloc(size, 0x33)]);
          // The last byte always comes after the abort.
          const cut = Math.min(Math.floor(share * (result.length + 28)), result.length + 27);
          await using server = await ScriptedServer.listen((call, { calls }) => {
            if (calls.length > 1) answer(call, call.body);
            else call.socket.write(reply(call.xid, result).subarray(0, cut));
          });
          const connection = await connected(server);
          const ending = new AbortController();
          const memory = Buffer.alloc(size, 0);
          let finished = 0;
          const call = failure(
            connection.call(bulkCall(memory, { signal: ending.signal, finished: () => finished++ })),
          );
          const [seen] = await server.received(1);
          const start = 28 + 4 + head;
          if (cut > start) {
            await waitUntil(() => memory[Math.min(cut, start + 1) - start - 1] === 0x33 || cut <= start, {
              what: 'the first bytes',
              everyMs: 1,
            });
          }
          ending.abort();
          expect((await call).code).toBe('ECANCELED');
          expect(finished).toBe(0);
          memory.fill(0x44);
          seen!.socket.write(reply(seen!.xid, result).subarray(cut));
          // The connection is whole: the next call is answered, after the rest has come.
          expect(await connection.call(numberCall(5))).toBe(5);
          expect(finished).toBe(1);
          expect(memory.every((byte) => byte === 0x44)).toBe(true);
          connection.destroy();
        },
      ),
      { numRuns: 40 },
    );
  });

  test('a call that ends before its turn is never sent', async () => {
    await using server = await ScriptedServer.listen(() => undefined);
    const connection = await connected(server);
    const first = Array.from({ length: 64 }, (_, index) => connection.call(numberCall(index)));
    const ending = new AbortController();
    let finished = 0;
    const queued = Array.from({ length: 500 }, (_, index) =>
      failure(
        connection.call(numberCall(1000 + index, { signal: ending.signal, finished: () => finished++ })),
      ),
    );
    const last = connection.call(numberCall(2000));
    ending.abort();
    for (const error of await Promise.all(queued)) {
      expect(error).toMatchObject({ code: 'ECANCELED', outcome: 'failed' });
    }
    expect(finished).toBe(500);
    expect(connection.inFlight).toBe(65);
    server.script = echo;
    for (const call of await server.received(64)) answer(call, call.body);
    expect(await last).toBe(2000);
    await Promise.all(first);
    expect(server.calls.length).toBe(65);
    connection.destroy();
  });

  test('a deadline that has passed, or an aborted signal: nothing is sent; a far deadline is no timeout', async () => {
    await using server = await ScriptedServer.listen(echo);
    const connection = await connected(server);
    const past = connection.call(numberCall(1, { deadline: performance.now() - 1 }));
    expect(await failure(past)).toMatchObject({ code: 'ETIMEDOUT', outcome: 'failed' });
    const aborted = connection.call(numberCall(1, { signal: AbortSignal.abort('why') }));
    expect(await failure(aborted)).toMatchObject({ code: 'ECANCELED', outcome: 'failed', cause: 'why' });
    for (const deadline of [performance.now() + 1e12, Number.POSITIVE_INFINITY]) {
      expect(await connection.call(numberCall(7, { deadline }))).toBe(7);
    }
    expect(server.calls.length).toBe(2);
    connection.destroy();
  });

  test('a thousand calls may wait for one signal', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on('warning', onWarning);
    await using server = await ScriptedServer.listen(() => undefined);
    const connection = await connected(server);
    const ending = new AbortController();
    const calls = Array.from({ length: 1000 }, (_, index) =>
      failure(connection.call(numberCall(index, { signal: ending.signal }))),
    );
    await server.received(64);
    ending.abort();
    expect(new Set((await Promise.all(calls)).map(({ code }) => code))).toEqual(new Set(['ECANCELED']));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    connection.destroy();
  });

  test('frame-timeout of a write whose bytes have not left ends the connection: they are the caller’s again', async () => {
    await using server = await ScriptedServer.listen(() => undefined);
    const connection = await connected(server, { frameTimeout: 100 });
    await waitUntil(() => server.sockets.size === 1, { what: 'the connection', everyMs: 1 });
    server.socket.pause();
    const payload = [Buffer.alloc(64 << 20, 1)];
    expect(await failure(connection.call(numberCall(1, { payload })))).toMatchObject({
      code: 'ENOTCONN',
      outcome: 'unknown',
      cause: { code: 'ETIMEDOUT' },
    });
    payload[0]!.fill(2);
    server.socket.resume();
    await waitUntil(() => server.sockets.size === 0, { what: 'the end', everyMs: 1 });
    expect(server.calls.length).toBe(0);
  });
});
