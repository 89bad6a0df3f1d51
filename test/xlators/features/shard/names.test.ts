import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import type { Request } from '../../../../src/graph/index.ts';
import type { Volume } from '../../../../src/index.ts';
import { waitUntil } from '../../../helpers/wait.ts';
import { BLOCK, gate, Sharded } from './sharded.ts';

let sharded: Sharded;
let volume: Volume;
beforeEach(async () => {
  sharded = await Sharded.start();
  volume = sharded.volume;
});
afterEach(() => sharded.stop());

const content = (blocks: number) => Buffer.alloc(blocks * BLOCK - 5, 9);

async function allGone(): Promise<void> {
  await waitUntil(() => sharded.blocks().length === 0 && sharded.markers().length === 0, {
    what: `the end of ${sharded.blocks()} and ${sharded.markers()}`,
  });
}

describe('removal', () => {
  test('takes the blocks along, and the marker', async () => {
    await volume.writeFile('/file', content(4));
    expect(sharded.blocks()).toHaveLength(3);
    await volume.unlink('/file');
    await allGone();
    expect(sharded.names('.shard')).toEqual(['.remove_me']);
  });

  test('of one of two names leaves the blocks', async () => {
    await volume.writeFile('/file', content(2));
    await volume.link('/file', '/twin');
    expect((await volume.stat('/twin')).size).toBe(2 * BLOCK - 5);
    await volume.unlink('/file');
    expect(sharded.markers()).toEqual([]);
    expect(Buffer.compare(await volume.readFile('/twin'), content(2))).toBe(0);
    await volume.unlink('/twin');
    await allGone();
  });

  test('by a rename over it takes the blocks of what was there', async () => {
    await volume.writeFile('/old', content(3));
    await volume.writeFile('/new', content(2));
    await volume.rename('/new', '/old');
    expect((await volume.stat('/old')).size).toBe(2 * BLOCK - 5);
    await waitUntil(() => sharded.blocks().length === 1 && sharded.markers().length === 0, {
      what: 'the old blocks to go',
    });
    expect(Buffer.compare(await volume.readFile('/old'), content(2))).toBe(0);
    await volume.rename('/old', '/moved');
    expect(Buffer.compare(await volume.readFile('/moved'), content(2))).toBe(0);
  });

  test('leaves an open file whole until it is closed, and takes what it has grown by', async () => {
    const file = await volume.open('/open', 'w+');
    await file.pwrite(content(2), 0);
    await volume.unlink('/open');
    expect(sharded.markers()).toHaveLength(1);
    await file.pwrite('still here', 5 * BLOCK);
    await file.pwrite(content(1), 2 * BLOCK);
    expect((await file.stat()).size).toBe(5 * BLOCK + 10);
    const { buffer } = await file.pread(10, 5 * BLOCK);
    expect(buffer.toString()).toBe('still here');
    expect(sharded.blocks().length).toBeGreaterThanOrEqual(3);
    await file.truncate(5 * BLOCK + 2);
    expect((await file.stat()).size).toBe(5 * BLOCK + 2);
    await file.close();
    await allGone();
  });

  test('that a client did not come to the end of is ended by the next', async () => {
    await volume.writeFile('/left', content(3));
    gate.before = (fop, request) => {
      if (fop === 'unlink' && /\.\d+$/.test((request as Request<'unlink'>).loc.name!))
        throw new GlfsError('EIO');
    };
    await volume.unlink('/left');
    await volume.close();
    gate.before = () => {};
    expect(sharded.markers()).toHaveLength(1);
    expect(sharded.blocks()).toHaveLength(2);
    const next = await sharded.open();
    await next.stat('/');
    await allGone();
  });

  test('of a file with more blocks than are deleted at once', async () => {
    const file = await volume.open('/many', 'w+');
    for (let block = 0; block < 230; block += 3) await file.pwrite('x', block * BLOCK);
    await file.close();
    expect(sharded.blocks()).toHaveLength(76);
    await volume.unlink('/many');
    await allGone();
  });

  test('refused by the directory takes its marker back', async () => {
    const closed = await Sharded.start({ onBricks: ['features/locks', 'features/access-control'] });
    try {
      await closed.volume.mkdir('/closed', { mode: 0o755 });
      await closed.volume.writeFile('/closed/file', content(2));
      const other = closed.volume.as({ uid: 1234, gid: 1234, groups: [] });
      await expect(other.unlink('/closed/file')).rejects.toMatchObject({ code: 'EACCES' });
      expect(closed.markers()).toEqual([]);
      expect(closed.blocks()).toHaveLength(1);
      expect(Buffer.compare(await closed.volume.readFile('/closed/file'), content(2))).toBe(0);
    } finally {
      await closed.stop();
    }
  });
});

describe('what applications do not get at', () => {
  test('the directory of blocks: by name, by gfid, in listings', async () => {
    await volume.writeFile('/file', content(2));
    const names = (await volume.readdir('/')) as string[];
    expect(names).toEqual(['file']);
    for (const call of [
      volume.stat('/.shard'),
      volume.opendir('/.shard'),
      volume.readdir('/.shard'),
      volume.writeFile('/.shard', 'x'),
      volume.mkdir('/.shard/sub'),
      volume.rename('/file', '/.shard'),
      volume.rename('/.shard', '/mine'),
      volume.rmdir('/.shard'),
      volume.writeFile('/.shard/x', 'x'),
      volume.fromHandle(Buffer.from('be318638e8a04c6d977d7a937aa84806', 'hex')),
      volume.fromHandle(Buffer.from('77dd5a45dbf54592b31bb440382302e9', 'hex')),
    ])
      await expect(call).rejects.toMatchObject({ code: 'EPERM' });
    await volume.mkdir('/sub');
    await volume.writeFile('/sub/.shard', 'an ordinary name');
    expect(await volume.readdir('/sub')).toEqual(['.shard']);
  });

  test('the attributes of a sharded file', async () => {
    await volume.writeFile('/file', content(2));
    await volume.setxattr('/file', 'user.mine', 'yes');
    expect(await volume.listxattr('/file')).toEqual(['user.mine']);
    for (const name of ['trusted.glusterfs.shard.file-size', 'trusted.glusterfs.shard.block-size']) {
      await expect(volume.getxattr('/file', name)).rejects.toMatchObject({ code: 'ENODATA' });
      await expect(volume.setxattr('/file', name, 'x')).rejects.toMatchObject({ code: 'EPERM' });
      await expect(volume.removexattr('/file', name)).rejects.toMatchObject({ code: 'EPERM' });
    }
    expect((await volume.stat('/file')).size).toBe(2 * BLOCK - 5);
  });
});

test('listings with attributes tell the true sizes', async () => {
  await volume.writeFile('/big', content(3));
  await volume.writeFile('/small', 'four');
  await volume.mkdir('/dir');
  const sizes = new Map<string, number>();
  for (const { name, stats } of await volume.readdirPlus('/'))
    if (stats?.isFile()) sizes.set(name, stats.size);
  expect(Object.fromEntries(sizes)).toEqual({ big: 3 * BLOCK - 5, small: 4 });
});

test('owner, mode and times are those of the file in its place', async () => {
  await volume.writeFile('/file', content(2));
  await volume.chmod('/file', 0o640);
  await volume.utimes('/file', new Date(1000), new Date(2000));
  const stat = await volume.stat('/file');
  expect(stat.mode & 0o777).toBe(0o640);
  expect(stat.mtimeMs).toBe(2000);
  expect(stat.size).toBe(2 * BLOCK - 5);
  await using file = await volume.open('/file', 'r+');
  await file.pwrite('x', BLOCK + 100);
  expect((await file.stat()).mtimeMs).toBeGreaterThan(1_000_000);
  await file.sync();
  const next = await sharded.open();
  expect((await next.stat('/file')).mtimeMs).toBeGreaterThan(1_000_000);
});
