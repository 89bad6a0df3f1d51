import { type ErrnoCode, GlfsError, type Outcome } from '../../../src/errors.ts';
import {
  type CallContext,
  type Environment,
  type Fd,
  type FopFunction,
  type Loc,
  type Reply,
  type Request,
  type Subvolume,
  Translator,
  toSubvolume,
} from '../../../src/graph/index.ts';
import type { FopName } from '../../../src/protocol/fops.ts';
import { gfidKey } from '../../../src/protocol/gfid.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../../src/protocol/messages.ts';
import { recordingEnvironment } from '../recording-child.ts';
import * as entries from './entry-fops.ts';
import * as files from './file-fops.ts';
import { LockTable } from './locks.ts';
import { type Node, Store, statOf } from './store.ts';

interface Fault {
  readonly fop: FopName;
  readonly code: ErrnoCode;
  readonly outcome: Outcome;
  times: number;
  readonly when: (request: object) => boolean;
}

export interface FaultOptions {
  /** How often (default: once). */
  times?: number;
  /** Only calls whose request fits. */
  when?: (request: never) => boolean;
  /** `unknown`: the call is carried out all the same, as when its answer is lost. */
  outcome?: Outcome;
}

/**
 * A brick in memory, near enough to a real one for the cluster translators: names, hard links, gfids, extended attributes
 * and the orders in xdata that bricks know, listings with offsets, inodelk and entrylk with queues. Each call takes a turn of
 * the event loop, so that calls of several clients mix.
 */
export class MemoryBrick extends Translator {
  readonly subvolume: Subvolume;
  readonly store = new Store();
  readonly locks = new LockTable();
  /** All calls, in order. */
  readonly calls: { readonly fop: FopName; readonly request: object; readonly context: CallContext }[] = [];
  /** Runs before each call is carried out: to stop it, or to change something under it. */
  before: (fop: FopName, request: object, context: CallContext) => void | Promise<void> = () => {};
  /** Blocks of 4 KiB, all and free; inodes, all and free. */
  space = { blocks: 1 << 20, free: 1 << 19, files: 1 << 20, ffree: 1 << 19 };
  private readonly faults: Fault[] = [];
  private readonly opened = new WeakMap<Fd, Node>();
  private isDown = false;

  constructor(name: string, environment: Environment = recordingEnvironment()) {
    super({ name, type: 'test/memory-brick', children: [], options: {}, rawOptions: new Map(), environment });
    this.subvolume = toSubvolume(this as unknown as Translator);
  }

  override async start(): Promise<void> {
    this.up();
  }

  up(): void {
    this.isDown = false;
    this.emit({ kind: 'child-up' });
  }

  /** Every call ends with ENOTCONN until `up`. What it stores stays. */
  down(): void {
    this.isDown = true;
    this.emit({ kind: 'child-down', reason: this.notConnected() });
  }

  private notConnected(): GlfsError {
    return new GlfsError('ENOTCONN', `brick ${this.name} is down`, { translator: this.name });
  }

  /** The next calls of a fop fail. */
  fail(fop: FopName, code: ErrnoCode, { times = 1, when, outcome = 'failed' }: FaultOptions = {}): void {
    this.faults.push({ fop, code, outcome, times, when: (when as Fault['when']) ?? (() => true) });
  }

  override own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    const method = (this as unknown as Partial<Record<FopName, FopFunction<FopName>>>)[fop];
    if (method === undefined) return undefined;
    const carryOut = method.bind(this) as unknown as FopFunction<K>;
    return async (request, context) => {
      this.calls.push({ fop, request, context });
      await new Promise((resolve) => setImmediate(resolve));
      if (this.isDown) throw this.notConnected();
      await this.before(fop, request, context);
      const fault = this.faults.find((one) => one.fop === fop && one.times > 0 && one.when(request));
      if (fault === undefined) return carryOut(request, context);
      fault.times--;
      if (fault.outcome === 'unknown') await carryOut(request, context);
      throw new GlfsError(fault.code, 'ordered by the test', {
        translator: this.name,
        outcome: fault.outcome,
      });
    };
  }

  private of(target: { loc: Loc } | { fd: Fd }): Node {
    if ('loc' in target) return this.store.byGfid(target.loc.inode);
    return this.opened.get(target.fd) ?? this.store.byGfid(target.fd.inode);
  }

  async lookup(request: Request<'lookup'>): Promise<Reply<'lookup'>> {
    return entries.lookup(this.store, request);
  }
  async mkdir(request: Request<'mkdir'>, context: CallContext): Promise<Reply<'mkdir'>> {
    return entries.mkdir(this.store, request, context);
  }
  async mknod(request: Request<'mknod'>, context: CallContext): Promise<Reply<'mknod'>> {
    return entries.mknod(this.store, request, context);
  }
  async symlink(request: Request<'symlink'>, context: CallContext): Promise<Reply<'symlink'>> {
    return entries.symlink(this.store, request, context);
  }
  async link(request: Request<'link'>, context: CallContext): Promise<Reply<'link'>> {
    return entries.link(this.store, request, context);
  }
  async unlink(request: Request<'unlink'>, context: CallContext): Promise<Reply<'unlink'>> {
    return entries.unlink(this.store, request, context);
  }
  async rmdir(request: Request<'rmdir'>, context: CallContext): Promise<Reply<'rmdir'>> {
    return entries.rmdir(this.store, request, context);
  }
  async rename(request: Request<'rename'>, context: CallContext): Promise<Reply<'rename'>> {
    return entries.rename(this.store, request, context);
  }
  async create(request: Request<'create'>, context: CallContext): Promise<Reply<'create'>> {
    const reply = entries.create(this.store, request, context);
    this.opened.set(request.fd, this.store.entry(request.loc));
    return reply;
  }

  async open({ loc, fd }: Request<'open'>): Promise<Reply<'open'>> {
    return this.openNode(this.store.byGfid(loc.inode), fd);
  }
  async opendir({ loc, fd }: Request<'opendir'>): Promise<Reply<'opendir'>> {
    return this.openNode(this.store.byGfid(loc.inode), fd);
  }
  private openNode(node: Node, fd: Fd): object {
    if (!this.opened.has(fd)) node.opens++;
    this.opened.set(fd, node);
    return {};
  }
  async release({ fd }: Request<'release'>): Promise<Reply<'release'>> {
    const node = this.opened.get(fd);
    if (node !== undefined) node.opens--;
    this.opened.delete(fd);
    return {};
  }
  async releasedir(request: Request<'releasedir'>): Promise<Reply<'releasedir'>> {
    return this.release(request);
  }

  async stat(request: Request<'stat'>): Promise<Reply<'stat'>> {
    return { stat: statOf(this.of(request)) };
  }
  async fstat(request: Request<'fstat'>): Promise<Reply<'fstat'>> {
    return { stat: statOf(this.of(request)) };
  }
  async access(request: Request<'access'>, context: CallContext): Promise<Reply<'access'>> {
    const node = this.of(request);
    const shift = context.uid === node.uid ? 6 : context.gid === node.gid ? 3 : 0;
    if (context.uid !== 0 && ((node.mode >> shift) & request.mask) !== request.mask)
      throw new GlfsError('EACCES');
    return {};
  }
  async readlink(request: Request<'readlink'>): Promise<Reply<'readlink'>> {
    const node = this.of(request);
    return { stat: statOf(node), target: node.target };
  }
  async statfs(): Promise<Reply<'statfs'>> {
    const { blocks, free, files: all, ffree } = this.space;
    const inodes = { files: all, ffree, favail: ffree };
    return {
      bsize: 4096,
      frsize: 4096,
      blocks,
      bfree: free,
      bavail: free,
      ...inodes,
      fsid: 0n,
      flag: 0n,
      namemax: 255,
    };
  }

  async read(request: Request<'read'>): Promise<Reply<'read'>> {
    return files.read(this.of(request), request);
  }
  async write(request: Request<'write'>): Promise<Reply<'write'>> {
    return files.write(this.store, this.of(request), request);
  }
  async truncate(request: Request<'truncate'>): Promise<Reply<'truncate'>> {
    return files.resize(this.store, this.of(request), request.offset);
  }
  async ftruncate(request: Request<'ftruncate'>): Promise<Reply<'ftruncate'>> {
    return files.resize(this.store, this.of(request), request.offset);
  }
  async flush(): Promise<Reply<'flush'>> {
    return {};
  }
  async fsync(request: Request<'fsync'>): Promise<Reply<'fsync'>> {
    const stat = statOf(this.of(request));
    return { prestat: stat, poststat: stat };
  }

  async setattr(request: Request<'setattr'>): Promise<Reply<'setattr'>> {
    return files.setattr(this.store, this.of(request), request.stat, request.valid);
  }
  async fsetattr(request: Request<'fsetattr'>): Promise<Reply<'fsetattr'>> {
    return files.setattr(this.store, this.of(request), request.stat, request.valid);
  }
  async setxattr(request: Request<'setxattr'>): Promise<Reply<'setxattr'>> {
    return files.setxattr(this.store, this.of(request), request.dict, request.xdata);
  }
  async fsetxattr(request: Request<'fsetxattr'>): Promise<Reply<'fsetxattr'>> {
    return files.setxattr(this.store, this.of(request), request.dict, request.xdata);
  }
  async getxattr(request: Request<'getxattr'>): Promise<Reply<'getxattr'>> {
    return files.getxattr(this.store, this.of(request), request.name);
  }
  async fgetxattr(request: Request<'fgetxattr'>): Promise<Reply<'fgetxattr'>> {
    return files.getxattr(this.store, this.of(request), request.name);
  }
  async removexattr(request: Request<'removexattr'>): Promise<Reply<'removexattr'>> {
    return files.removexattr(this.store, this.of(request), request.name);
  }
  async fremovexattr(request: Request<'fremovexattr'>): Promise<Reply<'fremovexattr'>> {
    return files.removexattr(this.store, this.of(request), request.name);
  }
  async xattrop(request: Request<'xattrop'>): Promise<Reply<'xattrop'>> {
    return files.xattrop(this.of(request), request.operation, request.dict);
  }
  async fxattrop(request: Request<'fxattrop'>): Promise<Reply<'fxattrop'>> {
    return files.xattrop(this.of(request), request.operation, request.dict);
  }
  async readdir(request: Request<'readdir'>): Promise<Reply<'readdir'>> {
    return files.list(this.store, this.of(request), request, false);
  }
  async readdirp(request: Request<'readdirp'>): Promise<Reply<'readdirp'>> {
    return files.list(this.store, this.of(request), request, true);
  }

  async inodelk(request: Request<'inodelk'>, context: CallContext): Promise<Reply<'inodelk'>> {
    const { gfid } = request.loc.inode;
    const key = `inode ${request.domain} ${gfidKey(gfid)}`;
    const owner = ownerOf(context);
    // A lock keeps the inode known to the brick, even after its last name is gone.
    if (request.type === LockType.UNLOCK) this.locks.drop(key, owner);
    else {
      this.store.byGfid(request.loc.inode);
      const mode = request.type === LockType.READ ? 'read' : 'write';
      await this.locks.take(key, owner, mode, request.command === LockCommand.SET_WAIT);
    }
    return {};
  }
  async finodelk(request: Request<'finodelk'>, context: CallContext): Promise<Reply<'finodelk'>> {
    return this.inodelk({ ...request, loc: { inode: request.fd.inode } }, context);
  }
  async entrylk(request: Request<'entrylk'>, context: CallContext): Promise<Reply<'entrylk'>> {
    const key = `entry ${request.domain} ${gfidKey(request.loc.inode.gfid)} ${request.name}`;
    const owner = ownerOf(context);
    if (request.command === EntryLockCommand.UNLOCK) this.locks.drop(key, owner);
    else {
      this.store.byGfid(request.loc.inode);
      const mode = request.type === EntryLockType.READ ? 'read' : 'write';
      await this.locks.take(key, owner, mode, request.command === EntryLockCommand.LOCK);
    }
    return {};
  }
}

function ownerOf({ lkOwner }: CallContext): string {
  if (lkOwner.length === 0) throw new GlfsError('EINVAL', 'a lock without owner');
  return Buffer.from(lkOwner).toString('hex');
}
