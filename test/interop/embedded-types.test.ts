import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/index.ts';
import { type Cluster, startCluster } from '../../src/testing/index.ts';
import { parseVolumeType } from '../../src/testing/volume-type.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import { waitUntil } from '../helpers/wait.ts';

/*
 * GlusterFS's own client on volumes of the embedded cluster of several types, and glfs beside it. The bricks are in workers:
 * what this process does with the mount must not wait for itself.
 */
const pool = attachPool();
/** Of the pool's network, and none of its nodes: stock clients want port 24007. */
const host = pool.hosts[0]!.replace(/\d+$/, '9');

/** gfids of the files that a brick knows to be in need of healing. */
function pending(directory: string): string[] {
  const names = readdirSync(join(directory, '.glusterfs/indices/xattrop'));
  return names.filter((name) => /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name));
}

describe.each([
  ['replicate 3', [1]],
  ['replicate 3 arbiter 1', [0]],
  ['disperse 4+2', [0, 3]],
  ['disperse 2+1 x 2', [2, 4]],
])('%s', (type, victims) => {
  const { size } = parseVolumeType(type);
  const setOf = (index: number): number => Math.floor(index / size);
  let cluster: Cluster;
  let mount: Mount;

  beforeAll(async () => {
    cluster = await startCluster({
      volumes: { demo: { type } },
      host,
      port: 24007,
      bricks: 'workers',
      directory: pool.scratch('embedded'),
    });
    mount = await mountVolume(pool, { volume: 'demo', hosts: [host] });
  });
  afterAll(async () => {
    await mount?.unmount();
    await cluster?.stop();
  });

  const contents = new Map<string, Buffer>();

  async function write(prefix: string): Promise<void> {
    for (const [index, size] of [0, 1, 511, 4096, 70_001, 1 << 20].entries()) {
      const name = `dir/${prefix}-${index}`;
      const bytes = randomBytes(size);
      await writeFile(mount.at(name), bytes);
      contents.set(name, bytes);
    }
  }

  async function check(): Promise<void> {
    for (const [name, bytes] of contents) {
      expect((await stat(mount.at(name))).size, name).toBe(bytes.length);
      expect((await readFile(mount.at(name))).equals(bytes), name).toBe(true);
    }
    const names = [...contents.keys()].map((name) => name.slice('dir/'.length));
    expect((await readdir(mount.at('dir'))).sort()).toEqual(names.sort());
  }

  test('writes, lists and reads back', async () => {
    await mkdir(mount.at('dir'));
    await write('first');
    await check();
  });

  test('reads and writes with as many bricks killed as it can do without', async () => {
    const bricks = victims.map((index) => cluster.bricks('demo')[index]!);
    for (const brick of bricks) await brick.kill();
    await check();
    await write('without');
    await check();
    for (const { directory, state, index } of cluster.bricks('demo'))
      if (state === 'up' && setOf(index) === setOf(victims[0]!)) expect(pending(directory)).not.toEqual([]);
    for (const brick of bricks) await brick.restart();
    await check();
    await write('again');
    await check();
  });

  test('another mount reads the same', async () => {
    const other = await mountVolume(pool, { volume: 'demo', hosts: [host] });
    try {
      for (const [name, bytes] of contents)
        expect((await readFile(other.at(name))).equals(bytes), name).toBe(true);
    } finally {
      await other.unmount();
    }
  });

  test('glfs has the same, and each sees what the other changes', async () => {
    await using client = await connect(`gluster://${host}/demo`, { entryTimeout: 0 });
    const listed = (await client.readdir('/dir')).sort();
    expect(listed).toEqual((await readdir(mount.at('dir'))).sort());
    for (const [name, bytes] of contents) {
      expect((await client.stat(name)).size, name).toBe(bytes.length);
      expect((await client.readFile(name)).equals(bytes), name).toBe(true);
    }
    await client.mkdir('/made');
    await client.writeFile('/made/file', randomBytes(12_345));
    await client.link('/made/file', '/made/link');
    await client.symlink('file', '/made/symlink');
    await client.rename('/made/file', '/made/moved');
    await client.chmod('/made/moved', 0o640);
    expect((await readdir(mount.at('made'))).sort()).toEqual(['link', 'moved', 'symlink']);
    expect(await readlink(mount.at('made/symlink'))).toBe('file');
    const seen = await stat(mount.at('made/link'));
    expect(seen).toMatchObject({ size: 12_345, nlink: 2, mode: 0o100640 });
    expect((await client.stat('/made/link')).blocks).toBe(seen.blocks);
    await rename(mount.at('made/moved'), mount.at('made/back'));
    await writeFile(mount.at('made/link'), 'short');
    expect((await client.readdir('/made')).sort()).toEqual(['back', 'link', 'symlink']);
    expect((await client.stat('/made/back')).size).toBe(5);
    expect(await client.readFile('/made/back', 'utf8')).toBe('short');
    await client.rm('/made', { recursive: true });
    expect(await readdir(mount.at(''))).toEqual(['dir']);
  });

  test.runIf(type === 'replicate 3')('an option that is set reaches the mount', async () => {
    await cluster.set('demo', { 'features.read-only': 'on' });
    const refused = async (): Promise<boolean> =>
      writeFile(mount.at('refused'), 'x').then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'EROFS',
      );
    await waitUntil(refused, { what: 'writes to be refused' });
    await cluster.set('demo', { 'features.read-only': 'off' });
    const removed = async (): Promise<boolean> => {
      await rm(mount.at('dir'), { recursive: true });
      return true;
    };
    await waitUntil(removed, { what: 'the directory to be removed' });
  });
});
