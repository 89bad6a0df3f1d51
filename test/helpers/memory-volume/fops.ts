import { GlfsError } from '../../../src/errors.ts';
import type { CallContext, Fd, Loc, Reply, Request } from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import type { FopName } from '../../../src/protocol/fops.ts';
import { type Iatt, isDirectory, S_IFDIR, S_IFLNK, S_IFREG, typeOfMode } from '../../../src/protocol/iatt.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { LockType, OpenFlag, SeekWhat, SetattrValid } from '../../../src/protocol/messages.ts';
import { MemoryLocks } from './locks.ts';
import { type MemoryNode, MemoryTree } from './tree.ts';

type Fops = { [K in FopName]: (request: Request<K>, context: CallContext) => Reply<K> | Promise<Reply<K>> };

const NOTHING = {};

/** The file operations of a brick in memory. */
export class MemoryFops {
  readonly tree = new MemoryTree();
  readonly locks = new MemoryLocks();
  /** Fds that a brick would have open. */
  readonly opened = new Set<Fd>();
  /** Entries that one READDIR answers with at most. */
  batch = 100;
  /** Bytes that one WRITE takes at most. */
  mostBytes = Number.POSITIVE_INFINITY;

  private at(loc: Loc): MemoryNode {
    return this.tree.byGfid(loc.inode.gfid);
  }
  private parent(loc: Loc, context: CallContext): MemoryNode {
    const node = this.tree.byGfid(loc.parent!.gfid);
    this.tree.checkSearch(node, context.uid);
    return node;
  }
  /** An fd keeps its file, whatever becomes of its names. */
  private readonly files = new WeakMap<Fd, MemoryNode>();
  private of(fd: Fd): MemoryNode {
    const node = this.files.get(fd) ?? this.tree.byGfid(fd.inode.gfid);
    if (!fd.anonymous && !this.opened.has(fd)) throw new GlfsError('EBADF');
    return node;
  }

  private make(
    request: Request<'mkdir'> | Request<'create'>,
    context: CallContext,
    bits: number,
  ): MemoryNode {
    const gfid = request.xdata?.get(keys.gfidRequest);
    if (gfid === undefined) throw new GlfsError('EINVAL', 'no gfid');
    const parent = this.parent(request.loc, context);
    if (parent.entries.has(request.loc.name!)) throw new GlfsError('EEXIST');
    const node = this.tree.make(gfid, bits | (request.mode & ~request.umask & 0o7777));
    node.stat.uid = context.uid;
    node.stat.gid = context.gid;
    this.tree.add(parent, request.loc.name!, node);
    return node;
  }

  private made(node: MemoryNode) {
    const parent = { ...node.parent!.stat };
    return { stat: { ...node.stat }, preparent: parent, postparent: parent };
  }

  private changing(node: MemoryNode, change: () => void) {
    const prestat = { ...node.stat };
    change();
    return { prestat, poststat: { ...node.stat } };
  }

  private write({ fd, offset, data }: Request<'write'>) {
    const node = this.of(fd);
    const bytes = Buffer.concat(data as Uint8Array[]);
    const count = Math.min(bytes.length, this.mostBytes);
    const at = (fd.flags & OpenFlag.APPEND) !== 0 ? node.data.length : offset;
    const change = this.changing(node, () => {
      if (at + count > node.data.length) this.tree.resize(node, at + count);
      bytes.copy(node.data, at, 0, count);
      this.tree.touch(node);
    });
    return { ...change, count };
  }

  private setattr(node: MemoryNode, stat: Iatt, valid: number) {
    return this.changing(node, () => {
      if (valid & SetattrValid.MODE) node.stat.mode = (node.stat.mode & ~0o7777) | (stat.mode & 0o7777);
      if (valid & SetattrValid.UID) node.stat.uid = stat.uid;
      if (valid & SetattrValid.GID) node.stat.gid = stat.gid;
      if (valid & SetattrValid.ATIME)
        Object.assign(node.stat, { atime: stat.atime, atimeNsec: stat.atimeNsec });
      if (valid & SetattrValid.MTIME)
        Object.assign(node.stat, { mtime: stat.mtime, mtimeNsec: stat.mtimeNsec });
    });
  }

  private getxattr(node: MemoryNode, name: string) {
    const dict = new Dict();
    if (name === 'glusterfs.ancestry.path') dict.setBytes(name, Buffer.from(`${pathOf(node)}\0`));
    else if (name !== '' && !node.xattrs.has(name)) throw new GlfsError('ENODATA');
    for (const [key, value] of node.xattrs) if (name === '' || key === name) dict.setBytes(key, value);
    return { dict, prestat: node.stat, poststat: node.stat };
  }

  private setxattr(node: MemoryNode, dict: Dict | undefined, flags: number) {
    for (const name of dict!.names()) {
      if (flags === 1 && node.xattrs.has(name)) throw new GlfsError('EEXIST');
      if (flags === 2 && !node.xattrs.has(name)) throw new GlfsError('ENODATA');
      node.xattrs.set(name, dict!.bytes(name)!.slice());
    }
    return NOTHING;
  }

  private removexattr(node: MemoryNode, name: string) {
    if (!node.xattrs.delete(name)) throw new GlfsError('ENODATA');
    return NOTHING;
  }

  private list({ fd, offset }: Request<'readdir'>, plus: boolean) {
    const node = this.of(fd);
    const self = (name: string, of: MemoryNode, at: bigint) => ({
      name,
      type: 'directory' as const,
      ino: of.stat.ino,
      offset: at,
    });
    // Cookies of children begin at 1 and count up: shifted by two, so that `.` and `..` fit in front.
    const all = [
      self('.', node, 1n),
      self('..', node.parent ?? node, 2n),
      ...[...node.entries].map(([name, { node: child, cookie }]) => ({
        name,
        type: typeOfMode(child.stat.mode),
        ino: child.stat.ino,
        offset: cookie + 2n,
        ...(plus ? { stat: { ...child.stat } } : {}),
      })),
    ];
    return { entries: all.filter((entry) => entry.offset > offset).slice(0, this.batch) };
  }

  readonly implemented: Partial<{ [K in FopName]: unknown }> = {
    lookup: ({ loc }, context) => {
      const node =
        loc.name === undefined ? this.at(loc) : this.tree.child(this.parent(loc, context), loc.name);
      const { stat } = node.parent ?? node;
      return { stat: { ...node.stat }, postparent: { ...stat } };
    },
    stat: ({ loc }) => ({ stat: { ...this.at(loc).stat } }),
    fstat: ({ fd }) => ({ stat: { ...this.of(fd).stat } }),
    access: ({ loc, mask }, { uid }) => {
      const { stat } = this.at(loc);
      const rights = stat.uid === uid ? stat.mode >> 6 : stat.mode;
      if (uid !== 0 && (rights & mask) !== mask) throw new GlfsError('EACCES');
      return NOTHING;
    },
    readlink: ({ loc }) => ({ stat: { ...this.at(loc).stat }, target: this.at(loc).target }),
    statfs: () => ({
      bsize: 4096,
      frsize: 4096,
      blocks: 1000,
      bfree: 500,
      bavail: 400,
      files: 100,
      ffree: 50,
      favail: 50,
      fsid: 7n,
      flag: 0n,
      namemax: 255,
    }),
    mkdir: (request, context) => this.made(this.make(request, context, S_IFDIR)),
    mknod: (request, context) => {
      const node = this.make(request, context, request.mode & ~0o7777);
      node.stat.rdev = ((request.dev >> 8n) & 0xfffn) * 2n ** 32n + (request.dev & 0xffn);
      return this.made(node);
    },
    symlink: (request, context) => {
      const node = this.make({ ...request, mode: 0o777 } as Request<'mkdir'>, context, S_IFLNK);
      node.target = request.target;
      return this.made(node);
    },
    link: ({ loc, newLoc }, context) => {
      const node = this.at(loc);
      this.tree.add(this.parent(newLoc, context), newLoc.name!, node);
      node.stat.nlink++;
      return this.made(node);
    },
    unlink: ({ loc }, context) => {
      const parent = this.parent(loc, context);
      this.tree.remove(parent, loc.name!);
      return { preparent: parent.stat, postparent: parent.stat };
    },
    rmdir: ({ loc }, context) => {
      const parent = this.parent(loc, context);
      this.tree.remove(parent, loc.name!);
      return { preparent: parent.stat, postparent: parent.stat };
    },
    rename: ({ loc, newLoc }, context) => {
      const [from, to] = [this.parent(loc, context), this.parent(newLoc, context)];
      const node = this.tree.move(from, loc.name!, to, newLoc.name!);
      const parents = {
        preoldparent: from.stat,
        postoldparent: from.stat,
        prenewparent: to.stat,
        postnewparent: to.stat,
      };
      return { stat: { ...node.stat }, ...parents };
    },
    create: (request, context) => {
      const node = this.make(request, context, S_IFREG);
      this.files.set(request.fd, node);
      this.opened.add(request.fd);
      return this.made(node);
    },
    open: ({ loc, fd }) => {
      this.files.set(fd, this.at(loc));
      this.opened.add(fd);
      return NOTHING;
    },
    opendir: ({ loc, fd }) => {
      if (!isDirectory(this.at(loc).stat)) throw new GlfsError('ENOTDIR');
      this.opened.add(fd);
      return NOTHING;
    },
    release: ({ fd }) => {
      this.opened.delete(fd);
      this.locks.released(fd);
      return NOTHING;
    },
    releasedir: ({ fd }) => {
      this.opened.delete(fd);
      return NOTHING;
    },
    flush: ({ fd }, { lkOwner }) => {
      this.of(fd);
      this.locks.flushed(fd, lkOwner);
      return NOTHING;
    },
    fsync: ({ fd }) => this.changing(this.of(fd), () => {}),
    fsyncdir: ({ fd }) => {
      this.of(fd);
      return NOTHING;
    },
    read: ({ fd, offset, size, into }) => {
      const node = this.of(fd);
      const bytes = node.data.subarray(offset, offset + size);
      into?.set(bytes);
      const data = into?.subarray(0, bytes.length) ?? Buffer.from(bytes);
      return { stat: { ...node.stat }, data, eof: offset + size >= node.data.length };
    },
    write: (request) => this.write(request),
    truncate: ({ loc, offset }) => this.changing(this.at(loc), () => this.tree.resize(this.at(loc), offset)),
    ftruncate: ({ fd, offset }) => this.changing(this.of(fd), () => this.tree.resize(this.of(fd), offset)),
    fallocate: ({ fd, offset, size, flags }) => {
      const node = this.of(fd);
      return this.changing(node, () => {
        if (flags === 0 && node.data.length < offset + size) this.tree.resize(node, offset + size);
      });
    },
    discard: ({ fd, offset, size }) =>
      this.changing(this.of(fd), () => this.of(fd).data.fill(0, offset, offset + size)),
    zerofill: ({ fd, offset, size }) => {
      const node = this.of(fd);
      return this.changing(node, () => {
        if (node.data.length < offset + size) this.tree.resize(node, offset + size);
        node.data.fill(0, offset, offset + size);
      });
    },
    seek: ({ fd, offset, what }) => {
      const { length } = this.of(fd).data;
      if (offset >= length) throw new GlfsError('ENXIO');
      return { offset: what === SeekWhat.DATA ? offset : length };
    },
    setattr: ({ loc, stat, valid }) => this.setattr(this.at(loc), stat, valid),
    fsetattr: ({ fd, stat, valid }) => this.setattr(this.of(fd), stat, valid),
    getxattr: ({ loc, name }) => this.getxattr(this.at(loc), name),
    fgetxattr: ({ fd, name }) => this.getxattr(this.of(fd), name),
    setxattr: ({ loc, dict, flags }) => this.setxattr(this.at(loc), dict, flags),
    fsetxattr: ({ fd, dict, flags }) => this.setxattr(this.of(fd), dict, flags),
    removexattr: ({ loc, name }) => this.removexattr(this.at(loc), name),
    fremovexattr: ({ fd, name }) => this.removexattr(this.of(fd), name),
    readdir: (request) => this.list(request, false),
    readdirp: (request) => this.list(request, true),
    lk: ({ fd, command, type, flock }, { lkOwner }) => {
      this.of(fd);
      if (type === LockType.UNLOCK) return this.locks.unlock(fd, flock, lkOwner);
      return this.locks.lock(fd, command, { ...flock, type, owner: lkOwner });
    },
    lease: ({ lease }) => ({ lease }),
  } satisfies Partial<Fops>;
}

function pathOf(node: MemoryNode): string {
  return node.parent === undefined ? '' : `${pathOf(node.parent)}/${node.name}`;
}
