import { afterEach, describe, expect, test } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import { type DirectoryEntry, Fd, Inode, rootContext, type Subvolume } from '../../../../src/graph/index.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { has } from '../../../../src/xlators/cluster/children.ts';
import { type Listing, listPart } from '../../../../src/xlators/cluster/listing.ts';
import { parts } from '../../../../src/xlators/cluster/replicate/fops.ts';
import { readOne } from '../../../../src/xlators/cluster/replicate/reading.ts';
import { newGfid, ReplicaCopies } from '../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../helpers/wait.ts';

let set: ReplicaCopies;
afterEach(() => set[Symbol.asyncDispose]());

const context = rootContext();
const NAMES = Array.from({ length: 12 }, (_, index) => `file-${index}`);
/** Room for a few entries at a time. */
const SMALL = 300;

async function start(options: Record<string, string> = {}, text = ''): Promise<Fd> {
  set = await ReplicaCopies.start({ 'read-subvolume-index': '1', ...options });
  const gfid = newGfid();
  for (const copy of set.copies) await copy.mkdir('d', gfid);
  for (const name of NAMES) {
    const file = newGfid();
    await Promise.all(set.copies.map((copy) => copy.create(`d/${name}`, file, text)));
  }
  return opened(new Inode(gfid, 'directory'));
}

async function opened(inode: Inode): Promise<Fd> {
  const fd = new Fd(inode, 0);
  for (const { child } of set.copies) await child.opendir({ loc: { inode }, fd }, context);
  return fd;
}

async function part(fd: Fd, offset: bigint, size = SMALL): Promise<DirectoryEntry[]> {
  const { entries } = await parts.readdir(set.state, { fd, offset, size }, context);
  return entries;
}

/** Names in the order in which they come; `between` runs after the first part. */
async function listed(fd: Fd, between?: () => Promise<void>): Promise<string[]> {
  const names: string[] = [];
  let offset = 0n;
  for (let parts = 0; ; parts++) {
    if (parts === 1) await between?.();
    const entries = await part(fd, offset);
    if (entries.length === 0) return names.filter((name) => name !== '.' && name !== '..');
    names.push(...entries.map(({ name }) => name));
    offset = entries.at(-1)!.offset;
  }
}

async function lose(index: number): Promise<void> {
  await set.bricks[index]!.kill();
  await waitUntil(() => !has(set.state.up, index), { what: 'the loss of a copy' });
}

describe('a listing', () => {
  test('stays on one copy, whatever copies come to be readable', async () => {
    const fd = await start();
    const names = await listed(fd, async () => set.state.accuse(fd.inode, 'data', 0b010));
    expect(names.sort()).toEqual([...NAMES].sort());
    const elsewhere = async (): Promise<number> => {
      const [first, , third] = await Promise.all(set.bricks.map((brick) => brick.counts()));
      return (first!.readdir ?? 0) + (third!.readdir ?? 0);
    };
    expect(await elsewhere()).toBe(0);
    // The next one doesn't begin there.
    await part(fd, 0n);
    expect(await elsewhere()).toBe(1);
  });

  test('goes on at another copy although its own ended with dots, which the caller has left out', async () => {
    const fd = await start();
    const entry = (name: string, offset: bigint): DirectoryEntry => ({
      ino: 1n,
      offset,
      type: 'unknown',
      name,
    });
    const call = async (child: Subvolume, at: bigint): Promise<{ entries: DirectoryEntry[] }> => {
      if (child !== set.state.children[1]) return { entries: [entry('two', 7n), entry('one', 8n)] };
      if (at > 0n) throw new GlfsError('ENOTCONN', 'lost');
      return { entries: [entry('one', 1n), entry('.', 2n), entry('..', 3n)] };
    };
    const listing: Listing<{ entries: DirectoryEntry[] }> = {
      fd,
      call,
      first: (read) => readOne(set.state, { kind: 'data', inode: fd.inode, fd, read }, context),
      require: () => {},
      isVisible: () => true,
    };
    await listPart(set.state, listing, 0n, context);
    set.state.accuse(fd.inode, 'data', 0b010);
    const { reply } = await listPart(set.state, listing, 1n, context);
    expect(reply.entries.map(({ name }) => name)).toEqual(['two']);
  });

  test('goes on at another copy where its own is lost: each name once', async () => {
    const fd = await start();
    const names = await listed(fd, () => lose(1));
    expect(names.sort()).toEqual([...NAMES].sort());
  });

  test('goes on after its copy has broken in the middle of an answer', async () => {
    const fd = await start();
    const names = await listed(fd, async () => {
      await set.bricks[1]!.fault({ fop: 'readdir', action: 'truncate' });
    });
    expect(names.sort()).toEqual([...NAMES].sort());
  });

  test('does not go on elsewhere from an offset in its past', async () => {
    const fd = await start();
    const [first, , third] = await part(fd, 0n, 2000);
    expect(third).toBeDefined();
    await lose(1);
    await expect(part(fd, first!.offset)).rejects.toMatchObject({ code: 'ENOTCONN' });
    // From its start it does.
    expect(await part(fd, 0n)).not.toEqual([]);
  });

  test('is refused where all are accused and one is away: that may have names which the others lack', async () => {
    const fd = await start();
    for (const index of [0, 1, 2]) await set.copies[index]!.accuse('d', [0, 1, 2], { entry: 1 });
    expect(await part(fd, 0n)).not.toEqual([]);
    await lose(2);
    await expect(part(fd, 0n)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('does not take an offset of the copy that is lost for one of its heir', async () => {
    const fd = await start();
    const before = await part(fd, 0n, 1000);
    await lose(1);
    await part(fd, before.at(-1)!.offset);
    await expect(part(fd, before[0]!.offset)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('is by a copy that has all names', async () => {
    const fd = await start();
    await set.copies[1]!.unlink('d/file-7');
    await set.missed([1], 'd', ['file-7']);
    expect((await listed(fd)).sort()).toEqual([...NAMES].sort());
  });

  test('of the root leaves out what is replicate’s own', async () => {
    await start();
    const gfids = [newGfid(), newGfid(), newGfid()];
    for (const copy of set.copies) {
      await copy.mkdir('.landfill', gfids[0]!);
      await copy.mkdir('.glusterfs-anonymous-inode-x', gfids[1]!);
      await copy.mkdir('d/.landfill', gfids[2]!);
    }
    const root = new Inode(ROOT_GFID, 'directory');
    expect(await listed(await opened(root))).toEqual(['d']);
    expect(await listed(await opened(await set.copies[0]!.lookup('d')))).toContain('.landfill');
  });
});

describe('attributes in a listing', () => {
  async function sizes(fd: Fd): Promise<Map<string, number | undefined>> {
    const { entries } = await parts.readdirp(set.state, { fd, offset: 0n, size: 100_000 }, context);
    return new Map(entries.map(({ name, stat }) => [name, stat?.size]));
  }

  async function lookup(name: string): Promise<void> {
    const parent = await set.copies[0]!.lookup('d');
    await parts.lookup(set.state, { loc: { inode: new Inode(), parent, name }, flags: 0 }, context);
  }

  test('are there while nothing is to be healed', async () => {
    const fd = await start({}, 'text');
    const seen = await sizes(fd);
    expect(NAMES.map((name) => seen.get(name))).toEqual(NAMES.map(() => 4));
  });

  test('are left out where the copy has been away, and what it missed may not be marked yet', async () => {
    const fd = await start({}, 'text');
    await lookup('file-3');
    await lookup('file-4');
    await lookup('file-5');
    const { state } = set;
    state.accuse(await set.copies[0]!.lookup('d/file-3'), 'data', 0b010);
    state.file(await set.copies[0]!.lookup('d/file-5')).unmark({ kind: 'data', children: 0b010 });
    // It is back: all must be asked again, and no brick has anything to heal.
    state.generation++;
    const seen = await sizes(fd);
    const [third, fourth, fifth] = [3, 4, 5].map((number) => seen.get(`file-${number}`));
    expect([third, fourth, fifth]).toEqual([undefined, 4, undefined]);
  });

  test('are left out where the copy is known to be behind', async () => {
    const fd = await start({}, 'text');
    await lookup('file-3');
    await lookup('file-4');
    set.state.accuse(await set.copies[0]!.lookup('d/file-3'), 'data', 0b010);
    const seen = await sizes(fd);
    expect(seen.get('file-3')).toBeUndefined();
    expect(seen.has('file-3')).toBe(true);
    expect(seen.get('file-4')).toBe(4);
  });

  test('are left out of files that nobody has looked at once anything is to be healed', async () => {
    const fd = await start({}, 'text');
    await lookup('file-4');
    await set.copies[0]!.accuse('d/file-3', [1], { data: 1 });
    // Whoever looks at anything learns of it.
    await lookup('file-5');
    const seen = await sizes(fd);
    expect(seen.get('file-3')).toBeUndefined();
    expect(seen.get('file-6')).toBeUndefined();
    expect(seen.get('file-4')).toBe(4);
    expect(seen.size).toBe(NAMES.length + 2);
  });

  test('with consistent-metadata come only from the copy that the file is read from', async () => {
    const fd = await start(
      {
        'consistent-metadata': 'on',
        'read-subvolume-index': '-1',
        'choose-local': 'off',
      },
      'text',
    );
    for (const name of NAMES) await lookup(name);
    const count = [...(await sizes(fd)).values()].filter((size) => size === 4).length;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(NAMES.length);
  });
});
