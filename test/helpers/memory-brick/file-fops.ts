import { GlfsError } from '../../../src/errors.ts';
import type { DirectoryEntry, Reply, Request } from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { type Iatt, typeOfMode } from '../../../src/protocol/iatt.ts';
import { SetattrValid, XattropFlag } from '../../../src/protocol/messages.ts';
import { marks } from '../../../src/xlators/cluster/distribute/names.ts';
import { isDirectory, type Node, type Store, statOf } from './store.ts';
import { attributesFor, listXattrs, setXattrs, withIatt } from './xdata.ts';

type PreAndPost = { prestat: Iatt; poststat: Iatt };

function around(node: Node, change: () => void): PreAndPost {
  const prestat = statOf(node);
  change();
  return { prestat, poststat: statOf(node) };
}

export function resize(store: Store, node: Node, size: number): PreAndPost {
  return around(node, () => {
    const data = new Uint8Array(size);
    data.set(node.data.subarray(0, size));
    node.data = data;
    store.touch(node);
  });
}

export function write(store: Store, node: Node, request: Request<'write'>): Reply<'write'> {
  return around(node, () => {
    const end = Math.max(node.data.length, request.offset + request.size);
    const data = new Uint8Array(end);
    data.set(node.data);
    let at = request.offset;
    for (const part of request.data) {
      data.set(part, at);
      at += part.length;
    }
    node.data = data;
    store.touch(node);
  });
}

export function read(node: Node, { offset, size, into }: Request<'read'>): Reply<'read'> {
  const found = node.data.slice(offset, offset + size);
  const data = into === undefined ? found : into.subarray(0, found.length);
  if (into !== undefined) data.set(found);
  return { stat: statOf(node), data, eof: offset + size >= node.data.length };
}

export function setattr(store: Store, node: Node, stat: Iatt, valid: number): PreAndPost {
  return around(node, () => {
    if (valid & SetattrValid.MODE) node.mode = (node.mode & ~0o7777) | (stat.mode & 0o7777);
    if (valid & SetattrValid.UID) node.uid = stat.uid;
    if (valid & SetattrValid.GID) node.gid = stat.gid;
    store.changed(node);
    if (valid & SetattrValid.ATIME) node.atime = stat.atime;
    if (valid & SetattrValid.MTIME) node.mtime = stat.mtime;
  });
}

export function setxattr(
  store: Store,
  node: Node,
  dict: Dict | undefined,
  xdata: Dict | undefined,
): { xdata: Dict } {
  setXattrs(store, node, dict, xdata);
  return { xdata: withIatt(node) };
}

export function getxattr(store: Store, node: Node, name: string): Reply<'getxattr'> {
  const stats = { prestat: statOf(node), poststat: statOf(node) };
  if (name === '') return { dict: listXattrs(node), ...stats };
  if (name === marks.ancestryPath.name && isDirectory(node)) {
    return { dict: new Dict().set(marks.ancestryPath, store.pathOf(node)), ...stats };
  }
  const value = node.xattrs.get(name);
  if (value === undefined) throw new GlfsError('ENODATA');
  return { dict: new Dict().setBytes(name, value.slice()), ...stats };
}

export function removexattr(store: Store, node: Node, name: string): { xdata: Dict } {
  if (!node.xattrs.delete(name)) throw new GlfsError('ENODATA');
  store.changed(node);
  return { xdata: withIatt(node) };
}

/** ADD_ARRAY on arrays of i32, big-endian; a missing attribute counts as zeros. */
export function xattrop(node: Node, operation: number, dict: Dict | undefined): Reply<'xattrop'> {
  if (operation !== XattropFlag.ADD_ARRAY) throw new GlfsError('EOPNOTSUPP');
  const result = new Dict();
  for (const name of dict?.names() ?? []) {
    const added = dict!.bytes(name)!;
    const sum = Buffer.alloc(added.length);
    const before = node.xattrs.get(name);
    if (before !== undefined) sum.set(before.subarray(0, sum.length));
    const addend = Buffer.from(added);
    for (let at = 0; at + 4 <= sum.length; at += 4) {
      sum.writeInt32BE((sum.readInt32BE(at) + addend.readInt32BE(at)) | 0, at);
    }
    node.xattrs.set(name, new Uint8Array(sum));
    result.setBytes(name, new Uint8Array(sum));
  }
  return { dict: result, prestat: statOf(node), poststat: statOf(node) };
}

/** Bytes that an entry takes of the size asked for, beside its name. */
const ENTRY_BYTES = 24;

/** `.` and `..` have the offsets 1 and 2; entries follow in the order of their making. */
export function list(
  store: Store,
  node: Node,
  { offset, size, xdata }: Request<'readdirp'>,
  plus: boolean,
): { entries: DirectoryEntry[] } {
  if (!isDirectory(node)) throw new GlfsError('ENOTDIR');
  const all: [string, Node, bigint][] = [
    ['.', node, 1n],
    ['..', node.parent ?? store.root, 2n],
    ...[...node.entries].map(([name, entry]): [string, Node, bigint] => [name, entry.node, entry.offset]),
  ];
  const entries: DirectoryEntry[] = [];
  let used = 0;
  for (const [name, child, at] of all.filter(([, , at]) => at > offset)) {
    used += ENTRY_BYTES + name.length;
    if (used > size && entries.length > 0) break;
    const stat = statOf(child);
    const entry: DirectoryEntry = { name, type: typeOfMode(stat.mode), ino: stat.ino, offset: at };
    entries.push(plus ? { ...entry, stat, xdata: attributesFor(child, xdata) } : entry);
  }
  return { entries };
}
