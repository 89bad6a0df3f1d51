import { beforeEach, describe, expect, it } from 'vitest';
import type { Handle } from '../../src/api/handle.ts';
import type { Volume } from '../../src/api/volume.ts';
import { GlfsError } from '../../src/errors.ts';
import { LeaseType } from '../../src/protocol/messages.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

let memory: MemoryVolume;
let volume: Volume;
let root: Handle;

beforeEach(async () => {
  memory = new MemoryVolume();
  volume = memory.volume();
  root = await volume.handle('/');
});

describe('handles', () => {
  it('keep nothing of the memory that they were made from', async () => {
    await volume.writeFile('/f', 'text');
    using first = await volume.handle('/f');
    // A Buffer: its slice() would be a view.
    const bytes = Buffer.from(first.toBytes());
    using handle = await volume.fromHandle(bytes);
    const { gfid } = handle;
    bytes.fill(0xee);
    handle.toBytes().fill(0xee);
    expect(handle.gfid).toBe(gfid);
    expect((await handle.stat()).size).toBe(4);
  });

  it('stay with their file through renames, and find it again from 16 bytes', async () => {
    await volume.mkdir('/a/b', { recursive: true });
    await volume.writeFile('/a/b/f', 'text');
    using handle = await volume.handle('/a/b/f');
    const bytes = handle.toBytes();
    expect(bytes).toHaveLength(16);
    await volume.rename('/a/b/f', '/g');
    expect((await handle.stat()).size).toBe(4);
    using again = await volume.fromHandle(bytes);
    using third = await volume.fromHandle(handle.gfid);
    expect([again.gfid, third.gfid]).toEqual([handle.gfid, handle.gfid]);
    expect((await again.read(10, 1)).buffer.toString()).toBe('ext');
    await volume.unlink('/g');
    await expect(handle.stat()).rejects.toMatchObject({ code: 'ESTALE', path: `<gfid:${handle.gfid}>` });
    await expect(volume.fromHandle(bytes)).rejects.toMatchObject({ code: 'ESTALE', syscall: 'lookup' });
    memory.before = () => {
      throw new GlfsError('ENOENT');
    };
    await expect(handle.stat()).rejects.toMatchObject({ code: 'ESTALE', syscall: 'stat' });
    await expect(root.lookup('g')).rejects.toMatchObject({ code: 'ENOENT' });
    memory.before = () => {};
    await expect(volume.fromHandle('nonsense')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(volume.fromHandle(new Uint8Array(3))).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('make and remove entries', async () => {
    using directory = await root.mkdir('d', { mode: 0o700 });
    const { handle, file } = await directory.create('f');
    await file.write('x');
    await file.close();
    expect((await handle.stat()).size).toBe(1);
    await expect(directory.create('f')).rejects.toMatchObject({ code: 'EEXIST' });
    const opened = await directory.create('f', 'r+');
    expect(opened.file.gfid).toBe(handle.gfid);
    await opened.file.close();
    await directory.mknod('n', { type: 'fifo' });
    using link = await directory.symlink('l', 'f');
    expect(await link.readlink()).toBe('f');
    await handle.link(root, 'hard');
    await directory.rename('f', root, 'moved');
    expect((await volume.readdir('/')).sort()).toEqual(['d', 'hard', 'moved']);
    await directory.unlink('n');
    await directory.unlink('l');
    await expect(root.unlink('d')).rejects.toMatchObject({ code: 'EISDIR' });
    await root.rmdir('d');
    expect(await volume.exists('/d')).toBe(false);
    await expect(handle.mkdir('x')).rejects.toMatchObject({ code: 'ENOTDIR' });
    for (const name of ['', '.', 'a/b', 'a\0'])
      await expect(root.mkdir(name), name).rejects.toThrow(/EINVAL|EEXIST/);
    await expect(root.mkdir('x'.repeat(256))).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
  });

  it('look up paths, up and down, links only where asked for', async () => {
    await volume.mkdir('/a/b', { recursive: true });
    await volume.symlink('b', '/a/l');
    using a = await volume.handle('/a');
    using b = await a.lookup('b');
    using link = await a.lookup('l');
    using followed = await a.lookup('l', { follow: true });
    expect(link.inode.type).toBe('symlink');
    expect(followed.gfid).toBe(b.gfid);
    // Nobody knows the way to a directory that is known by its gfid only: the servers tell.
    using unanchored = await volume.fromHandle(b.toBytes());
    using above = await unanchored.lookup('../..');
    expect(above.gfid).toBe(root.gfid);
    expect((await unanchored.lookup('../l')).gfid).toBe(link.gfid);
    await expect(a.lookup('nope')).rejects.toMatchObject({ code: 'ENOENT', path: `<gfid:${a.gfid}>/nope` });
  });

  it('read and write without opening, and open', async () => {
    await volume.writeFile('/f', '0123456789');
    using handle = await volume.handle('/f');
    memory.take();
    expect((await handle.write('AB', 2)).after?.size).toBe(10);
    const buffer = Buffer.alloc(4);
    expect((await handle.read(buffer, 1)).bytesRead).toBe(4);
    expect(buffer.toString()).toBe('1AB4');
    expect(memory.take()).toEqual(['write', 'read']);
    await handle.truncate(3);
    await using file = await handle.open('r+');
    expect((await file.readFile()).toString()).toBe('01A');
    await expect(root.open()).rejects.toMatchObject({ code: 'EISDIR' });
    await using directory = await root.opendir();
    expect((await directory.read())?.name).toBe('f');
    expect((await root.statfs()).blocks).toBe(1000);
    await root.access(7);
  });

  it('keep their inode, until they are closed', async () => {
    await volume.writeFile('/f', '');
    const handle = await volume.handle('/f');
    const { inode } = handle;
    const copy = handle.copy();
    expect(inode.pins).toBe(2);
    handle.close();
    handle.close();
    expect(inode.pins).toBe(1);
    copy[Symbol.dispose]();
    expect(inode.pins).toBe(0);
  });

  it('take leases', async () => {
    await volume.writeFile('/f', '');
    using handle = await volume.handle('/f');
    const recalled: string[] = [];
    await using lease = await handle.lease('read-write', { onRecall: ({ type }) => recalled.push(type) });
    const recall = { kind: 'lease-recall', leaseId: new Uint8Array(16), type: LeaseType.NONE } as const;
    memory.emit({ ...recall, gfid: root.toBytes() });
    expect(recalled).toEqual([]);
    memory.emit({ ...recall, gfid: handle.toBytes() });
    expect(recalled).toEqual(['read-write']);
    expect(lease.id).toHaveLength(16);
    const view = volume.as({ leaseId: lease.id });
    memory.take();
    await view.stat('/f');
    const xdata = memory.calls[0]?.request.xdata;
    expect(xdata?.bytes('lease-id')).toEqual(lease.id);
    await expect(handle.lease('read', { id: new Uint8Array(3) })).rejects.toMatchObject({ code: 'EINVAL' });
    await lease.release();
    expect(memory.listening).toBe(0);
  });
});
