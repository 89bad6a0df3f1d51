/*
 * The promise: every directory has a name (`.snaps`) that leads into its snapshots; what is below it is read from the snapshot
 * daemon (second subvolume), all else from the volume (first subvolume). The failure that it hides: none; a daemon that is down
 * takes the snapshots away, never the volume.
 *
 * Files of snapshots have gfids that the daemon invents and the volume doesn't know: worlds.ts remembers of each inode where
 * it lives. Fops are routed by what they act on, as the fop table has it, apart from those with a method below.
 */
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type ContextOwner,
  type Fd,
  type GraphEvent,
  Inode,
  type Loc,
  type Reply,
  type Request,
  type Subvolume,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { Dict, withKey } from '../../../protocol/dict.ts';
import { type FopName, fopNames, fops } from '../../../protocol/fops.ts';
import { ROOT_GFID } from '../../../protocol/gfid.ts';
import { emptyIatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { Listings } from './listing.ts';
import { options } from './options.ts';
import { servedBySnapshots } from './served.ts';
import { type World, Worlds } from './worlds.ts';

/** Asks, in any letter case, for a name as it is written: what Samba sends for clients that ignore case. */
const REAL_NAME = 'glusterfs.get_real_filename:';

/* Routing is by name, so the types of requests meet here. */
type AnyFop = (request: object, context: CallContext) => Promise<unknown>;

function fopOf(subvolume: Subvolume, fop: FopName): AnyFop {
  return subvolume[fop] as unknown as AnyFop;
}

export class SnapviewClient extends Translator<typeof options> {
  declare readonly contextType?: World;
  private readonly volume: Subvolume;
  private readonly snapshots: Subvolume;
  private readonly entryPoint: string;
  private readonly worlds: Worlds;
  private readonly listings: Listings;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    const [volume, snapshots, ...more] = setup.children;
    if (volume === undefined || snapshots === undefined || more.length > 0) {
      throw this.invalid(`needs two subvolumes, the volume and its snapshots, not ${setup.children.length}`);
    }
    const name = this.options['snapshot-directory'];
    if (!/^\.[^/]{1,254}$/.test(name) || name === '..') {
      throw this.invalid(`snapshot-directory must be a name that begins with a dot, not '${name}'`);
    }
    this.volume = volume;
    this.snapshots = snapshots;
    this.entryPoint = name;
    this.worlds = new Worlds(volume, snapshots, this);
    this.listings = new Listings(
      volume,
      name,
      this.worlds,
      this as ContextOwner<unknown> as ContextOwner<object>,
    );
    for (const fop of fopNames) if (!(fop in this)) Object.assign(this, { [fop]: this.routed(fop) });
  }

  private invalid(reason: string): GlfsError {
    return new GlfsError('EINVAL', reason, { translator: this.name });
  }

  /** The daemon's comings and goings are no news of the volume. */
  protected override onEvent(event: GraphEvent, child: Subvolume): void {
    if (child === this.children[0]) super.onEvent(event, child);
  }

  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const { parent, name } = request.loc;
    if (name === undefined || parent === undefined) return this.worlds.lookupByGfid(request, context);
    const world = await this.worlds.of(parent, context);
    if (name !== this.entryPoint || world !== 'volume') {
      return this.worlds.lookup(world === 'volume' ? 'volume' : 'snapshots', request, context);
    }
    const xdata = withKey(request.xdata, keys.entryPoint, 'true');
    return this.worlds.lookup('entry-point', { ...request, xdata }, context);
  }

  /* ---- routing by what a fop acts on ---- */

  private routed(fop: FopName): AnyFop {
    switch (fops[fop].target) {
      case 'entry':
      case 'create':
        return this.routedByEntry(fop);
      case 'link':
      case 'rename':
        return this.routedByTwo(fop);
      case 'none':
        return fopOf(this.volume, fop);
      default:
        return this.routedByInode(fop);
    }
  }

  private routedByInode(fop: FopName): AnyFop {
    const inVolume = fopOf(this.volume, fop);
    const inSnapshots = this.inSnapshots(fop);
    return (request, context) => {
      const { loc, fd } = request as { loc?: Loc; fd?: Fd };
      const inode = loc?.inode ?? fd!.inode;
      // The common case, without a wait in between.
      if (this.worlds.known(inode) === 'volume') return inVolume(request, context);
      return this.worlds
        .of(inode, context)
        .then((world) => (world === 'volume' ? inVolume : inSnapshots)(request, context));
    };
  }

  private inSnapshots(fop: FopName): AnyFop {
    if (servedBySnapshots.has(fop)) return fopOf(this.snapshots, fop);
    const changes = fops[fop].traits.mutates === true || fop === 'fsync' || fop === 'fsyncdir';
    return () => Promise.reject(this.refusal(fop, changes ? 'EROFS' : 'EOPNOTSUPP'));
  }

  private routedByEntry(fop: FopName): AnyFop {
    const next = fopOf(this.volume, fop);
    return async (request, context) => {
      const { loc } = request as { loc: Loc };
      if (await this.isOutside(loc, context)) throw this.refusal(fop, 'EROFS');
      const reply = await next(request, context);
      this.worlds.set(loc.inode, 'volume');
      return reply;
    };
  }

  private routedByTwo(fop: FopName): AnyFop {
    const next = fopOf(this.volume, fop);
    return async (request, context) => {
      const { loc, newLoc } = request as Request<'rename'>;
      const outside = (await this.isOutside(loc, context)) || (await this.isOutside(newLoc, context));
      if (outside) throw this.refusal(fop, 'EROFS');
      return next(request, context);
    };
  }

  /** Does, or would, the entry stand in the snapshots? */
  private async isOutside({ inode, parent, name }: Loc, context: CallContext): Promise<boolean> {
    if (name === this.entryPoint) return true;
    if (parent !== undefined && (await this.worlds.of(parent, context)) !== 'volume') return true;
    return (this.worlds.known(inode) ?? 'volume') !== 'volume';
  }

  private refusal(fop: FopName, code: 'EROFS' | 'EOPNOTSUPP' | 'EXDEV'): GlfsError {
    const reason = code === 'EROFS' ? 'snapshots are read-only' : undefined;
    return new GlfsError(code, reason, { fop, translator: this.name });
  }

  /* ---- fops that are different in the snapshots ---- */

  async open(request: Request<'open'>, context: CallContext): Promise<Reply<'open'>> {
    const world = await this.worlds.of(request.loc.inode, context);
    const writes = (request.flags & (OpenFlag.ACCMODE | OpenFlag.TRUNC)) !== OpenFlag.RDONLY;
    if (world !== 'volume' && writes) throw this.refusal('open', 'EROFS');
    return this.worlds.subvolume(world).open(request, context);
  }

  async opendir(request: Request<'opendir'>, context: CallContext): Promise<Reply<'opendir'>> {
    const world = await this.worlds.of(request.loc.inode, context);
    const reply = await this.worlds.subvolume(world).opendir(request, context);
    if (world === 'volume' && this.showsEntryPoint(request.loc)) this.listings.show(request.fd);
    return reply;
  }

  private showsEntryPoint({ inode, path }: Loc): boolean {
    const where = this.options['snapdir-entry-path'];
    if (!this.options['show-snapshot-directory'] || where === '') return false;
    return inode.isRoot ? where === '/' : path !== undefined && path.replace(/\/\.?$/, '') === where;
  }

  async readdir(request: Request<'readdir'>, context: CallContext): Promise<Reply<'readdir'>> {
    const world = await this.worlds.of(request.fd.inode, context);
    if (world !== 'volume') return this.snapshots.readdir(request, context);
    return this.listings.list('readdir', request, context);
  }

  async readdirp(request: Request<'readdirp'>, context: CallContext): Promise<Reply<'readdirp'>> {
    const world = await this.worlds.of(request.fd.inode, context);
    if (world === 'volume') return this.listings.list('readdirp', request, context);
    const reply = await this.snapshots.readdirp(request, context);
    for (const entry of reply.entries) {
      if (entry.name === '.' || entry.name === '..') continue;
      entry.inode ??= new Inode();
      this.worlds.set(entry.inode, 'snapshots');
    }
    return reply;
  }

  /** A `.snaps` has the size and room of its volume. */
  async statfs(request: Request<'statfs'>, context: CallContext): Promise<Reply<'statfs'>> {
    const world = await this.worlds.of(request.loc.inode, context);
    if (world !== 'entry-point') return this.worlds.subvolume(world).statfs(request, context);
    return this.volume.statfs({ ...request, loc: { inode: new Inode(ROOT_GFID, 'directory') } }, context);
  }

  async getxattr(request: Request<'getxattr'>, context: CallContext): Promise<Reply<'getxattr'>> {
    const { name, loc } = request;
    if (name.toLowerCase() === REAL_NAME + this.entryPoint.toLowerCase()) {
      const dict = new Dict().setEntry(name, { type: 'str', value: this.entryPoint });
      return { dict, prestat: emptyIatt(), poststat: emptyIatt() };
    }
    const world = await this.worlds.of(loc.inode, context);
    return this.worlds.subvolume(world).getxattr(request, context);
  }

  /** The daemon knows attributes of inodes only. */
  async fgetxattr(request: Request<'fgetxattr'>, context: CallContext): Promise<Reply<'fgetxattr'>> {
    const { fd, name, xdata } = request;
    const world = await this.worlds.of(fd.inode, context);
    if (world === 'volume') return this.volume.fgetxattr(request, context);
    return this.snapshots.getxattr({ loc: { inode: fd.inode }, name, xdata }, context);
  }

  async copyFileRange(
    request: Request<'copyFileRange'>,
    context: CallContext,
  ): Promise<Reply<'copyFileRange'>> {
    const target = await this.worlds.of(request.target.inode, context);
    if (target !== 'volume') throw this.refusal('copyFileRange', 'EROFS');
    // Out of a snapshot one copies by reading and writing, as between any two file systems.
    const source = await this.worlds.of(request.source.inode, context);
    if (source !== 'volume') throw this.refusal('copyFileRange', 'EXDEV');
    return this.volume.copyFileRange(request, context);
  }
}

export const snapviewClientType: TranslatorType<typeof options> = {
  type: 'features/snapview-client',
  summary: 'Leads `.snaps` in every directory to the snapshot daemon; everything below it is read-only.',
  options,
  create: (setup) => new SnapviewClient(setup),
};
