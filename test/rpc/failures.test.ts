import { describe, expect, test } from 'vitest';
import { Connection } from '../../src/rpc/index.ts';
import { waitUntil } from '../helpers/wait.ts';
import { bulkCall, failure, numberCall } from './calls.ts';
import { answer, echo, marked, reply, ScriptedServer, words } from './scripted-server.ts';

const ping = { program: 14398633, version: 2, procedure: 3 };

async function connected(server: ScriptedServer, more = {}): Promise<Connection> {
  return Connection.open({ endpoint: server.endpoint, ...more });
}

describe('servers that fail', () => {
  test('nobody listens: ECONNREFUSED that names the address', async () => {
    const server = await ScriptedServer.listen(echo);
    const { endpoint } = server;
    await server.close();
    const error = await failure(Connection.open({ endpoint }));
    expect(error).toMatchObject({ name: 'GlfsError', code: 'ECONNREFUSED' });
    expect(error.message).toContain(`127.1.18.1:${endpoint.port}`);
    expect(await failure(Connection.open({ endpoint: { path: '/nowhere/socket' } }))).toMatchObject({
      code: 'ENOENT',
    });
    expect(
      await failure(Connection.open({ endpoint: { host: 'no-such-host.invalid', port: 1 } })),
    ).toMatchObject({ code: 'EHOSTUNREACH', message: expect.stringContaining('no-such-host.invalid') });
    expect(await failure(Connection.open({ endpoint: { host: '127.1.18.1', port: 70_000 } }))).toMatchObject({
      name: 'GlfsError',
      code: 'EINVAL',
    });
    // Both addresses of the name are refused: the words are not lost in an AggregateError.
    const local = await failure(Connection.open({ endpoint: { host: 'localhost', port: endpoint.port } }));
    expect(local).toMatchObject({ code: 'ECONNREFUSED', message: expect.stringContaining('ECONNREFUSED ') });
  });

  test('connecting is aborted, or takes too long', async () => {
    await using server = await ScriptedServer.listen(echo);
    expect(
      await failure(Connection.open({ endpoint: server.endpoint, signal: AbortSignal.abort() })),
    ).toMatchObject({ code: 'ECANCELED' });
    // A server that takes TCP and never says a word of TLS.
    const silent = { ...server.endpoint, tls: {} };
    server.script = () => undefined;
    expect(await failure(Connection.open({ endpoint: silent, connectTimeout: 50 }))).toMatchObject({
      code: 'ETIMEDOUT',
    });
    const ending = new AbortController();
    const opening = failure(Connection.open({ endpoint: silent, signal: ending.signal }));
    ending.abort(new Error('enough'));
    expect(await opening).toMatchObject({ code: 'ECANCELED', cause: { message: 'enough' } });
  });

  test.each([
    ['in the middle of a mark', Buffer.from([0x80, 0])],
    ['in the middle of a header', marked(words(0, 1, 0, 0, 0, 0, 1)).subarray(0, 14)],
    ['after a first fragment', Buffer.concat([words(12), words(0, 1, 0)])],
  ])('a server that vanishes %s: all calls end with ENOTCONN, outcome unknown', async (_, bytes) => {
    await using server = await ScriptedServer.listen((call) => void call.socket.end(bytes));
    const connection = await connected(server);
    const errors = await Promise.all([1, 2, 3].map((value) => failure(connection.call(numberCall(value)))));
    for (const error of errors) expect(error).toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
    expect(connection.open).toBe(false);
    expect(connection.inFlight).toBe(0);
  });

  test('a server that vanishes in the middle of bulk data', async () => {
    await using server = await ScriptedServer.listen((call) => {
      const whole = reply(call.xid, Buffer.concat([words(4, 0), Buffer.alloc(100_000, 7)]));
      call.socket.write(whole.subarray(0, 50_000), () => call.socket.resetAndDestroy());
    });
    const connection = await connected(server);
    expect(await failure(connection.call(bulkCall(Buffer.alloc(100_000))))).toMatchObject({
      code: 'ENOTCONN',
      outcome: 'unknown',
    });
  });

  test('half-open: a server that has ended its side but keeps the socket', async () => {
    await using server = await ScriptedServer.listen((call) => void call.socket.end());
    const connection = await connected(server);
    expect(await failure(connection.call(numberCall(1)))).toMatchObject({ code: 'ENOTCONN' });
    expect(connection.open).toBe(false);
  });

  test('a frozen server is dead after the ping-timeout; one that only takes long is not', async () => {
    let frozen = false;
    await using server = await ScriptedServer.listen((call) => {
      if (!frozen && call.procedure === ping.procedure) answer(call, words(0, 0, 0));
    });
    const connection = await connected(server, { pingTimeout: 200, ping });
    let settled = false;
    const slow = failure(connection.call(numberCall(1))).finally(() => {
      settled = true;
    });
    const pings = (): number => server.calls.filter(({ procedure }) => procedure === ping.procedure).length;
    // Longer than the timeout, by the number of pings answered.
    await waitUntil(() => pings() > 8, { what: 'pings', everyMs: 5 });
    expect(settled).toBe(false);
    frozen = true;
    const since = performance.now();
    expect(await slow).toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
    expect((await slow).message).toContain('ping-timeout');
    expect(performance.now() - since).toBeLessThan(15_000);
    expect(connection.open).toBe(false);
  });

  test('frame-timeout fails the call alone, queued ones too, but no lock that waits', async () => {
    await using server = await ScriptedServer.listen((call) => {
      if (call.procedure === 99) answer(call, call.body);
    });
    const connection = await connected(server, { frameTimeout: 100 });
    const lock = connection.call(numberCall(0, { lane: 'blocking' }));
    let finished = 0;
    const calls = Array.from({ length: 70 }, (_, index) =>
      failure(connection.call(numberCall(index, { finished: () => finished++ }))),
    );
    const errors = await Promise.all(calls);
    for (const error of errors) expect(error).toMatchObject({ code: 'ETIMEDOUT' });
    expect(errors.map(({ outcome }) => outcome)).toEqual([
      ...Array(64).fill('unknown'),
      ...Array(6).fill('failed'),
    ]);
    // Those that were sent may still be executed.
    expect(finished).toBe(6);
    const control = { ...numberCall(5, { lane: 'control' }), procedure: { ...ping, procedure: 99 } };
    expect(await connection.call(control)).toBe(5);
    for (const call of server.calls.slice(0, 65)) answer(call, call.body);
    expect(await lock).toBe(0);
    await waitUntil(() => finished === 70, { what: 'late answers', everyMs: 2 });
    expect(connection.open).toBe(true);
    connection.destroy();
  });

  test('denied at the RPC level: EACCES with what to do about it', async () => {
    await using server = await ScriptedServer.listen((call) =>
      call.socket.write(marked(words(call.xid, 1, 1, 1, 2))),
    );
    const connection = await connected(server);
    const error = await failure(connection.call(numberCall(1)));
    expect(error.code).toBe('EACCES');
    expect(error.message).toMatch(/rpc-auth-allow-insecure.*server\.allow-insecure.*privilegedPort/);
    server.script = (call) => call.socket.write(marked(words(call.xid, 1, 1, 0, 3, 3)));
    expect(await failure(connection.call(numberCall(1)))).toMatchObject({ code: 'EPROTONOSUPPORT' });
    connection.destroy();
  });

  test.each([
    [1, 'EPROTONOSUPPORT', /program/],
    [2, 'EPROTONOSUPPORT', /version/],
    [3, 'EPROTONOSUPPORT', /procedure/],
    [4, 'EPROTO', /decode/],
    [5, 'EIO', /internal/],
    [77, 'EPROTO', /77/],
  ])('accept_stat %i: %s', async (state, code, words_) => {
    await using server = await ScriptedServer.listen((call) =>
      call.socket.write(marked(words(call.xid, 1, 0, 0, 0, state))),
    );
    const connection = await connected(server);
    const error = await failure(connection.call(numberCall(1)));
    expect([error.name, error.code]).toEqual(['GlfsError', code]);
    expect(error.message).toMatch(words_);
    // The same for a call whose reply would have bulk.
    expect((await failure(connection.call(bulkCall(Buffer.alloc(10))))).code).toBe(code);
    connection.destroy();
  });

  test('replies with xid 0 or of calls that nobody made are nobody’s', async () => {
    await using server = await ScriptedServer.listen((call) => {
      call.socket.write(reply(0, words(1)));
      call.socket.write(reply(call.xid ^ 0xfff, words(2)));
      call.socket.write(reply((call.xid + 0x1000) >>> 0, words(3)));
      answer(call, call.body);
      // The same answer twice.
      answer(call, words(4));
    });
    const connection = await connected(server);
    for (let value = 10; value < 20; value++) expect(await connection.call(numberCall(value))).toBe(value);
    connection.destroy();
  });

  test('a reply that does not decode fails its call and no other', async () => {
    await using server = await ScriptedServer.listen((call) => {
      const value = call.body.readUInt32BE(0);
      if (value === 1) call.socket.write(marked(words(call.xid, 1)));
      else if (value === 2) call.socket.write(marked(words(call.xid, 1, 0, 0, 0xffffffff, 0)));
      else if (value === 3) call.socket.write(reply(call.xid, Buffer.alloc(0)));
      else answer(call, call.body);
    });
    const connection = await connected(server);
    const results = [0, 1, 2, 3, 4].map((value) => connection.call(numberCall(value)));
    expect(await results[0]).toBe(0);
    for (const bad of [1, 2, 3]) expect((await failure(results[bad]!)).code).toBe('EPROTO');
    expect(await results[4]).toBe(4);
    connection.destroy();
  });

  test('a first fragment too short for a header ends the connection with EPROTO as the cause', async () => {
    await using server = await ScriptedServer.listen((call) => call.socket.write(words(0x80000004, 1)));
    const connection = await connected(server);
    expect(await failure(connection.call(numberCall(1)))).toMatchObject({
      code: 'ENOTCONN',
      outcome: 'unknown',
      cause: { code: 'EPROTO' },
    });
  });

  test('a call of the server that is none ends the connection', async () => {
    await using server = await ScriptedServer.listen((call) =>
      call.socket.write(marked(words(1, 0, 3, 0, 0, 0, 0, 0, 0, 0))),
    );
    const connection = await connected(server, { onServerCall: () => undefined });
    expect(await failure(connection.call(numberCall(1)))).toMatchObject({ cause: { code: 'EPROTO' } });
  });
});

describe('servers that send too much', () => {
  /** Most bytes of array buffers beyond those before, while `run` runs. */
  async function peak(run: () => Promise<unknown>): Promise<number> {
    globalThis.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }, 1);
    try {
      await run();
    } finally {
      clearInterval(timer);
    }
    return most;
  }

  test.each([
    ['one fragment', (xid: number) => Buffer.concat([words(0xffffffff), words(xid, 1, 0, 0, 0, 0)])],
    [
      'many fragments',
      (xid: number) =>
        Buffer.concat([words(24), words(xid, 1, 0, 0, 0, 0), words(0x7ffffff0), Buffer.alloc(1000)]),
    ],
  ])('a record of 2 GiB in %s ends the connection without taking memory', async (_, bytes) => {
    await using server = await ScriptedServer.listen((call) => call.socket.write(bytes(call.xid)));
    const connection = await connected(server);
    const used = await peak(async () => {
      expect(await failure(connection.call(numberCall(1)))).toMatchObject({
        code: 'ENOTCONN',
        cause: { code: 'EPROTO', message: expect.stringMatching(/exceeds the limit/) },
      });
    });
    expect(used).toBeLessThan(8 << 20);
  });

  test('an announced length that never comes takes no memory', async () => {
    await using server = await ScriptedServer.listen((call) =>
      call.socket.write(Buffer.concat([words(0x80000000 + (60 << 20)), words(call.xid, 1, 0, 0, 0, 0, 1)])),
    );
    const connection = await connected(server);
    const used = await peak(async () => {
      const calls = Array.from({ length: 1 }, () => failure(connection.call(numberCall(1))));
      await server.received(1);
      await waitUntil(() => connection.inFlight === 1, { what: 'the call' });
      connection.destroy();
      await Promise.all(calls);
    });
    expect(used).toBeLessThan(8 << 20);
  });

  test('a reply that nobody waits for is discarded unread, 200 MB of it', async () => {
    const piece = Buffer.alloc(1 << 20, 1);
    await using server = await ScriptedServer.listen((call) => {
      const { socket } = call;
      socket.write(Buffer.concat([words(0x80000000 + 8 + 200 * piece.length), words(12345, 1)]));
      let left = 200;
      const more = (): void => {
        while (left > 0) {
          left--;
          if (!socket.write(piece)) {
            socket.once('drain', more);
            return;
          }
        }
        answer(call, call.body);
      };
      more();
    });
    const connection = await connected(server);
    const used = await peak(async () => expect(await connection.call(numberCall(6))).toBe(6));
    expect(used).toBeLessThan(32 << 20);
    connection.destroy();
  });

  test('more bulk than the limit of the call', async () => {
    await using server = await ScriptedServer.listen((call) =>
      answer(call, Buffer.concat([words(0), Buffer.alloc(100_000)])),
    );
    const connection = await connected(server);
    const call = bulkCall(Buffer.alloc(10), { replyLimit: 50_000 });
    expect(await failure(connection.call(call))).toMatchObject({ cause: { code: 'EPROTO' } });
  });

  test('streams of random bytes end the connection or go nowhere; nothing but GlfsErrors comes out', async () => {
    let seed = 42;
    const random = (): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed >>> 8;
    };
    await using server = await ScriptedServer.listen((call) => {
      call.socket.end(Buffer.from(Array.from({ length: 5000 }, () => random() & 0xff)));
    });
    for (let round = 0; round < 50; round++) {
      const connection = await connected(server, { onServerCall: () => undefined });
      const error = await failure(connection.call(numberCall(1)));
      expect(error).toMatchObject({ name: 'GlfsError', code: 'ENOTCONN', outcome: 'unknown' });
      await waitUntil(() => server.sockets.size === 0, { what: 'the end', everyMs: 1 });
    }
  });
});
