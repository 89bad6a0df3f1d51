/* Every operation that changes a brick, broken off at each of the host's calls that it makes. */
import { accessSync, constants } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Fd, Inode, rootContext, StampFlag } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { gfidFromString } from '../../../../src/protocol/gfid.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { storeKinds } from './data-brick.ts';
import { EntryBrick, request } from './entry-brick.ts';
import { arm, disarm, type Fault } from './faulty-host.ts';
import { expectFound, expectWhole, type Tree, treeOf } from './whole-brick.ts';

vi.mock('node:fs', async (original) => {
  const { faultyFs } = await import('./faulty-host.ts');
  return faultyFs(await original<object>());
});
vi.mock('../../../../src/syscalls.ts', async (original) => {
  const { faultySyscalls } = await import('./faulty-host.ts');
  const module = await original<typeof import('../../../../src/syscalls.ts')>();
  return { ...module, hostSyscalls: () => faultySyscalls(module.hostSyscalls()) };
});

// Hundreds of bricks are made here: in memory where the host has that.
const before = process.env.TMPDIR;
try {
  accessSync('/dev/shm', constants.W_OK);
  process.env.TMPDIR = '/dev/shm';
} catch {}
afterAll(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
});

const gfid = (letter: string) => gfidFromString(`${letter.repeat(8)}-1111-4111-8111-${letter.repeat(12)}`);
const context = rootContext({
  uid: 12,
  gid: 34,
  stamp: {
    flags:
      StampFlag.CTIME | StampFlag.MTIME | StampFlag.ATIME | StampFlag.PARENT_CTIME | StampFlag.PARENT_MTIME,
    seconds: 1_700_000_000,
    nanoseconds: 5,
  },
});

/** What is there before the operation. */
interface Scene {
  readonly brick: EntryBrick;
  readonly root: Inode;
  readonly open: Map<string, Fd>;
}

interface Operation {
  readonly what: string;
  readonly before?: (scene: Scene) => Promise<unknown>;
  readonly run: (scene: Scene) => Promise<unknown>;
  /** Steps of it that may be seen apart, where attributes are kept by that store. */
  readonly apart?: 'xattr' | 'both';
}

const at = (parent: Inode, name: string) => ({ inode: new Inode(), parent, name });

async function file(
  { brick, root, open }: Scene,
  name: string,
  letter: string,
  keep = false,
): Promise<Inode> {
  const { inode, fd } = await brick.create(root, name, { xdata: request(gfid(letter)) });
  await brick.write(fd, `${name} of ${letter}`);
  if (keep) open.set(name, fd);
  else await brick.release(fd);
  return inode;
}

async function folder({ brick, root }: Scene, name: string, letter: string, parent = root): Promise<Inode> {
  return brick.mkdir(parent, name, 0o750, rootContext(), request(gfid(letter)));
}

const extra = () => request(gfid('c')).setBytes('trusted.afr.x', Buffer.alloc(12, 1));
const create = ({ brick, root }: Scene) =>
  brick.create(root, 'new', { xdata: extra(), context, mode: 0o640 });
const rename =
  (from: string, to: string) =>
  ({ brick, root }: Scene) =>
    brick.top.rename({ loc: at(root, from), newLoc: at(root, to) }, context);
const unlink =
  (name: string) =>
  ({ brick, root }: Scene) =>
    brick.top.unlink({ loc: at(root, name), xflags: 0 }, context);
const attributes = (...pairs: [string, string][]) => {
  const dict = new Dict();
  for (const [name, value] of pairs) dict.setBytes(name, Buffer.from(value));
  return dict;
};

const operations: readonly Operation[] = [
  { what: 'create', run: create },
  {
    what: 'create without O_EXCL of what is there',
    before: (scene) => file(scene, 'new', 'a'),
    run: ({ brick, root }) => brick.create(root, 'new', { flags: OpenFlag.RDWR, context }),
  },
  {
    what: 'mkdir',
    run: ({ brick, root }) => brick.mkdir(root, 'new', 0o755, context, extra()),
  },
  {
    what: 'mknod of a file',
    run: ({ brick, root }) => brick.mknod(root, 'new', 0o100644, 0n, extra()),
  },
  {
    what: 'mknod of a fifo',
    run: ({ brick, root }) => brick.mknod(root, 'new', 0o10644, 0n, extra()),
  },
  {
    what: 'mknod of another name, internal',
    before: (scene) => file(scene, 'f', 'c'),
    run: ({ brick, root }) =>
      brick.mknod(
        root,
        'new',
        0o100644,
        0n,
        request(gfid('c')).setEntry('glusterfs-internal-fop', { type: 'int', value: 1n }),
      ),
  },
  {
    what: 'mknod in the place of a linkto file',
    apart: 'both',
    before: ({ brick, root }) =>
      brick.mknod(
        root,
        'new',
        0o101000,
        0n,
        request(gfid('a')).setBytes('trusted.glusterfs.dht.linkto', Buffer.from('x\0')),
      ),
    run: ({ brick, root }) =>
      brick.mknod(
        root,
        'new',
        0o101000,
        0n,
        request(gfid('b'))
          .setBytes('trusted.glusterfs.dht.linkto', Buffer.from('x\0'))
          .setEntry('force-replace', { type: 'int', value: 1n }),
      ),
  },
  {
    what: 'symlink',
    run: ({ brick, root }) =>
      brick.top.symlink({ loc: at(root, 'new'), umask: 0, target: 'to', xdata: extra() }, context),
  },
  {
    what: 'link',
    before: (scene) => file(scene, 'f', 'a'),
    run: ({ brick, root }) =>
      brick.top.link(
        {
          loc: { inode: new Inode(gfid('a')) },
          newLoc: { inode: new Inode(gfid('a')), parent: root, name: 'g' },
        },
        context,
      ),
  },
  { what: 'unlink', before: (scene) => file(scene, 'f', 'a'), run: unlink('f') },
  { what: 'unlink while it is open', before: (scene) => file(scene, 'f', 'a', true), run: unlink('f') },
  {
    what: 'unlink and the last release',
    before: (scene) => file(scene, 'f', 'a', true),
    run: async (scene) => {
      await unlink('f')(scene);
      await scene.brick.release(scene.open.get('f')!).catch(() => {});
    },
  },
  {
    what: 'unlink of one of two names',
    before: async (scene) => {
      await scene.brick.link(await file(scene, 'f', 'a'), scene.root, 'g');
    },
    run: unlink('f'),
  },
  {
    what: 'rmdir',
    before: (scene) => folder(scene, 'd', 'd'),
    run: ({ brick, root }) => brick.rmdir(root, 'd'),
  },
  {
    what: 'rmdir of a whole tree',
    before: async (scene) => {
      const inode = await folder(scene, 'd', 'd');
      const below = await folder(scene, 'e', 'e', inode);
      await scene.brick.file(below, 'f', request(gfid('a')));
      await scene.brick.link(await file(scene, 'stays', 'b'), below, 'goes');
    },
    run: ({ brick, root }) => brick.rmdir(root, 'd', 1),
  },
  { what: 'rename onto nothing', before: (scene) => file(scene, 'f', 'a'), run: rename('f', 'g') },
  {
    what: 'rename onto a file',
    before: async (scene) => {
      await file(scene, 'f', 'a');
      await file(scene, 'g', 'b');
    },
    run: rename('f', 'g'),
  },
  {
    what: 'rename onto a file that is open',
    before: async (scene) => {
      await file(scene, 'f', 'a');
      await file(scene, 'g', 'b', true);
    },
    run: rename('f', 'g'),
  },
  {
    what: 'rename onto one of two names',
    before: async (scene) => {
      await file(scene, 'f', 'a');
      await scene.brick.link(await file(scene, 'g', 'b'), scene.root, 'h');
    },
    run: rename('f', 'g'),
  },
  {
    what: 'rename onto another name of the file',
    before: async (scene) => {
      await scene.brick.link(await file(scene, 'f', 'a'), scene.root, 'g');
    },
    run: rename('f', 'g'),
  },
  {
    what: 'rename of a directory',
    before: async (scene) => {
      await scene.brick.file(await folder(scene, 'd', 'd'), 'f', request(gfid('a')));
    },
    run: rename('d', 'e'),
  },
  {
    what: 'rename of a directory onto an empty one',
    before: async (scene) => {
      await scene.brick.file(await folder(scene, 'd', 'd'), 'f', request(gfid('a')));
      await folder(scene, 'e', 'e');
    },
    run: rename('d', 'e'),
  },
  {
    what: 'rename of a directory onto one that is not empty',
    before: async (scene) => {
      await scene.brick.file(await folder(scene, 'd', 'd'), 'f', request(gfid('a')));
      await scene.brick.file(await folder(scene, 'e', 'e'), 'g', request(gfid('b')));
    },
    run: (scene) => rename('d', 'e')(scene).catch((error) => expect(error.code).toBe('ENOTEMPTY')),
  },
  {
    what: 'setxattr of several',
    apart: 'xattr',
    before: (scene) => file(scene, 'f', 'a'),
    run: ({ brick }) =>
      brick.top.setxattr(
        {
          loc: { inode: new Inode(gfid('a')) },
          dict: attributes(['user.a', 'A'], ['trusted.b', 'B'.repeat(3000)]),
          flags: 0,
        },
        context,
      ),
  },
  {
    what: 'xattrop of several',
    apart: 'xattr',
    before: (scene) => file(scene, 'f', 'a'),
    run: ({ brick }) =>
      brick.top.xattrop(
        {
          loc: { inode: new Inode(gfid('a')) },
          operation: 0,
          dict: attributes(['trusted.afr.a', '\0\0\0\x01'], ['trusted.afr.b', '\0\0\0\x02']),
        },
        context,
      ),
  },
];

/** What clients see: trusted.gfid2path is the brick's own, and may name more than there is. */
const store = (tree: Tree) => without(tree, 'names');
/** Links that are in the landfill are counted until they are gone. */
const linkless = (tree: Tree) => without(tree, 'names', 'nlink');

function without(tree: Tree, ...keys: string[]) {
  const rest = (seen: object) =>
    Object.fromEntries(Object.entries(seen).filter(([key]) => !keys.includes(key)));
  return Object.fromEntries(Object.entries(tree).map(([path, seen]) => [path, rest(seen)]));
}

describe.each(storeKinds())('with the %s store', (kind) => {
  let brick: EntryBrick;

  async function scene({ before }: Operation): Promise<Scene> {
    const made: Scene = { brick, root: brick.root, open: new Map() };
    await folder(made, 'other', 'f');
    await before?.(made);
    return made;
  }
  const apart = (operation: Operation) => operation.apart === 'both' || operation.apart === kind;
  beforeEach(async () => {
    brick = await EntryBrick.start({ 'attribute-store': kind });
  });
  afterEach(() => brick.stop());

  async function again(): Promise<void> {
    await brick.stop();
    brick = await EntryBrick.start({ 'attribute-store': kind });
  }

  /** The brick before and after the operation, where nothing breaks. */
  async function outcomes(operation: Operation): Promise<{ before: Tree; after: Tree }> {
    const made = await scene(operation);
    const before = await treeOf(brick);
    await operation.run(made);
    const after = await treeOf(brick);
    await again();
    return { before, after };
  }

  test.each(operations)('$what, and the server dies in it', async (operation) => {
    const { before, after } = await outcomes(operation);
    for (let nth = 1; ; nth++) {
      const made = await scene(operation);
      arm('crash', nth);
      await operation.run(made).catch(() => {});
      await brick.end();
      const { met, seen } = disarm();
      if (!met) {
        expect(nth, 'calls that change something').toBeGreaterThan(1);
        return;
      }
      const where = `call ${nth}: ${seen.join(', ')}`;
      try {
        await brick.begin();
        const tree = await treeOf(brick);
        const isApart = apart(operation);
        if (!isApart) expect([store(before), store(after)], where).toContainEqual(store(tree));
        await expectWhole(brick, tree);
        // What was not done can be done, and nothing is in its way.
        const done = JSON.stringify(store(tree)) === JSON.stringify(store(after));
        if (done || (isApart && operation.what.startsWith('xattrop'))) continue;
        await operation.run({ ...made, open: new Map() });
        expect(store(await treeOf(brick)), `${where}, then done again`).toEqual(store(after));
      } catch (error) {
        throw new Error(where, { cause: error });
      } finally {
        await again();
      }
    }
  });

  test.each(operations)('$what, and the host fails in it', async (operation) => {
    const { before, after } = await outcomes(operation);
    for (let nth = 1; ; nth++) {
      const made = await scene(operation);
      arm('error' satisfies Fault, nth);
      let failed = false;
      await operation.run(made).catch(() => {
        failed = true;
      });
      const { met, seen } = disarm();
      if (!met) return;
      const where = `call ${nth}: ${seen.join(', ')}; ${failed ? 'failed' : 'done'}`;
      try {
        const wanted = failed ? before : after;
        const tree = await treeOf(brick);
        if (!apart(operation)) expect(linkless(tree), where).toEqual(linkless(wanted));
        await expectFound(brick, tree);
        for (const fd of made.open.values()) await brick.release(fd);
        await brick.restart();
        const restarted = await treeOf(brick);
        expect(linkless(restarted), `${where}, restarted`).toEqual(linkless(tree));
        await expectWhole(brick, restarted);
      } catch (error) {
        throw new Error(where, { cause: error });
      } finally {
        await again();
      }
    }
  });

  test('a start that is broken off goes on at the next one', async () => {
    for (let nth = 1; ; nth++) {
      await brick.end();
      await brick.wipe();
      arm('crash', nth);
      await brick.begin().catch(() => {});
      await brick.end();
      const { met, seen } = disarm();
      await brick.begin();
      await file({ brick, root: brick.root, open: new Map() }, 'f', 'a');
      await expectWhole(brick, await treeOf(brick));
      if (!met) {
        expect(seen.length).toBeGreaterThan(3);
        return;
      }
    }
  });
});
