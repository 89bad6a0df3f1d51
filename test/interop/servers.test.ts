import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectOptions, connect, type GlfsError } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { nothingIsLeft } from '../helpers/left-over.ts';
import { mountVolume } from '../helpers/mount.ts';
import { type Pool, startPool } from '../helpers/pool.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

async function failure(promise: Promise<unknown>): Promise<GlfsError> {
  return promise.then(
    () => {
      throw new Error('that succeeded');
    },
    (error: unknown) => error as GlfsError,
  );
}

describe('ways to a volume', () => {
  const pool = attachPool();
  let volume: TestVolume;

  beforeAll(async () => {
    volume = await pool.createVolume('ways', { bricks: 2, nodes: [0, 1] });
    await using client = await connect(volume.url);
    await client.mkdir('/below/deeper', { recursive: true });
    await client.writeFile('/below/file', 'in the directory');
  });

  afterAll(() => volume?.delete());

  test('GETSPEC over the unix socket of glusterd', async () => {
    const socket = pool.node(0).socketPath;
    await using client = await connect(`gluster+unix:///${volume.name}?socket=${socket}`);
    expect((await client.readFile('/below/file')).toString()).toBe('in the directory');
    expect(client.volfile()).toContain(`volume ${volume.name}-client-1`);
  });

  test('a directory of the volume as the root', async () => {
    const url = `${volume.url}/below`;
    await using client = await connect(url);
    await using mount = await mountVolume(pool, { volume: volume.name, subdirectory: 'below' });
    expect(client.name).toBe('ways/below');
    expect((await client.readdir('/')).sort()).toEqual(['deeper', 'file']);
    expect((await client.readdir('/../..')).sort()).toEqual(['deeper', 'file']);
    await client.writeFile('/deeper/new', 'by glfs');
    expect(readFileSync(mount.at('deeper', 'new'), 'utf8')).toBe('by glfs');
    const [holder] = volume.bricks.filter(({ path }) => existsSync(`${path}/below/deeper/new`));
    expect(holder).toBeDefined();
    await using deeper = await connect(`${volume.url}/below/deeper`);
    expect(await deeper.readdir('/')).toEqual(['new']);
    const error = await failure(connect(`${volume.url}/nowhere`));
    expect(error.name).toBe('GlfsError');
    expect(error.message).toMatch(/nowhere|subdir/i);
  });

  test('auth.reject: EACCES that names the brick; auth.allow lets in whom it names', async () => {
    await volume.set('auth.reject', '127.*');
    const error = await refused();
    expect(error).toMatchObject({ name: 'GlfsError', code: 'EACCES' });
    expect(error.message).toMatch(/ways-b\d.*refused/);
    await volume.reset('auth.reject');
    await volume.set('auth.allow', '127.255.*');
    // Whoever has the volfile of the trusted pool has its login, and is let in wherever it is.
    const stranger = { username: 'stranger', password: 'unknown' };
    expect(await refused(stranger)).toMatchObject({
      code: 'EACCES',
      message: expect.stringContaining('stranger'),
    });
    await using trusted = await connect(volume.url);
    expect(await trusted.exists('/below')).toBe(true);
    await volume.set('auth.allow', '*');
    await using client = await waitUntil(() => connect(volume.url, stranger), {
      what: 'the bricks to let us in',
    });
    expect(await client.exists('/below')).toBe(true);
  });

  /** Bricks hear of a change a little later than its command ends. */
  async function refused(options: ConnectOptions = {}): Promise<GlfsError> {
    return waitUntil(
      () =>
        connect(volume.url, options).then(
          (client) => client.close().then(() => undefined),
          (error: unknown) => error as GlfsError,
        ),
      { what: 'the bricks to refuse us' },
    );
  }

  test('nothing is left open', async () => {
    await nothingIsLeft(volume);
  });
});

describe('servers that want privileged source ports', () => {
  let pool: Pool;
  let volume: TestVolume;

  beforeAll(async () => {
    pool = await startPool({ subnet: '127.1.119', count: 1 });
    volume = await pool.createVolume('privileged', {
      bricks: 1,
      options: { 'server.allow-insecure': 'off' },
    });
    // Bricks themselves come from unprivileged ports: they have told theirs before glusterd gets strict.
    await pool.stopGlusterd(0);
    pool.node(0).info.options['rpc-auth-allow-insecure'] = 'off';
    await pool.node(0).start();
  });

  afterAll(() => pool?.stop());

  test('without one: EACCES with the settings that would help', async () => {
    const error = await failure(connect(volume.url));
    expect(error).toMatchObject({ name: 'GlfsError', code: 'EACCES' });
    expect(error.message).toMatch(/rpc-auth-allow-insecure.*privilegedPort/);
  });

  test('with privilegedPort glusterd and bricks answer', async () => {
    await using client = await connect(volume.url, { privilegedPort: true });
    await client.writeFile('/f', 'from a port below 1024');
    expect((await client.readFile('/f')).toString()).toBe('from a port below 1024');
    await using second = await connect(volume.url, {
      privilegedPort: true,
      translatorOptions: { '*.connect-timeout': '9' },
    });
    expect(await second.exists('/f')).toBe(true);
  });
});

describe('brick multiplexing', () => {
  let pool: Pool;

  beforeAll(async () => {
    pool = await startPool({ subnet: '127.1.120', count: 1 });
    await pool.cli(0, 'volume', 'set', 'all', 'cluster.brick-multiplex', 'on');
  });

  afterAll(() => pool?.stop());

  test('several bricks and volumes behind one port, and all of them again after a restart', async () => {
    const one = await pool.createVolume('plex-one', { bricks: 3 });
    const two = await pool.createVolume('plex-two', { bricks: 2 });
    const ports = [...one.bricks, ...two.bricks].map(({ port }) => port);
    expect(new Set(ports).size).toBe(1);
    await using first = await connect(one.url);
    await using second = await connect(two.url);
    const names = Array.from({ length: 20 }, (_, index) => `/file-${index}`);
    for (const name of names) {
      await first.writeFile(name, `one ${name}`);
      await second.writeFile(name, `two ${name}`);
    }
    // Different bricks, though one server: each has its own files.
    expect(
      one.bricks.map(({ path }) => names.filter((name) => existsSync(path + name)).length),
    ).not.toContain(20);
    await using file = await first.open('/file-0', 'r+');
    // One process has them all.
    await one.restartBrick(0);
    await one.waitOnline();
    await two.cli('start', two.name, 'force');
    await two.waitOnline();
    await file.pwrite('ONE', 0);
    for (const name of names.slice(1)) {
      expect((await first.readFile(name)).toString()).toBe(`one ${name}`);
      expect((await second.readFile(name)).toString()).toBe(`two ${name}`);
    }
    expect((await first.readFile('/file-0')).toString()).toBe('ONE /file-0');
  });
});
