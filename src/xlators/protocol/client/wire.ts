import { GlfsError, type GlfsErrorDetails } from '../../../errors.ts';
import type { DirectoryEntry, Fd, Loc } from '../../../graph/index.ts';
import type { Dialect, Layout } from '../../../protocol/dialect.ts';
import type { Dict } from '../../../protocol/dict.ts';
import type { Target } from '../../../protocol/fop-row.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import { type Gfid, isNullGfid, NULL_GFID } from '../../../protocol/gfid.ts';
import { typeOfDirent } from '../../../protocol/iatt.ts';
import { encodeText, i32, type XdrReader, type XdrWriter } from '../../../xdr/index.ts';

/** A request of any fop, as the generic path sees it. */
export interface AnyRequest {
  loc?: Loc;
  newLoc?: Loc;
  fd?: Fd;
  source?: Fd;
  target?: Fd;
  xdata?: Dict;
  [argument: string]: unknown;
}

function gfidOf(loc: Loc | undefined): Gfid {
  const gfid = loc?.inode.gfid ?? NULL_GFID;
  if (gfid === NULL_GFID) throw new GlfsError('EINVAL', 'the gfid of the file is not known');
  return gfid;
}

function parentOf(loc: Loc | undefined): { pargfid: Gfid; bname: string } {
  if (loc?.parent === undefined || loc.name === undefined)
    throw new GlfsError('EINVAL', 'no parent and name are given');
  return { pargfid: loc.parent.gfid, bname: loc.name };
}

/** The fields of the wire's request that stand for what a call acts on. */
const targets: Readonly<Record<Target, (request: AnyRequest) => Record<string, unknown>>> = {
  inode: ({ loc }) => ({ gfid: gfidOf(loc) }),
  open: ({ loc }) => ({ gfid: gfidOf(loc) }),
  fd: ({ fd }) => ({ gfid: fd!.inode.gfid }),
  entry: ({ loc }) => parentOf(loc),
  create: ({ loc }) => parentOf(loc),
  // By name: parent and name, the gfid zero or expected. By gfid: no parent, no name.
  lookup: ({ loc }) =>
    loc?.name === undefined || loc.parent === undefined
      ? { gfid: gfidOf(loc), pargfid: NULL_GFID, bname: '' }
      : { gfid: loc.inode.gfid, ...parentOf(loc) },
  link: ({ loc, newLoc }) => {
    const { pargfid, bname } = parentOf(newLoc);
    return { oldgfid: gfidOf(loc), newgfid: pargfid, newbname: bname };
  },
  rename: ({ loc, newLoc }) => {
    const from = parentOf(loc);
    const to = parentOf(newLoc);
    return { oldgfid: from.pargfid, oldbname: from.bname, newgfid: to.pargfid, newbname: to.bname };
  },
  copy: ({ source, target }) => ({ gfid1: source!.inode.gfid, gfid2: target!.inode.gfid }),
  none: () => ({}),
};

/** Numbers of the fds that a request names, by field of the wire. */
export interface FdNumbers {
  fd?: bigint;
  fdIn?: bigint;
  fdOut?: bigint;
}

/** What the table's fields need beside what translators give. */
const derived: Partial<Record<FopName, (request: AnyRequest) => Record<string, unknown>>> = {
  getxattr: ({ name }) => ({ namelen: encodeText(String(name)).length }),
  fgetxattr: ({ name }) => ({ namelen: encodeText(String(name)).length }),
};

/** Writes a request: the fields of the table in order, then xdata. */
export function encodeRequest(
  writer: XdrWriter,
  fop: FopName,
  layout: Layout,
  dialect: Dialect,
  request: AnyRequest,
  numbers: FdNumbers,
): void {
  const target = targets[fops[fop].target](request);
  layout.request.encode(writer, { ...request, ...derived[fop]?.(request), ...target, ...numbers });
  dialect.dict.encode(writer, request.xdata);
}

/** Fops whose `ret` tells how many bytes were taken. Elsewhere it tells nothing that the fields don't. */
const counting: ReadonlySet<number> = new Set([fops.write.procedure, fops.copyFileRange.procedure]);

const status = { ret: i32, errno: i32 };

/**
 * Reads a reply: ret, errno, fields, xdata.
 * @throws GlfsError the error that the brick answered with; EPROTO where the reply does not decode.
 */
export function decodeReply(
  reader: XdrReader,
  layout: Layout,
  dialect: Dialect,
  details: () => GlfsErrorDetails,
): Record<string, unknown> {
  const ret = status.ret.decode(reader);
  const errno = status.errno.decode(reader);
  // Failed replies carry a zeroed structure, except where the brick died at decoding: nothing in it is of use but xdata.
  if (ret < 0) throw GlfsError.fromErrno(errno, details());
  const before = layout.xdataLast ? undefined : dialect.dict.decode(reader);
  const reply = layout.reply.decode(reader);
  const xdata = layout.xdataLast ? dialect.dict.decode(reader) : before;
  reader.finish();
  if (xdata !== undefined) reply.xdata = xdata;
  // Bytes that were taken: maybe fewer than asked for, maybe none.
  if (counting.has(layout.procedure)) reply.count = ret;
  return reply;
}

interface WireEntry {
  ino: bigint;
  offset: bigint;
  type: number;
  name: string;
  stat?: DirectoryEntry['stat'];
  xdata?: Dict;
}

/**
 * Turns the wire's list into entries. A brick that could not stat an entry sends zeros; what is above the root has no gfid.
 * @throws GlfsError EPROTO for what is no name: programs that join names to paths (a copy to a local directory) would
 *   leave the directory that they work in.
 */
export function toDirectoryEntries(entries: readonly WireEntry[]): DirectoryEntry[] {
  return entries.map(({ ino, offset, type, name, stat, xdata }) => {
    if (name === '' || name.includes('/') || name.includes('\0'))
      throw new GlfsError('EPROTO', `a directory entry is named ${JSON.stringify(name)}`);
    const known = stat !== undefined && !isNullGfid(stat.gfid);
    return { name, ino, offset, type: typeOfDirent(type), stat: known ? stat : undefined, xdata };
  });
}
