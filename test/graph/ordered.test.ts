import { describe, expect, it } from 'vitest';
import { Fd, type FopTable, Inode, ordered, RangeOrder, rootContext } from '../../src/graph/index.ts';
import type { FopName } from '../../src/protocol/fops.ts';
import { newGfid } from '../../src/protocol/gfid.ts';
import { emptyIatt } from '../../src/protocol/iatt.ts';
import { OpenFlag, SetattrValid } from '../../src/protocol/messages.ts';
import { RecordingChild } from '../helpers/recording-child.ts';

const context = rootContext();
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A child whose writes hang until told. */
function setUp() {
  const child = new RecordingChild();
  const held: (() => void)[] = [];
  const hold = (fop: FopName) =>
    child.answer(fop, () => new Promise<object>((resolve) => held.push(() => resolve({}))));
  hold('write');
  hold('read');
  const table: FopTable = ordered(child.subvolume);
  const inode = new Inode(newGfid(), 'file');
  const fd = new Fd(inode, OpenFlag.RDWR);
  const write = (offset: number, size: number, on = fd) =>
    table.write({ fd: on, offset, size, flags: 0, data: [new Uint8Array(size)] }, context);
  const read = (offset: number, size: number) => table.read({ fd, offset, size, flags: 0 }, context);
  return { child, table, inode, fd, write, read, held };
}

describe('ordered', () => {
  it('serialises overlapping writes, whatever fd they come by', async () => {
    const { child, write, held, inode } = setUp();
    void write(0, 100);
    void write(50, 100, new Fd(inode, OpenFlag.WRONLY));
    void write(200, 10);
    expect(child.calls.length).toBe(2);
    held[0]!();
    await settled();
    expect(child.calls.length).toBe(3);
  });

  it('treats an append as a write to the whole file', async () => {
    const { child, write, inode, held } = setUp();
    const append = new Fd(inode, OpenFlag.WRONLY | OpenFlag.APPEND);
    void write(0, 10, append);
    void write(0, 10, append);
    void write(1_000_000, 10);
    expect(child.calls.length).toBe(1);
    held[0]!();
    await settled();
    expect(child.calls.length).toBe(2);
  });

  it.each<[FopName, (table: FopTable, fd: Fd, inode: Inode) => Promise<unknown>]>([
    ['fsync', (table, fd) => table.fsync({ fd, datasync: 0 }, context)],
    ['flush', (table, fd) => table.flush({ fd }, context)],
    ['release', (table, fd) => table.release({ fd }, context)],
    ['ftruncate', (table, fd) => table.ftruncate({ fd, offset: 0 }, context)],
    ['truncate', (table, _fd, inode) => table.truncate({ loc: { inode }, offset: 0 }, context)],
    ['discard', (table, fd) => table.discard({ fd, offset: 0, size: 10 }, context)],
    ['zerofill', (table, fd) => table.zerofill({ fd, offset: 0, size: 10 }, context)],
    ['fallocate', (table, fd) => table.fallocate({ fd, flags: 0, offset: 0, size: 10 }, context)],
    ['seek', (table, fd) => table.seek({ fd, offset: 0, what: 0 }, context)],
    ['rchecksum', (table, fd) => table.rchecksum({ fd, offset: 0, size: 10, flags: 0 }, context)],
    ['open', (table, fd, inode) => table.open({ loc: { inode }, fd, flags: OpenFlag.TRUNC }, context)],
    [
      'setattr',
      (table, _fd, inode) =>
        table.setattr({ loc: { inode }, stat: emptyIatt(), valid: SetattrValid.SIZE }, context),
    ],
    [
      'fsetattr',
      (table, fd) => table.fsetattr({ fd, stat: emptyIatt(), valid: SetattrValid.MTIME }, context),
    ],
    [
      'copyFileRange',
      (table, fd) =>
        table.copyFileRange(
          {
            source: fd,
            target: new Fd(new Inode(newGfid()), OpenFlag.RDWR),
            sourceOffset: 0,
            targetOffset: 0,
            size: 10,
            flags: 0,
          },
          context,
        ),
    ],
    [
      'copyFileRange',
      (table, fd) =>
        table.copyFileRange(
          { source: fd, target: fd, sourceOffset: 0, targetOffset: 5, size: 10, flags: 0 },
          context,
        ),
    ],
  ])('%s waits for a write under way', async (fop, call) => {
    const { child, table, fd, inode, write, held } = setUp();
    void write(0, 100);
    const result = call(table, fd, inode);
    await settled();
    expect(child.fops).toEqual(['write']);
    held[0]!();
    await result;
    expect(child.fops).toEqual(['write', fop]);
  });

  it('lets a release wait for reads as well', async () => {
    const { child, table, fd, read, held } = setUp();
    void read(0, 10);
    const released = table.release({ fd }, context);
    await settled();
    expect(child.fops).toEqual(['read']);
    held[0]!();
    await released;
  });

  it('keeps stat, chmod and a plain open out of the queue', async () => {
    const { table, fd, inode, write } = setUp();
    void write(0, 100);
    await table.fstat({ fd }, context);
    await table.setattr({ loc: { inode }, stat: emptyIatt(), valid: SetattrValid.MODE }, context);
    await table.open({ loc: { inode }, fd, flags: OpenFlag.RDWR }, context);
  });

  it("leaves the child's own functions where there is nothing to order", () => {
    const { table, child } = setUp();
    expect(table.lookup).toBe(child.subvolume.lookup);
    expect(table.mkdir).toBe(child.subvolume.mkdir);
  });

  it('goes on ordering across a graph switch when the order is handed over', async () => {
    const order = new RangeOrder();
    const [old, young] = [new RecordingChild(), new RecordingChild()];
    let finish = (): void => {};
    old.answer('write', () => new Promise<object>((resolve) => (finish = () => resolve({}))));
    const fd = new Fd(new Inode(newGfid(), 'file'), OpenFlag.RDWR);
    const request = { fd, offset: 0, size: 1, flags: 0, data: [new Uint8Array(1)] };
    void ordered(old.subvolume, order).write(request, context);
    const second = ordered(young.subvolume, order).write(request, context);
    await settled();
    expect(young.fops).toEqual([]);
    finish();
    await second;
    expect(young.fops).toEqual(['write']);
  });
});
