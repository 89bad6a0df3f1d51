import type { DirectoryEntry, Fd } from '../../../graph/index.ts';
import { type Dialect, dialect330, type Layout } from '../../../protocol/dialect.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { type Gfid, gfidEquals, ROOT_GFID } from '../../../protocol/gfid.ts';
import { direntOfType, emptyIatt, type FileType, type Iatt, S_IFDIR } from '../../../protocol/iatt.ts';
import type { Answer } from '../../../rpc/index.ts';
import { copyBytes, encodeText, XdrReader, XdrWriter } from '../../../xdr/index.ts';

type AnyReply = Record<string, unknown>;

/** What tells READ and listings that nothing comes behind: ENOENT beside a good `ret`. */
const AT_END = 2;
/** Zeros for the largest reply that has no list: RENAME's five iatts. */
const zeros = new Uint8Array(1024);

const ROOT_INODE = 1n;
const noStat = emptyIatt();
/** Of a directory that no more is known of: the root's `..`. Without the type, distribute takes it for a file of each brick. */
const someDirectory: Iatt = { ...noStat, mode: S_IFDIR };
const emptyReplies = new WeakMap<Layout, AnyReply>();

/** The fields of a failed reply: all zeros, lists empty. */
function emptyReply(layout: Layout): AnyReply {
  let empty = emptyReplies.get(layout);
  if (empty === undefined) {
    empty = layout.reply.decode(new XdrReader(zeros));
    emptyReplies.set(layout, empty);
  }
  return empty;
}

/** What `ret` says beyond success, where it says anything. */
const returned: Partial<Record<FopName, (reply: AnyReply, request: AnyReply) => number>> = {
  readlink: (reply) => encodeText(reply.target as string).length,
  read: (reply) => (reply.data as Uint8Array).length,
  write: (reply, request) => (reply.count as number | undefined) ?? (request.size as number),
  copyFileRange: (reply, request) => (reply.count as number | undefined) ?? (request.size as number),
  getxattr: attributeBytes,
  fgetxattr: attributeBytes,
  readdir: (reply) => (reply.entries as DirectoryEntry[]).length,
  readdirp: (reply) => (reply.entries as DirectoryEntry[]).length,
  getactivelk: (reply) => (reply.locks as unknown[]).length,
};

/** Length of the value that was asked for, or of the list of names with their NULs. */
function attributeBytes(reply: AnyReply, request: AnyReply): number {
  const dict = reply.dict as Dict | undefined;
  if (dict === undefined) return 0;
  if (request.name !== '') return dict.bytes(request.name as string)?.length ?? 0;
  let length = 0;
  for (const name of dict.names()) length += encodeText(name).length + 1;
  return length;
}

const listingEnds = (reply: AnyReply): boolean =>
  reply.eof === true || (reply.entries as DirectoryEntry[]).length === 0;

const atEnd: Partial<Record<FopName, (reply: AnyReply) => boolean>> = {
  read: (reply) => reply.eof === true,
  readdir: listingEnds,
  readdirp: listingEnds,
};

function isIatt(value: unknown): value is Iatt {
  return typeof value === 'object' && value !== null && 'ctimeNsec' in value;
}

function statOfType(type: FileType): Iatt {
  return type === 'directory' ? someDirectory : noStat;
}

/** What lies above a client's root is not its business: with the gfid it would get there. */
function withoutAbove(reply: AnyReply): AnyReply {
  if (reply.entries === undefined) return reply;
  const entries = (reply.entries as DirectoryEntry[]).map((entry) =>
    entry.name === '..' ? { name: '..', type: entry.type, ino: ROOT_INODE, offset: entry.offset } : entry,
  );
  return { ...reply, entries };
}

/** Writes replies of one version of the file program to one client. */
export class ReplyEncoder {
  private readonly writer = new XdrWriter(4096);

  constructor(
    private readonly dialect: Dialect,
    /** What the client takes for the root of the volume, where that is another directory. */
    private readonly rootGfid: () => Gfid | undefined = () => undefined,
  ) {}

  failure(layout: Layout, errno: number): Answer {
    return this.encode(layout, -1, errno, emptyReply(layout), undefined);
  }

  /** @throws GlfsError EINVAL and the like where a translator gave what the wire can't say. */
  success(fop: FopName, layout: Layout, request: object, reply: object): Answer {
    const given = reply as AnyReply;
    const ret = returned[fop]?.(given, request as AnyReply) ?? 0;
    const errno = atEnd[fop]?.(given) === true ? AT_END : 0;
    const fields = this.fieldsOf(fop, layout, this.isOfRoot(request) ? withoutAbove(given) : given);
    const answer = this.encode(layout, ret, errno, fields, given.xdata as Dict | undefined);
    return fop === 'read' && 'result' in answer ? { ...answer, payload: [given.data as Uint8Array] } : answer;
  }

  private fieldsOf(fop: FopName, layout: Layout, reply: AnyReply): AnyReply {
    const fields: AnyReply = { ...emptyReply(layout) };
    for (const name of Object.keys(fields)) {
      const value = reply[name];
      if (value !== undefined) fields[name] = isIatt(value) ? this.iatt(value) : this.plain(value);
      else if (name === 'dict') fields.dict = undefined;
    }
    if (fop === 'read') fields.size = (reply.data as Uint8Array).length;
    if (fop === 'readdir' || fop === 'readdirp')
      fields.entries = this.entries(reply.entries as DirectoryEntry[]);
    return fields;
  }

  /** Is it about the directory that the client has for its root? */
  private isOfRoot(request: object): boolean {
    const root = this.rootGfid();
    const { fd } = request as { fd?: Fd };
    return root !== undefined && fd !== undefined && gfidEquals(fd.inode.gfid, root);
  }

  private plain(value: unknown): unknown {
    return value instanceof Dict ? this.dict(value) : value;
  }

  /** The client's root has the gfid and the inode number of a root, wherever it is. */
  private iatt(stat: Iatt): Iatt {
    const root = this.rootGfid();
    if (root === undefined || !gfidEquals(stat.gfid, root)) return stat;
    return { ...stat, gfid: ROOT_GFID, ino: 1n };
  }

  private entries(entries: readonly DirectoryEntry[]): AnyReply[] {
    return entries.map(({ name, type, ino, offset, stat, xdata }) => ({
      ino,
      offset,
      length: encodeText(name).length,
      type: direntOfType(type),
      name,
      stat: stat === undefined ? statOfType(type) : this.iatt(stat),
      xdata: xdata === undefined ? undefined : this.dict(xdata),
    }));
  }

  /** Version 330 can't say structures; its bricks copied their memory. */
  private dict(dict: Dict): Dict {
    if (this.dialect !== dialect330) return dict;
    return new Dict([...dict].filter(([, { type }]) => type !== 'iatt' && type !== 'mdata'));
  }

  private encode(
    layout: Layout,
    ret: number,
    errno: number,
    fields: AnyReply,
    xdata: Dict | undefined,
  ): Answer {
    const { writer, dialect } = this;
    const known = xdata === undefined ? undefined : this.dict(xdata);
    writer.reset();
    writer.i32(ret);
    writer.i32(errno);
    if (!layout.xdataLast) dialect.dict.encode(writer, known);
    layout.reply.encode(writer, fields);
    if (layout.xdataLast) dialect.dict.encode(writer, known);
    return { result: copyBytes(writer.bytes) };
  }
}
