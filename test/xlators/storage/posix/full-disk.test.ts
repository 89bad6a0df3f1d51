/* A file system that is really full. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toGlfsError } from '../../../../src/errors.ts';
import { type Fd, Inode, rootContext, StampFlag } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { storeKinds } from './data-brick.ts';
import { EntryBrick } from './entry-brick.ts';
import { expectWhole, treeOf } from './whole-brick.ts';

const stamped = rootContext({
  stamp: {
    flags: StampFlag.CTIME | StampFlag.MTIME | StampFlag.PARENT_CTIME | StampFlag.PARENT_MTIME,
    seconds: 1_700_000_000,
    nanoseconds: 1,
  },
});

/** Mounts 4 MiB of memory; `undefined` where that is not allowed. */
function mounted(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'glfs-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'glfs-test', directory], { stdio: 'ignore' });
    return directory;
  } catch {
    rmdirSync(directory);
    return undefined;
  }
}
function unmount(directory: string): void {
  execFileSync('umount', [directory]);
  rmdirSync(directory);
}

const trial = mounted();
if (trial !== undefined) unmount(trial);

describe.skipIf(trial === undefined).each(storeKinds())('with the %s store (needs mount: root)', (kind) => {
  let disk: string;
  let brick: EntryBrick;
  beforeEach(async () => {
    disk = mounted()!;
    brick = await EntryBrick.start({ 'attribute-store': kind }, disk);
  });
  afterEach(async () => {
    await brick.stop();
    unmount(disk);
  });

  const write = (fd: Fd, size: number, offset: number) =>
    brick.top.write({ fd, offset, size, flags: 0, data: [Buffer.alloc(size, 120)] }, stamped);
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => 'done',
      (error: unknown) => toGlfsError(error).code,
    );

  /** To the last block, behind the brick's back. */
  function fill(): void {
    try {
      writeFileSync(join(disk, 'filler'), Buffer.alloc(8 << 20));
    } catch {}
    expect(statfsSync(disk).bfree).toBe(0);
  }

  test('writes tell how much they wrote, then ENOSPC, and what is there stays', async () => {
    const { fd } = await brick.create(brick.root, 'f');
    let at = 0;
    let code = 'done';
    while (code === 'done') {
      code = await codeOf(
        write(fd, 300_000, at).then(({ count }) => {
          at += count!;
        }),
      );
    }
    expect(code).toBe('ENOSPC');
    const content = readFileSync(brick.path('f'));
    expect(content.length).toBe(at);
    expect(content.every((byte) => byte === 120)).toBe(true);
    // What has its space can be overwritten, and cut.
    expect(await codeOf(write(fd, 1000, 5))).toBe('done');
    await brick.top.ftruncate({ fd, offset: 10 }, stamped);
    expect(await codeOf(write(fd, 300_000, 10))).toBe('done');
    await brick.release(fd);
  });

  test('on a full disk nothing is half made, and everything can be removed', async () => {
    const names: string[] = [];
    let long = '';
    while (long.length < 200) long += 'attribute';
    const xdata = () => new Dict().setBytes('user.long', Buffer.from(long.repeat(4)));
    const directory = await brick.mkdir(brick.root, 'd', 0o755, stamped);
    const linked = await brick.file(directory, 'linked');
    await brick.link(linked, directory, 'second');
    const open = await brick.create(brick.root, 'open');
    await brick.file(brick.root, 'renamed');
    await brick.file(brick.root, 'victim');
    await brick.mkdir(directory, 'below');
    for (let index = 0; index < 30; index++) {
      const inode = await brick.file(brick.root, `f${index}`);
      await brick.top.setxattr({ loc: { inode }, dict: xdata(), flags: 0 }, stamped);
      names.push(`f${index}`);
    }
    fill();
    await brick.restart();
    const before = await treeOf(brick);

    // Some of these need no space; those that do leave nothing.
    const attempts: [string, () => Promise<unknown>][] = [
      ['/new', () => brick.create(brick.root, 'new', { context: stamped })],
      ['/new-d', () => brick.mkdir(brick.root, 'new-d', 0o755, stamped)],
      ['/new-l', () => brick.symlink(brick.root, 'new-l', 'x'.repeat(4000))],
      ['/new-h', () => brick.link(linked, brick.root, 'new-h')],
    ];
    for (const [path, attempt] of attempts) {
      const code = await codeOf(attempt());
      expect(['done', 'ENOSPC'], path).toContain(code);
      expect((await treeOf(brick))[path] !== undefined, path).toBe(code === 'done');
    }
    const value = new Dict().setBytes('user.big', Buffer.alloc(30_000, 120));
    const set = await codeOf(brick.top.setxattr({ loc: { inode: linked }, dict: value, flags: 0 }, stamped));
    const held = await brick.attribute(linked, 'user.big');
    expect(held?.length ?? 0).toBe(set === 'done' ? 30_000 : 0);
    await brick.restart();
    for (const [path, seen] of Object.entries(before)) {
      const now = (await treeOf(brick))[path]!;
      expect({ ...now, nlink: 0, names: [], attributes: {} }, path).toEqual({
        ...seen,
        nlink: 0,
        names: [],
        attributes: {},
      });
    }

    await brick.top.rename(
      {
        loc: { inode: new Inode(), parent: brick.root, name: 'renamed' },
        newLoc: { inode: new Inode(), parent: brick.root, name: 'victim' },
      },
      stamped,
    );
    const fd = await brick.open(open.inode);
    for (const name of [...names, 'victim', 'open'])
      await brick.top.unlink({ loc: { inode: new Inode(), parent: brick.root, name }, xflags: 0 }, stamped);
    await brick.release(fd);
    await brick.release(open.fd);
    await brick.rmdir(directory, 'below');
    await brick.unlink(directory, 'linked');
    await brick.unlink(directory, 'second');
    await brick.rmdir(brick.root, 'd', 1);
    await brick.restart();
    const left = await treeOf(brick);
    expect(Object.keys(left).filter((path) => !path.startsWith('/new'))).toEqual([]);
    await expectWhole(brick, left);
  });

  test('files are made until there is no space, and all go again', async () => {
    const made: string[] = [];
    for (;;) {
      const name = `file-${made.length}`;
      const code = await codeOf(
        brick.create(brick.root, name, { context: stamped }).then(async ({ fd }) => {
          made.push(name);
          await write(fd, 20_000, 0).finally(() => brick.release(fd));
        }),
      );
      if (code === 'done') continue;
      expect(code).toBe('ENOSPC');
      break;
    }
    expect(made.length).toBeGreaterThan(20);
    expect((await brick.names(brick.root)).length - 2).toBe(made.length);
    await expectWhole(brick, await treeOf(brick));
    for (const name of made) await brick.unlink(brick.root, name);
    expect(await brick.names(brick.root)).toEqual(['.', '..']);
    await brick.restart();
    await expectWhole(brick, {});
  });
});
