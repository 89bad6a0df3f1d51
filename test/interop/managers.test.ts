import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type GlfsError, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { mountVolume } from '../helpers/mount.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/** Error and milliseconds of a connect that must fail. */
async function refused(url: string, options?: Parameters<typeof connect>[1]) {
  const start = performance.now();
  const error = await connect(url, options).then(
    async (client) => {
      await client.close();
      throw new Error(`connecting to ${url} should have failed`);
    },
    (reason: GlfsError) => reason,
  );
  return { error, took: performance.now() - start };
}

function clientStates(client: Volume): Record<string, unknown>[] {
  const translators = client.statedump().translators as Record<string, Record<string, unknown>>;
  return Object.values(translators).filter((state) => state.type === 'protocol/client');
}

const pool = attachPool();

describe('with two of three managers stopped', () => {
  let before: TestVolume;
  let fresh: TestVolume;
  /** One file name for each brick of `fresh`. */
  let names: string[];

  beforeAll(async () => {
    before = await pool.createVolume('managers-before', { bricks: 3 });
    fresh = await pool.createVolume('managers-fresh', { bricks: 3 });
    await using mount = await mountVolume(pool, { volume: fresh.name });
    for (let index = 0; index < 40; index++) await writeFile(mount.at(`file-${index}`), `content ${index}`);
    names = fresh.bricks.map((brick) => {
      const all = Array.from({ length: 40 }, (_, index) => `file-${index}`);
      const name = all.find((candidate) => existsSync(join(brick.path, candidate)));
      if (name === undefined) throw new Error(`no file fell on ${brick.path}`);
      return name;
    });
    await using client = await connect(before.url);
    for (let index = 0; index < 40; index++) await client.writeFile(`/file-${index}`, `content ${index}`);
    await pool.stopGlusterd(0);
    await pool.stopGlusterd(1);
  });

  afterAll(async () => {
    await pool.startGlusterd(0);
    await pool.startGlusterd(1);
    await before?.delete();
    await fresh?.delete();
  });

  test('bricks known from before are reached on their last-known ports', async () => {
    await using client = await connect(before.url);
    expect(clientStates(client).map((state) => state.connected)).toEqual([true, true, true]);
    for (let index = 0; index < 40; index++) {
      expect(await client.readFile(`/file-${index}`, { encoding: 'utf8' })).toBe(`content ${index}`);
      await client.writeFile(`/file-${index}`, `changed ${index}`);
    }
    for (const brick of before.bricks) {
      const here = Array.from({ length: 40 }, (_, index) => `file-${index}`).filter((name) =>
        existsSync(join(brick.path, name)),
      );
      expect(here.length).toBeGreaterThan(0);
    }
  });

  test('bricks of a volume never seen before are down, and errors name them; the others work', async () => {
    await using client = await connect(fresh.url);
    expect(
      clientStates(client)
        .map((state) => `${state.connected} ${state.brick}`)
        .sort(),
    ).toEqual(fresh.bricks.map(({ index, host, path }) => `${index === 2} ${host}:${path}`).sort());
    expect(await client.readFile(`/${names[2]}`, { encoding: 'utf8' })).toBe(
      `content ${names[2]!.slice('file-'.length)}`,
    );
    for (const index of [0, 1]) {
      const start = performance.now();
      const error = await client.readFile(`/${names[index]}`).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ENOTCONN' });
      // Without their part of the root's layout nobody knows on which of the two the file is.
      expect([0, 1].map((down) => `${fresh.brick(down).host}:${fresh.brick(down).path}`)).toContain(
        (error as GlfsError).brick,
      );
      expect((error as GlfsError).message).toContain((error as GlfsError).brick);
      expect(performance.now() - start).toBeLessThan(5000);
    }
  });

  test('its bricks come by themselves once their managers are back', async () => {
    await using client = await connect(fresh.url);
    await pool.startGlusterd(0);
    await pool.startGlusterd(1);
    try {
      await waitUntil(() => clientStates(client).every((state) => state.connected), {
        what: 'all bricks to be connected',
        timeoutMs: 30_000,
      });
      for (const name of names) expect(await client.exists(`/${name}`)).toBe(true);
    } finally {
      await pool.stopGlusterd(0);
      await pool.stopGlusterd(1);
    }
  });
});

describe('management servers that come and go', () => {
  let volume: TestVolume;

  beforeAll(async () => {
    volume = await pool.createVolume('managers-story', { bricks: 1, nodes: [0] });
  });

  afterAll(async () => {
    for (const index of [0, 1, 2]) await pool.startGlusterd(index);
    await volume?.delete();
  });

  test('a backup server, fail-back to the first, then a server learnt from the volfile: changes are noticed', async () => {
    const [brickHost, first, backup] = pool.hosts as [string, string, string];
    await pool.stopGlusterd(1);
    await using client = await connect(`gluster://${first}/${volume.name}`, { backupServers: [backup] });
    await client.writeFile('/kept', 'kept');
    const seesChange = async (size: string): Promise<void> => {
      await volume.set('performance.cache-size', size);
      await waitUntil(() => client.volfile().includes(`cache-size ${size}`), {
        what: `cache-size ${size} in the volfile`,
        timeoutMs: 30_000,
      });
      expect(await client.readFile('/kept', { encoding: 'utf8' })).toBe('kept');
    };
    await seesChange('33MB');
    // Only the first server is left, which was dead when the client connected.
    await pool.stopGlusterd(0);
    await pool.stopGlusterd(2);
    await pool.startGlusterd(1);
    await seesChange('34MB');
    // Only the brick's host is left, which the caller never named.
    await pool.stopGlusterd(1);
    await pool.startGlusterd(0);
    expect(client.volfile()).toContain(brickHost);
    await seesChange('35MB');
  });
});

describe('connecting that can not succeed', () => {
  let volume: TestVolume;

  beforeAll(async () => {
    volume = await pool.createVolume('managers-login', { bricks: 2, nodes: [0, 1] });
  });

  afterAll(async () => {
    await volume?.delete();
  });

  test('an unknown volume is ENOENT at once, even when another server is dead', async () => {
    const nobody = pool.hosts[0]!.replace(/\.\d+$/, '.200');
    for (const hosts of [pool.hosts.join(','), `${nobody},${pool.hosts[0]}`]) {
      const { error, took } = await refused(`gluster://${hosts}/no-such-volume`);
      expect(error).toMatchObject({ code: 'ENOENT' });
      expect(error.message).toContain('no-such-volume');
      expect(took).toBeLessThan(2000);
    }
  });

  test('unreachable servers are ECONNREFUSED within seconds, with what each of them said', async () => {
    const nobodies = ['.200', '.201', '.202'].map((end) => pool.hosts[0]!.replace(/\.\d+$/, end));
    const { error, took } = await refused(`gluster://${nobodies.slice(0, 2).join(',')}/any`, {
      backupServers: nobodies.slice(2),
    });
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    for (const host of nobodies) expect(error.message).toContain(host);
    expect(took).toBeLessThan(5000);
  });

  test('as many rounds are made as were asked for', async () => {
    let calls = 0;
    const server = createServer((socket) => {
      calls++;
      socket.destroy();
    });
    const host = pool.hosts[0]!.replace(/\.\d+$/, '.210');
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    try {
      const { port } = server.address() as { port: number };
      for (const rounds of [1, 3]) {
        calls = 0;
        const { error } = await refused(`gluster://${host}:${port}/any`, { rounds });
        expect(error.message).toContain(host);
        expect(calls).toBe(rounds);
      }
    } finally {
      server.close();
    }
  });

  test('a frozen server costs its timeout and no more; the next one is asked; a signal ends the wait', async () => {
    await pool.node(2).stop('SIGSTOP');
    try {
      const frozen = pool.hosts[2];
      const { error, took } = await refused(`gluster://${frozen}/${volume.name}`, {
        timeout: 400,
        rounds: 1,
      });
      expect(error).toMatchObject({ code: 'ETIMEDOUT' });
      expect(took).toBeGreaterThan(350);
      expect(took).toBeLessThan(3000);
      // The order is random; either way it is soon there.
      const start = performance.now();
      for (let round = 0; round < 4; round++) {
        await using client = await connect(`gluster://${frozen},${pool.hosts[0]}/${volume.name}`, {
          timeout: 400,
        });
        expect(await client.readdir('/')).toEqual([]);
      }
      expect(performance.now() - start).toBeLessThan(8000);
      const aborted = await refused(`gluster://${frozen}/${volume.name}`, {
        signal: AbortSignal.timeout(200),
      });
      expect(aborted.error).toMatchObject({ code: 'ECANCELED' });
      expect(aborted.took).toBeLessThan(2000);
    } finally {
      pool.node(2).resume();
    }
    await pool.waitConnected();
  });

  test("a wrong password is EACCES and names the brick; the volfile's own login is taken", async () => {
    await using client = await connect(volume.url);
    const value = (key: string) => new RegExp(`option ${key} (\\S+)`).exec(client.volfile())?.[1] ?? '';
    const [username, password] = [value('username'), value('password')];
    expect(username).not.toBe('');
    const { error, took } = await refused(volume.url, { username, password: 'wrong' });
    expect(error).toMatchObject({ code: 'EACCES' });
    expect(
      volume.bricks.some(({ path }) => error.message.includes(path) || error.brick?.includes(path)),
    ).toBe(true);
    expect(error.message).not.toContain('wrong');
    expect(took).toBeLessThan(5000);
    await using again = await connect(volume.url, { username, password });
    await again.writeFile('/logged-in', 'yes');
    expect(await client.readFile('/logged-in', { encoding: 'utf8' })).toBe('yes');
  });
});
