import { isGlfsError } from '../../../errors.ts';
import type { CallContext, ContextOwner, Inode, Reply, Request, Subvolume } from '../../../graph/index.ts';

/** Where an inode lives; `entry-point` is a `.snaps` itself, which belongs to the snapshots. */
export type World = 'volume' | 'snapshots' | 'entry-point';

/** Knows of each inode in which world it lives, and finds out where that was forgotten (after a graph switch). */
export class Worlds {
  constructor(
    private readonly volume: Subvolume,
    private readonly snapshots: Subvolume,
    /** The translator, which is the key of what is kept with inodes. */
    private readonly owner: ContextOwner<World>,
  ) {}

  subvolume(world: World): Subvolume {
    return world === 'volume' ? this.volume : this.snapshots;
  }

  /** What is known without asking anybody. */
  known(inode: Inode): World | undefined {
    return inode.isRoot ? 'volume' : inode.get<World>(this.owner);
  }

  set(inode: Inode, world: World): void {
    inode.set<World>(this.owner, world);
  }

  /** @throws GlfsError ENOENT or ESTALE where neither world has the file. */
  async of(inode: Inode, context: CallContext): Promise<World> {
    const known = this.known(inode);
    if (known !== undefined) return known;
    // An inode without a gfid is one that is about to be made, and only the volume makes any.
    if (!inode.known) return 'volume';
    await this.lookupByGfid({ loc: { inode }, flags: 0 }, context);
    return this.known(inode)!;
  }

  async lookup(world: World, request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const reply = await this.subvolume(world).lookup(request, context);
    this.set(request.loc.inode, world);
    return reply;
  }

  async lookupByGfid(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const known = this.known(request.loc.inode);
    if (known !== undefined) return this.lookup(known, request, context);
    try {
      return await this.lookup('volume', request, context);
    } catch (error) {
      if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
      // That the daemon is away is no answer to a question about the volume.
      return this.lookup('snapshots', request, context).catch(() => {
        throw error;
      });
    }
  }
}
