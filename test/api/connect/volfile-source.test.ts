import { describe, expect, test } from 'vitest';
import { connect } from '../../../src/api/connect/index.ts';
import { VolfileSource, type VolfileSourceOptions } from '../../../src/api/connect/volfile-source.ts';
import { silent } from '../../../src/logger.ts';
import { waitUntil } from '../../helpers/wait.ts';
import { failure } from '../../rpc/calls.ts';
import { ScriptedManager } from './scripted-manager.ts';

function source(
  managers: readonly ScriptedManager[],
  more: Partial<VolfileSourceOptions> = {},
): { source: VolfileSource; texts: string[] } {
  const texts: string[] = [];
  const made = new VolfileSource({
    volume: 'v',
    servers: managers.map(({ address }) => address),
    timeout: 5_000,
    rounds: 1,
    logger: silent,
    onVolfile: (text) => texts.push(text),
    ...more,
  });
  return { source: made, texts };
}

const A = 'volume a\n  type debug/trace\nend-volume\n';
const B = 'volume b\n  type debug/trace\nend-volume\n';

describe('several management servers', () => {
  test('a thousand clients start at any of them', async () => {
    await using first = await ScriptedManager.start();
    await using second = await ScriptedManager.start();
    await using third = await ScriptedManager.start();
    const all = [first, second, third];
    for (let client = 0; client < 60; client++) {
      const { source: one } = source(all);
      expect(await one.first()).toBe(A);
      one.close();
    }
    // Each server misses out on 60 clients with a chance of (2/3)^60.
    for (const { asked } of all) expect(asked.length).toBeGreaterThan(0);
    expect(all.reduce((sum, { asked }) => sum + asked.length, 0)).toBe(60);
  });

  test('those that fail are passed over, whatever they do', async () => {
    const dead = await ScriptedManager.start();
    await using silence = await ScriptedManager.start();
    await using refuses = await ScriptedManager.start();
    await using garbage = await ScriptedManager.start();
    await using good = await ScriptedManager.start();
    silence.spec = 'silence';
    refuses.spec = 107;
    garbage.before = ({ socket }) => socket.end('HTTP/1.0 400 Bad request\r\n\r\n');
    garbage.spec = 'silence';
    const all = [dead, silence, refuses, garbage, good];
    const { source: one } = source(all, { timeout: 200, random: () => 0.999 });
    await dead[Symbol.asyncDispose]();
    expect(await one.first()).toBe(A);
    expect([silence, refuses, garbage, good].map(({ asked }) => asked.length)).toEqual([1, 1, 1, 1]);
    one.close();
  });

  test('when none answers: one error with all reasons, the most telling first', async () => {
    await using unknown = await ScriptedManager.start();
    const dead = await ScriptedManager.start();
    unknown.spec = 2;
    const { source: one } = source([dead, unknown], { random: () => 0.999 });
    const { authority } = dead;
    await dead[Symbol.asyncDispose]();
    const error = await failure(one.first());
    expect(error).toMatchObject({ name: 'GlfsError', code: 'ENOENT' });
    expect(error.message).toContain('has no volume v');
    expect(error.message).toContain(`cannot connect to ${authority}`);
    expect((error.cause as AggregateError).errors.length).toBe(2);
    one.close();
  });

  test('rounds: servers that are back are found', async () => {
    await using late = await ScriptedManager.start();
    late.spec = 107;
    late.before = () => {
      if (late.asked.length === 2) late.spec = B;
    };
    const { source: one } = source([late], { rounds: 3 });
    expect(await one.first()).toBe(B);
    expect(late.asked.length).toBe(2);
    one.close();
  });

  test('the server in use is lost: another takes its place, and the first again when that is lost too', async () => {
    await using first = await ScriptedManager.start();
    await using second = await ScriptedManager.start();
    second.spec = 'silence';
    const { source: one, texts } = source([first]);
    expect(await one.first()).toBe(A);
    one.learn(['127.1.18.1'], second.address.port);
    second.spec = B;
    first.spec = 107;
    first.server.socket.destroy();
    await waitUntil(() => texts.length === 1, { what: 'the other server', everyMs: 5 });
    expect(texts).toEqual([B]);
    expect(one.server).toEqual(second.address);
    first.spec = A;
    second.spec = 107;
    second.server.socket.destroy();
    await waitUntil(() => texts.length === 2, { what: 'the first server', everyMs: 5 });
    expect(texts).toEqual([B, A]);
    expect(one.server).toEqual(first.address);
    one.close();
  });
});

describe('changes of the volume', () => {
  test('a callback leads to another GETSPEC; many at once to one or two', async () => {
    await using manager = await ScriptedManager.start();
    const { source: one, texts } = source([manager]);
    await one.first();
    manager.spec = B;
    for (let count = 0; count < 20; count++) manager.notify();
    await waitUntil(() => texts.includes(B), { what: 'the change', everyMs: 2 });
    await waitUntil(() => manager.asked.length === 3, { what: 'the last GETSPEC', everyMs: 2 });
    expect(texts).toEqual([B, B]);
    one.close();
  });

  test('a callback that comes with the answer is not missed', async () => {
    await using manager = await ScriptedManager.start();
    let calls = 0;
    manager.before = () => {
      if (calls++ === 0) queueMicrotask(() => manager.notify());
      else manager.spec = B;
    };
    const { source: one, texts } = source([manager]);
    expect(await one.first()).toBe(A);
    await waitUntil(() => texts.length > 0, { what: 'the change', everyMs: 2 });
    expect(texts).toEqual([B]);
    one.close();
  });

  test('a change that can’t be fetched at first is fetched later', async () => {
    await using manager = await ScriptedManager.start();
    const { source: one, texts } = source([manager]);
    await one.first();
    manager.spec = 5;
    manager.notify();
    await waitUntil(() => manager.asked.length === 2, { what: 'a GETSPEC', everyMs: 2 });
    manager.spec = B;
    await waitUntil(() => texts.length > 0, { what: 'the change', everyMs: 5 });
    expect(texts).toEqual([B]);
    one.close();
  });

  test('a server that closes with its answer is not kept', async () => {
    await using manager = await ScriptedManager.start();
    manager.before = ({ socket }) => queueMicrotask(() => socket.end());
    const { source: one, texts } = source([manager], { rounds: 1 });
    // Either way: no source that believes in a connection that is gone.
    await one.first().catch(() => undefined);
    manager.before = () => undefined;
    manager.spec = B;
    if (one.server !== undefined)
      await waitUntil(() => texts.includes(B), { what: 'the next connection', everyMs: 5 });
    else expect(texts).toEqual([]);
    one.close();
  });
});

describe('the caller’s signal', () => {
  test('ends connecting, also between rounds, with ECANCELED', async () => {
    await using manager = await ScriptedManager.start();
    manager.spec = 107;
    const ending = new AbortController();
    const { source: one } = source([manager], { rounds: 1000, signal: ending.signal });
    const first = failure(one.first());
    await waitUntil(() => manager.asked.length >= 1, { what: 'a GETSPEC', everyMs: 2 });
    ending.abort(new Error('enough'));
    expect(await first).toMatchObject({
      name: 'GlfsError',
      code: 'ECANCELED',
      cause: { message: 'enough' },
    });
    one.close();
  });

  test('means nothing once connected: a lost server is found again', async () => {
    await using manager = await ScriptedManager.start();
    const ending = new AbortController();
    const { source: one, texts } = source([manager], { signal: ending.signal });
    await one.first();
    ending.abort();
    manager.spec = B;
    manager.server.socket.destroy();
    await waitUntil(() => texts.length === 1, { what: 'the reconnect', everyMs: 5 });
    expect(texts).toEqual([B]);
    one.close();
  });
});

describe('connect', () => {
  test('asks for the volume as the URL names it, on backup servers too', async () => {
    await using manager = await ScriptedManager.start();
    manager.spec = 2;
    const dead = await ScriptedManager.start();
    const { authority } = dead;
    await dead[Symbol.asyncDispose]();
    for (const [path, volume] of [
      ['vol', 'vol'],
      ['vol/sub', 'vol'],
      ['snaps/s/vol', '/snaps/s/vol'],
    ]) {
      const call = connect(`gluster://${authority}/${path}`, { backupServers: [manager.authority] });
      expect(await failure(call)).toMatchObject({ code: 'ENOENT' });
      expect(manager.asked.at(-1)).toBe(volume);
    }
  });

  test('malformed volfiles, and those that glfs can not read, are clear errors; nothing is left open', async () => {
    await using manager = await ScriptedManager.start();
    const cases: [text: string, code: string, words: RegExp][] = [
      ['volume a\n  type debug/trace\n', 'EINVAL', /line|:\d+:\d+/],
      ['volume a\n  type cluster/unheard-of\nend-volume\n', 'EOPNOTSUPP', /cluster\/unheard-of/],
      ['volume a\n  type protocol/client\nend-volume\n', 'EINVAL', /remote-subvolume/],
    ];
    for (const [text, code, words] of cases) {
      manager.spec = text;
      const error = await failure(connect(`gluster://${manager.authority}/v`));
      expect(error).toMatchObject({ name: 'GlfsError', code });
      expect(error.message).toMatch(words);
    }
    await waitUntil(() => manager.server.sockets.size === 0, { what: 'no connections', everyMs: 5 });
  });

  test('TLS towards managers without certificates, bad options: EINVAL before anything is tried', async () => {
    expect(await failure(connect('gluster+tls://127.1.18.1/v'))).toMatchObject({ code: 'EINVAL' });
    const bad = { translatorOptions: { nonsense: '1' } };
    await using manager = await ScriptedManager.start();
    expect(await failure(connect(`gluster://${manager.authority}/v`, bad))).toMatchObject({ code: 'EINVAL' });
  });
});
