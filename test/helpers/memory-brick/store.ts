import { GlfsError } from '../../../src/errors.ts';
import type { Inode, Loc } from '../../../src/graph/index.ts';
import { type Gfid, gfidKey, gfidToInode, ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { emptyIatt, IATT_FLAGS, type Iatt, S_IFDIR, S_IFMT } from '../../../src/protocol/iatt.ts';

/** One inode of a brick. */
export interface Node {
  readonly gfid: Gfid;
  /** Type and permissions. */
  mode: number;
  uid: number;
  gid: number;
  rdev: bigint;
  nlink: number;
  data: Uint8Array;
  /** Of a symlink. */
  target: string;
  atime: bigint;
  mtime: bigint;
  ctime: bigint;
  readonly xattrs: Map<string, Uint8Array>;
  /** Of a directory. */
  readonly entries: Map<string, Entry>;
  parent: Node | undefined;
  /** Open fds. */
  opens: number;
}

export interface Entry {
  readonly node: Node;
  /** Where a listing goes on behind it. */
  readonly offset: bigint;
}

/** The files of one brick: a tree of names, and inodes by gfid. */
export class Store {
  readonly root: Node;
  private readonly nodes = new Map<string, Node>();
  private offsets = 2n;
  private clock = 1_700_000_000n;

  constructor() {
    this.root = this.make(ROOT_GFID, S_IFDIR | 0o755, 0, 0);
    this.root.nlink = 2;
  }

  make(gfid: Gfid, mode: number, uid: number, gid: number): Node {
    const now = ++this.clock;
    const node: Node = {
      gfid: gfid.slice(),
      mode,
      uid,
      gid,
      rdev: 0n,
      nlink: 0,
      data: new Uint8Array(0),
      target: '',
      atime: now,
      mtime: now,
      ctime: now,
      xattrs: new Map(),
      entries: new Map(),
      parent: undefined,
      opens: 0,
    };
    this.nodes.set(gfidKey(gfid), node);
    return node;
  }

  find(gfid: Gfid): Node | undefined {
    return this.nodes.get(gfidKey(gfid));
  }

  /** @throws GlfsError ESTALE */
  byGfid({ gfid }: Inode): Node {
    const node = this.find(gfid);
    if (node === undefined) throw new GlfsError('ESTALE');
    return node;
  }

  /** The parent directory and name of a loc. @throws GlfsError ESTALE, ENOTDIR, EINVAL */
  place({ parent, name }: Loc): { directory: Node; name: string } {
    if (parent === undefined || name === undefined || name === '') throw new GlfsError('EINVAL');
    const directory = this.byGfid(parent);
    if (!isDirectory(directory)) throw new GlfsError('ENOTDIR');
    return { directory, name };
  }

  /** @throws GlfsError ENOENT, EEXIST as `wanted` says. */
  entry(loc: Loc): Node {
    const { directory, name } = this.place(loc);
    const found = directory.entries.get(name);
    if (found === undefined) throw new GlfsError('ENOENT');
    return found.node;
  }

  put(directory: Node, name: string, node: Node): void {
    this.offsets += 1n + (this.offsets % 7n);
    directory.entries.set(name, { node, offset: this.offsets });
    node.nlink += isDirectory(node) ? 2 : 1;
    if (isDirectory(node)) {
      node.parent = directory;
      directory.nlink++;
    }
    this.touch(directory);
  }

  drop(directory: Node, name: string): void {
    const { node } = directory.entries.get(name)!;
    directory.entries.delete(name);
    node.nlink -= isDirectory(node) ? 2 : 1;
    if (isDirectory(node)) directory.nlink--;
    if (node.nlink <= 0) this.nodes.delete(gfidKey(node.gfid));
    this.touch(directory);
  }

  touch(node: Node): void {
    node.mtime = node.ctime = ++this.clock;
  }

  changed(node: Node): void {
    node.ctime = ++this.clock;
  }

  /** Path of a directory from the root. */
  pathOf(node: Node): string {
    if (node === this.root) return '/';
    const parent = node.parent!;
    const name = [...parent.entries].find(([, entry]) => entry.node === node)![0];
    return parent === this.root ? `/${name}` : `${this.pathOf(parent)}/${name}`;
  }
}

export function isDirectory(node: Node): boolean {
  return (node.mode & S_IFMT) === S_IFDIR;
}

export function statOf(node: Node): Iatt {
  return {
    ...emptyIatt(),
    gfid: node.gfid.slice(),
    flags: IATT_FLAGS,
    ino: gfidToInode(node.gfid),
    rdev: node.rdev,
    mode: node.mode,
    uid: node.uid,
    gid: node.gid,
    nlink: node.nlink,
    size: isDirectory(node) ? 4096 : node.data.length,
    blocks: Math.ceil(node.data.length / 512),
    blksize: 4096,
    atime: node.atime,
    mtime: node.mtime,
    ctime: node.ctime,
  };
}
