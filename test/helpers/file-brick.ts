import { GlfsError } from '../../src/errors.ts';
import {
  type Fd,
  type Inode,
  type Reply,
  type Request,
  type Subvolume,
  Translator,
  toSubvolume,
} from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { gfidKey } from '../../src/protocol/gfid.ts';
import { emptyIatt, type Iatt, S_IFREG } from '../../src/protocol/iatt.ts';
import { keyKinds } from '../../src/protocol/keys.ts';
import { LockType, OpenFlag } from '../../src/protocol/messages.ts';
import { recordingEnvironment } from './recording-child.ts';

/** A file as one brick has it. */
export interface BrickFile {
  readonly gfid: Uint8Array;
  /** Type and permissions. */
  mode: number;
  data: Uint8Array;
  readonly xattrs: Map<string, Uint8Array>;
  locks: number;
  /** No longer reached by gfid; fds keep it. */
  unlinked: boolean;
}

export const PROTECT = 'trusted.glusterfs.protect.writes';
const iattInReply = keyKinds.iatt('dht-get-iatt-in-xattr');

/**
 * A brick reduced to what migrations of files are about: regular files by gfid, with mode, data and extended attributes,
 * and fds that outlive an unlink. Every operation is one step; `beforeEach` runs before each of them.
 */
export class FileBrick extends Translator {
  readonly subvolume: Subvolume;
  readonly files = new Map<string, BrickFile>();
  /** Names of the operations, in order. */
  readonly calls: string[] = [];
  beforeEach: (fop: string) => void | Promise<void> = () => {};
  down = false;
  /** A WRITE takes no more than this. */
  mostBytes = Number.POSITIVE_INFINITY;
  private readonly opened = new WeakMap<Fd, BrickFile>();

  constructor(name: string) {
    const environment = recordingEnvironment();
    super({ name, type: 'test/file-brick', children: [], options: {}, rawOptions: new Map(), environment });
    this.subvolume = toSubvolume(this as unknown as Translator);
  }

  file(gfid: Uint8Array): BrickFile | undefined {
    return this.files.get(gfidKey(gfid));
  }

  put(gfid: Uint8Array, mode = 0o644): BrickFile {
    const file = {
      gfid,
      mode: S_IFREG | mode,
      data: new Uint8Array(0),
      xattrs: new Map(),
      locks: 0,
      unlinked: false,
    };
    this.files.set(gfidKey(gfid), file);
    return file;
  }

  remove(gfid: Uint8Array): void {
    const file = this.file(gfid);
    if (file !== undefined) file.unlinked = true;
    this.files.delete(gfidKey(gfid));
  }

  stats(file: BrickFile): Iatt {
    const { gfid, mode, data } = file;
    return { ...emptyIatt(), gfid, mode, size: data.length, blocks: Math.ceil(data.length / 512), nlink: 1 };
  }

  private async step(fop: string): Promise<void> {
    await this.beforeEach(fop);
    this.calls.push(fop);
    if (this.down) throw new GlfsError('ENOTCONN', undefined, { translator: this.name });
  }

  private async at(fop: string, inode: Inode): Promise<BrickFile> {
    await this.step(fop);
    const file = this.file(inode.gfid);
    if (file === undefined) throw new GlfsError('ESTALE', undefined, { translator: this.name, fop });
    return file;
  }

  /** As protocol/client does: an fd that is not open here is opened by gfid. */
  private async by(fop: string, fd: Fd): Promise<BrickFile> {
    if (fd.anonymous) return this.at(fop, fd.inode);
    await this.step(fop);
    const file = this.opened.get(fd) ?? this.file(fd.inode.gfid);
    if (file === undefined) throw new GlfsError('ENOENT', undefined, { translator: this.name, fop });
    this.opened.set(fd, file);
    return file;
  }

  async lookup({ loc, xdata }: Request<'lookup'>): Promise<Reply<'lookup'>> {
    const file = await this.at('lookup', loc.inode);
    const found = new Dict();
    for (const name of xdata?.names() ?? []) {
      const value = file.xattrs.get(name);
      if (value !== undefined) found.setBytes(name, value);
    }
    return { stat: this.stats(file), postparent: emptyIatt(), xdata: found };
  }

  async open({ loc, fd, flags }: Request<'open'>): Promise<Reply<'open'>> {
    const file = await this.at('open', loc.inode);
    if ((flags & OpenFlag.TRUNC) !== 0) file.data = new Uint8Array(0);
    this.opened.set(fd, file);
    return {};
  }

  async release({ fd }: Request<'release'>): Promise<Reply<'release'>> {
    this.opened.delete(fd);
    return {};
  }

  async stat({ loc }: Request<'stat'>): Promise<Reply<'stat'>> {
    return { stat: this.stats(await this.at('stat', loc.inode)) };
  }

  async fstat({ fd }: Request<'fstat'>): Promise<Reply<'fstat'>> {
    return { stat: this.stats(await this.by('fstat', fd)) };
  }

  async read({ fd, offset, size }: Request<'read'>): Promise<Reply<'read'>> {
    const file = await this.by('read', fd);
    const data = file.data.slice(offset, offset + size);
    return { data, eof: offset + size >= file.data.length, stat: this.stats(file) };
  }

  async write(request: Request<'write'>): Promise<Reply<'write'>> {
    const file = await this.by('write', request.fd);
    if (request.xdata?.has(PROTECT)) file.xattrs.set(PROTECT, new Uint8Array(1));
    const appends = !request.fd.anonymous && (request.fd.flags & OpenFlag.APPEND) !== 0;
    const bytes = Buffer.concat(request.data).subarray(0, this.mostBytes);
    const reply = this.change(file, () => splice(file, appends ? file.data.length : request.offset, bytes));
    return { ...reply, count: bytes.length };
  }

  async truncate({ loc, offset }: Request<'truncate'>): Promise<Reply<'truncate'>> {
    const file = await this.at('truncate', loc.inode);
    return this.change(file, () => resize(file, offset));
  }

  async ftruncate({ fd, offset }: Request<'ftruncate'>): Promise<Reply<'ftruncate'>> {
    const file = await this.by('ftruncate', fd);
    return this.change(file, () => resize(file, offset));
  }

  async zerofill({ fd, offset, size }: Request<'zerofill'>): Promise<Reply<'zerofill'>> {
    const file = await this.by('zerofill', fd);
    return this.change(file, () => splice(file, offset, new Uint8Array(size)));
  }

  async fsync({ fd }: Request<'fsync'>): Promise<Reply<'fsync'>> {
    return this.change(await this.by('fsync', fd), () => {});
  }

  async seek({ fd, offset }: Request<'seek'>): Promise<Reply<'seek'>> {
    const file = await this.by('seek', fd);
    if (offset >= file.data.length) throw new GlfsError('ENXIO');
    return { offset };
  }

  async setattr({ loc, stat }: Request<'setattr'>): Promise<Reply<'setattr'>> {
    const file = await this.at('setattr', loc.inode);
    return this.change(file, () => {
      file.mode = S_IFREG | (stat.mode & 0o7777);
    });
  }

  async getxattr({ loc, name }: Request<'getxattr'>): Promise<Reply<'getxattr'>> {
    return this.attribute(await this.at('getxattr', loc.inode), name);
  }

  async fgetxattr({ fd, name }: Request<'fgetxattr'>): Promise<Reply<'fgetxattr'>> {
    return this.attribute(await this.by('fgetxattr', fd), name);
  }

  private attribute(file: BrickFile, name: string): Reply<'getxattr'> {
    const value = file.xattrs.get(name);
    if (value === undefined) throw new GlfsError('ENODATA');
    return { dict: new Dict().setBytes(name, value), prestat: emptyIatt(), poststat: emptyIatt() };
  }

  async setxattr({ loc, dict }: Request<'setxattr'>): Promise<Reply<'setxattr'>> {
    return this.setAll(await this.at('setxattr', loc.inode), dict);
  }

  async fsetxattr({ fd, dict }: Request<'fsetxattr'>): Promise<Reply<'fsetxattr'>> {
    return this.setAll(await this.by('fsetxattr', fd), dict);
  }

  private setAll(file: BrickFile, dict: Dict | undefined): Reply<'setxattr'> {
    for (const name of dict?.names() ?? []) file.xattrs.set(name, dict!.bytes(name)!);
    return { xdata: new Dict().set(iattInReply, this.stats(file)) };
  }

  async removexattr({ loc, name }: Request<'removexattr'>): Promise<Reply<'removexattr'>> {
    const file = await this.at('removexattr', loc.inode);
    if (!file.xattrs.delete(name)) throw new GlfsError('ENODATA');
    return { xdata: new Dict().set(iattInReply, this.stats(file)) };
  }

  /** Counts the locks that are held; two never conflict. */
  async lk({ fd, type, flock }: Request<'lk'>): Promise<Reply<'lk'>> {
    const file = await this.by('lk', fd);
    file.locks = Math.max(0, file.locks + (type === LockType.UNLOCK ? -1 : 1));
    return { flock };
  }

  private change(file: BrickFile, change: () => void): Reply<'write'> {
    const prestat = this.stats(file);
    change();
    return { prestat, poststat: this.stats(file) };
  }
}

export function resize(file: BrickFile, size: number): void {
  const data = new Uint8Array(size);
  data.set(file.data.subarray(0, size));
  file.data = data;
}

export function splice(file: BrickFile, offset: number, bytes: Uint8Array): void {
  if (file.data.length < offset + bytes.length) resize(file, offset + bytes.length);
  file.data.set(bytes, offset);
}
