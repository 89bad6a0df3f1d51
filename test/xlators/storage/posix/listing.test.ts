import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DirectoryEntry, Fd, type Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { storeKinds } from './data-brick.ts';
import { EntryBrick } from './entry-brick.ts';

const COUNT = 700;
const context = rootContext();
let brick: EntryBrick;
let directory: Inode;

beforeAll(async () => {
  brick = await EntryBrick.start({ 'attribute-store': storeKinds().at(-1)! });
  directory = await brick.mkdir(brick.root, 'd');
  for (let index = 0; index < COUNT; index++) await brick.file(directory, `file-${index}`);
  await brick.mkdir(directory, 'below');
  await brick.symlink(directory, 'link', 'x');
  await brick.mknod(directory, 'fifo', 0o010600);
});
afterAll(() => brick.stop());

async function pages(size: number, xdata?: Dict): Promise<DirectoryEntry[][]> {
  const fd = new Fd(directory, 0);
  await brick.top.opendir({ loc: { inode: directory }, fd }, context);
  const found: DirectoryEntry[][] = [];
  for (let offset = 0n; ; ) {
    const { entries, eof } = await brick.top.readdirp({ fd, offset, size, xdata }, context);
    if (entries.length > 0) found.push(entries);
    if (eof || entries.length === 0) break;
    offset = entries.at(-1)!.offset;
  }
  await brick.top.releasedir({ fd }, context);
  return found;
}

test('pages hold all entries once, whatever their size', async () => {
  const whole = (await pages(1 << 24)).flat().map(({ name }) => name);
  expect(whole.length).toBe(COUNT + 5);
  expect(new Set(whole).size).toBe(whole.length);
  expect(whole).toEqual(expect.arrayContaining(['.', '..', 'below', 'link', 'fifo', 'file-699']));
  const paged = await pages(4096);
  expect(paged.length).toBeGreaterThan(30);
  expect(paged.flat().map(({ name }) => name)).toEqual(whole);
});

test('the size of a page counts as in GlusterFS: 208 bytes and the name with its NUL', async () => {
  expect((await pages(300)).every((page) => page.length === 1)).toBe(true);
  const [first] = await pages(4096);
  const counted = first!.reduce((sum, { name }) => sum + 208 + name.length + 1, 0);
  expect(counted).toBeLessThanOrEqual(4096);
  expect(counted).toBeGreaterThan(4096 - 208 - 10);
});

test('entries have kinds, attributes, and what else is asked for', async () => {
  const xdata = new Dict().setEntry('trusted.gfid', { type: 'int', value: 0n });
  const entries = new Map((await pages(1 << 24, xdata)).flat().map((entry) => [entry.name, entry]));
  const kinds = { '.': 'directory', below: 'directory', link: 'symlink', fifo: 'fifo', 'file-1': 'file' };
  for (const [name, kind] of Object.entries(kinds)) expect(entries.get(name)!.type, name).toBe(kind);
  expect(entries.get('.')!.stat!.gfid).toEqual(directory.gfid);
  expect(entries.get('..')!.stat!.gfid).toEqual(brick.root.gfid);
  const { stat, ino, xdata: got } = entries.get('file-1')!;
  expect(stat).toEqual((await brick.lookup(directory, 'file-1')).stat);
  expect(ino).toBe(stat!.ino);
  expect([...got!.bytes('trusted.gfid')!]).toEqual([...stat!.gfid]);
  const plain = new Fd(directory, 0);
  await brick.top.opendir({ loc: { inode: directory }, fd: plain }, context);
  const { entries: names } = await brick.top.readdir({ fd: plain, offset: 0n, size: 1 << 24 }, context);
  await brick.top.releasedir({ fd: plain }, context);
  for (const { name, type } of names) expect(type, name).toBe(entries.get(name)!.type);
});

test('directories are left out where that is asked for', async () => {
  const xdata = new Dict().setEntry('readdir-filter-directories', { type: 'int', value: 1n });
  const names = (await pages(1 << 24, xdata)).flat().map(({ name }) => name);
  expect(names.length).toBe(COUNT + 2);
  expect(names).not.toContain('below');
});

test('the root has no entry of the brick itself, and nothing of what is above it', async () => {
  const fd = new Fd(brick.root, 0);
  await brick.top.opendir({ loc: { inode: brick.root }, fd }, context);
  const { entries } = await brick.top.readdirp({ fd, offset: 0n, size: 1 << 20 }, context);
  await brick.top.releasedir({ fd }, context);
  expect(entries.map(({ name }) => name).sort()).toEqual(['.', '..', 'd']);
  expect(entries.find(({ name }) => name === '..')!.stat).toBeUndefined();
});
