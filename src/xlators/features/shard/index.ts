/*
 * The promise: a file is cut into blocks of one size, which lie all over the volume, and is one file to applications. Block 0 is
 * the file in its place; the others are `.shard/GFID.N`; the true size stands in an attribute of block 0 and is changed by
 * differences, so that clients agree. The failure that it hides: none of the bricks'; but a client that dies half-way leaves holes,
 * never old bytes, and blocks of removed files are deleted by whoever comes next.
 *
 * write.ts, truncate.ts and size-lock.ts say how clients that change a size at once stay out of each other's way.
 */
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type FopFunction,
  type GraphEvent,
  type Loc,
  type Reply,
  type Request,
  type Subvolume,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import { Attributes } from './attribute-fops.ts';
import { Deletion } from './deletion.ts';
import { Entries } from './entries.ts';
import type { FileState } from './files.ts';
import { checkLoc, GEO_REPLICATION_PID } from './guard.ts';
import { list } from './listing.ts';
import { remark } from './marker.ts';
import { options } from './options.ts';
import { discard, fallocate, zerofill } from './ranges.ts';
import { read } from './read.ts';
import { seek } from './seek.ts';
import { SIZE_DOMAIN } from './size-lock.ts';
import { ShardState } from './state.ts';
import { fsync } from './sync.ts';
import { settleTimes } from './times.ts';
import { truncate } from './truncate.ts';
import { write } from './write.ts';

type Run<K extends FopName> = (
  state: ShardState,
  file: FileState,
  request: Request<K>,
  context: CallContext,
) => Promise<Reply<K>>;

/* Operations on the data of an open file. */
const dataFops: { readonly [K in FopName]?: Run<K> } = {
  discard,
  fallocate,
  fsync,
  read,
  seek,
  write,
  zerofill,
  ftruncate: (state, file, { fd, offset }, context) =>
    truncate(state, file, { inode: fd.inode, fd }, offset, context),
};

export class Shard extends Translator<typeof options> {
  private readonly state: ShardState;
  readonly deletion: Deletion;
  private readonly entries: Entries;
  private readonly attributes: Attributes;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    if (setup.children.length !== 1)
      throw new GlfsError('EINVAL', `needs one subvolume, not ${setup.children.length}`, {
        translator: this.name,
      });
    this.state = new ShardState(this);
    this.deletion = new Deletion(this.state);
    this.entries = new Entries(this.state, this.deletion);
    this.attributes = new Attributes(this.state);
  }

  override own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    return (
      super.own(fop) ?? this.entries.own(fop) ?? this.attributes.own(fop) ?? this.dataFop(fop) ?? undefined
    );
  }

  private dataFop<K extends FopName>(fop: K): FopFunction<K> | undefined {
    const run = dataFops[fop] as Run<K> | undefined;
    if (run === undefined) return undefined;
    const next = this.child[fop] as unknown as FopFunction<K>;
    const { state } = this;
    return async (request, context) => {
      const { fd } = request as unknown as Request<'fsync'>;
      const file = await state.files.of({ inode: fd.inode, fd }, context);
      return file.sharded ? run(state, file, request, context) : next(request, context);
    };
  }

  /** Nothing gets at the directory of blocks; geo-replication gets at everything as it is. */
  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const below = this.child[fop] as unknown as FopFunction<K>;
    if (next === below && !namesEntry(fop)) return next;
    return async (request, context) => {
      if (context.pid === GEO_REPLICATION_PID) return below(request, context);
      const { loc, newLoc } = request as { loc?: Loc; newLoc?: Loc };
      if (loc !== undefined) checkLoc(loc);
      if (newLoc !== undefined) checkLoc(newLoc);
      return next(request, context);
    };
  }

  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const reply = await this.entries.lookup(request, context);
    this.deletion.looked();
    return reply;
  }

  async truncate(request: Request<'truncate'>, context: CallContext): Promise<Reply<'truncate'>> {
    const { loc, offset } = request;
    const file = await this.state.files.of(loc, context);
    if (!file.sharded) return this.child.truncate(request, context);
    return truncate(this.state, file, { inode: loc.inode }, offset, context);
  }

  async flush(request: Request<'flush'>, context: CallContext): Promise<Reply<'flush'>> {
    const { fd } = request;
    const file = this.state.files.known(fd.inode.gfid);
    if (file?.sharded) await settleTimes(this.state, file, { inode: fd.inode, fd }, context);
    return this.child.flush(request, context);
  }

  /** The last who has a file without a name open may let its blocks go. */
  async release(request: Request<'release'>, context: CallContext): Promise<Reply<'release'>> {
    const { fd } = request;
    const file = this.state.files.known(fd.inode.gfid);
    if (file?.sharded) await this.beforeRelease(file, request, context);
    const reply = await this.child.release(request, context);
    if (file?.unlinked) this.deletion.start();
    return reply;
  }

  private async beforeRelease(
    file: FileState,
    { fd }: Request<'release'>,
    context: CallContext,
  ): Promise<void> {
    const target = { inode: fd.inode, fd };
    await settleTimes(this.state, file, target, context);
    await remark(this.state, file, target, context).catch((error: unknown) => {
      this.log.warn({ translator: this.name, gfid: fd.inode.toString(), error }, 'blocks may stay behind');
    });
  }

  /** What GlusterFS lets through to block 0 alone is refused here: callers read and write the range instead. */
  async copyFileRange(
    request: Request<'copyFileRange'>,
    context: CallContext,
  ): Promise<Reply<'copyFileRange'>> {
    const { source, target } = request;
    const files = [
      await this.state.files.of({ inode: source.inode, fd: source }, context),
      await this.state.files.of({ inode: target.inode, fd: target }, context),
    ];
    if (files.some(({ sharded }) => sharded)) throw this.unsupported('a range of a sharded file');
    return this.child.copyFileRange(request, context);
  }

  /** Heals compare blocks below this translator; above it a checksum would be of block 0 only. */
  async rchecksum(request: Request<'rchecksum'>, context: CallContext): Promise<Reply<'rchecksum'>> {
    const { fd } = request;
    const file = await this.state.files.of({ inode: fd.inode, fd }, context);
    if (file.sharded) throw this.unsupported('a checksum of a sharded file');
    return this.child.rchecksum(request, context);
  }

  private unsupported(what: string): GlfsError {
    return new GlfsError('EOPNOTSUPP', what, { translator: this.name });
  }

  async readdir(request: Request<'readdir'>, context: CallContext): Promise<Reply<'readdir'>> {
    return list(this.state, 'readdir', request, context);
  }

  async readdirp(request: Request<'readdirp'>, context: CallContext): Promise<Reply<'readdirp'>> {
    return list(this.state, 'readdirp', request, context);
  }

  protected override onEvent(event: GraphEvent, child: Subvolume): void {
    if (event.kind === 'inodelk-contention' && event.domain === this.name + SIZE_DOMAIN)
      this.state.sizeLocks.contended(event.gfid);
    if (event.kind === 'child-down') this.state.sizeLocks.lost();
    super.onEvent(event, child);
  }

  override async close(): Promise<void> {
    await this.deletion.close();
    await this.state.sizeLocks.close();
  }

  override dump(): Record<string, unknown> {
    const { files, blocks, options } = this.state;
    return {
      'shard-block-size': options['shard-block-size'],
      files: files.size,
      blocks: blocks.size,
      'lru-max-limit': options['shard-lru-limit'],
    };
  }
}

function namesEntry(fop: FopName): boolean {
  return ['lookup', 'entry', 'create', 'link', 'rename', 'open', 'inode'].includes(fops[fop].target);
}

export const shardType: TranslatorType<typeof options> = {
  type: 'features/shard',
  summary: 'Cuts files into blocks that lie all over the volume.',
  options,
  create: (setup) => new Shard(setup),
};
