import { describe, expect, test } from 'vitest';
import { rootContext } from '../../../../src/graph/index.ts';
import { entryText } from '../../../../src/protocol/dict.ts';
import { waitUntil } from '../../../helpers/wait.ts';
import { failure } from '../../../rpc/calls.ts';
import { ScriptedServer, serverCall } from '../../../rpc/scripted-server.ts';
import { ClientUnderTest, ScriptedBrick } from './scripted-brick.ts';

const context = rootContext();

describe('attaching to a brick', () => {
  test('says who we are; the process-uuid is new for each life of a connection', async () => {
    await using brick = await ScriptedBrick.start();
    const id = '12345678-1234-1234-1234-123456789abc';
    const login = { username: 'joe', password: 'secret', volumeId: id, subdirectory: '/below' };
    await using client = await ClientUnderTest.start(brick.server.endpoint, {}, login);
    brick.cut();
    await waitUntil(() => brick.linkCount === 2, { what: 'the reconnect', everyMs: 2 });
    const said = brick.logins.map((dict) =>
      Object.fromEntries([...dict].map(([name, entry]) => [name, entryText(entry)])),
    );
    for (const dict of said) {
      expect(dict).toMatchObject({
        username: 'joe',
        password: 'secret',
        'volume-id': id,
        'subdir-mount': '/below',
        'remote-subvolume': '/brick',
        'fops-version': '1298437',
      });
    }
    expect(said[0]!['process-uuid']).not.toBe(said[1]!['process-uuid']);
    for (const dict of brick.logins) for (const [, entry] of dict) expect(lastByte(entry)).toBe(0);
    expect(client.events.map(({ kind }) => kind)).toEqual(['child-up']);
  });

  test('the volfile’s login is used where the caller gave none', async () => {
    await using brick = await ScriptedBrick.start();
    const options = { username: 'from-volfile', password: 'pw' };
    await using _client = await ClientUnderTest.start(brick.server.endpoint, options);
    expect(entryText(brick.logins[0]!.entry('username')!)).toBe('from-volfile');
  });

  test('a refused login is told at once, with the brick’s own words, and tried again', async () => {
    await using brick = await ScriptedBrick.start();
    brick.login = 13;
    const client = ClientUnderTest.build(brick.server.endpoint, { username: 'joe', password: 'x' });
    const error = await failure(client.graph.start());
    expect(error).toMatchObject({ code: 'ENOTCONN', cause: { code: 'EACCES' } });
    expect(error.message).toMatch(/127\.1\.18\.1:\/brick.*login as joe was refused.*Authentication failed/);
    // The administrator lets us in after all.
    brick.login = undefined;
    await waitUntil(() => client.events.some(({ kind }) => kind === 'child-up'), { what: 'child-up' });
    expect((await client.openFile()).inode.known).toBe(true);
    await client.close();
  });

  test('a brick that is still starting is waited for', async () => {
    await using brick = await ScriptedBrick.start();
    brick.login = 11;
    const client = ClientUnderTest.build(brick.server.endpoint);
    const started = client.graph.start();
    await waitUntil(() => brick.logins.length === 2, { what: 'another attempt', everyMs: 2 });
    brick.login = undefined;
    await started;
    expect(client.events.map(({ kind }) => kind)).toEqual(['child-up']);
    await client.close();
  });

  test.each([
    [2, 'ENOENT', /no brick \/brick/],
    [22, 'EINVAL', /Authentication failed/],
  ])('SETVOLUME answered with errno %i', async (errno, code, words) => {
    await using brick = await ScriptedBrick.start();
    brick.login = errno;
    const error = await failure(ClientUnderTest.start(brick.server.endpoint));
    expect(error).toMatchObject({ code: 'ENOTCONN', cause: { code } });
    expect(error.message).toMatch(words);
  });

  test('no common version of the file program; version 330 where there is no other, or by option', async () => {
    await using brick = await ScriptedBrick.start();
    brick.versions = [500, 299];
    expect(await failure(ClientUnderTest.start(brick.server.endpoint))).toMatchObject({
      cause: { code: 'EPROTONOSUPPORT', message: expect.stringContaining('500, 299') },
    });
    brick.versions = [330];
    const old = await ClientUnderTest.start(brick.server.endpoint);
    expect(old.dump().program).toBe(330);
    await old.close();
    brick.versions = [400, 330];
    const forced = await ClientUnderTest.start(brick.server.endpoint, { 'program-version': '330' });
    expect(forced.dump().program).toBe(330);
    const fd = await forced.openFile();
    const { data } = await forced.fops.read({ fd, offset: 0, size: 10, flags: 0 }, context);
    expect(Buffer.from(data).toString()).toBe('data');
    await forced.close();
  });

  test('closing while the handshake is under way ends the connection', async () => {
    await using server = await ScriptedServer.listen(() => undefined);
    const client = ClientUnderTest.build(server.endpoint);
    const started = failure(client.graph.start());
    await server.received(1);
    await client.close();
    await waitUntil(() => server.sockets.size === 0, { what: 'the end of the connection', everyMs: 2 });
    void started;
  });

  test('garbage instead of a handshake: the brick is down, and the error says why', async () => {
    await using server = await ScriptedServer.listen((call) =>
      call.socket.end(Buffer.from('HTTP/1.1 400 Bad\r\n\r\n')),
    );
    const error = await failure(ClientUnderTest.start(server.endpoint));
    expect(error.code).toBe('ENOTCONN');
    expect(error.message).toMatch(/brick 127\.1\.18\.1:\/brick is down: connection to .* lost/);
  });

  test('a call of the brick that does not decode is passed over', async () => {
    await using brick = await ScriptedBrick.start();
    await using client = await ClientUnderTest.start(brick.server.endpoint);
    for (const procedure of [5, 8, 10, 11])
      brick.server.socket.write(serverCall(1, procedure, Buffer.alloc(7)));
    const fd = await client.openFile();
    await client.fops.fstat({ fd }, context);
    expect(brick.linkCount).toBe(1);
  });
});

function lastByte(entry: { type: string; value: unknown }): number | undefined {
  return (entry.value as Uint8Array).at(-1);
}
