/* Calls on data, which run off the event loop, while files are removed, released and the brick is closed under them. */
import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fd, Inode, rootContext, StampFlag } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { storeKinds } from './data-brick.ts';
import { EntryBrick } from './entry-brick.ts';
import { expectRecords, expectWhole } from './whole-brick.ts';

const BLOCK = 4096;
const stamped = rootContext({
  stamp: { flags: StampFlag.CTIME | StampFlag.MTIME, seconds: 1_700_000_000, nanoseconds: 1 },
});

/** The same numbers each time (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

describe.each(storeKinds())('with the %s store', (kind) => {
  let brick: EntryBrick;
  beforeEach(async () => {
    brick = await EntryBrick.start({ 'attribute-store': kind });
  });
  afterEach(() => brick.stop());

  const filled = (letter: number) => Buffer.alloc(BLOCK, 65 + (letter % 26));
  const write = (fd: Fd, data: Buffer, offset = 0) =>
    brick.top.write({ fd, offset, size: data.length, flags: 0, data: [data] }, stamped);

  test('a descriptor is its own as long as a call uses it', async () => {
    const next = random(7);
    const foreign: string[] = [];
    const work = async (id: number): Promise<void> => {
      const data = filled(id);
      for (let round = 0; round < 12; round++) {
        const name = `f${id}-${round}`;
        const { inode, fd } = await brick.create(brick.root, name);
        const anonymous = new Fd(inode, 2, true);
        const calls: Promise<unknown>[] = [write(fd, data), write(anonymous, data, BLOCK)];
        const check = (read: { data: Uint8Array }): void => {
          // A hole is zeros; anything else is of another file.
          if (read.data.some((byte) => byte !== data[0] && byte !== 0)) foreign.push(name);
        };
        for (let call = 0; call < 6; call++) {
          const target = next(2) === 0 ? fd : anonymous;
          const which = next(6);
          if (which < 3)
            calls.push(
              brick.top.read({ fd: target, offset: 0, size: 2 * BLOCK, flags: 0 }, stamped).then(check),
            );
          else if (which === 3) calls.push(brick.top.fsync({ fd: target, datasync: 0 }, stamped));
          else if (which === 4)
            calls.push(brick.top.fallocate({ fd: target, flags: 0, offset: 0, size: 4 * BLOCK }, stamped));
          else calls.push(brick.top.truncate({ loc: { inode }, offset: 2 * BLOCK }, stamped));
        }
        if (next(2) === 0) await turn();
        calls.push(brick.unlink(brick.root, name));
        await brick.release(fd);
        for (const outcome of await Promise.allSettled(calls))
          if (outcome.status === 'rejected') expect(['ESTALE', 'ENOENT']).toContain(outcome.reason.code);
      }
    };
    await Promise.all(Array.from({ length: 24 }, (_, id) => work(id)));
    expect(foreign).toEqual([]);
    expect(await brick.names(brick.root)).toEqual(['.', '..']);
    if (kind === 'sidecar') expectRecords(brick);
    await brick.restart();
    await expectWhole(brick, {});
  });

  test('a brick is closed when its last call has ended, and what was written is in its own files', async () => {
    const files = await Promise.all(
      Array.from({ length: 40 }, (_, index) => brick.create(brick.root, `f${index}`)),
    );
    const writes = files.flatMap(({ fd }, index) =>
      Array.from({ length: 8 }, (_, block) => write(fd, filled(index), block * BLOCK)),
    );
    const outcomes = Promise.allSettled(writes);
    await brick.restart();
    // Numbers of descriptors are used again at once.
    const others = await Promise.all(
      Array.from({ length: 40 }, (_, index) => brick.create(brick.root, `g${index}`)),
    );
    for (const outcome of await outcomes) expect(outcome.status).toBe('fulfilled');
    for (const [index] of files.entries())
      expect(readFileSync(brick.path(`f${index}`)).equals(Buffer.alloc(8 * BLOCK, 65 + (index % 26)))).toBe(
        true,
      );
    for (const [index] of others.entries()) expect(readFileSync(brick.path(`g${index}`))).toHaveLength(0);
  });

  test('what is unlinked under a call leaves nothing behind', async () => {
    for (let round = 0; round < 30; round++) {
      const inode = await brick.file(brick.root, 'f');
      const cut = brick.top.truncate({ loc: { inode }, offset: 1 << 20 }, stamped);
      const anonymous = write(new Fd(inode, 2, true), filled(round));
      await brick.unlink(brick.root, 'f');
      await Promise.all([cut, anonymous]);
      await expect(brick.find(inode)).rejects.toMatchObject({ code: 'ESTALE' });
    }
    if (kind === 'sidecar') expectRecords(brick);
  });

  test('an inode number that is used again brings no attributes along', async () => {
    const inodes = new Set<bigint>();
    const dict = () => new Dict().setBytes('user.old', Buffer.from('old'));
    for (let round = 0; round < 60; round++) {
      const inode = round % 3 === 0 ? await brick.mkdir(brick.root, 'f') : await brick.file(brick.root, 'f');
      const stat = (await brick.lookup(brick.root, 'f')).stat;
      expect(await brick.attribute(inode, 'user.old')).toBeUndefined();
      expect(stat.mode & 0o777).toBe(round % 3 === 0 ? 0o755 : 0o644);
      inodes.add(stat.ino);
      await brick.top.setxattr({ loc: { inode }, dict: dict(), flags: 0 }, rootContext());
      await brick.top.setattr(
        { loc: { inode }, stat: { ...stat, mode: 0o100700, uid: 7 }, valid: 3 },
        rootContext(),
      );
      if (round % 3 === 0) await brick.rmdir(brick.root, 'f', round % 2);
      else if (round % 3 === 1) await brick.unlink(brick.root, 'f');
      else {
        await brick.file(brick.root, 'g');
        await brick.rename(brick.root, 'g', brick.root, 'f');
        await brick.unlink(brick.root, 'f');
      }
    }
    expect(inodes.size).toBe(60);
  });

  test('all names and fds of a file have the same attributes', async () => {
    const { inode, fd } = await brick.create(brick.root, 'a');
    await brick.link(inode, brick.root, 'b');
    const second = await brick.open(inode);
    const set = (value: string) => new Dict().setBytes('user.x', Buffer.from(value));
    await brick.top.fsetxattr({ fd, dict: set('one'), flags: 0 }, rootContext());
    expect(await brick.attribute(inode, 'user.x')).toBe('one');
    await brick.unlink(brick.root, 'a');
    await brick.top.setxattr({ loc: { inode }, dict: set('two'), flags: 0 }, rootContext());
    const { stat } = await brick.lookup(brick.root, 'b');
    expect(await brick.attribute(new Inode(stat.gfid), 'user.x')).toBe('two');
    await brick.unlink(brick.root, 'b');
    const { dict } = await brick.top.fgetxattr({ fd: second, name: 'user.x' }, rootContext());
    expect(Buffer.from(dict!.bytes('user.x')!).toString()).toBe('two');
    await brick.release(fd);
    await brick.release(second);
  });

  test('writes that append, and those that ask whether they do, leave no gap and lose nothing', async () => {
    const { inode, fd } = await brick.create(brick.root, 'a', { flags: 0o2002 });
    const second = await brick.open(inode, 0o2002);
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        write(index % 2 === 0 ? fd : second, Buffer.alloc(100, 65 + (index % 26))),
      ),
    );
    const content = readFileSync(brick.path('a'));
    expect(content).toHaveLength(10_000);
    for (let at = 0; at < content.length; at += 100)
      expect(new Set(content.subarray(at, at + 100)).size).toBe(1);
    await brick.release(fd);
    await brick.release(second);
  });
});
