import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Inode, rootContext } from '../../../../../src/graph/index.ts';
import type { Volume } from '../../../../../src/index.ts';
import { Dict } from '../../../../../src/protocol/dict.ts';
import { gfidFromString, newGfid } from '../../../../../src/protocol/gfid.ts';
import { keys } from '../../../../../src/protocol/keys.ts';
import { type Cluster, startCluster, type TestBrick } from '../../../../../src/testing/index.ts';
import { blamesOf, expectBlames } from '../../../../helpers/blames.ts';
import { brickAlone } from '../../../../helpers/cluster-graph.ts';
import { noticed, upForVolume } from '../../../../helpers/replicate-story/both.ts';

/* What becomes of changes where brick 1 has missed earlier ones and nobody has healed it. */

let cluster: Cluster;
let volume: Volume;
let bricks: readonly TestBrick[];

beforeEach(async () => {
  cluster = await startCluster({
    volumes: { r: { type: 'replicate 3', options: { 'cluster.post-op-delay-secs': '0' } } },
  });
  volume = await cluster.connect('r', { entryTimeout: 0 });
  bricks = cluster.bricks('r');
  await volume.mkdir('/d');
});

afterEach(async () => {
  await volume.close();
  await cluster.stop();
});

async function missedByOne(act: () => Promise<unknown>): Promise<void> {
  await bricks[1]!.kill();
  await noticed([true, false, true], () => upForVolume(volume));
  await act();
  await bricks[1]!.restart();
  await noticed([true, true, true], () => upForVolume(volume));
}

const callsOf = async (fop: 'rmdir' | 'create' | 'rename' | 'unlink') =>
  (await Promise.all(bricks.map((brick) => brick.counts()))).map((counts) => counts[fop] ?? 0);

const has = (index: number, path: string): boolean => existsSync(join(bricks[index]!.directory, path));

describe('a directory that one copy has nothing in', () => {
  test('is not removed there when the others refuse', async () => {
    await missedByOne(() => volume.writeFile('/d/kept', 'content'));
    const blames = blamesOf(bricks, 'd');
    await expect(volume.rmdir('/d')).rejects.toMatchObject({ code: 'ENOTEMPTY', outcome: 'failed' });
    expect(await callsOf('rmdir')).toEqual([1, 0, 1]);
    expect(has(1, 'd')).toBe(true);
    expect(await volume.readFile('/d/kept', 'utf8')).toBe('content');
    expect(blamesOf(bricks, 'd')).toEqual(blames);
    expect(blamesOf(bricks, '.')['/']).toBeUndefined();
  });

  test('is not replaced there when the others refuse', async () => {
    await volume.mkdir('/other');
    await missedByOne(() => volume.writeFile('/d/kept', 'content'));
    await expect(volume.rename('/other', '/d')).rejects.toMatchObject({
      code: 'ENOTEMPTY',
      outcome: 'failed',
    });
    expect(await callsOf('rename')).toEqual([1, 0, 1]);
    expect(has(1, 'other')).toBe(true);
    expect((await volume.readdir('/')).sort()).toEqual(['d', 'other']);
  });
});

describe('a directory in which one copy has names left', () => {
  test('is removed, and that copy is to be healed', async () => {
    await volume.writeFile('/d/gone', 'content');
    await missedByOne(() => volume.unlink('/d/gone'));
    await volume.rmdir('/d');
    await expect(volume.stat('/d')).rejects.toMatchObject({ code: 'ENOENT' });
    await expectBlames(bricks, '.', { '/': ['0: client-1 0 0 1', '2: client-1 0 0 1'], ...onDisk() });
    await using other = await cluster.connect('r');
    expect(await other.readdir('/')).toEqual([]);
  });

  test('is replaced, and that copy is to be healed', async () => {
    await volume.mkdir('/other');
    await volume.writeFile('/d/gone', 'content');
    await missedByOne(() => volume.unlink('/d/gone'));
    await volume.rename('/other', '/d');
    expect(await volume.readdir('/')).toEqual(['d']);
    expect(await volume.readdir('/d')).toEqual([]);
    expect(blamesOf(bricks, '.')['/']).toEqual(['0: client-1 0 0 2', '2: client-1 0 0 2']);
  });
});

/** Marks of what the root's heal will remove. */
function onDisk(): Record<string, string[]> {
  const { '/': _, ...others } = blamesOf(bricks, '.');
  return others;
}

test('a name that is left on one copy is no file that anybody gets', async () => {
  await volume.writeFile('/d/name', 'old');
  await missedByOne(() => volume.unlink('/d/name'));
  await volume.writeFile('/d/name', 'new');
  expect(await volume.readFile('/d/name', 'utf8')).toBe('new');
  // The lookup before has seen that it ought not to be there.
  expect(readFileSync(join(bricks[1]!.directory, 'd/name'), 'utf8')).toBe('new');
  await using other = await cluster.connect('r');
  expect(await other.readFile('/d/name', 'utf8')).toBe('new');
});

describe('a directory that is not empty on one copy, which nobody accuses', () => {
  const context = rootContext();

  /** As a client leaves it that could reach brick 1 only and died. */
  async function leaveName(directory: string): Promise<void> {
    const { brick, close } = await brickAlone(cluster, 'r', 1);
    const { gfid } = await volume.stat(directory);
    const parent = new Inode(gfidFromString(gfid), 'directory');
    const xdata = new Dict().set(keys.gfidRequest, newGfid());
    const loc = { inode: new Inode(), parent, name: 'left' };
    await brick.mknod({ loc, mode: 0o100644, dev: 0n, umask: 0, xdata }, context);
    await close();
  }

  test('is not gone: the caller is told, nobody is accused, and a lookup brings it back', async () => {
    await leaveName('/d');
    await expect(volume.rmdir('/d')).rejects.toMatchObject({ code: 'ENOTEMPTY', outcome: 'unknown' });
    expect(blamesOf(bricks, '.')['/']).toBeUndefined();
    expect(bricks.map((_, index) => has(index, 'd'))).toEqual([false, true, false]);
    await volume.stat('/d');
    expect(bricks.map((_, index) => has(index, 'd'))).toEqual([true, true, true]);
  });
});
