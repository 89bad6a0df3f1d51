import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fd, Inode, rootContext, type Stamp, StampFlag } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { gfidToString, NULL_GFID, newGfid } from '../../../../src/protocol/gfid.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { storeKinds } from './data-brick.ts';
import { EntryBrick, request } from './entry-brick.ts';

const isRoot = process.getuid?.() === 0;
const yes = { type: 'int', value: 1n } as const;

describe.each(storeKinds())('entries of a brick with the %s store', (kind) => {
  let brick: EntryBrick;
  let root: Inode;

  beforeEach(async () => {
    brick = await EntryBrick.start({ 'attribute-store': kind });
    root = brick.root;
  });
  afterEach(() => brick.stop());

  describe('lookup', () => {
    test('by name and by gfid finds the same file', async () => {
      const file = await brick.file(root, 'a');
      const named = await brick.lookup(root, 'a');
      const nameless = await brick.find(file);
      expect(named.stat).toEqual(nameless.stat);
      expect(named.postparent.gfid).toEqual(root.gfid);
      expect(named.stat.ino).toBe(Buffer.from(file.gfid).readBigUInt64BE(8));
    });

    test('of a missing name is ENOENT, of a missing gfid or parent ESTALE', async () => {
      await expect(brick.lookup(root, 'none')).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(brick.find(new Inode(newGfid()))).rejects.toMatchObject({ code: 'ESTALE' });
      await expect(brick.lookup(new Inode(newGfid()), 'a')).rejects.toMatchObject({ code: 'ESTALE' });
    });

    test('in what is no directory is ENOTDIR, through a symbolic link too', async () => {
      const file = await brick.file(root, 'a');
      const symlink = await brick.symlink(root, 'l', '/etc');
      await expect(brick.lookup(file, 'b')).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(brick.lookup(symlink, 'passwd')).rejects.toMatchObject({ code: 'ENOTDIR' });
    });

    test('never shows .glusterfs, nor leads out of the brick', async () => {
      await expect(brick.lookup(root, '.glusterfs')).rejects.toMatchObject({ code: 'EPERM' });
      await expect(brick.mkdir(root, '.glusterfs')).rejects.toMatchObject({ code: 'EPERM' });
      await expect(brick.rmdir(root, '.glusterfs')).rejects.toMatchObject({ code: 'EPERM' });
      await expect(brick.lookup(root, '../x')).rejects.toMatchObject({ code: 'EINVAL' });
      expect((await brick.lookup(root, '..')).stat.gfid).toEqual(root.gfid);
      expect(await brick.names(root)).toEqual(['.', '..']);
    });

    test('gives a file from behind the brick the gfid that is asked for, and no other file the same', async () => {
      writeFileSync(brick.path('foreign'), 'x');
      mkdirSync(brick.path('folder'));
      await expect(brick.lookup(root, 'foreign')).rejects.toMatchObject({ code: 'ENODATA' });
      const gfid = newGfid();
      const { stat } = await brick.lookup(root, 'foreign', request(gfid));
      expect(stat.gfid).toEqual(gfid);
      expect(stat.nlink).toBe(1);
      expect(lstatSync(brick.handle({ gfid })).ino).toBe(lstatSync(brick.path('foreign')).ino);
      await expect(brick.lookup(root, 'folder', request(gfid))).rejects.toMatchObject({ code: 'ENODATA' });
      const other = newGfid();
      expect((await brick.lookup(root, 'folder', request(other))).stat.gfid).toEqual(other);
      expect((await brick.find(new Inode(other))).stat.mode & 0o170000).toBe(0o040000);
    });

    test('makes a handle that is missing', async () => {
      const file = await brick.file(root, 'a');
      const directory = await brick.mkdir(root, 'd');
      unlinkSync(brick.handle(file));
      unlinkSync(brick.handle(directory));
      await brick.restart();
      await expect(brick.find(file)).rejects.toMatchObject({ code: 'ESTALE' });
      await brick.lookup(root, 'a');
      await brick.lookup(root, 'd');
      expect((await brick.find(file)).stat.gfid).toEqual(file.gfid);
      expect((await brick.find(directory)).stat.gfid).toEqual(directory.gfid);
    });
  });

  describe('making', () => {
    test('needs a gfid', async () => {
      for (const xdata of [undefined, new Dict(), request(NULL_GFID)]) {
        const loc = { inode: new Inode(), parent: root, name: 'a' };
        await expect(
          brick.top.mkdir({ loc, mode: 0o755, umask: 0, xdata }, rootContext()),
        ).rejects.toMatchObject({ code: 'EINVAL' });
      }
      expect(await brick.names(root)).toEqual(['.', '..']);
    });

    test('leaves the handles of GlusterFS', async () => {
      const directory = await brick.mkdir(root, 'd');
      const below = await brick.mkdir(directory, 'e');
      const file = await brick.file(directory, 'f');
      const symlink = await brick.symlink(directory, 'l', 'anywhere');
      const id = gfidToString(directory.gfid);
      expect(readlinkSync(brick.handle(directory))).toBe(
        '../../00/00/00000000-0000-0000-0000-000000000001/d',
      );
      expect(readlinkSync(brick.handle(below))).toBe(`../../${id.slice(0, 2)}/${id.slice(2, 4)}/${id}/e`);
      expect(lstatSync(brick.handle(file)).ino).toBe(lstatSync(brick.path('d', 'f')).ino);
      expect(lstatSync(brick.handle(symlink)).ino).toBe(lstatSync(brick.path('d', 'l')).ino);
      expect(await brick.paths(file)).toEqual([`${id}/f`]);
      expect(await brick.paths(symlink)).toEqual([`${id}/l`]);
      expect(await brick.paths(directory)).toEqual([]);
    });

    test('with a gfid or a name that is taken is EEXIST, and leaves nothing', async () => {
      const gfid = newGfid();
      await brick.file(root, 'a', request(gfid));
      await expect(brick.file(root, 'b', request(gfid))).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(brick.mkdir(root, 'b', 0o755, rootContext(), request(gfid))).rejects.toMatchObject({
        code: 'EEXIST',
      });
      await expect(brick.file(root, 'a')).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(brick.symlink(root, 'a', 'x')).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(brick.mkdir(root, 'a')).rejects.toMatchObject({ code: 'EEXIST' });
      expect(await brick.names(root)).toEqual(['.', '..', 'a']);
      expect(readdirSync(brick.path('.glusterfs', 'landfill'))).toEqual([]);
      expect((await brick.lookup(root, 'a')).stat.nlink).toBe(1);
    });

    test('takes no notice of handles that a crash left', async () => {
      const file = await brick.file(root, 'a');
      const directory = await brick.mkdir(root, 'd');
      unlinkSync(brick.path('a'));
      rmdirSync(brick.path('d'));
      await brick.restart();
      await brick.file(root, 'b', request(file.gfid));
      await brick.mkdir(root, 'e', 0o755, rootContext(), request(directory.gfid));
      expect((await brick.find(file)).stat.nlink).toBe(1);
      expect((await brick.find(directory)).stat.gfid).toEqual(directory.gfid);
    });

    test('gives owner, permissions and initial attributes', async () => {
      const context = rootContext({ uid: 1234, gid: 2345 });
      const xdata = request()
        .setBytes('trusted.ec.config', Buffer.from([1, 2, 3]))
        .setEntry('trusted.glusterfs.dht.linkto', { type: 'str', value: 'v-client-1' })
        .setEntry('glusterfs.inodelk-count', yes);
      const { reply, inode, fd } = await brick.create(root, 'a', { mode: 0o4751, xdata, context });
      await brick.release(fd);
      expect(reply.stat).toMatchObject({ uid: 1234, gid: 2345, mode: 0o104751, nlink: 1, size: 0 });
      expect(await brick.attribute(inode, 'trusted.ec.config')).toBe('\x01\x02\x03');
      expect(await brick.attribute(inode, 'trusted.glusterfs.dht.linkto')).toBe('v-client-1\0');
    });

    test('takes the umask off, and the group from a directory with setgid', async () => {
      const shared = await brick.mkdir(root, 'shared', 0o755, rootContext({ uid: 1, gid: 7 }));
      const inode = new Inode();
      await brick.top.setattr(
        { loc: { inode: shared }, valid: 1, stat: { ...(await brick.find(shared)).stat, mode: 0o2777 } },
        rootContext(),
      );
      const context = rootContext({ uid: 2, gid: 9 });
      const made = await brick.top.mkdir(
        { loc: { inode, parent: shared, name: 'd' }, mode: 0o777, umask: 0o27, xdata: request() },
        context,
      );
      expect(made.stat).toMatchObject({ uid: 2, gid: 7, mode: 0o042750 });
      const { reply, fd } = await brick.create(shared, 'f', { context });
      await brick.release(fd);
      expect(reply.stat).toMatchObject({ uid: 2, gid: 7, mode: 0o100644 });
    });

    test('special files keep kind and device', async () => {
      const fifo = await brick.mknod(root, 'fifo', 0o010600);
      expect((await brick.find(fifo)).stat.mode).toBe(0o010600);
      if (isRoot) {
        await brick.mknod(root, 'null', 0o020666, 0x103n);
        const { stat } = await brick.lookup(root, 'null');
        expect(stat).toMatchObject({ mode: 0o020666, rdev: (1n << 32n) | 3n });
      }
      const regular = await brick.mknod(root, 'plain', 0o100640);
      expect((await brick.find(regular)).stat.mode).toBe(0o100640);
    });

    test('create without O_EXCL opens what is there', async () => {
      const first = await brick.create(root, 'a');
      await brick.write(first.fd, 'hello');
      const again = await brick.create(root, 'a', { flags: OpenFlag.RDWR | OpenFlag.CREAT });
      expect(again.reply.stat).toMatchObject({ gfid: first.inode.gfid, size: 5 });
      expect(await brick.read(again.fd)).toBe('hello');
      const cut = await brick.create(root, 'a', { flags: OpenFlag.RDWR | OpenFlag.TRUNC });
      expect(cut.reply.stat.size).toBe(0);
      await brick.mkdir(root, 'd');
      await expect(brick.create(root, 'd', { flags: OpenFlag.RDWR })).rejects.toMatchObject({
        code: 'EISDIR',
      });
      await brick.symlink(root, 'l', 'a');
      await expect(brick.create(root, 'l', { flags: OpenFlag.RDWR })).rejects.toMatchObject({
        code: 'ELOOP',
      });
    });

    test('is refused with EIO where the parent is not as the caller takes it for', async () => {
      const key = 'trusted.glusterfs.dht';
      const parent = await brick.mkdir(
        root,
        'p',
        0o755,
        rootContext(),
        request().setBytes(key, Buffer.from('old')),
      );
      const conditional = (value: string): Dict =>
        request()
          .setEntry('glusterfs.preop.parent.key', { type: 'str', value: key })
          .setBytes(key, Buffer.from(value));
      await expect(brick.mkdir(parent, 'd', 0o755, rootContext(), conditional('new'))).rejects.toMatchObject({
        code: 'EIO',
      });
      await expect(brick.file(parent, 'f', conditional('new'))).rejects.toMatchObject({ code: 'EIO' });
      const made = await brick.mkdir(parent, 'd', 0o755, rootContext(), conditional('old'));
      expect(await brick.attribute(made, key)).toBeUndefined();
    });

    test('internal mknod of a gfid that is there gives it another name', async () => {
      const file = await brick.file(root, 'a');
      const xdata = request(file.gfid).setEntry('glusterfs-internal-fop', yes);
      const linked = await brick.mknod(root, 'b', 0o101000, 0n, xdata);
      expect(linked.gfid).toEqual(file.gfid);
      expect((await brick.find(file)).stat.nlink).toBe(2);
    });

    test('names may be 255 bytes of anything', async () => {
      const name = '\udcff'.repeat(255);
      await brick.file(root, name);
      expect(await brick.names(root)).toContain(name);
      await expect(brick.file(root, `${name}x`)).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
      for (const bad of ['', '.', '..', 'a/b', 'a\0b'])
        await expect(brick.file(root, bad)).rejects.toMatchObject({ code: 'EINVAL' });
    });
  });

  describe('removing', () => {
    test('takes name, handle and, of several names, the right gfid2path', async () => {
      const file = await brick.file(root, 'a');
      const linked = await brick.link(file, root, 'b');
      expect(linked.stat.nlink).toBe(2);
      const id = gfidToString(root.gfid);
      expect(await brick.paths(file)).toEqual([`${id}/a`, `${id}/b`]);
      await brick.unlink(root, 'a');
      expect(await brick.paths(file)).toEqual([`${id}/b`]);
      await brick.unlink(root, 'b');
      expect(existsSync(brick.handle(file))).toBe(false);
      await expect(brick.find(file)).rejects.toMatchObject({ code: 'ESTALE' });
    });

    test('an open file stays until its last fd goes', async () => {
      const { inode, fd } = await brick.create(root, 'a');
      const second = await brick.open(inode);
      await brick.write(fd, 'still here');
      await brick.unlink(root, 'a');
      expect((await brick.find(inode)).stat.nlink).toBe(0);
      const third = await brick.open(inode);
      expect(await brick.read(third)).toBe('still here');
      expect(await brick.read(new Fd(inode, 0, true))).toBe('still here');
      await expect(brick.link(inode, root, 'back')).rejects.toMatchObject({ code: 'ENOENT' });
      for (const open of [fd, second]) await brick.release(open);
      expect((await brick.find(inode)).stat.size).toBe(10);
      await brick.release(third);
      await expect(brick.find(inode)).rejects.toMatchObject({ code: 'ESTALE' });
      expect(readdirSync(brick.path('.glusterfs', 'unlink'))).toEqual([]);
    });

    test('on conditions', async () => {
      const { fd } = await brick.create(root, 'a');
      const ask = (name: string): Dict => new Dict().setEntry(name, yes);
      await expect(brick.unlink(root, 'a', ask('dont-unlink-for-open-fd'))).rejects.toMatchObject({
        code: 'EBUSY',
      });
      await brick.release(fd);
      await expect(brick.unlink(root, 'a', ask('unlink-only-if-dht-linkto-file'))).rejects.toMatchObject({
        code: 'EBUSY',
      });
      const { xdata } = await brick.unlink(root, 'a', ask('get-link-count'));
      expect(xdata?.entry('get-link-count')).toMatchObject({ value: 1n });
      const linkto = request().setEntry(keys.linkto.name, { type: 'str', value: 'v-client-1' });
      await brick.mknod(root, 'l', 0o101000, 0n, linkto);
      await brick.unlink(root, 'l', ask('unlink-only-if-dht-linkto-file'));
    });

    test('of directories needs them empty, of files no directory', async () => {
      const directory = await brick.mkdir(root, 'd');
      await brick.file(directory, 'f');
      await expect(brick.rmdir(root, 'd')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
      await expect(brick.unlink(root, 'd')).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(brick.rmdir(directory, 'f')).rejects.toMatchObject({ code: 'ENOTDIR' });
      await brick.unlink(directory, 'f');
      await brick.rmdir(root, 'd');
      expect(lstatSync(brick.handle(directory), { throwIfNoEntry: false })).toBeUndefined();
      await expect(brick.find(directory)).rejects.toMatchObject({ code: 'ESTALE' });
    });

    test('of a whole tree takes the handles of everything in it', async () => {
      const directory = await brick.mkdir(root, 'd');
      const below = await brick.mkdir(directory, 'e');
      const file = await brick.file(below, 'f');
      const kept = await brick.file(below, 'kept');
      await brick.link(kept, root, 'kept');
      await brick.rmdir(root, 'd', 1);
      expect(await brick.names(root)).toEqual(['.', '..', 'kept']);
      await brick.restart();
      await expect.poll(() => readdirSync(brick.path('.glusterfs', 'landfill'))).toEqual([]);
      for (const gone of [directory, below, file]) {
        expect(lstatSync(brick.handle(gone), { throwIfNoEntry: false })).toBeUndefined();
      }
      expect((await brick.find(kept)).stat.nlink).toBe(1);
    });
  });

  describe('renaming', () => {
    test('a file moves its gfid2path and nothing else', async () => {
      const directory = await brick.mkdir(root, 'd');
      const file = await brick.file(root, 'a');
      const reply = await brick.rename(root, 'a', directory, 'b');
      expect(reply.stat.gfid).toEqual(file.gfid);
      expect(await brick.paths(file)).toEqual([`${gfidToString(directory.gfid)}/b`]);
      await expect(brick.lookup(root, 'a')).rejects.toMatchObject({ code: 'ENOENT' });
    });

    test('over a file removes that, unless it has another name or is open', async () => {
      await brick.file(root, 'a');
      const victim = await brick.file(root, 'b');
      await brick.rename(root, 'a', root, 'b');
      await expect(brick.find(victim)).rejects.toMatchObject({ code: 'ESTALE' });

      await brick.file(root, 'c');
      const linked = await brick.file(root, 'd');
      await brick.link(linked, root, 'e');
      await brick.rename(root, 'c', root, 'd');
      expect((await brick.find(linked)).stat.nlink).toBe(1);
      expect(await brick.paths(linked)).toEqual([`${gfidToString(root.gfid)}/e`]);

      await brick.file(root, 'f');
      const { inode, fd } = await brick.create(root, 'g');
      await brick.rename(root, 'f', root, 'g');
      expect((await brick.find(inode)).stat.nlink).toBe(0);
      await brick.release(fd);
      await expect(brick.find(inode)).rejects.toMatchObject({ code: 'ESTALE' });
    });

    test('over another name of the same file changes nothing', async () => {
      const file = await brick.file(root, 'a');
      await brick.link(file, root, 'b');
      await brick.rename(root, 'a', root, 'b');
      expect(await brick.names(root)).toEqual(['.', '..', 'a', 'b']);
      expect((await brick.paths(file)).length).toBe(2);
    });

    test('a directory takes along what is in it', async () => {
      const [from, to] = [await brick.mkdir(root, 'from'), await brick.mkdir(root, 'to')];
      const moved = await brick.mkdir(from, 'd');
      const below = await brick.mkdir(moved, 'e');
      await brick.file(below, 'f');
      await brick.lookup(below, 'f');
      const victim = await brick.mkdir(to, 'd');
      await brick.rename(from, 'd', to, 'd');
      expect((await brick.lookup(below, 'f')).stat.nlink).toBe(1);
      expect(existsSync(brick.path('to', 'd', 'e', 'f'))).toBe(true);
      expect(readlinkSync(brick.handle(moved))).toMatch(new RegExp(`${gfidToString(to.gfid)}/d$`));
      await expect(brick.find(victim)).rejects.toMatchObject({ code: 'ESTALE' });
      expect(readdirSync(brick.path('.glusterfs', 'landfill'))).toEqual([]);
    });

    test('refuses what rename(2) refuses', async () => {
      const directory = await brick.mkdir(root, 'd');
      await brick.mkdir(directory, 'e');
      await brick.file(root, 'f');
      await brick.mkdir(root, 'empty');
      await expect(brick.rename(root, 'd', directory, 'x')).rejects.toMatchObject({ code: 'EINVAL' });
      await expect(brick.rename(root, 'f', root, 'd')).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(brick.rename(root, 'd', root, 'f')).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(brick.rename(root, 'empty', root, 'd')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
      await expect(brick.rename(root, 'none', root, 'x')).rejects.toMatchObject({ code: 'ENOENT' });
      expect((await brick.find(directory)).stat.gfid).toEqual(directory.gfid);
    });

    test('of a directory that crashed half way is mended by a lookup', async () => {
      const directory = await brick.mkdir(root, 'd');
      renameSync(brick.path('d'), brick.path('moved'));
      const other = await brick.mkdir(root, 'e');
      renameSync(brick.path('e'), brick.path('d'));
      await brick.restart();
      // The handle of the one leads to the other now.
      await expect(brick.find(directory)).rejects.toMatchObject({ code: 'ESTALE' });
      expect((await brick.lookup(root, 'moved')).stat.gfid).toEqual(directory.gfid);
      expect((await brick.lookup(root, 'd')).stat.gfid).toEqual(other.gfid);
      expect((await brick.find(directory)).stat.gfid).toEqual(directory.gfid);
      expect((await brick.find(other)).stat.gfid).toEqual(other.gfid);
    });
  });

  test('directories may be deeper than paths are long, and than the kernel follows links', async () => {
    const name = 'n'.repeat(200);
    const chain = [root];
    for (let depth = 0; depth < 60; depth++) chain.push(await brick.mkdir(chain.at(-1)!, name));
    const file = await brick.file(chain.at(-1)!, 'f');
    await brick.restart();
    expect((await brick.lookup(chain.at(-1)!, 'f')).stat.gfid).toEqual(file.gfid);
    await brick.rename(chain[50]!, name, root, 'up');
    expect((await brick.lookup(chain.at(-1)!, 'f')).stat.gfid).toEqual(file.gfid);
    expect((await brick.lookup(chain[50]!, '..')).stat.gfid).toEqual(chain[49]!.gfid);
  });

  test('times are those of the caller', async () => {
    const stamp: Stamp = {
      flags:
        StampFlag.CTIME | StampFlag.MTIME | StampFlag.ATIME | StampFlag.PARENT_CTIME | StampFlag.PARENT_MTIME,
      seconds: 4_000_000_000,
      nanoseconds: 7,
    };
    const { reply, fd } = await brick.create(root, 'a', { context: rootContext({ stamp }) });
    await brick.release(fd);
    const then = { mtime: 4_000_000_000n, mtimeNsec: 7, ctime: 4_000_000_000n, ctimeNsec: 7 };
    expect(reply.stat).toMatchObject({ ...then, atime: 4_000_000_000n });
    expect(reply.postparent).toMatchObject(then);
    expect(reply.preparent.mtime).toBeLessThan(4_000_000_000n);
  });

  test('symbolic links, access, statfs', async () => {
    const link = await brick.symlink(root, 'l', '\udcff/x');
    const { target, stat } = await brick.top.readlink({ loc: { inode: link }, size: 4096 }, rootContext());
    expect(target).toBe('\udcff/x');
    expect(stat.size).toBe(3);
    const file = await brick.file(root, 'f');
    await expect(brick.top.readlink({ loc: { inode: file }, size: 9 }, rootContext())).rejects.toMatchObject({
      code: 'EINVAL',
    });
    await brick.top.access({ loc: { inode: file }, mask: 6 }, rootContext());
    await expect(brick.top.access({ loc: { inode: file }, mask: 1 }, rootContext())).rejects.toMatchObject({
      code: 'EACCES',
    });
    const space = await brick.top.statfs({ loc: { inode: root } }, rootContext());
    expect(space.blocks).toBeGreaterThan(0);
    expect(space).toMatchObject({ namemax: 255 });
  });
});
