import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { xxh64 } from '../../src/checksum/xxh64.ts';
import { Volume } from '../../src/index.ts';
import { gfidToString } from '../../src/protocol/gfid.ts';
import { attachPool } from '../helpers/attach.ts';
import { type Mount, mountVolume } from '../helpers/mount.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { readXattrsOf, type Xattrs } from '../helpers/xattr.ts';

const pool = attachPool();

/** A client's stack over the brick itself, no network between. */
function volfile(directory: string, volumeId: string): string {
  return `
volume posix
  type storage/posix
  option directory ${directory}
  option volume-id ${volumeId}
end-volume
volume dht
  type cluster/distribute
  subvolumes posix
end-volume
volume utime
  type features/utime
  subvolumes dht
end-volume`;
}

/** Names of a tree, links not followed, the brick's own directory left out. */
function tree(root: string, below = ''): string[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .filter(({ name }) => below !== '' || !['.glusterfs', '.trashcan'].includes(name))
    .flatMap((entry) => {
      const path = join(below, entry.name);
      return entry.isDirectory() ? [path, ...tree(root, path)] : [path];
    })
    .sort();
}

function handleOf(root: string, gfid: Buffer): string {
  const id = gfidToString(gfid);
  return join(root, '.glusterfs', id.slice(0, 2), id.slice(2, 4), id);
}

/** The form of each attribute, without what differs from one file to the next. */
function form(name: string, value: Buffer, gfids: ReadonlyMap<string, string>): [string, unknown] {
  if (name === 'trusted.gfid') return [name, value.length];
  if (name === 'trusted.glusterfs.mdata') return [name, [value.length, value.subarray(0, 9).toString('hex')]];
  if (name.startsWith('trusted.gfid2path.')) {
    const [parent, entry] = value.toString().split('/');
    const hashed = `trusted.gfid2path.${xxh64(value).toString(16).padStart(16, '0')}` === name;
    return ['trusted.gfid2path', [gfids.get(parent!), entry, hashed]];
  }
  return [name, value.toString('hex')];
}

/** What a brick's files are like: kinds, links, attributes, handles. Comparable between bricks. */
async function describeBrick(root: string): Promise<Record<string, unknown>> {
  const paths = ['', ...tree(root)];
  const all = await readXattrsOf(paths.map((path) => join(root, path)));
  const attributesOf = (path: string): Xattrs => all.get(join(root, path))!;
  const gfids = new Map(
    paths.map((path) => [gfidToString(attributesOf(path).get('trusted.gfid')!), `<${path}>`]),
  );
  return Object.fromEntries(
    paths.map((path) => {
      const { mode, nlink, ino, size } = lstatSync(join(root, path));
      const attributes = [...attributesOf(path)]
        // Set by glusterd and by the client's own translators above posix.
        .filter(([name]) => !/^(trusted\.glusterfs\.(volume-id|dht.*)|security\.selinux)$/.test(name))
        .map(([name, value]) => form(name, value, gfids))
        .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
      const handle = handleOf(root, attributesOf(path).get('trusted.gfid')!);
      const link = lstatSync(handle);
      const isDirectory = lstatSync(join(root, path)).isDirectory();
      return [
        path,
        {
          mode: mode.toString(8),
          nlink: isDirectory && path === '' ? 'any' : nlink,
          size: isDirectory ? 'any' : size,
          attributes,
          handle: isDirectory
            ? readlinkSync(handle).replace(
                /[0-9a-f]{2}\/[0-9a-f]{2}\/([0-9a-f-]{36})/,
                (_, id) => gfids.get(id)!,
              )
            : { hard: link.ino === ino, nlink: link.nlink },
        },
      ];
    }),
  );
}

/** Handles, and whatever else lies in .glusterfs below two hexadecimal digits, that no file has. */
async function strayHandles(root: string): Promise<string[]> {
  const all = await readXattrsOf(tree(root).map((path) => join(root, path)));
  const known = new Set([...all.values()].map((one) => gfidToString(one.get('trusted.gfid')!)));
  return (readdirSync(join(root, '.glusterfs')) as string[])
    .filter((name) => /^[0-9a-f]{2}$/.test(name))
    .flatMap((first) =>
      readdirSync(join(root, '.glusterfs', first)).flatMap((second) =>
        readdirSync(join(root, '.glusterfs', first, second)),
      ),
    )
    .filter((id) => !known.has(id) && !/^0{8}-0{4}-0{4}-0{4}-0{11}/.test(id));
}

describe('a brick of GlusterFS and one of ours', () => {
  let real: TestVolume;
  let mount: Mount;
  let own: string;
  let volumeId: string;

  beforeAll(async () => {
    real = await pool.createVolume('posix-format', { bricks: 1, nodes: [0] });
    const held = (await readXattrsOf([real.brick(0).path])).get(real.brick(0).path)!;
    volumeId = gfidToString(held.get('trusted.glusterfs.volume-id')!);
    own = mkdtempSync(join(tmpdir(), 'glfs-format-'));
    // As glusterd makes them.
    chmodSync(own, 0o755);
  });
  afterAll(async () => {
    await mount?.unmount();
    await real?.delete();
    if (own !== undefined) rmSync(own, { recursive: true, force: true });
  });

  test('look the same after the same operations', async () => {
    mount = await mountVolume(pool, { volume: real.name });
    mkdirSync(mount.at('d'), { mode: 0o750 });
    mkdirSync(mount.at('d', 'e'));
    mkdirSync(mount.at('gone'));
    writeFileSync(mount.at('d', 'file'), 'content', { mode: 0o640 });
    writeFileSync(mount.at('d', 'over'), 'replaced');
    writeFileSync(mount.at('victim'), 'victim');
    linkSync(mount.at('d', 'file'), mount.at('d', 'e', 'second'));
    linkSync(mount.at('d', 'file'), mount.at('third'));
    symlinkSync('../anywhere', mount.at('d', 'link'));
    execFileSync('mkfifo', ['-m', '600', mount.at('fifo')]);
    execFileSync('mknod', ['-m', '644', mount.at('null'), 'c', '1', '3']);
    execFileSync('setfattr', ['-n', 'user.note', '-v', 'text', mount.at('d', 'file')]);
    renameSync(mount.at('d', 'e'), mount.at('moved'));
    renameSync(mount.at('d', 'over'), mount.at('victim'));
    unlinkSync(mount.at('third'));
    rmSync(mount.at('gone'), { recursive: true });
    writeFileSync(mount.at('moved', '\u00fcml\u00e4ut'), '');
    await mount.unmount();
    await real.stop();

    const volume = await Volume.fromVolfile(volfile(own, volumeId));
    await volume.mkdir('/d', { mode: 0o750 });
    await volume.mkdir('/d/e');
    await volume.mkdir('/gone');
    await volume.writeFile('/d/file', 'content', { mode: 0o640 });
    await volume.writeFile('/d/over', 'replaced');
    await volume.writeFile('/victim', 'victim');
    await volume.link('/d/file', '/d/e/second');
    await volume.link('/d/file', '/third');
    await volume.symlink('../anywhere', '/d/link');
    await volume.mknod('/fifo', { type: 'fifo', mode: 0o600 });
    await volume.mknod('/null', { type: 'character', mode: 0o644, major: 1, minor: 3 });
    await volume.setxattr('/d/file', 'user.note', 'text');
    await volume.rename('/d/e', '/moved');
    await volume.rename('/d/over', '/victim');
    await volume.unlink('/third');
    await volume.rmdir('/gone');
    await volume.writeFile('/moved/\u00fcml\u00e4ut', '');
    await volume.close();

    expect(await describeBrick(own)).toEqual(await describeBrick(real.brick(0).path));
    expect(await strayHandles(own)).toEqual([]);
  });

  test("ours reads and changes GlusterFS's, which goes on with it", async () => {
    const { path } = real.brick(0);
    const volume = await Volume.fromVolfile(volfile(path, volumeId));
    expect(await volume.readFile('/d/file', 'utf8')).toBe('content');
    expect((await volume.stat('/moved/second')).nlink).toBe(2);
    await volume.writeFile('/d/ours', 'by ours');
    await volume.mkdir('/d/new/deep', { recursive: true });
    await volume.rename('/moved', '/d/new/moved');
    await volume.unlink('/victim');
    await volume.close();
    expect(await strayHandles(path)).toEqual([]);

    await real.start();
    mount = await mountVolume(pool, { volume: real.name });
    expect(readFileSync(mount.at('d', 'ours'), 'utf8')).toBe('by ours');
    expect(readFileSync(mount.at('d', 'new', 'moved', 'second'), 'utf8')).toBe('content');
    expect(
      readdirSync(mount.path)
        .filter((name) => name !== '.trashcan')
        .sort(),
    ).toEqual(['d', 'fifo', 'null']);
    writeFileSync(mount.at('d', 'new', 'moved', 'more'), 'x');
    renameSync(mount.at('d', 'new'), mount.at('renamed'));
    expect(statSync(mount.at('renamed', 'moved', 'second')).nlink).toBe(2);
    await mount.unmount();
    await real.stop();
    expect(await strayHandles(path)).toEqual([]);
    const again = await Volume.fromBricks([path]);
    expect(await again.readFile('/renamed/moved/more', 'utf8')).toBe('x');
    await again.close();
  });
});
