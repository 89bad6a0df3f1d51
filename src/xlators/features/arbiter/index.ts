/*
 * The promise: this brick has a say in what is right, and no data. It keeps names and attributes as its siblings do; writes
 * succeed without being written, so that the counters that follow tell which sibling is up to date. The failure that it hides:
 * split brain of two copies, for the price of an inode.
 */
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type ContextOwner,
  type Fd,
  type Inode,
  type Reply,
  type Request,
  Translator,
  type TranslatorType,
} from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { emptyIatt, type Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { options } from './options.ts';

export class Arbiter extends Translator<typeof options> {
  /** Attributes as the last lookup found them: what changes of data are answered with. */
  declare readonly contextType?: Iatt;
  private readonly openFds: ContextOwner<Set<Fd>> = {};

  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const reply = await this.child.lookup(request, context);
    request.loc.inode.set<Iatt>(this, reply.stat);
    return reply;
  }

  async truncate({ loc }: Request<'truncate'>): Promise<Reply<'truncate'>> {
    return this.unchanged(loc.inode);
  }

  async ftruncate({ fd }: Request<'ftruncate'>): Promise<Reply<'ftruncate'>> {
    return this.unchanged(fd.inode);
  }

  async fallocate({ fd }: Request<'fallocate'>): Promise<Reply<'fallocate'>> {
    return this.unchanged(fd.inode);
  }

  async discard({ fd }: Request<'discard'>): Promise<Reply<'discard'>> {
    return this.unchanged(fd.inode);
  }

  async zerofill({ fd }: Request<'zerofill'>): Promise<Reply<'zerofill'>> {
    return this.unchanged(fd.inode);
  }

  async write({ fd, size, xdata }: Request<'write'>): Promise<Reply<'write'>> {
    const reply = { ...this.unchanged(fd.inode), count: size };
    if (xdata === undefined) return reply;
    const answer = new Dict();
    // What cluster/replicate needs to know before it may put off a sync or the post-op: as if all were appended.
    if (xdata.has(keys.openFdCount)) {
      const count = fd.inode.get(this.openFds)?.size ?? 0;
      answer.setEntry(keys.openFdCount.name, { type: 'uint', value: BigInt(count) });
    }
    if (xdata.has(keys.writeIsAppend)) answer.set(keys.writeIsAppend, 1);
    return { ...reply, xdata: answer };
  }

  async read(): Promise<Reply<'read'>> {
    throw this.noData();
  }

  async seek(): Promise<Reply<'seek'>> {
    throw this.noData();
  }

  async open(request: Request<'open'>, context: CallContext): Promise<Reply<'open'>> {
    const reply = await this.child.open(request, context);
    this.opened(request.fd);
    return reply;
  }

  async create(request: Request<'create'>, context: CallContext): Promise<Reply<'create'>> {
    const reply = await this.child.create(request, context);
    this.opened(request.fd);
    return reply;
  }

  release(request: Request<'release'>, context: CallContext): Promise<Reply<'release'>> {
    request.fd.inode.get(this.openFds)?.delete(request.fd);
    return this.child.release(request, context);
  }

  private opened(fd: Fd): void {
    const open = fd.inode.get(this.openFds) ?? new Set<Fd>();
    fd.inode.set(this.openFds, open.add(fd));
  }

  private unchanged(inode: Inode): { prestat: Iatt; poststat: Iatt } {
    const stat = inode.get<Iatt>(this) ?? emptyIatt();
    return { prestat: stat, poststat: stat };
  }

  private noData(): GlfsError {
    return new GlfsError('ENOSYS', 'an arbiter has no data', { translator: this.name });
  }
}

export const arbiterType: TranslatorType<typeof options> = {
  type: 'features/arbiter',
  summary: 'Lets writes succeed without data: the third voice of a replica pair.',
  options,
  create: (setup) => new Arbiter(setup),
};
