import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import { type DirectoryEntry, Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { S_IFREG } from '../../../../src/protocol/iatt.ts';
import { type Distribute, distributeType } from '../../../../src/xlators/cluster/distribute/index.ts';
import { Layout } from '../../../../src/xlators/cluster/distribute/layout.ts';
import { directoryStat, fileStat, RecordingChild, translatorOver } from '../../../helpers/recording-child.ts';

const context = rootContext();
const LINKTO = 'trusted.glusterfs.dht.linkto';

type Listed = { name: string; dir?: boolean; linkto?: string; phase1?: boolean };

/** A brick's directory: `page` entries a call, at offsets as ext4 gives them. */
function listing(child: RecordingChild, entries: readonly Listed[], page = 3): void {
  const at = (index: number): bigint => (1n << 62n) + BigInt(index) * 977n;
  child.answer('readdirp', ({ offset }) => {
    const start = offset === 0n ? 0 : entries.findIndex((_, index) => at(index) >= offset) + 1;
    const found = start === 0 && offset !== 0n ? [] : entries.slice(start, start + page);
    return {
      entries: found.map(({ name, dir, linkto, phase1 }, index): DirectoryEntry => {
        const mode = S_IFREG | (phase1 ? 0o3644 : linkto === undefined ? 0o644 : 0o1000);
        const stat = dir ? directoryStat(newGfid()) : fileStat(newGfid(), { mode });
        const xdata = new Dict();
        if (linkto !== undefined || phase1) xdata.setBytes(LINKTO, Buffer.from(linkto ?? 'c1'));
        const type = dir ? 'directory' : 'file';
        return { name, type, ino: 1n, offset: at(start + index), stat, xdata };
      }),
    };
  });
}

function over(lists: readonly (readonly Listed[])[], options: Record<string, string> = {}) {
  const children = lists.map((entries, index) => {
    const child = new RecordingChild(`c${index}`);
    listing(child, entries);
    return child;
  });
  const volume = translatorOver(distributeType, children, options);
  for (const child of children) child.raise({ kind: 'child-up' });
  const { state } = volume.translator as unknown as Distribute;
  const inode = new Inode(newGfid(), 'directory');
  const share = Math.floor(0xffffffff / children.length);
  const entries = state.children.map((child, index) => ({
    child,
    state: 'ok' as const,
    start: index * share + (index > 0 ? 1 : 0),
    stop: index === children.length - 1 ? 0xffffffff : (index + 1) * share,
    commitHash: 1,
  }));
  state.setLayout(inode, new Layout(entries, 1, 0, state.generation));
  const hashed = (name: string): number => {
    const child = state.layoutOf(inode)!.search(state.hash.hash(name));
    return state.children.indexOf(child!);
  };
  return { volume, children, state, inode, fd: new Fd(inode, 0), hashed };
}

async function all({ volume, fd }: ReturnType<typeof over>): Promise<DirectoryEntry[]> {
  const seen: DirectoryEntry[] = [];
  for (let offset = 0n; ; ) {
    const { entries } = await volume.readdirp({ fd, offset, size: 4096 }, context);
    if (entries.length === 0) return seen;
    seen.push(...entries);
    offset = entries.at(-1)!.offset;
  }
}

const files = (prefix: string, count: number): Listed[] =>
  Array.from({ length: count }, (_, index) => ({ name: `${prefix}${index}` }));

describe('a directory of several subvolumes', () => {
  it('shows every file once, and neither linkto files nor the marks of a copy', async () => {
    const scene = over([
      [...files('a', 7), { name: 'gone', linkto: 'c1' }],
      [{ name: 'gone' }, { name: 'moving', phase1: true }, ...files('b', 5)],
      files('c', 1),
    ]);
    const seen = await all(scene);
    const names = seen.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.sort()).toEqual(
      [...files('a', 7), ...files('b', 5), ...files('c', 1), { name: 'gone' }, { name: 'moving' }]
        .map(({ name }) => name)
        .sort(),
    );
    const moving = seen.find(({ name }) => name === 'moving')!;
    expect(moving.stat!.mode & 0o7777).toBe(0o644);
    expect(moving.xdata!.has(LINKTO)).toBe(false);
  });

  it('goes on where it was left at any entry, by another fd too', async () => {
    const scene = over([files('a', 5), files('b', 4), files('c', 6)]);
    const seen = await all(scene);
    expect(seen).toHaveLength(15);
    for (const [index, { offset }] of seen.entries()) {
      const fd = new Fd(scene.inode, 0);
      const { entries } = await scene.volume.readdirp({ fd, offset, size: 4096 }, context);
      expect(entries[0]?.name).toBe(seen[index + 1]?.name);
    }
  });

  it('tells which subvolume has each file, and leaves directories to be looked up', async () => {
    const scene = over([
      [{ name: 'f' }, { name: 'd', dir: true }],
      [{ name: 'd', dir: true }],
      [{ name: 'd', dir: true }],
    ]);
    const seen = await all(scene);
    const file = seen.find(({ name }) => name === 'f')!;
    expect(scene.state.cachedOf(file.inode!)).toBe(scene.state.children[0]);
    const directory = seen.find(({ name }) => name === 'd')!;
    expect(directory.inode).toBeUndefined();
    expect(directory.stat).toMatchObject({ size: 4096, blocks: 8 });
  });

  it('shows a directory where its name hashes to, and on the longest up where that is down', async () => {
    const everywhere = Array.from({ length: 20 }, (_, index) => ({ name: `dir${index}`, dir: true }));
    const scene = over([everywhere, everywhere, everywhere]);
    const seen = await all(scene);
    expect(seen.map(({ name }) => name).sort()).toEqual(everywhere.map(({ name }) => name).sort());
    expect(new Set(everywhere.map(({ name }) => scene.hashed(name))).size).toBe(3);
    scene.children[1]!.raise({ kind: 'child-down' });
    scene.children[1]!.answer('readdirp', () => {
      throw new GlfsError('ENOTCONN');
    });
    const partial = await all({ ...scene, fd: new Fd(scene.inode, 0) });
    expect(partial.map(({ name }) => name).sort()).toEqual(everywhere.map(({ name }) => name).sort());
  });

  it('does not pass over a subvolume that goes down in its midst', async () => {
    const scene = over([files('a', 9), files('b', 9)]);
    const { entries } = await scene.volume.readdirp({ fd: scene.fd, offset: 0n, size: 4096 }, context);
    scene.children[0]!.answer('readdirp', () => {
      throw new GlfsError('ENOTCONN');
    });
    const next = scene.volume.readdirp({ fd: scene.fd, offset: entries.at(-1)!.offset, size: 4096 }, context);
    await expect(next).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  it('is an error where no subvolume could be read', async () => {
    const scene = over([files('a', 1), files('b', 1)]);
    for (const child of scene.children) {
      child.raise({ kind: 'child-down' });
      child.answer('readdirp', () => {
        throw new GlfsError('ENOTCONN');
      });
    }
    const listed = scene.volume.readdirp({ fd: scene.fd, offset: 0n, size: 4096 }, context);
    await expect(listed).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  it('asks for directories once only, where readdir-optimize says so', async () => {
    const scene = over([[{ name: 'd', dir: true }], [{ name: 'd', dir: true }, { name: 'f' }]], {
      'readdir-optimize': 'on',
    });
    expect((await all(scene)).map(({ name }) => name)).toEqual(['d', 'f']);
    const asked = scene.children.map(({ calls }) => {
      const { request } = calls.find(({ fop }) => fop === 'readdirp')!;
      return (request as { xdata: Dict }).xdata.has('readdir-filter-directories');
    });
    expect(asked).toEqual([false, true]);
  });

  it('gives plain names where only they are wanted', async () => {
    const scene = over([files('a', 2), [{ name: 'a0', linkto: 'c0' }]]);
    const { entries } = await scene.volume.readdir({ fd: scene.fd, offset: 0n, size: 4096 }, context);
    expect(entries.map((entry) => Object.keys(entry).sort())).toEqual(
      entries.map(() => ['ino', 'name', 'offset', 'type']),
    );
    expect(entries.map(({ name }) => name)).toEqual(['a0', 'a1']);
  });
});
