import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GlfsError, toGlfsError } from '../../../src/errors.ts';
import { Fd, Inode, type Request, rootContext } from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { gfidKey, gfidToString, newGfid, ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { emptyIatt, S_IFDIR, S_IFREG } from '../../../src/protocol/iatt.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { XattropFlag } from '../../../src/protocol/messages.ts';
import { indexType } from '../../../src/xlators/features/index/index.ts';
import { RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const PENDING = 'trusted.afr.vol-client-1';
const DIRTY = 'trusted.afr.dirty';
const context = rootContext();
const root = new Inode(ROOT_GFID, 'directory');

let brick: string;
let base: string;
let child: RecordingChild;
let volume: ReturnType<typeof translatorOver>;
/** What the child's xattrops have added up to. */
let attributes: Map<string, Buffer>;

function key(inode: Inode, name: string): string {
  return `${gfidKey(inode.gfid)} ${name}`;
}

function addUp({ dict }: Pick<Request<'xattrop'>, 'dict'>, inode: Inode): { dict: Dict } {
  const result = new Dict();
  for (const [name] of dict ?? []) {
    const added = Buffer.from(dict!.bytes(name)!);
    const now = attributes.get(key(inode, name)) ?? Buffer.alloc(added.length);
    for (let at = 0; at < added.length; at += 4)
      now.writeInt32BE((now.readInt32BE(at) + added.readInt32BE(at)) | 0, at);
    attributes.set(key(inode, name), now);
    result.setBytes(name, Buffer.from(now));
  }
  return { dict: result };
}

async function start(options: Record<string, string> = {}): Promise<void> {
  child = new RecordingChild()
    .answer('xattrop', (request) => addUp(request, request.loc.inode))
    .answer('fxattrop', (request) => addUp(request, request.fd.inode));
  volume = translatorOver(indexType, [child], {
    'index-base': base,
    'xattrop-dirty-watchlist': DIRTY,
    'xattrop-pending-watchlist': 'trusted.afr.vol-',
    ...options,
  });
  await volume.translator.start();
}

beforeEach(async () => {
  brick = mkdtempSync(join(tmpdir(), 'glfs-index-'));
  base = join(brick, 'indices');
  attributes = new Map();
  await start();
});
afterEach(() => rmSync(brick, { recursive: true, force: true }));

function counts(...values: number[]): Buffer {
  const bytes = Buffer.alloc(12);
  for (const [index, value] of values.entries()) bytes.writeInt32BE(value, index * 4);
  return bytes;
}
function add(
  inode: Inode,
  values: Record<string, number[]>,
  xdata?: Dict,
  operation: number = XattropFlag.ADD_ARRAY,
) {
  const dict = new Dict();
  for (const [name, numbers] of Object.entries(values)) dict.setBytes(name, counts(...numbers));
  return volume.xattrop({ loc: { inode }, operation, dict, xdata }, context);
}
const bases = /^(xattrop|dirty|entry-changes)-[0-9a-f-]{36}$/;
const listed = (part: string) => readdirSync(join(base, part)).filter((name) => !bases.test(name));
const name = (inode: Inode) => gfidToString(inode.gfid);

async function code(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => 'no error',
    (error: unknown) => toGlfsError(error).code,
  );
}

describe('features/index', () => {
  const file = new Inode(newGfid(), 'file');

  it('needs to know where', () => {
    expect(() => translatorOver(indexType, [new RecordingChild()])).toThrow(/index-base/);
  });

  it('makes its directories, and the one above must be there', async () => {
    expect(readdirSync(base).sort()).toEqual(['dirty', 'entry-changes', 'xattrop']);
    base = join(brick, 'missing', 'indices');
    expect(await code(start())).toBe('ENOENT');
  });

  it('enters a file before the attribute is written, and lets it go when all are zero', async () => {
    child.answer('xattrop', (request) => {
      expect(listed('xattrop')).toEqual([name(file)]);
      return addUp(request, request.loc.inode);
    });
    await add(file, { [PENDING]: [1], 'trusted.afr.vol-client-2': [1] });
    await add(file, { [PENDING]: [-1], 'trusted.afr.vol-client-2': [0] });
    expect(listed('xattrop')).toEqual([name(file)]);
    await add(file, { [PENDING]: [0], 'trusted.afr.vol-client-2': [-1] });
    expect(listed('xattrop')).toEqual([]);
    expect(listed('dirty')).toEqual([]);
  });

  it('keeps dirty files apart', async () => {
    const fd = new Fd(file, 2);
    const dict = new Dict().setBytes(DIRTY, counts(1));
    await volume.fxattrop({ fd, operation: XattropFlag.ADD_ARRAY, dict }, context);
    expect([listed('xattrop'), listed('dirty')]).toEqual([[], [name(file)]]);
    await add(file, { [DIRTY]: [-1] });
    expect(listed('dirty')).toEqual([]);
  });

  it('links all entries to one file', async () => {
    const files = Array.from({ length: 3 }, () => new Inode(newGfid(), 'file'));
    for (const one of files) await add(one, { [PENDING]: [1] });
    const inodes = new Set(
      readdirSync(join(base, 'xattrop')).map((entry) => statSync(join(base, 'xattrop', entry)).ino),
    );
    expect(inodes.size).toBe(1);
    expect(statSync(join(base, 'xattrop', name(files[0]!))).nlink).toBe(4);
  });

  it.each([
    ['other attributes', { 'trusted.afr.other-client-0': [1] }, XattropFlag.ADD_ARRAY],
    ['zeros of attributes that are zero', { [PENDING]: [0] }, XattropFlag.ADD_ARRAY],
    ['64 bits of what is dirty', { [DIRTY]: [1] }, XattropFlag.ADD_ARRAY64],
    ['other operations', { [PENDING]: [1] }, XattropFlag.OR_ARRAY],
  ])('is not touched by %s', async (_name, values, operation) => {
    await add(file, values, undefined, operation);
    expect([listed('xattrop'), listed('dirty')]).toEqual([[], []]);
  });

  it('watches trusted.ec.dirty as disperse has it', async () => {
    await add(file, { 'trusted.ec.dirty': [1] }, undefined, XattropFlag.ADD_ARRAY64);
    expect(listed('xattrop')).toEqual([name(file)]);
    await add(file, { 'trusted.ec.dirty': [-1] }, undefined, XattropFlag.ADD_ARRAY64);
    expect(listed('xattrop')).toEqual([]);
  });

  it('keeps the entry of a file whose xattrop failed', async () => {
    child.answer('xattrop', () => {
      throw new GlfsError('EIO');
    });
    expect(await code(add(file, { [PENDING]: [1] }))).toBe('EIO');
    expect(listed('xattrop')).toEqual([name(file)]);
  });

  it('lets the xattrops of one file follow each other, and those of several mix', async () => {
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const order: string[] = [];
    child.answer('xattrop', async (request) => {
      order.push(`${name(request.loc.inode)} begins`);
      if (request.loc.inode === file && order.length === 1) await held;
      order.push(`${name(request.loc.inode)} ends`);
      return addUp(request, request.loc.inode);
    });
    const other = new Inode(newGfid(), 'file');
    const first = add(file, { [PENDING]: [1] });
    const second = add(file, { [PENDING]: [-1] });
    await add(other, { [PENDING]: [1] });
    goOn();
    await Promise.all([first, second]);
    const [one, two] = [name(file), name(other)];
    expect(order).toEqual([
      `${one} begins`,
      `${two} begins`,
      `${two} ends`,
      `${one} ends`,
      `${one} begins`,
      `${one} ends`,
    ]);
    expect(listed('xattrop')).toEqual([two]);
    expect(volume.translator.dump()).toEqual({ 'xattrop-pending': 1, 'xattrops-under-way': 0 });
  });

  it('takes away what an earlier run left, but not its entries', async () => {
    await add(file, { [PENDING]: [1] });
    const idle = join(base, 'dirty', `dirty-${gfidToString(newGfid())}`);
    writeFileSync(idle, '');
    const before = readdirSync(join(base, 'xattrop')).sort();
    await start();
    expect(readdirSync(join(base, 'dirty'))).toEqual([]);
    expect(readdirSync(join(base, 'xattrop')).sort()).toEqual(before);
    await add(file, { [PENDING]: [-1] });
    await start();
    expect(readdirSync(join(base, 'xattrop'))).toEqual([]);
  });

  describe('entry-changes', () => {
    const directory = new Inode(newGfid(), 'directory');
    const changes = () => readdirSync(join(base, 'entry-changes', name(directory))).sort();
    const enter = (entry: string) =>
      add(directory, { [PENDING]: [0, 0, 1] }, new Dict().set(keys.indexNameIn, entry));

    it('holds names that are about to change', async () => {
      await enter('one');
      await enter('two\udcff');
      expect(changes()).toEqual(['one', 'two\ufffd']);
      await add(directory, { [PENDING]: [0] }, new Dict().set(keys.indexNameOut, 'one'));
      expect(changes()).toEqual(['two\ufffd']);
    });

    it.each(['a/b', '..', ''])('refuses the name %j before anything is written', async (entry) => {
      expect(await code(enter(entry))).toBe('EINVAL');
      expect(child.fops).toEqual([]);
    });

    it('goes with the attributes where a purge is asked for, aside where names are left', async () => {
      const purge = new Dict().set(keys.indexPurge, 1);
      await enter('one');
      await add(directory, { [PENDING]: [0, 0, -1] }, purge);
      const left = listed('entry-changes');
      expect(left).toHaveLength(1);
      expect(left[0]).not.toBe(name(directory));
      expect(readdirSync(join(base, 'entry-changes', left[0]!))).toEqual(['one']);
    });
  });

  describe('as clients see it', () => {
    const virtual = async (part: string) => {
      const asked = `glusterfs.xattrop_${part}_gfid`;
      const { dict } = await volume.getxattr({ loc: { inode: root }, name: asked }, context);
      return new Inode(dict!.bytes(asked)!, 'directory');
    };
    const count = async (part: string) => {
      const asked = `glusterfs.xattrop_${part}_count`;
      const { dict } = await volume.getxattr({ loc: { inode: root }, name: asked }, context);
      return dict!.entry(asked);
    };
    const list = async (inode: Inode, size = 4096, xdata?: Dict) => {
      const fd = new Fd(inode, 0);
      await volume.opendir({ loc: { inode }, fd }, context);
      const found = [];
      for (let offset = 0n; ; offset = found.at(-1)!.offset) {
        const { entries } = await volume.readdir({ fd, offset, size, xdata }, context);
        if (entries.length === 0) break;
        found.push(...entries);
      }
      await volume.releasedir({ fd }, context);
      return found.filter((entry) => !entry.name.startsWith('.'));
    };

    it('has gfids, counts and listings', async () => {
      const files = Array.from({ length: 40 }, () => new Inode(newGfid(), 'file'));
      for (const one of files) await add(one, { [PENDING]: [1], [DIRTY]: [1] });
      expect([await count('index'), await count('dirty')]).toEqual([
        { type: 'uint', value: 40n },
        { type: 'uint', value: 40n },
      ]);
      const index = await virtual('index');
      const { stat } = await volume.lookup({ loc: { inode: index }, flags: 0 }, context);
      expect(stat).toMatchObject({ gfid: index.gfid, mode: expect.any(Number), ino: 2n ** 64n - 1n });
      expect(stat.mode & S_IFDIR).toBe(S_IFDIR);
      // A size for two or three entries: a listing in many steps.
      const found = await list(await virtual('index'), 600);
      expect(found.map((entry) => entry.name).sort()).toEqual(files.map(name).sort());
      child.calls.length = 0;
      await list(await virtual('dirty'));
      expect(child.fops).toEqual([]);
    });

    it('goes on listing where it was, whatever was taken away meanwhile', async () => {
      const files = Array.from({ length: 20 }, () => new Inode(newGfid(), 'file'));
      for (const one of files) await add(one, { [PENDING]: [1] });
      const index = await virtual('index');
      const first = await volume.readdir({ fd: new Fd(index, 0), offset: 0n, size: 1500 }, context);
      for (const { name: entry } of first.entries)
        if (!entry.startsWith('.'))
          await volume.unlink(
            { loc: { inode: new Inode(), parent: index, name: entry }, xflags: 0 },
            context,
          );
      // Another fd: as after a restart of the connection.
      const { entries } = await volume.readdir(
        { fd: new Fd(index, 0), offset: first.entries.at(-1)!.offset, size: 1 << 20 },
        context,
      );
      const all = [...first.entries, ...entries]
        .map((entry) => entry.name)
        .filter((entry) => !entry.startsWith('.'));
      expect(all.sort()).toEqual(files.map(name).sort());
    });

    it('tells the types of files where it is asked to', async () => {
      await add(file, { [PENDING]: [1] });
      const gone = new Inode(newGfid(), 'file');
      await add(gone, { [PENDING]: [1] });
      child.answer('lookup', ({ loc }) => {
        if (gfidKey(loc.inode.gfid) !== gfidKey(file.gfid)) throw new GlfsError('ESTALE');
        return { stat: { ...emptyIatt(), gfid: file.gfid, mode: S_IFREG | 0o644 } };
      });
      const found = await list(await virtual('index'), 4096, new Dict().set(keys.gfidTypeWanted, ''));
      expect(new Map(found.map(({ name: entry, type }) => [entry, type]))).toEqual(
        new Map([
          [name(file), 'file'],
          [name(gone), 'unknown'],
        ]),
      );
    });

    it('has entries that can be looked up and unlinked', async () => {
      await add(file, { [PENDING]: [1] });
      const index = await virtual('index');
      const loc = { inode: new Inode(), parent: index, name: name(file) };
      const { stat } = await volume.lookup({ loc, flags: 0 }, context);
      expect(stat.mode & S_IFREG).toBe(S_IFREG);
      const { preparent } = await volume.unlink({ loc, xflags: 0 }, context);
      expect(preparent.gfid).toEqual(index.gfid);
      expect(listed('xattrop')).toEqual([]);
      expect(await code(volume.lookup({ loc, flags: 0 }, context))).toBe('ENOENT');
      expect(child.fops).toEqual(['xattrop']);
      expect(await code(volume.unlink({ loc: { ...loc, name: 'x' }, xflags: 0 }, context))).toBe('EINVAL');
    });

    it('tells what its entries stand for', async () => {
      const asking = new Dict().set(keys.indexTypeWanted, 1);
      const type = async (part: string) =>
        (
          await volume.lookup({ loc: { inode: await virtual(part) }, flags: 0, xdata: asking }, context)
        ).xdata?.get(keys.indexType);
      expect([await type('index'), await type('entry_changes')]).toEqual([1, 2]);
    });

    it('shows the names of a directory in entry-changes', async () => {
      const directory = new Inode(newGfid(), 'directory');
      for (const entry of ['one', 'two'])
        await add(directory, { [PENDING]: [0, 0, 1] }, new Dict().set(keys.indexNameIn, entry));
      const changes = await virtual('entry_changes');
      expect((await list(changes)).map((entry) => entry.name)).toContain(name(directory));
      const loc = { inode: new Inode(), parent: changes, name: name(directory) };
      const { stat } = await volume.lookup({ loc, flags: 0 }, context);
      const inside = new Inode(stat.gfid, 'directory');
      // The same gfid again: what a client remembers stays true.
      expect(
        (await volume.lookup({ loc: { ...loc, inode: new Inode() }, flags: 0 }, context)).stat.gfid,
      ).toEqual(stat.gfid);
      expect((await list(inside)).map((entry) => entry.name).sort()).toEqual(['one', 'two']);
      await volume.unlink({ loc: { inode: new Inode(), parent: inside, name: 'one' }, xflags: 0 }, context);
      expect((await list(inside)).map((entry) => entry.name)).toEqual(['two']);
      await volume.rmdir({ loc, xflags: 1 }, context);
      expect(listed('entry-changes')).toEqual([]);
      expect(await code(volume.lookup({ loc, flags: 0 }, context))).toBe('ENOENT');
    });
  });

  it.each(['lookup', 'fstat'] as const)(
    'tells with %s whether anything is pending, where it is asked',
    async (fop) => {
      const ask = async (xdata: Dict) => {
        const target = fop === 'lookup' ? { loc: { inode: root }, flags: 0 } : { fd: new Fd(root, 0) };
        const call = volume[fop] as (request: object, c: object) => Promise<{ xdata?: Dict }>;
        return (await call({ ...target, xdata }, context)).xdata?.get(keys.linkCount);
      };
      const asking = new Dict().set(keys.linkCountOf, 'glusterfs.xattrop_index_count');
      expect(await ask(new Dict())).toBeUndefined();
      expect(await ask(asking)).toBe(0);
      await add(file, { [PENDING]: [1] });
      expect(await ask(asking)).toBe(1);
      expect((child.last.request as Request<'fstat'>).xdata?.has(keys.linkCountOf) ?? false).toBe(false);
      await add(file, { [PENDING]: [-1] });
      // The file that entries are linked to stays.
      expect(await ask(asking)).toBe(0);
    },
  );

  it('counts entries of earlier runs', async () => {
    mkdirSync(join(base, 'xattrop'), { recursive: true });
    const old = join(base, 'xattrop', `xattrop-${gfidToString(newGfid())}`);
    writeFileSync(old, '');
    linkSync(old, join(base, 'xattrop', name(file)));
    await start();
    const { dict } = await volume.getxattr(
      { loc: { inode: root }, name: 'glusterfs.xattrop_index_count' },
      context,
    );
    expect(dict!.entry('glusterfs.xattrop_index_count')).toEqual({ type: 'uint', value: 1n });
  });
});
