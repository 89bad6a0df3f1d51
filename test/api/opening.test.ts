import { constants } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { wireFlags } from '../../src/api/open-flags.ts';
import type { Volume } from '../../src/api/volume.ts';
import { OpenFlag } from '../../src/protocol/messages.ts';
import { MemoryVolume } from '../helpers/memory-volume/volume.ts';

let memory: MemoryVolume;
let volume: Volume;

beforeEach(async () => {
  memory = new MemoryVolume();
  volume = memory.volume();
  await volume.mkdir('/d');
  await volume.writeFile('/f', 'text');
});

describe('open', () => {
  it.each([
    ['/n', 'r', 'ENOENT'],
    ['/n', 'r+', 'ENOENT'],
    ['/f', 'wx', 'EEXIST'],
    ['/d', 'r', 'EISDIR'],
    ['/d', 'w', 'EISDIR'],
    ['/', 'w', 'EISDIR'],
    ['/new/', 'w', 'EISDIR'],
    ['/f', 'q', 'EINVAL'],
    ['/f', constants.O_DIRECTORY, 'ENOTDIR'],
  ])('%s with %s fails with %s', async (path, flags, code) => {
    await expect(volume.open(path, flags)).rejects.toMatchObject({ code, syscall: 'open', path });
    expect(memory.openFds.size).toBe(0);
    expect(memory.opened.size).toBe(0);
  });

  it('makes and cuts files as the flags say', async () => {
    await using file = await volume.open('/new', 'wx', { mode: 0o640 });
    expect((await file.stat()).mode & 0o777).toBe(0o640);
    await using again = await volume.open('/f', 'w');
    expect((await again.stat()).size).toBe(0);
    await using kept = await volume.open('/new', 'r+');
    await kept.write('abc');
    await using cut = await volume.open('/new', constants.O_RDONLY | constants.O_TRUNC);
    expect((await cut.stat()).size).toBe(0);
  });

  it('makes the target of a dangling link', async () => {
    await volume.symlink('../target', '/d/link');
    await volume.writeFile('/d/link', 'x');
    expect(await volume.readFile('/target', { encoding: 'utf8' })).toBe('x');
    await expect(volume.open('/d/link', 'wx')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(volume.open('/d/link', constants.O_NOFOLLOW)).rejects.toMatchObject({ code: 'ELOOP' });
    const create = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
    await expect(volume.open('/d/link', create)).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('opens what somebody else has made between the lookup and the creation', async () => {
    memory.before = ({ fop }) => {
      if (fop !== 'create') return;
      memory.before = () => {};
      const node = memory.tree.make(memory.tree.newGfid(), 0o100644);
      memory.tree.add(memory.tree.root, 'race', node);
      memory.tree.resize(node, 3);
    };
    await using file = await volume.open('/race', 'a');
    expect((await file.stat()).size).toBe(3);
    expect(file.gfid).toBe((await volume.stat('/race')).gfid);
  });

  it('keeps an inode from eviction as long as a file is open, and releases every fd', async () => {
    const files = await Promise.all(Array.from({ length: 5 }, () => volume.open('/f')));
    const { inode } = files[0]!;
    expect(files.every((file) => file.inode === inode)).toBe(true);
    expect(inode.pins).toBe(5);
    expect(memory.openFds.size).toBe(5);
    await Promise.all(files.map((file) => file.close()));
    expect(inode.pins).toBe(0);
    expect(memory.openFds.size).toBe(0);
    expect(memory.opened.size).toBe(0);
  });
});

describe('open flags', () => {
  it('are those of Linux on the wire', () => {
    expect(wireFlags('r')).toBe(0);
    expect(wireFlags('wx+')).toBe(OpenFlag.RDWR | OpenFlag.CREAT | OpenFlag.TRUNC | OpenFlag.EXCL);
    expect(wireFlags('as')).toBe(OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.APPEND | OpenFlag.SYNC);
    const host = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
    expect(wireFlags(host)).toBe(OpenFlag.RDWR | OpenFlag.CREAT | OpenFlag.EXCL | OpenFlag.APPEND);
    expect(wireFlags(constants.O_SYNC) & OpenFlag.SYNC).toBe(OpenFlag.SYNC);
    expect(() => wireFlags(3)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => wireFlags(-1)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});
