import { GlfsError } from '../../../src/errors.ts';
import { type Gfid, gfidKey, gfidToInode, newGfid, ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { emptyIatt, type Iatt, isDirectory, S_IFDIR } from '../../../src/protocol/iatt.ts';

/** A file, directory or link in memory. */
export interface MemoryNode {
  readonly gfid: Gfid;
  readonly stat: Iatt;
  /** Entries of a directory, in order of their making, with their cookies. */
  readonly entries: Map<string, { node: MemoryNode; cookie: bigint }>;
  readonly xattrs: Map<string, Uint8Array>;
  parent: MemoryNode | undefined;
  name: string;
  data: Buffer;
  target: string;
}

const S_IXUSR = 0o100;

/** The tree of one brick: nodes by gfid and by name, with the rules of a POSIX file system about entries. */
export class MemoryTree {
  readonly root: MemoryNode;
  private readonly nodes = new Map<string, MemoryNode>();
  private cookie = 0n;
  private clock = 1_700_000_000n;

  constructor() {
    this.root = this.make(ROOT_GFID, S_IFDIR | 0o755);
    this.root.stat.nlink = 2;
  }

  make(gfid: Gfid, mode: number): MemoryNode {
    const stat = {
      ...emptyIatt(),
      gfid,
      ino: gfidToInode(gfid),
      mode,
      nlink: 1,
      blksize: 4096,
      flags: 0x17ffn,
    };
    const node: MemoryNode = {
      gfid,
      stat,
      entries: new Map(),
      xattrs: new Map(),
      parent: undefined,
      name: '',
      data: Buffer.alloc(0),
      target: '',
    };
    this.touch(node);
    this.nodes.set(gfidKey(gfid), node);
    return node;
  }

  /** @throws GlfsError ESTALE, as bricks have it */
  byGfid(gfid: Gfid): MemoryNode {
    const node = this.nodes.get(gfidKey(gfid));
    if (node === undefined) throw new GlfsError('ESTALE');
    return node;
  }

  child(parent: MemoryNode, name: string): MemoryNode {
    if (!isDirectory(parent.stat)) throw new GlfsError('ENOTDIR');
    const entry = parent.entries.get(name);
    if (entry === undefined) throw new GlfsError('ENOENT');
    return entry.node;
  }

  add(parent: MemoryNode, name: string, node: MemoryNode): void {
    if (parent.entries.has(name)) throw new GlfsError('EEXIST');
    parent.entries.set(name, { node, cookie: ++this.cookie });
    node.parent = parent;
    node.name = name;
    this.touch(parent);
  }

  /** Takes a name away; the node goes with its last one. */
  remove(parent: MemoryNode, name: string): void {
    const node = this.child(parent, name);
    if (node.entries.size > 0) throw new GlfsError('ENOTEMPTY');
    parent.entries.delete(name);
    node.stat.nlink--;
    if (node.stat.nlink <= 0 || isDirectory(node.stat)) this.nodes.delete(gfidKey(node.gfid));
    this.touch(parent);
  }

  move(from: MemoryNode, name: string, to: MemoryNode, newName: string): MemoryNode {
    const node = this.child(from, name);
    const there = to.entries.get(newName)?.node;
    if (there !== undefined) this.remove(to, newName);
    from.entries.delete(name);
    this.add(to, newName, node);
    return node;
  }

  /** The right to search, for the owner and for root: enough to tell who asks. */
  checkSearch(node: MemoryNode, uid: number): void {
    if (uid === 0) return;
    const bits = node.stat.uid === uid ? S_IXUSR : 0o001;
    if ((node.stat.mode & bits) === 0) throw new GlfsError('EACCES');
  }

  resize(node: MemoryNode, size: number): void {
    const data = Buffer.alloc(size);
    node.data.copy(data);
    node.data = data;
    node.stat.size = size;
    node.stat.blocks = Math.ceil(size / 512);
    this.touch(node);
  }

  touch(node: MemoryNode): void {
    this.clock++;
    node.stat.mtime = this.clock;
    node.stat.ctime = this.clock;
  }

  newGfid(): Gfid {
    return newGfid();
  }
}
