import { type FopName, fops } from '../protocol/fops.ts';
import { gfidEquals } from '../protocol/gfid.ts';
import { OpenFlag, SetattrValid } from '../protocol/messages.ts';
import type { CallContext } from './context.ts';
import type { FopTable, Request } from './fop-types.ts';
import type { Inode } from './inode.ts';
import { type RangeKind, RangeOrder } from './ordering.ts';

/** Bytes that an append may touch: it lands at an end of the file that only the brick knows. */
const WHOLE = Number.POSITIVE_INFINITY;

/**
 * Calls whose kind is the same for every request, on the whole file. FLUSH and LK wait for earlier writes so that whoever
 * comes next, on whichever client, finds them at the brick.
 */
const simple: Partial<Record<FopName, RangeKind>> = {
  truncate: 'barrier',
  ftruncate: 'barrier',
  fsync: 'drain',
  flush: 'drain',
  lk: 'drain',
  // Fd numbers are reused at the brick: a call that is overtaken by its RELEASE would hit another file.
  release: 'settle',
};

/** Calls on the range that their request names. */
const ranged: Partial<Record<FopName, RangeKind>> = {
  rchecksum: 'read',
  fallocate: 'write',
  discard: 'write',
  zerofill: 'write',
};

/**
 * The operations of `top` with RULE 8 upon them: calls of one inode that overlap are put in order, all others are `top`'s
 * own functions. `order` outlives graphs: hand over the same one at a graph switch, because calls may still be under way.
 */
export function ordered(top: FopTable, order: RangeOrder = new RangeOrder()): FopTable {
  const table: FopTable = { ...top };
  for (const [fop, kind] of Object.entries(simple)) wrapSimple(table, top, fop as FopName, kind, order);
  for (const [fop, kind] of Object.entries(ranged)) wrapRanged(table, top, fop as FopName, kind, order);

  table.read = (request, context) =>
    order.run(
      request.fd.inode,
      'read',
      request.offset,
      request.size,
      () => top.read(request, context),
      context,
    );
  table.write = (request, context) => {
    const append = (request.fd.flags & OpenFlag.APPEND) !== 0;
    const offset = append ? 0 : request.offset;
    const size = append ? WHOLE : request.size;
    return order.run(request.fd.inode, 'write', offset, size, () => top.write(request, context), context);
  };
  // Where data or a hole begins depends on all writes behind the offset.
  table.seek = (request, context) =>
    order.run(request.fd.inode, 'read', request.offset, WHOLE, () => top.seek(request, context), context);

  table.open = (request, context) => {
    const open = () => top.open(request, context);
    if ((request.flags & OpenFlag.TRUNC) === 0) return open();
    return order.run(request.loc.inode, 'barrier', 0, WHOLE, open, context);
  };
  table.setattr = (request, context) =>
    setAttributes(order, request.loc.inode, request.valid, () => top.setattr(request, context), context);
  table.fsetattr = (request, context) =>
    setAttributes(order, request.fd.inode, request.valid, () => top.fsetattr(request, context), context);

  table.copyFileRange = (request, context) => copyFileRange(order, request, top, context);
  return table;
}

function setAttributes<T>(
  order: RangeOrder,
  inode: Inode,
  valid: number,
  set: () => Promise<T>,
  context: CallContext,
): Promise<T> {
  if ((valid & SetattrValid.SIZE) !== 0) return order.run(inode, 'barrier', 0, WHOLE, set, context);
  // A write that lands later would overwrite the times.
  const times = (valid & (SetattrValid.ATIME | SetattrValid.MTIME)) !== 0;
  return times ? order.run(inode, 'drain', 0, WHOLE, set, context) : set();
}

function copyFileRange(
  order: RangeOrder,
  request: Request<'copyFileRange'>,
  top: FopTable,
  context: CallContext,
): ReturnType<FopTable['copyFileRange']> {
  const { source, target, sourceOffset, targetOffset, size } = request;
  const copy = () => top.copyFileRange(request, context);
  if (gfidEquals(source.inode.gfid, target.inode.gfid)) {
    const start = Math.min(sourceOffset, targetOffset);
    const length = Math.max(sourceOffset, targetOffset) + size - start;
    return order.run(target.inode, 'write', start, length, copy, context);
  }
  const claims = [
    { inode: source.inode, kind: 'read', offset: sourceOffset, size },
    { inode: target.inode, kind: 'write', offset: targetOffset, size },
  ] as const;
  return order.runAll(claims, copy, context);
}

/* The tables above are by name, so the types of requests meet here. */
type AnyFop = (request: object, context: CallContext) => Promise<unknown>;

function wrapSimple(table: FopTable, top: FopTable, fop: FopName, kind: RangeKind, order: RangeOrder): void {
  const next = top[fop] as unknown as AnyFop;
  const inodeOf = fops[fop].target === 'fd' ? inodeOfFd : inodeOfLoc;
  const wrapped: AnyFop = (request, context) =>
    order.run(inodeOf(request), kind, 0, WHOLE, () => next(request, context), context);
  Object.assign(table, { [fop]: wrapped });
}

function wrapRanged(table: FopTable, top: FopTable, fop: FopName, kind: RangeKind, order: RangeOrder): void {
  const next = top[fop] as unknown as AnyFop;
  const wrapped: AnyFop = (request, context) => {
    const { fd, offset, size } = request as Request<'discard'>;
    return order.run(fd.inode, kind, offset, size, () => next(request, context), context);
  };
  Object.assign(table, { [fop]: wrapped });
}

function inodeOfFd(request: object): Inode {
  return (request as Request<'fsync'>).fd.inode;
}

function inodeOfLoc(request: object): Inode {
  return (request as Request<'truncate'>).loc.inode;
}
