import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fd, type Graph, Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { storeKinds } from './data-brick.ts';
import { EntryBrick, posixGraph, request } from './entry-brick.ts';

const ID = '11111111-2222-4333-8444-555555555555';
const OTHER = '99999999-2222-4333-8444-555555555555';

let directory: string;
const graphs: Graph[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'glfs-start-'));
});
afterEach(async () => {
  for (const graph of graphs.splice(0)) await graph.close();
  rmSync(directory, { recursive: true, force: true });
});

async function start(options: Record<string, string> = {}, at = directory): Promise<Graph> {
  const graph = posixGraph(at, options);
  graphs.push(graph);
  await graph.start();
  return graph;
}

async function stop(graph: Graph): Promise<void> {
  graphs.splice(graphs.indexOf(graph), 1);
  await graph.close();
}

/** Everything below a directory with what changes when someone writes there. */
function fingerprint(at: string): string[] {
  const walk = (below: string): string[] =>
    readdirSync(join(at, below), { withFileTypes: true }).flatMap((entry) => {
      const path = join(below, entry.name);
      return entry.isDirectory() ? [path, ...walk(path)] : [path];
    });
  // The walk itself is noted in the directories, unless it was before.
  walk('.');
  return ['.', ...walk('.').sort()].map((name) => {
    const { ino, mtimeNs, ctimeNs, atimeNs, mode, nlink } = lstatSync(join(at, name), { bigint: true });
    // Nothing keeps the host from noting that a symbolic link was followed.
    const atime = (mode & 0o170000n) === 0o120000n ? 0n : atimeNs;
    return [name, ino, mtimeNs, ctimeNs, atime, mode, nlink].join(' ');
  });
}

describe('a brick starts', () => {
  test('only in a directory that exists, and says what is wrong', async () => {
    await expect(start({}, join(directory, 'none'))).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('none does not exist'),
    });
    writeFileSync(join(directory, 'file'), '');
    await expect(start({}, join(directory, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(start({}, 'relative')).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test.each(storeKinds())('with the skeleton of GlusterFS (%s)', async (kind) => {
    await start({ 'attribute-store': kind });
    const root = '.glusterfs/00/00/00000000-0000-0000-0000-000000000001';
    expect(readlinkSync(join(directory, root))).toBe('../../..');
    for (const folder of ['unlink', 'landfill'])
      expect(existsSync(join(directory, '.glusterfs', folder)), folder).toBe(true);
  });

  test.each(storeKinds())('for its own volume only (%s)', async (kind) => {
    const options = { 'attribute-store': kind, 'volume-id': ID };
    await stop(await start(options));
    await stop(await start(options));
    await expect(start({ ...options, 'volume-id': OTHER })).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(new RegExp(`${ID}.*${OTHER}`)),
    });
    await stop(await start({ 'attribute-store': kind }));
  });

  test('not for a volume when it was begun for none', async () => {
    await stop(await start({ 'attribute-store': 'sidecar' }));
    await expect(start({ 'volume-id': ID })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('not in a directory of a brick', async () => {
    const brick = await EntryBrick.start();
    try {
      await brick.mkdir(brick.root, 'd');
      if (storeKinds().includes('xattr')) {
        await expect(start({}, brick.path('d'))).rejects.toMatchObject({ code: 'EINVAL' });
      } else {
        expect(existsSync(brick.path('d'))).toBe(true);
      }
    } finally {
      await brick.stop();
    }
  });

  test.skipIf(!storeKinds().includes('xattr'))('with the store that it was begun with', async () => {
    await stop(await start({ 'attribute-store': 'sidecar' }));
    await expect(start({ 'attribute-store': 'xattr' })).rejects.toMatchObject({ code: 'EINVAL' });
    const again = await start();
    expect(again.dump().posix).toMatchObject({ 'attribute-store': 'sidecar' });
    const other = join(directory, 'other');
    mkdirSync(other);
    await stop(await start({ 'attribute-store': 'xattr' }, other));
    await expect(start({ 'attribute-store': 'sidecar' }, other)).rejects.toMatchObject({ code: 'EINVAL' });
    const auto = await start({}, other);
    expect(auto.dump().posix).toMatchObject({ 'attribute-store': 'xattr' });
  });
});

describe('of two servers of one directory', () => {
  test('the second is refused, whatever path it comes by', async () => {
    const first = await start({ 'attribute-store': 'sidecar' });
    const alias = `${directory}-alias`;
    symlinkSync(directory, alias);
    try {
      await expect(start({}, alias)).rejects.toMatchObject({ code: 'EBUSY' });
      await stop(first);
      await start({}, alias);
    } finally {
      rmSync(alias);
    }
  });

  test('one that was killed is succeeded at once', async () => {
    const script = fileURLToPath(new URL('./hold-brick.ts', import.meta.url));
    const holder = fork(script, [directory], { execArgv: ['--import', 'tsx'] });
    try {
      await once(holder, 'message');
      await expect(start()).rejects.toMatchObject({ code: 'EBUSY' });
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      const graph = await start();
      const { stat } = await graph.top.lookup(
        {
          loc: { inode: new Inode(), parent: new Inode(ROOT_GFID), name: 'made-by-the-holder' },
          flags: 0,
        },
        rootContext(),
      );
      expect(stat.size).toBe(0);
    } finally {
      holder.kill('SIGKILL');
    }
  });
});

describe.each(storeKinds())('a brick opened for reading (%s)', (kind) => {
  test('leaves no trace', async () => {
    const context = rootContext();
    const root = new Inode(ROOT_GFID, 'directory');
    const writer = await start({ 'attribute-store': kind, 'volume-id': ID });
    const inode = new Inode();
    const fd = new Fd(inode, 2);
    const loc = { inode, parent: root, name: 'a' };
    const made = await writer.top.create(
      { loc, fd, flags: 2, mode: 0o600, umask: 0, xdata: request() },
      context,
    );
    inode.learn(made.stat);
    await writer.top.write({ fd, offset: 0, size: 4, flags: 0, data: [Buffer.from('data')] }, context);
    await stop(writer);

    // Older than the data: relatime would note the next read.
    const before = fingerprint(directory);
    const { top } = await start({ 'read-only': 'on', 'volume-id': ID });
    // A stopped brick has no lock to heed or to take.
    await start({ 'read-only': 'on' });
    expect((await top.lookup({ loc, flags: 0 }, context)).stat.size).toBe(4);
    const reading = new Fd(inode, 0);
    await top.open({ loc: { inode }, fd: reading, flags: 0 }, context);
    const { data } = await top.read({ fd: reading, offset: 0, size: 9, flags: 0 }, context);
    expect(Buffer.from(data).toString()).toBe('data');
    await top.release({ fd: reading }, context);
    const listing = new Fd(root, 0);
    await top.opendir({ loc: { inode: root }, fd: listing }, context);
    const { entries } = await top.readdirp({ fd: listing, offset: 0n, size: 65536 }, context);
    expect(entries.map(({ name }) => name)).toContain('a');
    await expect(top.unlink({ loc, xflags: 0 }, context)).rejects.toMatchObject({ code: 'EROFS' });
    await expect(top.open({ loc: { inode }, fd: new Fd(inode, 2), flags: 2 }, context)).rejects.toMatchObject(
      { code: 'EROFS' },
    );
    expect(fingerprint(directory)).toEqual(before);
  });

  test('has to be one', async () => {
    writeFileSync(join(directory, 'file'), '');
    const before = fingerprint(directory);
    await expect(start({ 'read-only': 'on', 'attribute-store': kind })).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringContaining('is no brick'),
    });
    expect(fingerprint(directory)).toEqual(before);
  });
});

test('closing leaves no descriptor open', async () => {
  const brick = await EntryBrick.start();
  const open = (): number => readdirSync('/proc/self/fd').length;
  const { inode } = await brick.create(brick.root, 'a');
  const count = open();
  await brick.open(inode);
  expect(open()).toBe(count + 1);
  await brick.unlink(brick.root, 'a');
  await brick.restart();
  expect(readdirSync(brick.path('.glusterfs', 'unlink'))).toEqual([]);
  await brick.stop();
  expect(open()).toBeLessThan(count);
});

test('of a sidecar record that a crash tore the one before counts', async () => {
  const brick = await EntryBrick.start({ 'attribute-store': 'sidecar' });
  try {
    const file = await brick.file(brick.root, 'a');
    const note = (text: string) => {
      const dict = new Dict().setBytes('user.note', Buffer.from(text));
      return brick.top.setxattr({ loc: { inode: file }, dict, flags: 0 }, rootContext());
    };
    await note('first');
    const { ino } = lstatSync(brick.path('a'));
    const folder = (ino & 0xff).toString(16).padStart(2, '0');
    const record = brick.path('.glusterfs', 'glfs-sidecar', folder, String(ino));
    const before = readFileSync(record);
    await note('second');
    expect(await brick.attribute(file, 'user.note')).toBe('second');
    const torn = readFileSync(record);
    const changed = torn.findIndex((byte, at) => byte !== before[at]);
    expect(changed).toBeGreaterThanOrEqual(0);
    torn.fill(0xee, changed + 40, changed + 60);
    writeFileSync(record, torn);
    await brick.restart();
    expect(await brick.attribute(file, 'user.note')).toBe('first');
    // It goes on from there, and grows beyond its first size.
    await note('x'.repeat(5000));
    await brick.restart();
    expect((await brick.attribute(file, 'user.note'))?.length).toBe(5000);
  } finally {
    await brick.stop();
  }
});
