import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connect, sharedResources } from '../../src/index.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../../src/testing/index.ts';
import { waitUntil } from '../helpers/wait.ts';
import { Authority } from '../rpc/authority.ts';

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  expect(sharedResources()).toBe(0);
});

async function started(options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await startCluster({ volumes: { demo: { type: 'distribute 2' } }, ...options });
  stops.push(() => cluster.stop());
  return cluster;
}

async function connected(cluster: Cluster, volume = 'demo', grace = '10') {
  const options = { translatorOptions: { '*-client-*.reconnect-grace': grace } };
  const client = await cluster.connect(volume, options);
  stops.push(() => client.close());
  return client;
}

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'glfs-cluster-test-'));
  stops.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const FILES = Array.from({ length: 8 }, (_, index) => `/file-${index}`);

describe('a cluster', () => {
  test('serves a volume over TCP', async () => {
    const cluster = await started();
    expect(cluster.url('demo')).toBe(`gluster://127.0.0.1:${cluster.port}/demo`);
    await using volume = await connect(cluster.url('demo'));
    for (const path of FILES) await volume.writeFile(path, path);
    for (const path of FILES) expect((await volume.readFile(path)).toString()).toBe(path);
    expect((await volume.readdir('/')).sort()).toEqual(FILES.map((path) => path.slice(1)));
    const stored = cluster
      .bricks('demo')
      .map(({ directory }) => FILES.filter((path) => existsSync(join(directory, path))));
    expect(stored.flat().sort()).toEqual(FILES);
    expect(stored.every((files) => files.length > 0)).toBe(true);
  });

  test('serves a volfile of the user’s own', async () => {
    const volfile = `
      volume one
        type protocol/client
        option remote-host @HOST@
        option remote-port @PORT1@
        option remote-subvolume @BRICK1@
        option username @USERNAME@
        option password @PASSWORD@
      end-volume`;
    const cluster = await started({ volumes: { mine: { volfile, bricks: 2 } } });
    const volume = await connected(cluster, 'mine');
    await volume.writeFile('/here', 'x');
    const [first, second] = cluster.bricks('mine');
    expect(existsSync(join(first!.directory, 'here'))).toBe(false);
    expect(existsSync(join(second!.directory, 'here'))).toBe(true);
  });

  test('tells what it is', async () => {
    const cluster = await started();
    expect(cluster.volfile('demo')).toContain('volume demo-client-1\n    type protocol/client');
    expect(cluster.bricks('demo').map(({ index, state }) => [index, state])).toEqual([
      [0, 'up'],
      [1, 'up'],
    ]);
    expect(() => cluster.url('other')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    await expect(connect(cluster.url('demo').replace('demo', 'other'), { rounds: 1 })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  test.each<[string, object]>([
    ['no volume', { volumes: {} }],
    ['a type that is none', { volumes: { demo: { type: 'mirror 2' } } }],
    ['neither type nor volfile', { volumes: { demo: {} } }],
    ['both', { volumes: { demo: { type: 'distribute 1', volfile: 'x', bricks: 1 } } }],
    ['another number of bricks', { volumes: { demo: { type: 'distribute 1', bricks: 2 } } }],
    ['a name with a slash', { volumes: { 'a/b': { type: 'distribute 1' } } }],
    ['an unknown option', { volumes: { demo: { type: 'distribute 1', options: { nonsense: '1' } } } }],
    [
      'TLS without certificates',
      { volumes: { demo: { type: 'distribute 1', options: { 'server.ssl': 'on' } } } },
    ],
    ['a host name', { host: 'localhost' }],
    ['an address that others can reach', { host: '0.0.0.0' }],
    ['a port beyond the range', { port: 70000 }],
    ['management TLS without certificates', { managementTls: true }],
  ])('refuses %s', async (_, options) => {
    await expect(started(options)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('is there several times in one process', async () => {
    const [one, two] = await Promise.all([started(), started()]);
    await (await connected(one)).writeFile('/only-in-one', '1');
    await (await connected(two)).writeFile('/only-in-two', '2');
    expect(await (await connected(one)).readdir('/')).toEqual(['only-in-one']);
    expect(await (await connected(two)).readdir('/')).toEqual(['only-in-two']);
  });

  test('removes its temporary directory when it stops, and stops twice', async () => {
    const cluster = await started();
    expect(existsSync(cluster.directory)).toBe(true);
    await Promise.all([cluster.stop(), cluster.stop()]);
    await cluster.stop();
    expect(existsSync(cluster.directory)).toBe(false);
    await expect(cluster.set('demo', { 'features.read-only': 'on' })).rejects.toMatchObject({
      code: 'ENOTCONN',
    });
  });

  test('leaves nothing that keeps the process alive', async () => {
    const before = activeResources();
    const cluster = await started();
    expect(activeResources().length).toBeGreaterThan(before.length);
    const volume = await connected(cluster);
    const [brick] = cluster.bricks('demo');
    await volume.writeFile('/file', 'x');
    await brick!.fault({ fop: 'stat', action: 'delay', milliseconds: 600_000 });
    const stat = volume.stat('/file').catch(() => {});
    await brick!.freeze(600_000);
    const closed = volume.close();
    await cluster.stop();
    await Promise.all([stat, closed]);
    await waitUntil(() => activeResources().length <= before.length, {
      what: `handles to go (${activeResources()})`,
    });
  });
});

describe('with TLS', () => {
  let authority: Authority;
  let tls: { ca: string; cert: string; key: string };

  beforeAll(() => {
    authority = new Authority();
    const { cert, key } = authority.issue('somebody');
    tls = { ca: authority.ca.toString(), cert: cert.toString(), key: key.toString() };
  });
  afterAll(() => authority.remove());

  test('bricks want certificates, the management server does not', async () => {
    const cluster = await started({ tls });
    await (await connected(cluster)).writeFile('/secret', 'x');
    // A client that shares no connection with the one above.
    await expect(
      connect(cluster.url('demo'), { translatorOptions: { '*-client-*.reconnect-grace': '1' } }),
    ).rejects.toMatchObject({ name: 'GlfsError' });
  });

  test('the management server, too, where it is asked to', async () => {
    const cluster = await started({ tls, managementTls: true });
    expect(cluster.url('demo')).toMatch(/^gluster\+tls:/);
    await (await connected(cluster)).writeFile('/secret', 'x');
    const plain = cluster.url('demo').replace('+tls', '');
    await expect(connect(plain, { tls, rounds: 1, timeout: 2000 })).rejects.toMatchObject({
      name: 'GlfsError',
    });
  });

  test('only common names on the list may come', async () => {
    const options = { 'auth.ssl-allow': 'somebody-else' };
    const cluster = await started({ tls, volumes: { demo: { type: 'distribute 1', options } } });
    await expect(cluster.connect('demo')).rejects.toMatchObject({ code: 'EACCES' });
    await cluster.set('demo', { 'auth.ssl-allow': 'somebody,somebody-else' });
    await (await connected(cluster)).writeFile('/in', 'x');
  });
});

/** Sockets, servers and timers of this process that keep it alive. */
function activeResources(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout|Process|Pipe/.test(kind));
}

describe('a directory', () => {
  const volumes = { demo: { type: 'distribute 2' } };

  test('keeps data, ids and ports', async () => {
    const directory = temporary();
    const first = await started({ directory });
    await (await connected(first)).writeFile('/kept', 'still here');
    const before = { port: first.port, volfile: first.volfile('demo') };
    await stops.pop()!();
    await first.stop();
    const second = await started({ directory });
    expect({ port: second.port, volfile: second.volfile('demo') }).toEqual(before);
    expect((await (await connected(second)).readFile('/kept')).toString()).toBe('still here');
    // The file has the volume's password in it.
    expect(statSync(join(directory, 'glfs-cluster.json')).mode & 0o077).toBe(0);
  });

  test('takes other ports where those of the last time are in use', async () => {
    const directory = temporary();
    const first = await started({ directory });
    const port = first.bricks('demo')[0]!.port;
    await first.stop();
    const squatter = createServer().listen(port, '127.0.0.1');
    stops.push(() => void squatter.close());
    await new Promise((resolve) => squatter.once('listening', resolve));
    const second = await started({ directory });
    expect(second.bricks('demo')[0]!.port).not.toBe(port);
    await (await connected(second)).writeFile('/works', 'x');
  });

  test('is of one cluster at a time', async () => {
    const directory = temporary();
    const cluster = await started({ directory });
    await expect(started({ directory })).rejects.toMatchObject({ code: 'EBUSY' });
    // The refused one has not taken anything away.
    await expect(started({ directory })).rejects.toMatchObject({ code: 'EBUSY' });
    await cluster.stop();
    await started({ directory });
  });

  test('whose first start failed is as good as new', async () => {
    const directory = temporary();
    const other = await started();
    await expect(started({ directory, port: other.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await (await connected(await started({ directory }))).writeFile('/file', 'x');
  });

  test.each(['/proc/glfs/cluster', '/dev/null/cluster', '/dev/null'])(
    'that can not be, %s, is refused at once',
    async (directory) => {
      const code = expect.stringMatching(/^(ENOENT|ENOTDIR|EACCES)$/);
      const refused = { name: 'GlfsError', code };
      await expect(started({ directory })).rejects.toMatchObject(refused);
    },
  );

  test.each<[string, ClusterOptions['volumes']]>([
    ['more bricks', { demo: { type: 'distribute 3' } }],
    ['another kind', { demo: { type: 'replicate 2' } }],
    ['a volfile', { demo: { volfile: 'x', bricks: 2 } }],
    ['another name', { other: { type: 'distribute 2' } }],
    ['one more volume', { ...volumes, more: { type: 'distribute 1' } }],
  ])('is not taken for %s', async (_, others) => {
    const directory = temporary();
    await (await started({ directory, volumes })).stop();
    await expect(started({ directory, volumes: others })).rejects.toMatchObject({ code: 'EINVAL' });
    await started({ directory, volumes: { demo: { type: 'Distribute  2' } } });
  });

  test('keeps what was set', async () => {
    const directory = temporary();
    const first = await started({ directory });
    await first.set('demo', { 'network.ping-timeout': '9' });
    await first.stop();
    const second = await started({ directory });
    expect(second.volfile('demo')).toContain('ping-timeout 9');
    const state = readFileSync(join(directory, 'glfs-cluster.json'), 'utf8');
    expect(JSON.parse(state)).toMatchObject({
      volumes: { demo: { options: { 'network.ping-timeout': '9' } } },
    });
  });
});

describe('options', () => {
  test('set at run time reach clients that are connected', async () => {
    const cluster = await started();
    const volume = await connected(cluster);
    await volume.writeFile('/before', 'x');
    await cluster.set('demo', { 'features.read-only': 'on' });
    await expect(volume.writeFile('/after', 'x')).rejects.toMatchObject({ code: 'EROFS' });
    await cluster.set('demo', { 'features.read-only': 'off', 'cluster.lookup-optimize': 'off' });
    await volume.writeFile('/after', 'x');
    expect((await volume.readdir('/')).sort()).toEqual(['after', 'before']);
  });

  test('that are none change nothing', async () => {
    const cluster = await started();
    const before = cluster.volfile('demo');
    await expect(cluster.set('demo', { 'network.ping-timeout': 'soon' })).rejects.toMatchObject({
      code: 'EINVAL',
    });
    expect(cluster.volfile('demo')).toBe(before);
  });

  test('addresses that may not come are refused', async () => {
    const options = { 'auth.reject': '127.*' };
    const cluster = await started({ volumes: { demo: { type: 'distribute 1', options } } });
    await expect(cluster.connect('demo')).rejects.toMatchObject({ code: 'EACCES' });
    await cluster.set('demo', { 'auth.reject': '10.*' });
    await (await connected(cluster)).writeFile('/in', 'x');
  });
});
