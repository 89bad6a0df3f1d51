import { describe, expect, it } from 'vitest';
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { emptyIatt, S_IFREG } from '../../../../src/protocol/iatt.ts';
import { LockCommand, LockType, OpenFlag, SetattrValid } from '../../../../src/protocol/messages.ts';
import { setattr } from '../../../../src/xlators/cluster/distribute/attributes.ts';
import { read, seek, stat } from '../../../../src/xlators/cluster/distribute/file-read.ts';
import { ftruncate, write, zerofill } from '../../../../src/xlators/cluster/distribute/file-write.ts';
import { lk } from '../../../../src/xlators/cluster/distribute/locks-forward.ts';
import { open } from '../../../../src/xlators/cluster/distribute/open.ts';
import { getxattr } from '../../../../src/xlators/cluster/distribute/xattr-get.ts';
import { setxattr } from '../../../../src/xlators/cluster/distribute/xattr-set.ts';
import { distributeOver } from '../../../helpers/distribute-state.ts';
import { FileBrick, PROTECT } from '../../../helpers/file-brick.ts';
import { moveFile } from '../../../helpers/mover.ts';

const context = rootContext();
const LINKTO = 'trusted.glusterfs.dht.linkto';

/** One client with a file open on the first of two bricks. */
function scene(text = 'abcdefgh', flags: number = OpenFlag.RDWR) {
  const gfid = newGfid();
  const [from, to] = [new FileBrick('vol-client-0'), new FileBrick('vol-client-1')];
  from.put(gfid).data = Buffer.from(text);
  const state = distributeOver([from, to]);
  const inode = new Inode(gfid, 'file');
  state.setCached(inode, from.subvolume);
  return { gfid, from, to, state, inode, fd: new Fd(inode, flags) };
}
type Scene = ReturnType<typeof scene>;

/** Takes the mover to the step of that name. */
function moveTo(mover: Generator<string, boolean>, step: string): void {
  for (let next = mover.next(); !next.done; next = mover.next()) if (next.value === step) return;
  throw new Error(`no step ${step}`);
}

function finish(mover: Generator<string, boolean>): boolean {
  for (;;) {
    const next = mover.next();
    if (next.done) return next.value;
  }
}

const put = ({ state, fd }: Scene, offset: number, text: string) =>
  write(state, { fd, offset, size: text.length, flags: 0, data: [Buffer.from(text)] }, context);

async function textOf({ state, fd }: Scene): Promise<string> {
  const { data } = await read(state, { fd, offset: 0, size: 1000, flags: 0 }, context);
  return Buffer.from(data).toString();
}

const onBrick = (brick: FileBrick, gfid: Uint8Array) => Buffer.from(brick.file(gfid)?.data ?? []).toString();

describe('a file whose data are being copied', () => {
  it('takes writes on both ends, guards the destination, and shows neither mark nor guard', async () => {
    const all = scene();
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 2 });
    moveTo(mover, 'read 0');
    const reply = await put(all, 4, 'XY');
    expect(reply.poststat.mode).toBe(S_IFREG | 0o644);
    expect(onBrick(all.from, all.gfid)).toBe('abcdXYgh');
    expect(Buffer.from(all.to.file(all.gfid)!.data.subarray(4, 6)).toString()).toBe('XY');
    expect(all.to.file(all.gfid)!.xattrs.has(PROTECT)).toBe(true);
    expect(finish(mover)).toBe(false);
    expect(await textOf(all)).toBe('abcdXYgh');
  });

  it('makes the mover give up on a truncate behind its last read, which would come back otherwise', async () => {
    const all = scene();
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 100 });
    moveTo(mover, 'read 0');
    await ftruncate(all.state, { fd: all.fd, offset: 3 }, context);
    expect(finish(mover)).toBe(false);
    expect(await textOf(all)).toBe('abc');
  });

  it('takes a truncate by O_TRUNC as one on both ends', async () => {
    const all = scene();
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 100 });
    moveTo(mover, 'written 0');
    const flags = OpenFlag.RDWR | OpenFlag.TRUNC;
    await open(all.state, { loc: { inode: all.inode }, fd: all.fd, flags }, context);
    expect(finish(mover)).toBe(true);
    expect(await textOf(all)).toBe('');
    expect(onBrick(all.to, all.gfid)).toBe('');
  });

  it('puts an append where it went at the source, and not at the end of the destination', async () => {
    const all = scene('abcd', OpenFlag.WRONLY | OpenFlag.APPEND);
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 100 });
    moveTo(mover, 'written 0');
    // Somebody else's bytes have come to the destination first.
    all.to.file(all.gfid)!.data = Buffer.from('abcd????');
    await put(all, 0, 'EFG');
    expect(onBrick(all.from, all.gfid)).toBe('abcdEFG');
    expect(onBrick(all.to, all.gfid)).toBe('abcdEFG?');
  });

  it('takes at the destination exactly what the source took, in pieces if need be', async () => {
    const all = scene();
    all.from.mostBytes = 5;
    all.to.mostBytes = 2;
    moveTo(moveFile(all.gfid, all.from, all.to, { chunk: 100 }), 'written 0');
    const data = [Buffer.from('123'), Buffer.from('45678')];
    const reply = await write(all.state, { fd: all.fd, offset: 0, size: 8, flags: 0, data }, context);
    expect(reply.count).toBe(5);
    expect(onBrick(all.from, all.gfid)).toBe('12345fgh');
    expect(onBrick(all.to, all.gfid)).toBe('12345fgh');
    expect(all.to.calls.filter((fop) => fop === 'write')).toHaveLength(3);
  });

  it('keeps the mark through a chmod by a client that did not know', async () => {
    const all = scene();
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 4 });
    moveTo(mover, 'written 0');
    const request = {
      loc: { inode: all.inode },
      stat: { ...emptyIatt(), mode: 0o600 },
      valid: SetattrValid.MODE,
    };
    await setattr(all.state, request, context);
    expect(all.from.file(all.gfid)!.mode & 0o7777).toBe(0o3600);
    await put(all, 0, 'XY');
    expect(finish(mover)).toBe(false);
    expect(all.from.file(all.gfid)!.mode & 0o7777).toBe(0o644);
    expect(await textOf(all)).toBe('XYcdefgh');
  });

  it('mirrors writes although somebody else wiped the mark', async () => {
    const all = scene();
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 100, force: true });
    moveTo(mover, 'written 0');
    await put(all, 0, '1');
    all.from.file(all.gfid)!.mode = S_IFREG | 0o600;
    await put(all, 1, '2');
    expect(finish(mover)).toBe(true);
    expect(await textOf(all)).toBe('12cdefgh');
  });

  it('takes extended attributes on both ends', async () => {
    const all = scene();
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 100 });
    moveTo(mover, 'attributes copied');
    const dict = new Dict().setBytes('user.note', Buffer.from('kept'));
    await setxattr(all.state, { loc: { inode: all.inode }, dict, flags: 0 }, context);
    finish(mover);
    const found = await getxattr(all.state, { loc: { inode: all.inode }, name: 'user.note' }, context);
    expect(Buffer.from(found.dict!.bytes('user.note')!).toString()).toBe('kept');
    expect(all.to.file(all.gfid)!.mode & 0o7777).toBe(0o644);
  });

  it('fails a write that reaches only the source, with an outcome that is unknown', async () => {
    const all = scene();
    moveTo(moveFile(all.gfid, all.from, all.to, { chunk: 2 }), 'written 0');
    all.to.down = true;
    await expect(put(all, 0, 'ZZ')).rejects.toMatchObject({ code: 'ENOTCONN', outcome: 'unknown' });
  });

  it('leaves a file alone whose own mode looks like the mark', async () => {
    const all = scene();
    all.from.file(all.gfid)!.mode = S_IFREG | 0o3644;
    await put(all, 0, 'XY');
    expect(all.to.calls).toEqual([]);
    expect(onBrick(all.from, all.gfid)).toBe('XYcdefgh');
  });
});

describe('a file that has been moved', () => {
  const stages = ['phase 2', 'source emptied', 'destination points no more', 'source gone'];

  it.each(stages)('is read and written at its new place (%s)', async (stage) => {
    const all = scene();
    await textOf(all);
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 100 });
    moveTo(mover, stage);
    expect(await textOf(all)).toBe('abcdefgh');
    await put(all, 0, 'XY');
    expect(onBrick(all.to, all.gfid)).toBe('XYcdefgh');
    expect(all.state.cachedOf(all.inode)).toBe(all.to.subvolume);
    const { stat: seen } = await stat(all.state, { loc: { inode: all.inode } }, context);
    expect(seen).toMatchObject({ mode: S_IFREG | 0o644, size: 8 });
  });

  it('is followed by path, by a client that never had it open', async () => {
    const all = scene();
    expect(finish(moveFile(all.gfid, all.from, all.to, { chunk: 100 }))).toBe(true);
    const { stat: seen } = await stat(all.state, { loc: { inode: all.inode } }, context);
    expect(seen.size).toBe(8);
  });

  it('has no holes where the emptied source would see nothing but one', async () => {
    const all = scene();
    await textOf(all);
    finish(moveFile(all.gfid, all.from, all.to, { chunk: 100, keepSource: true }));
    await expect(seek(all.state, { fd: all.fd, offset: 2, what: 0 }, context)).resolves.toMatchObject({
      offset: 2,
    });
    await expect(seek(all.state, { fd: all.fd, offset: 8, what: 0 }, context)).rejects.toMatchObject({
      code: 'ENXIO',
    });
  });

  it('is not brought back to life by a chmod of its old place', async () => {
    const all = scene();
    finish(moveFile(all.gfid, all.from, all.to, { chunk: 100, keepSource: true }));
    const request = {
      loc: { inode: all.inode },
      stat: { ...emptyIatt(), mode: 0o600 },
      valid: SetattrValid.MODE,
    };
    await setattr(all.state, request, context);
    expect(all.from.file(all.gfid)!.mode & 0o7777).toBe(0o1000);
    expect(all.to.file(all.gfid)!.mode & 0o7777).toBe(0o600);
  });

  it('does not answer with attributes from its old place, not even with their absence', async () => {
    const all = scene();
    finish(moveFile(all.gfid, all.from, all.to, { chunk: 100, keepSource: true }));
    all.to.file(all.gfid)!.xattrs.set('user.late', Buffer.from('1'));
    const found = await getxattr(all.state, { loc: { inode: all.inode }, name: 'user.late' }, context);
    expect([...found.dict!.names()]).toEqual(['user.late']);
  });

  it('is locked at its new place, and the old lock is dropped', async () => {
    const all = scene();
    await textOf(all);
    finish(moveFile(all.gfid, all.from, all.to, { chunk: 100, keepSource: true }));
    const flock = {
      type: LockType.WRITE,
      whence: 0,
      start: 0n,
      length: 0n,
      pid: 1,
      owner: new Uint8Array(8),
    };
    await lk(all.state, { fd: all.fd, command: LockCommand.SET, type: LockType.WRITE, flock }, context);
    expect(all.from.file(all.gfid)!.locks).toBe(0);
    expect(all.to.file(all.gfid)!.locks).toBe(1);
    await lk(all.state, { fd: all.fd, command: LockCommand.SET, type: LockType.UNLOCK, flock }, context);
    expect(all.to.file(all.gfid)!.locks).toBe(0);
  });

  it('is gone when no brick has it any more', async () => {
    const all = scene();
    all.from.remove(all.gfid);
    await expect(stat(all.state, { loc: { inode: all.inode } }, context)).rejects.toMatchObject({
      code: 'ESTALE',
    });
  });

  it('is an error while the brick that it went to is down, and never the emptied source', async () => {
    const all = scene();
    await textOf(all);
    finish(moveFile(all.gfid, all.from, all.to, { chunk: 100, keepSource: true }));
    all.to.down = true;
    await expect(textOf(all)).rejects.toMatchObject({ code: 'ENOTCONN' });
    all.to.down = false;
    expect(await textOf(all)).toBe('abcdefgh');
  });

  it('is not looked for on another brick for a mode that is its own', async () => {
    const all = scene();
    all.from.file(all.gfid)!.mode = S_IFREG | 0o1000;
    expect(await textOf(all)).toBe('abcdefgh');
    await put(all, 0, 'X');
    expect(onBrick(all.from, all.gfid)).toBe('Xbcdefgh');
  });

  it('moves on between source and destination of one write, which ends where the file is', async () => {
    const all = scene();
    const third = new FileBrick('vol-client-2');
    const state = distributeOver([all.from, all.to, third]);
    state.setCached(all.inode, all.from.subvolume);
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 100 });
    moveTo(mover, 'written 0');
    all.to.beforeEach = (fop) => {
      if (fop !== 'write') return;
      all.to.beforeEach = () => {};
      expect(finish(mover)).toBe(true);
      expect(finish(moveFile(all.gfid, all.to, third, { chunk: 100, keepSource: true }))).toBe(true);
    };
    await put({ ...all, state }, 2, 'XY');
    expect(onBrick(third, all.gfid)).toBe('abXYefgh');
    expect(third.file(all.gfid)!.xattrs.has(LINKTO)).toBe(false);
  });

  it('is zeroed on both ends', async () => {
    const all = scene();
    const mover = moveFile(all.gfid, all.from, all.to, { chunk: 100 });
    moveTo(mover, 'written 0');
    await zerofill(all.state, { fd: all.fd, offset: 0, size: 4 }, context);
    expect(finish(mover)).toBe(true);
    expect(await textOf(all)).toBe('\0\0\0\0efgh');
  });
});
