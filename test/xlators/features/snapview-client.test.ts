import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../src/errors.ts';
import { type DirectoryEntry, Fd, Inode, rootContext } from '../../../src/graph/index.ts';
import type { Dict } from '../../../src/protocol/dict.ts';
import { type FopName, fopNames, fops } from '../../../src/protocol/fops.ts';
import { type Gfid, gfidEquals, newGfid, ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { emptyIatt } from '../../../src/protocol/iatt.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { OpenFlag } from '../../../src/protocol/messages.ts';
import { snapviewClientType } from '../../../src/xlators/features/snapview-client/index.ts';
import { directoryStat, fileStat, RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const context = rootContext({ pid: 100 });

/** What features/snapview-server implements, by its own table. */
const served: ReadonlySet<FopName> = new Set([
  ...(['stat', 'statfs', 'opendir', 'readdirp', 'readdir', 'open', 'read', 'flush', 'fstat'] as const),
  ...(['getxattr', 'access', 'readlink', 'release', 'releasedir'] as const),
]);

function setUp(options: Record<string, string> = {}) {
  const [volume, snapshots] = [new RecordingChild('volume'), new RecordingChild('snapshots')];
  const snapGfid = newGfid();
  const postparent = emptyIatt();
  volume.answer('lookup', () => ({ stat: fileStat(newGfid()), postparent }));
  snapshots.answer('lookup', () => ({ stat: directoryStat(snapGfid), postparent }));
  const top = translatorOver(snapviewClientType, [volume, snapshots], options);
  const root = new Inode(ROOT_GFID, 'directory');
  const lookup = async (parent: Inode, name: string): Promise<Inode> => {
    const inode = new Inode();
    const { stat } = await top.lookup({ loc: { inode, parent, name }, flags: 0 }, context);
    inode.learn(stat);
    return inode;
  };
  return { volume, snapshots, top, root, lookup, snapGfid };
}

function xdataOf(child: RecordingChild): Dict | undefined {
  return (child.last.request as { xdata?: Dict }).xdata;
}

describe('features/snapview-client', () => {
  it('leads the name to the daemon, from any directory, and says that it is the way in', async () => {
    const { volume, snapshots, root, lookup, snapGfid } = setUp();
    const directory = await lookup(root, 'directory');
    for (const parent of [root, directory]) {
      const entry = await lookup(parent, '.snaps');
      expect(entry.gfid).toEqual(snapGfid);
      expect(xdataOf(snapshots)?.get(keys.entryPoint)).toBe('true');
    }
    expect(volume.fops).toEqual(['lookup']);
  });

  it('stays in the snapshots below it, where the name is nothing special', async () => {
    const { volume, snapshots, root, lookup } = setUp();
    const entry = await lookup(root, '.snaps');
    const snapshot = await lookup(entry, 'monday');
    await lookup(snapshot, 'file');
    await lookup(snapshot, '.snaps');
    expect(snapshots.fops).toEqual(['lookup', 'lookup', 'lookup', 'lookup']);
    expect(xdataOf(snapshots)).toBeUndefined();
    expect(volume.calls).toEqual([]);
  });

  it('takes another name by option, and refuses one without a dot', async () => {
    const { snapshots, root, lookup } = setUp({ 'snapshot-directory': '.history' });
    await lookup(root, '.snaps');
    expect(snapshots.calls).toEqual([]);
    await lookup(root, '.history');
    expect(snapshots.fops).toEqual(['lookup']);
    for (const name of ['snaps', '.', '..', '.a/b', `.${'x'.repeat(255)}`]) {
      expect(() => setUp({ 'snapshot-directory': name })).toThrow(
        expect.objectContaining({ code: 'EINVAL' }),
      );
    }
  });

  it('wants exactly two subvolumes', () => {
    const children = [new RecordingChild(), new RecordingChild(), new RecordingChild()];
    for (const count of [1, 3]) {
      expect(() => translatorOver(snapviewClientType, children.slice(0, count))).toThrow(
        expect.objectContaining({ code: 'EINVAL' }),
      );
    }
  });

  describe('every fop on a file of the volume', () => {
    const acting = fopNames.filter((fop) => ['inode', 'fd', 'open', 'none'].includes(fops[fop].target));

    it.each(acting)('%s goes to the volume', async (fop) => {
      const { volume, snapshots, top, root, lookup } = setUp();
      volume.answer('readdir', () => ({ entries: [] })).answer('readdirp', () => ({ entries: [] }));
      const inode = await lookup(root, 'file');
      await call(top, fop, inode);
      expect(volume.last.fop).toBe(fop);
      expect(snapshots.calls).toEqual([]);
    });
  });

  describe('every fop on a file of a snapshot', () => {
    const acting = fopNames.filter((fop) => ['inode', 'fd', 'open'].includes(fops[fop].target));

    it.each(acting)('%s goes to the daemon only if the daemon knows it', async (fop) => {
      const { volume, snapshots, top, root, lookup } = setUp();
      snapshots.answer('readdirp', () => ({ entries: [] }));
      const inode = await lookup(await lookup(root, '.snaps'), 'monday');
      snapshots.calls.length = 0;
      if (served.has(fop)) {
        await call(top, fop, inode);
        expect(snapshots.fops).toEqual([fop]);
      } else if (fop === 'fgetxattr') {
        await call(top, fop, inode);
        expect(snapshots.fops).toEqual(['getxattr']);
      } else {
        const changes = fops[fop].traits.mutates === true || fop === 'fsync' || fop === 'fsyncdir';
        await expect(call(top, fop, inode)).rejects.toMatchObject({
          code: changes ? 'EROFS' : 'EOPNOTSUPP',
          fop,
        });
        expect(snapshots.calls).toEqual([]);
      }
      expect(volume.calls).toEqual([]);
    });
  });

  it('opens files of snapshots for reading only', async () => {
    const { volume, snapshots, top, root, lookup } = setUp();
    const inode = await lookup(await lookup(root, '.snaps'), 'file');
    const open = (flags: number) => top.open({ loc: { inode }, fd: new Fd(inode, flags), flags }, context);
    await open(OpenFlag.RDONLY | OpenFlag.NOFOLLOW);
    expect(snapshots.last.fop).toBe('open');
    for (const flags of [OpenFlag.WRONLY, OpenFlag.RDWR, OpenFlag.TRUNC]) {
      await expect(open(flags)).rejects.toMatchObject({ code: 'EROFS' });
    }
    expect(volume.calls).toEqual([]);
  });

  it('makes, removes, renames and links nothing in the snapshots, nor under the name', async () => {
    const { volume, top, root, lookup } = setUp();
    const [snaps, file] = [await lookup(root, '.snaps'), await lookup(root, 'file')];
    const monday = await lookup(snaps, 'monday');
    const here = { inode: file, parent: root, name: 'file' };
    const outside = [
      { inode: new Inode(), parent: monday, name: 'new' },
      { inode: new Inode(), parent: root, name: '.snaps' },
      { inode: snaps, parent: root, name: 'some other name' },
    ];
    volume.calls.length = 0;
    for (const loc of outside) {
      for (const fop of fopNames) {
        if (fops[fop].target !== 'entry' && fops[fop].target !== 'create') continue;
        await expect(call(top, fop, loc.inode, loc), fop).rejects.toMatchObject({ code: 'EROFS', fop });
      }
      await expect(top.link({ loc: here, newLoc: loc }, context)).rejects.toMatchObject({ code: 'EROFS' });
      await expect(top.rename({ loc: here, newLoc: loc }, context)).rejects.toMatchObject({ code: 'EROFS' });
      await expect(top.rename({ loc, newLoc: here }, context)).rejects.toMatchObject({ code: 'EROFS' });
    }
    const fromSnapshot = { inode: monday, parent: snaps, name: 'monday' };
    await expect(top.link({ loc: fromSnapshot, newLoc: here }, context)).rejects.toMatchObject({
      code: 'EROFS',
    });
    expect(volume.calls).toEqual([]);
  });

  it('knows what it made as files of the volume, without asking again', async () => {
    const { volume, top, root } = setUp();
    const loc = { inode: new Inode(), parent: root, name: 'new' };
    const fd = new Fd(loc.inode, OpenFlag.RDWR);
    await top.create({ loc, fd, flags: OpenFlag.RDWR, mode: 0o644, umask: 0 }, context);
    loc.inode.learn(fileStat(newGfid()));
    await top.fstat({ fd }, context);
    expect(volume.fops).toEqual(['create', 'fstat']);
  });

  it('copies out of a snapshot by reading and writing, and never into one', async () => {
    const { top, root, lookup } = setUp();
    const snapshot = new Fd(await lookup(await lookup(root, '.snaps'), 'file'), OpenFlag.RDONLY);
    const file = new Fd(await lookup(root, 'file'), OpenFlag.RDWR);
    const range = { sourceOffset: 0, targetOffset: 0, size: 1, flags: 0 };
    const out = top.copyFileRange({ source: snapshot, target: file, ...range }, context);
    await expect(out).rejects.toMatchObject({ code: 'EXDEV' });
    const into = top.copyFileRange({ source: file, target: snapshot, ...range }, context);
    await expect(into).rejects.toMatchObject({ code: 'EROFS' });
    await top.copyFileRange({ source: file, target: file, ...range }, context);
  });

  describe('an inode of which it knows nothing (after a graph switch)', () => {
    function withFile(inSnapshots: boolean) {
      const made = setUp();
      const gfid: Gfid = newGfid();
      made.volume.answer('lookup', ({ loc }) => {
        if (inSnapshots && gfidEquals(loc.inode.gfid, gfid)) throw new GlfsError('ESTALE');
        return { stat: fileStat(gfid), postparent: emptyIatt() };
      });
      return { ...made, inode: new Inode(gfid, 'file') };
    }

    it('is looked for in the volume first, and once', async () => {
      const { volume, snapshots, top, inode } = withFile(false);
      await top.stat({ loc: { inode } }, context);
      await top.stat({ loc: { inode } }, context);
      expect(volume.fops).toEqual(['lookup', 'stat', 'stat']);
      expect(snapshots.calls).toEqual([]);
    });

    it('is found in the snapshots where the volume does not have it', async () => {
      const { volume, snapshots, top, inode } = withFile(true);
      await top.fstat({ fd: new Fd(inode, 0) }, context);
      expect(snapshots.fops).toEqual(['lookup', 'fstat']);
      expect(volume.fops).toEqual(['lookup']);
    });

    it("stays missing with the volume's own error where the daemon is away", async () => {
      const { snapshots, top, inode } = withFile(true);
      snapshots.answer('lookup', () => {
        throw new GlfsError('ENOTCONN');
      });
      await expect(top.stat({ loc: { inode } }, context)).rejects.toMatchObject({ code: 'ESTALE' });
      const request = { loc: { inode }, flags: 0 };
      await expect(top.lookup(request, context)).rejects.toMatchObject({ code: 'ESTALE' });
    });
  });

  describe('listing', () => {
    const entry = (name: string, offset: bigint): DirectoryEntry => ({
      name,
      type: 'file',
      ino: offset,
      offset,
    });

    /** A volume that lists one name a page. */
    function withNames(names: readonly string[], options: Record<string, string> = {}) {
      const made = setUp(options);
      const page = ({ offset }: { offset: bigint }) => ({
        entries: names
          .slice(Number(offset), Number(offset) + 1)
          .map((name, index) => entry(name, offset + BigInt(index) + 1n)),
      });
      made.volume.answer('readdir', page).answer('readdirp', page);
      const fd = new Fd(made.root, 0);
      const list = async (fop: 'readdir' | 'readdirp'): Promise<string[]> => {
        const found: string[] = [];
        for (let offset = 0n; found.length < 100; ) {
          const { entries } = await made.top[fop]({ fd, offset, size: 4096 }, context);
          if (entries.length === 0) return found;
          found.push(...entries.map(({ name }) => name));
          offset = entries.at(-1)!.offset;
        }
        throw new Error('the listing has no end');
      };
      return { ...made, fd, list };
    }

    it.each(['readdir', 'readdirp'] as const)(
      '%s hides a real entry of that name, without ending early',
      async (fop) => {
        const { list } = withNames(['a', '.snaps', 'b', '.snaps']);
        expect(await list(fop)).toEqual(['a', 'b']);
      },
    );

    it('remembers of what it listed that it belongs to the volume', async () => {
      const { top, volume, fd } = withNames(['a']);
      const { entries } = await top.readdirp({ fd, offset: 0n, size: 4096 }, context);
      const inode = entries[0]!.inode!;
      inode.learn(fileStat(newGfid()));
      await top.stat({ loc: { inode } }, context);
      expect(volume.fops).toEqual(['readdirp', 'stat']);
    });

    it('shows the name at the end where both options say so, each time that is listed', async () => {
      const shown = { 'show-snapshot-directory': 'on', 'snapdir-entry-path': '/' };
      const { list, top, root, fd } = withNames(['.', '..', 'a'], shown);
      await top.opendir({ loc: { inode: root, path: '/' }, fd }, context);
      for (const fop of ['readdir', 'readdirp', 'readdirp'] as const) {
        expect(await list(fop)).toEqual(['.', '..', 'a', '.snaps']);
      }
    });

    it.each<Record<string, string>>([
      { 'show-snapshot-directory': 'on' },
      { 'snapdir-entry-path': '/' },
      { 'show-snapshot-directory': 'on', 'snapdir-entry-path': '/elsewhere' },
    ])('does not show it with %j', async (options) => {
      const { list, top, root, fd } = withNames(['a'], options);
      await top.opendir({ loc: { inode: root, path: '/' }, fd }, context);
      expect(await list('readdirp')).toEqual(['a']);
    });

    it('lists the volume even where the daemon is away', async () => {
      const shown = { 'show-snapshot-directory': 'on', 'snapdir-entry-path': '/' };
      const { list, top, root, fd, snapshots } = withNames(['a'], shown);
      snapshots.answer('lookup', () => {
        throw new GlfsError('ENOTCONN');
      });
      await top.opendir({ loc: { inode: root, path: '/' }, fd }, context);
      expect(await list('readdirp')).toEqual(['a']);
    });

    it('marks what it lists in a snapshot as belonging there', async () => {
      const { top, snapshots, root, lookup, snapGfid } = setUp();
      snapshots.answer('readdirp', () => ({ entries: [entry('file', 1n)] }));
      const snaps = await lookup(root, '.snaps');
      const { entries } = await top.readdirp({ fd: new Fd(snaps, 0), offset: 0n, size: 4096 }, context);
      const inode = entries[0]!.inode!;
      inode.learn(fileStat(snapGfid));
      await top.stat({ loc: { inode } }, context);
      expect(snapshots.last.fop).toBe('stat');
    });
  });

  it('gives .snaps the room of its volume, and its name in the right case', async () => {
    const { volume, snapshots, top, root, lookup } = setUp();
    const snaps = await lookup(root, '.snaps');
    await top.statfs({ loc: { inode: snaps } }, context);
    expect(volume.last.fop).toBe('statfs');
    expect((volume.last.request as { loc: { inode: Inode } }).loc.inode.isRoot).toBe(true);
    const name = 'glusterfs.get_real_filename:.SNAPS';
    const { dict } = await top.getxattr({ loc: { inode: root }, name }, context);
    expect(Buffer.from(dict!.bytes(name)!).toString()).toBe('.snaps');
    await top.getxattr({ loc: { inode: root }, name: 'user.a' }, context);
    expect([volume.last.fop, snapshots.last.fop]).toEqual(['getxattr', 'lookup']);
  });

  it("passes the volume's events on, and keeps the daemon's to itself", () => {
    const { volume, snapshots, top } = setUp();
    const seen: string[] = [];
    top.translator.listen(({ kind }) => seen.push(kind));
    snapshots.raise({ kind: 'child-up' });
    snapshots.raise({ kind: 'child-down' });
    expect(seen).toEqual([]);
    volume.raise({ kind: 'child-up' });
    expect(seen).toEqual(['child-up']);
  });
});

function call(top: object, fop: FopName, inode: Inode, loc: object = { inode }): Promise<unknown> {
  const table = top as Record<FopName, (request: object, context: object) => Promise<unknown>>;
  const fd = new Fd(inode, OpenFlag.RDONLY);
  return table[fop]({ loc, fd, flags: 0, offset: 0, size: 1, name: 'user.a', valid: 0 }, context);
}
