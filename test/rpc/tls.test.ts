import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Connection } from '../../src/rpc/index.ts';
import { Authority } from './authority.ts';
import { failure, numberCall } from './calls.ts';
import { answer, echo, ScriptedServer, words } from './scripted-server.ts';

describe('TLS', () => {
  let ours: Authority;
  let others: Authority;
  let serverPair: { cert: Buffer; key: Buffer };
  let clientPair: { cert: Buffer; key: Buffer };

  beforeAll(() => {
    ours = new Authority();
    others = new Authority();
    serverPair = ours.issue('server', 'subjectAltName=IP:127.1.18.9');
    clientPair = ours.issue('client');
  });
  afterAll(() => {
    ours.remove();
    others.remove();
  });

  const listen = (script = echo): Promise<ScriptedServer> =>
    ScriptedServer.listen(script, {
      tls: { ...serverPair, ca: ours.ca, requestCert: true, rejectUnauthorized: true },
    });

  test('calls, large payloads and replies, with certificates of this connection', async () => {
    await using server = await listen((call) =>
      answer(call, Buffer.concat([words(call.body.length), call.body])),
    );
    const tls = { ...clientPair, ca: ours.ca };
    const connection = await Connection.open({ endpoint: { ...server.endpoint, tls } });
    const payload = [Buffer.alloc(3_000_001, 9)];
    const sizes = await Promise.all([
      connection.call(numberCall(1, { payload })),
      connection.call(numberCall(2)),
    ]);
    expect(sizes).toEqual([3_000_005, 4]);
    connection.destroy();
  });

  test('no two calls share a TLS record: servers would see the first only', async () => {
    await using server = await listen();
    const tls = { ...clientPair, ca: ours.ca };
    const connection = await Connection.open({ endpoint: { ...server.endpoint, tls } });
    await connection.call(numberCall(0));
    const lengths: number[] = [];
    // A chunk of TLS is what one record held, or a part of it.
    server.socket.on('data', (chunk: Buffer) => lengths.push(chunk.length));
    const calls = Array.from({ length: 200 }, (_, index) =>
      connection.call(numberCall(index, { payload: index % 3 === 0 ? [Buffer.alloc(300)] : [] })),
    );
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index));
    const header = 4 + 40 + 4;
    expect(lengths).toEqual(calls.map((_, index) => header + (index % 3 === 0 ? 300 : 0)));
    connection.destroy();
  });

  test('a server of another authority is not talked to', async () => {
    await using server = await listen();
    const tls = { ...clientPair, ca: others.ca };
    const error = await failure(Connection.open({ endpoint: { ...server.endpoint, tls } }));
    expect(error).toMatchObject({ name: 'GlfsError', code: 'EPROTO' });
    expect(error.message).toMatch(/self.signed|unable to verify|issuer/i);
    expect(server.calls.length).toBe(0);
  });

  test('the name of the server counts only where it is asked for', async () => {
    await using server = await listen();
    const tls = { ...clientPair, ca: ours.ca, verifyHost: true };
    const error = await failure(Connection.open({ endpoint: { ...server.endpoint, tls } }));
    expect(error).toMatchObject({ code: 'EPROTO', message: expect.stringContaining('127.1.18.1') });
  });

  test('without a certificate the server refuses us, and the error says so', async () => {
    await using server = await listen();
    const tls = { ca: ours.ca };
    const error = await failure(
      Connection.open({ endpoint: { ...server.endpoint, tls } }).then((opened) => opened.call(numberCall(1))),
    );
    expect(error.name).toBe('GlfsError');
    expect(error.message).toMatch(/certificate|reset|closed|ECONNRESET/i);
  });

  test('certificates that can’t be read are EINVAL', async () => {
    await using server = await listen();
    const tls = { ca: ours.ca, cert: 'no certificate', key: 'no key' };
    expect(await failure(Connection.open({ endpoint: { ...server.endpoint, tls } }))).toMatchObject({
      name: 'GlfsError',
      code: 'EINVAL',
    });
  });

  test('TLS to a server that speaks none, and none to a server that wants it', async () => {
    await using plain = await ScriptedServer.listen((call) => answer(call, call.body));
    plain.sockets.forEach((socket) => void socket.end());
    const tls = { ...clientPair, ca: ours.ca };
    const toPlain = Connection.open({ endpoint: { ...plain.endpoint, tls }, connectTimeout: 300 });
    expect(['EPROTO', 'ETIMEDOUT', 'ECONNRESET']).toContain((await failure(toPlain)).code);
    await using server = await listen();
    const connection = await Connection.open({ endpoint: server.endpoint });
    expect(await failure(connection.call(numberCall(1)))).toMatchObject({ code: 'ENOTCONN' });
  });
});
