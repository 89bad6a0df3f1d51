import {
  asRoot,
  type CallContext,
  type FopFunction,
  type Loc,
  type Reply,
  type Request,
} from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { isRegular } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { askingAll, askingSize, decodeFileSize, fileAttributes } from './attributes.ts';
import type { Deletion } from './deletion.ts';
import type { FileState } from './files.ts';
import { removing } from './removal.ts';
import type { ShardState } from './state.ts';
import { asSeen } from './times.ts';
import { truncate } from './truncate.ts';

type Fops = { [K in FopName]?: FopFunction<K> };

/** Finding files, and giving and taking their names. */
export class Entries {
  private readonly fops: Fops;

  constructor(
    private readonly state: ShardState,
    private readonly deletion: Deletion,
  ) {
    this.fops = {
      stat: (request, context) => this.stat(request, context),
      fstat: (request, context) => this.fstat(request, context),
      open: (request, context) => this.open(request, context),
      create: (request, context) => this.create(request, context),
      mknod: (request, context) => this.mknod(request, context),
      link: (request, context) => this.link(request, context),
      unlink: (request, context) => this.unlink(request, context),
      rename: (request, context) => this.rename(request, context),
    };
  }

  own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    return this.fops[fop] as FopFunction<K> | undefined;
  }

  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const { files, child } = this.state;
    const asked = files.versionOf(request.loc.inode.gfid);
    const xdata = askingAll(request.xdata);
    // What is brought along is of block 0 only.
    xdata.delete(keys.content);
    const reply = await child.lookup({ ...request, xdata }, context);
    const file = files.learn(reply.stat, reply.xdata, asked);
    if (file === undefined || !file.sharded) return reply;
    const size = decodeFileSize(reply.xdata);
    if (size === undefined) throw this.state.lost();
    return { ...reply, stat: asSeen(file, reply.stat, size) };
  }

  private async stat(request: Request<'stat'>, context: CallContext): Promise<Reply<'stat'>> {
    const { state } = this;
    const file = await state.files.of(request.loc, context);
    if (!file.sharded) return state.child.stat(request, context);
    const asked = file.version;
    const xdata = askingSize(request.xdata);
    return this.seen(file, await state.child.stat({ ...request, xdata }, context), asked);
  }

  private async fstat(request: Request<'fstat'>, context: CallContext): Promise<Reply<'fstat'>> {
    const { state } = this;
    const { fd } = request;
    const file = await state.files.of({ inode: fd.inode, fd }, context);
    if (!file.sharded) return state.child.fstat(request, context);
    const asked = file.version;
    const xdata = askingSize(request.xdata);
    return this.seen(file, await state.child.fstat({ ...request, xdata }, context), asked);
  }

  private seen(file: FileState, reply: Reply<'stat'>, asked: number): Reply<'stat'> {
    const size = decodeFileSize(reply.xdata);
    if (size === undefined) throw this.state.lost();
    this.state.files.learnSize(file, reply.stat, size, asked);
    return { ...reply, stat: asSeen(file, reply.stat, size) };
  }

  /** O_TRUNC would empty block 0 alone. */
  private async open(request: Request<'open'>, context: CallContext): Promise<Reply<'open'>> {
    const { state } = this;
    const { loc, fd, flags } = request;
    if ((flags & OpenFlag.TRUNC) === 0) return state.child.open(request, context);
    const file = await state.files.of(loc, context);
    if (!file.sharded) return state.child.open(request, context);
    const reply = await state.child.open({ ...request, flags: flags & ~OpenFlag.TRUNC }, context);
    const writable = (flags & OpenFlag.ACCMODE) !== OpenFlag.RDONLY;
    await truncate(state, file, writable ? { inode: loc.inode, fd } : { inode: loc.inode }, 0, context);
    return reply;
  }

  private async create(request: Request<'create'>, context: CallContext): Promise<Reply<'create'>> {
    const { state } = this;
    const { flags, fd } = request;
    const blockSize = state.options['shard-block-size'];
    const xdata = fileAttributes(blockSize, { size: 0, blocks: 0 }, request.xdata?.clone());
    // Without O_EXCL it may be a file that was there: what it is like is asked for when it matters.
    const made = (flags & OpenFlag.EXCL) !== 0 || flags === 0;
    const passed = made ? flags : flags & ~OpenFlag.TRUNC;
    const reply = await state.child.create({ ...request, flags: passed, xdata }, context);
    if (made) {
      state.files.made(reply.stat, blockSize);
      return reply;
    }
    const inode = fd.inode;
    if (!inode.known) inode.learn(reply.stat);
    const file = await state.files.of({ inode, fd }, asRoot(context));
    if (file.sharded && (flags & OpenFlag.TRUNC) !== 0)
      await truncate(state, file, { inode, fd }, 0, context);
    else if ((flags & OpenFlag.TRUNC) !== 0) await state.child.ftruncate({ fd, offset: 0 }, context);
    return file.sharded ? { ...reply, stat: asSeen(file, file.base) } : reply;
  }

  private async mknod(request: Request<'mknod'>, context: CallContext): Promise<Reply<'mknod'>> {
    const { state } = this;
    // As GlusterFS has it, fifos and devices bear the attributes as well.
    const blockSize = state.options['shard-block-size'];
    const xdata = fileAttributes(blockSize, { size: 0, blocks: 0 }, request.xdata?.clone());
    const reply = await state.child.mknod({ ...request, xdata }, context);
    if (isRegular(reply.stat)) state.files.made(reply.stat, blockSize);
    return reply;
  }

  private async link(request: Request<'link'>, context: CallContext): Promise<Reply<'link'>> {
    const { state } = this;
    const file = await state.files.of(request.loc, context);
    const reply = await state.child.link(request, context);
    if (!file.sharded) return reply;
    return { ...reply, stat: await this.sized(file, request.loc, reply.stat, context) };
  }

  /** Attributes of a reply that don't tell the size. */
  private async sized(
    file: FileState,
    { inode }: Loc,
    stat: Reply<'link'>['stat'],
    context: CallContext,
  ): Promise<Reply<'link'>['stat']> {
    const size = await this.state.refresh(file, { inode }, context);
    return asSeen(file, stat, size);
  }

  private async unlink(request: Request<'unlink'>, context: CallContext): Promise<Reply<'unlink'>> {
    const { state } = this;
    const { inode } = request.loc;
    const file = await this.fileAt(request.loc, context);
    if (file === undefined || !file.sharded) return state.child.unlink(request, context);
    return removing(
      state,
      file,
      inode,
      context,
      (own) => state.child.unlink(request, own),
      () => this.deletion.start(),
    );
  }

  private async rename(request: Request<'rename'>, context: CallContext): Promise<Reply<'rename'>> {
    const { state } = this;
    const { loc, newLoc } = request;
    const file = await this.fileAt(loc, context);
    const replaced = newLoc.inode.known ? await this.fileAt(newLoc, context) : undefined;
    const other = replaced?.sharded && replaced !== file ? replaced : undefined;
    const reply =
      other === undefined
        ? await state.child.rename(request, context)
        : await removing(
            state,
            other,
            newLoc.inode,
            context,
            (own) => state.child.rename(request, own),
            () => this.deletion.start(),
          );
    if (file === undefined || !file.sharded) return reply;
    return { ...reply, stat: await this.sized(file, loc, reply.stat, context) };
  }

  /** The file that a call names; looked up where that hasn't been done. Undefined for what is no regular file. */
  private async fileAt(loc: Loc, context: CallContext): Promise<FileState | undefined> {
    const { files, child } = this.state;
    if (loc.inode.known) return files.of(loc, context);
    const reply = await child.lookup({ loc, flags: 0, xdata: askingAll() }, context);
    if (!loc.inode.known) loc.inode.learn(reply.stat);
    return files.learn(reply.stat, reply.xdata, 0);
  }
}
