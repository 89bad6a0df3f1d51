import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type GlfsError, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';
import { readXattr } from '../helpers/xattr.ts';

const pool = attachPool();

/** Times as a FUSE mount and as glfs see them, in nanoseconds. */
function timesOf(stat: { atimeNs: bigint; mtimeNs: bigint; ctimeNs: bigint }) {
  return { atime: stat.atimeNs, mtime: stat.mtimeNs, ctime: stat.ctimeNs };
}

describe('features/utime towards real bricks', () => {
  let volume: TestVolume;
  let mount: Mount;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume('utime', { bricks: 1, nodes: [0] });
    mount = await mountVolume(pool, { volume: volume.name });
    client = await connect(volume.url);
  });

  afterAll(async () => {
    await client?.close();
    await mount?.unmount();
    await volume?.delete();
  });

  const seen = async (name: string) => {
    const [ours, theirs] = [
      await client.stat(`/${name}`, { bigint: true }),
      statSync(mount.at(name), { bigint: true }),
    ];
    expect(timesOf(ours), 'glfs and FUSE see the same times').toEqual(timesOf(theirs));
    return timesOf(ours);
  };

  test('a file that glfs makes has times of its own on the brick, and they move as POSIX has it', async () => {
    const before = BigInt(Date.now() - 1000) * 1_000_000n;
    await client.writeFile('/made', 'x');
    expect(
      (await readXattr(`${volume.brick(0).path}/made`, 'trusted.glusterfs.mdata'))?.length,
    ).toBeGreaterThan(0);
    const made = await seen('made');
    expect(made.mtime > before).toBe(true);

    await using file = await client.open('/made', 'r+');
    await file.pwrite(Buffer.from('y'), 0);
    const written = await seen('made');
    expect(written.mtime > made.mtime).toBe(true);
    expect(written.ctime > made.ctime).toBe(true);

    await client.chmod('/made', 0o600);
    const changed = await seen('made');
    expect(changed.ctime > written.ctime).toBe(true);
    expect(changed.mtime).toBe(written.mtime);

    await client.setxattr('/made', 'user.a', 'b');
    await client.removexattr('/made', 'user.a');
    expect((await seen('made')).ctime > changed.ctime).toBe(true);

    await client.utimes('/made', 1000, 2000.5);
    const set = await seen('made');
    expect([set.atime, set.mtime]).toEqual([1_000_000_000_000n, 2_000_500_000_000n]);
    expect(set.ctime > changed.ctime).toBe(true);
  });

  test('a change in a directory moves its times', async () => {
    await client.mkdir('/directory');
    const empty = await seen('directory');
    await client.writeFile('/directory/file', '');
    const full = await seen('directory');
    expect(full.mtime > empty.mtime).toBe(true);
    await client.unlink('/directory/file');
    expect((await seen('directory')).mtime > full.mtime).toBe(true);
  });

  test('a file from before the feature gets its times at the first lookup', async () => {
    await volume.set('features.ctime', 'off');
    const plain = await connect(volume.url);
    await plain.writeFile('/old', 'x');
    await plain.close();
    const path = `${volume.brick(0).path}/old`;
    expect(await readXattr(path, 'trusted.glusterfs.mdata')).toBeUndefined();
    await volume.set('features.ctime', 'on');
    const stamping = await connect(volume.url);
    await stamping.stat('/old');
    await stamping.close();
    expect((await readXattr(path, 'trusted.glusterfs.mdata'))?.length).toBeGreaterThan(0);
  });
});

describe('features/snapview-client towards a real snapshot daemon', () => {
  let volume: TestVolume;
  let client: Volume;

  beforeAll(async () => {
    volume = await pool.createVolume('uss', { bricks: 1, nodes: [0], options: { 'features.uss': 'enable' } });
    client = await connect(volume.url);
  });

  afterAll(async () => {
    await client?.close();
    await volume?.delete();
  });

  test('leads .snaps to the daemon from every directory, unlisted and read-only', async () => {
    await client.mkdir('/directory');
    await client.writeFile('/directory/file', 'x');
    // The daemon takes a moment to come up; the volume works meanwhile.
    await waitUntil(() => client.exists('/.snaps'), { what: 'the snapshot daemon', timeoutMs: 30_000 });
    for (const parent of ['', '/directory']) {
      const stat = await client.stat(`${parent}/.snaps`);
      expect(stat.isDirectory()).toBe(true);
      expect(await client.readdir(`${parent}/.snaps`)).toEqual([]);
      expect(await client.readdir(`${parent}/`)).not.toContain('.snaps');
      const refused = client.mkdir(`${parent}/.snaps/new`);
      await expect(refused).rejects.toMatchObject({ code: 'EROFS' });
      await expect(client.rmdir(`${parent}/.snaps`)).rejects.toMatchObject({ code: 'EROFS' });
      await expect(client.stat(`${parent}/.snaps/none`)).rejects.toMatchObject({ code: 'ENOENT' });
    }
    const moved = client.rename('/directory/file', '/.snaps/file');
    await expect(moved).rejects.toMatchObject({ code: 'EROFS' });
    expect(await client.readdir('/directory')).toEqual(['file']);
  });
});

describe('debug translators as glusterd configures them', () => {
  test.each([
    [
      'debug.error-gen',
      {
        'debug.error-gen': 'client',
        'debug.error-failure': '100',
        'debug.error-number': 'ENOSPC',
        'debug.error-fops': 'FSYNC',
      },
    ],
    ['debug.trace', { 'debug.trace': 'client', 'debug.include-ops': 'FSYNC', 'debug.log-history': 'on' }],
    [
      'debug.delay-gen',
      {
        'debug.delay-gen': 'client',
        'delay-gen.delay-percentage': '100%',
        'delay-gen.delay-duration': '300000',
        'delay-gen.enable': 'FSYNC',
      },
    ],
  ])('%s', async (name, options) => {
    await using volume = await pool.createVolume('faults', { bricks: 1, nodes: [0], options });
    const lines: Record<string, unknown>[] = [];
    const nothing = (): void => {};
    const info = (details: object): void => void lines.push(details as Record<string, unknown>);
    const logger = { debug: nothing, info, warn: nothing, error: nothing };
    await using client = await connect(volume.url, { logger });
    await using file = await client.open('/file', 'w');
    await file.write(Buffer.from('x'));
    const start = performance.now();
    const outcome = await file.sync().then(
      () => 'fine',
      (error: unknown) => (error as GlfsError).code,
    );
    expect(outcome).toBe(name === 'debug.error-gen' ? 'ENOSPC' : 'fine');
    if (name === 'debug.delay-gen') expect(performance.now() - start).toBeGreaterThan(290);
    const traced = lines.filter(({ fop }) => fop === 'fsync');
    expect(traced.length).toBe(name === 'debug.trace' ? 1 : 0);
  });
});
