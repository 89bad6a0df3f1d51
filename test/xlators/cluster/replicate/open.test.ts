import { describe, expect, test } from 'vitest';
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { LockedFile } from '../../../helpers/lock-clients.ts';
import { waitUntil } from '../../../helpers/wait.ts';

const { RDONLY, RDWR, TRUNC } = OpenFlag;

async function counted(file: LockedFile, fop: 'open' | 'opendir' | 'release' | 'flush'): Promise<number[]> {
  const counts = await Promise.all(file.bricks.map((brick) => brick.counts()));
  return counts.map((count) => count[fop] ?? 0);
}

async function sizes(file: LockedFile): Promise<number[]> {
  const loc = { inode: file.inode };
  const all = file.observer.state.children.map((child) => child.stat({ loc }, rootContext()));
  return (await Promise.all(all)).map(({ stat }) => stat.size);
}

describe('open', () => {
  test('opens on all copies, flushes and releases on all', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    expect(await counted(file, 'open')).toEqual([1, 1, 1]);
    await client.close(fd);
    expect(await counted(file, 'flush')).toEqual([1, 1, 1]);
    expect(await counted(file, 'release')).toEqual([1, 1, 1]);
  });

  test('is content with a quorum; with less it leaves nothing open', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    await file.bricks[0]!.fault({ fop: 'open', action: 'fail', errno: 'EMFILE' });
    const fd = await client.open(file.inode);
    // The copy that could not open it does so when it is needed.
    await client.top.write({ fd, offset: 0, size: 3, flags: 0, data: [Buffer.from('abc')] }, client.context);
    expect(await sizes(file)).toEqual([3, 3, 3]);
    await client.close(fd);

    for (const index of [0, 1])
      await file.bricks[index]!.fault({ fop: 'open', action: 'fail', errno: 'EMFILE' });
    const before = await counted(file, 'release');
    await expect(client.open(file.inode)).rejects.toMatchObject({ code: 'EMFILE' });
    expect((await counted(file, 'release'))[2]).toBe(before[2]! + 1);

    await Promise.all([file.bricks[0]!.kill(), file.bricks[1]!.kill()]);
    await client.sees(0b100);
    await expect(client.open(file.inode)).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  test('says what the copies say of a file that is not there', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const error = await client.open(new Inode(newGfid(), 'file')).catch((thrown: unknown) => thrown);
    expect(['ENOENT', 'ESTALE']).toContain((error as { code: string }).code);
  });

  test.each([
    ['for writing', RDWR],
    ['for reading', RDONLY],
  ])('with O_TRUNC, %s, cuts all copies in a transaction', async (_, access) => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    await client.top.write(
      { fd, offset: 0, size: 5, flags: 0, data: [Buffer.from('bytes')] },
      client.context,
    );
    await client.top.flush({ fd }, client.context);
    expect(await sizes(file)).toEqual([5, 5, 5]);
    const locks = async (): Promise<number> => {
      const counts = await Promise.all(file.bricks.map((brick) => brick.counts()));
      return counts.reduce((sum, { inodelk = 0, finodelk = 0 }) => sum + inodelk + finodelk, 0);
    };
    const before = await locks();
    const cut = await client.open(file.inode, access | TRUNC);
    expect(await sizes(file)).toEqual([0, 0, 0]);
    expect(await locks()).toBeGreaterThan(before);
    await client.close(cut);
    await client.close(fd);
  });

  test('with O_TRUNC that fails leaves nothing open', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    for (const brick of file.bricks) await brick.fault({ fop: 'ftruncate', action: 'fail', errno: 'EIO' });
    await expect(client.open(file.inode, RDWR | TRUNC)).rejects.toMatchObject({ code: 'EIO' });
    await waitUntil(async () => (await counted(file, 'release')).join() === '1,1,1', { what: 'releases' });
  });

  test('works on an arbiter, too', async () => {
    await using file = await LockedFile.start('replicate 3 arbiter 1');
    const client = await file.client();
    const fd = await client.open(file.inode, RDWR | TRUNC);
    expect(await counted(file, 'open')).toEqual([1, 1, 1]);
    await client.close(fd);
  });
});

describe('directories', () => {
  test('are opened and synced on all copies, and need a quorum of them', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const inode = file.root();
    const fd = new Fd(inode, RDONLY);
    await client.top.opendir({ loc: { inode }, fd }, client.context);
    expect(await counted(file, 'opendir')).toEqual([1, 1, 1]);
    await client.top.fsyncdir({ fd, datasync: 0 }, client.context);
    for (const index of [0, 1])
      await file.bricks[index]!.fault({ fop: ['opendir', 'fsyncdir'], action: 'fail', times: 2 });
    await expect(client.top.fsyncdir({ fd, datasync: 0 }, client.context)).rejects.toMatchObject({
      code: 'EIO',
    });
    const other = new Fd(inode, RDONLY);
    await expect(client.top.opendir({ loc: { inode }, fd: other }, client.context)).rejects.toMatchObject({
      code: 'EIO',
    });
    await client.top.releasedir({ fd }, client.context);
  });
});

describe('flush', () => {
  test('succeeds where any copy flushes, and tells where none is there', async () => {
    await using file = await LockedFile.start();
    const client = await file.client();
    const fd = await client.open(file.inode);
    await Promise.all([file.bricks[0]!.kill(), file.bricks[2]!.kill()]);
    await client.sees(0b010);
    await client.top.flush({ fd }, client.context);
    await file.bricks[1]!.kill();
    await client.sees(0);
    await expect(client.top.flush({ fd }, client.context)).rejects.toMatchObject({ code: 'ENOTCONN' });
    await client.top.release({ fd }, client.context);
  });
});
