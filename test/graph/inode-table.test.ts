import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GraphEvent, Inode, InodeTable } from '../../src/graph/index.ts';
import { type Gfid, gfidToString, newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { directoryStat, fileStat } from '../helpers/recording-child.ts';

function clock() {
  const state = { time: 1000, now: () => state.time };
  return state;
}

function link(table: InodeTable, gfid: Gfid = newGfid()): Inode {
  return table.link(new Inode(), fileStat(gfid));
}

describe('InodeTable', () => {
  it('knows the root from the start and never lets it go', () => {
    const table = new InodeTable({ limit: 1 });
    for (let count = 0; count < 20; count++) link(table);
    expect(table.get(ROOT_GFID)).toBe(table.root);
    expect(table.root.type).toBe('directory');
  });

  it('has one object for a gfid, and what was learnt on a fresh one belongs to both', () => {
    const table = new InodeTable();
    const gfid = newGfid();
    const owner = {};
    const first = link(table, gfid);
    first.set(owner, 'old');
    const fresh = new Inode();
    fresh.set(owner, 'new');
    const linked = table.link(fresh, directoryStat(gfid));
    expect(linked).toBe(first);
    expect(linked.get(owner)).toBe('new');
    expect(linked.type).toBe('directory');
    // An fd that was made on the fresh object goes on with the same knowledge.
    linked.set(owner, 'newest');
    expect(fresh.get(owner)).toBe('newest');
    expect(fresh.gfid).toEqual(gfid);
  });

  it('says ESTALE where a known inode turns out to be another file', () => {
    const table = new InodeTable();
    const inode = link(table);
    table.dentries.remember(ROOT_GFID, 'a', inode.gfid);
    expect(() => table.link(inode, fileStat(newGfid()))).toThrow(expect.objectContaining({ code: 'ESTALE' }));
    expect(table.find(table.root, 'a')).toBeUndefined();
  });

  it('refuses a reply without a gfid', () => {
    const reply = fileStat(new Uint8Array(16));
    expect(() => new InodeTable().link(new Inode(), reply)).toThrow(expect.objectContaining({ code: 'EIO' }));
  });

  it('evicts the least recently used, and no pinned one', () => {
    const table = new InodeTable({ limit: 4 });
    const [a, b, c] = [link(table), link(table), link(table)];
    b.pins++;
    table.get(a.gfid);
    const [d, e] = [link(table), link(table)];
    expect(table.get(c.gfid), 'the oldest without a pin').toBeUndefined();
    expect(table.get(b.gfid)).toBe(b);
    expect(table.get(e.gfid)).toBe(e);
    expect(table.size).toBe(4);
    b.pins--;
    for (let count = 0; count < 4; count++) link(table);
    expect(table.get(b.gfid), 'unpinned, it goes as others do').toBeUndefined();
    expect(table.get(d.gfid)).toBeUndefined();
  });

  it('stays within its limit for any history, and never loses a pinned inode', () => {
    const step = fc.record({ gfid: fc.nat(40), pin: fc.constantFrom(-1, 0, 0, 0, 1) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 200 }), (limit, steps) => {
        const table = new InodeTable({ limit });
        const pinned = new Map<number, Inode>();
        for (const { gfid, pin } of steps) {
          const bytes = new Uint8Array(16).fill(gfid + 2);
          const inode = table.link(new Inode(), fileStat(bytes));
          expect(table.get(bytes)).toBe(inode);
          if (pin > 0) {
            inode.pins = 1;
            pinned.set(gfid, inode);
          } else if (pin < 0) {
            inode.pins = 0;
            pinned.delete(gfid);
          }
          for (const [, kept] of pinned) expect([...table]).toContain(kept);
        }
        // The pinned ones and the root may fill it beyond its limit; each insertion then makes room again.
        for (let count = 0; count < 60; count++) link(table);
        expect(table.size).toBeLessThanOrEqual(limit + pinned.size + 1 + 8);
      }),
      { numRuns: 200 },
    );
  });

  describe('names', () => {
    function setUp() {
      const time = clock();
      const table = new InodeTable({ now: time.now, dentryTtl: 500 });
      const directory = table.link(new Inode(), directoryStat(newGfid()));
      const file = table.linkEntry(directory, 'name', new Inode(), fileStat(newGfid()));
      return { time, table, directory, file };
    }

    it('are believed for a while, measured by the given clock', () => {
      const { time, table, directory, file } = setUp();
      time.time += 499;
      expect(table.find(directory, 'name')).toBe(file);
      time.time += 1;
      expect(table.find(directory, 'name')).toBeUndefined();
      expect(table.dentries.size).toBe(0);
    });

    it('are forgotten after unlink and follow a rename', () => {
      const { table, directory, file } = setUp();
      table.renameEntry(directory, 'name', table.root, 'other', file);
      expect(table.find(directory, 'name')).toBeUndefined();
      expect(table.find(table.root, 'other')).toBe(file);
      table.unlinkEntry(table.root, 'other');
      expect(table.find(table.root, 'other')).toBeUndefined();
    });

    it('are forgotten when their file is', () => {
      const { table, directory, file } = setUp();
      table.forget(file);
      expect(table.find(directory, 'name')).toBeUndefined();
      expect(table.get(file.gfid)).toBeUndefined();
    });

    it('never serve an inode that was evicted', () => {
      const time = clock();
      const table = new InodeTable({ limit: 2, now: time.now });
      table.linkEntry(table.root, 'name', new Inode(), fileStat(newGfid()));
      link(table);
      expect(table.find(table.root, 'name')).toBeUndefined();
    });

    it.each<[string, (gfids: { file: Gfid; directory: Gfid }) => Partial<GraphEvent>, boolean]>([
      ['the file changed', ({ file }) => ({ gfid: file, flags: 0x01 }), false],
      ['the directory changed', ({ directory }) => ({ gfid: directory, flags: 0x10 }), false],
      [
        'the directory lost an entry',
        ({ directory }) => ({ gfid: newGfid(), flags: 0x80, parent: directoryStat(directory) }),
        false,
      ],
      [
        'a file moved out of the directory',
        ({ directory }) => ({ gfid: newGfid(), flags: 0x80, oldParent: directoryStat(directory) }),
        false,
      ],
      ['somebody read the file', ({ file }) => ({ gfid: file, flags: 0x20 }), true],
      ['another file changed', () => ({ gfid: newGfid(), flags: 0x01 }), true],
    ])('upcall: %s', (_title, event, stays) => {
      const { table, directory, file } = setUp();
      const details = event({ file: file.gfid, directory: directory.gfid });
      table.onEvent({ kind: 'cache-invalidation', expiresIn: 60, ...details } as GraphEvent);
      expect(table.find(directory, 'name') === file).toBe(stays);
    });

    it('are bounded in number, and the indexes with them', () => {
      const table = new InodeTable({ limit: 10 });
      for (let count = 0; count < 100; count++) table.dentries.remember(ROOT_GFID, `n${count}`, newGfid());
      expect(table.dentries.size).toBe(10);
      table.dentries.forgetNamesIn(ROOT_GFID);
      expect(table.dentries.size).toBe(0);
    });
  });

  it("forgets at a graph switch what the old graph's translators knew, and asks for names again", () => {
    const table = new InodeTable();
    const [old, other] = [{}, {}];
    const inode = table.linkEntry(table.root, 'name', new Inode(), fileStat(newGfid()));
    inode.set(old, 1);
    inode.set(other, 2);
    table.forgetAll(new Set([old]));
    expect([inode.get(old), inode.get(other)]).toEqual([undefined, 2]);
    expect(table.find(table.root, 'name')).toBeUndefined();
    expect(table.get(inode.gfid), gfidToString(inode.gfid)).toBe(inode);
  });
});
