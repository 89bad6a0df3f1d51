import { GlfsError, isGlfsError } from '../../../errors.ts';
import { asRoot, type CallContext, detached, Inode, type Subvolume } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { type Gfid, ROOT_GFID } from '../../../protocol/gfid.ts';
import { isDirectory } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { REMOVE_ME_DIRECTORY, REMOVE_ME_GFID, SHARD_DIRECTORY, SHARD_GFID } from './names.ts';

const MODE = 0o755;

/** One of the two directories that hold what applications don't see: looked up once, made when it is first needed. */
class InternalDirectory {
  private found: Inode | undefined;
  private finding: Promise<Inode | undefined> | undefined;

  constructor(
    private readonly child: Subvolume,
    private readonly name: string,
    private readonly gfid: Gfid,
    private readonly parent: (context: CallContext, make: boolean) => Promise<Inode | undefined>,
  ) {}

  /** Undefined where the volume has none yet. */
  async find(context: CallContext): Promise<Inode | undefined> {
    if (this.found !== undefined) return this.found;
    this.finding ??= this.look(context, false).finally(() => {
      this.finding = undefined;
    });
    return this.finding;
  }

  async make(context: CallContext): Promise<Inode> {
    const there = await this.find(context);
    if (there !== undefined) return there;
    const parent = (await this.parent(context, true))!;
    const inode = new Inode();
    const loc = { inode, parent, name: this.name };
    // On a full brick it takes of the space that is held back.
    const xdata = this.wanted().set(keys.internalFop, 1);
    try {
      const { stat } = await this.child.mkdir({ loc, mode: MODE, umask: 0, xdata }, internal(context));
      inode.learn(stat);
      this.found = inode;
      return inode;
    } catch (error) {
      if (!isGlfsError(error, 'EEXIST')) throw error;
      const other = await this.look(context, true);
      if (other === undefined) throw error;
      return other;
    }
  }

  private async look(context: CallContext, make: boolean): Promise<Inode | undefined> {
    const parent = await this.parent(context, make);
    if (parent === undefined) return undefined;
    const inode = new Inode();
    const loc = { inode, parent, name: this.name };
    try {
      const { stat } = await this.child.lookup({ loc, flags: 0, xdata: this.wanted() }, internal(context));
      if (!isDirectory(stat))
        throw new GlfsError('EIO', `/${this.name} is no directory: remove it from all bricks`);
      inode.learn(stat);
      this.found = inode;
      return inode;
    } catch (error) {
      if (isGlfsError(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  private wanted(): Dict {
    return new Dict().set(keys.gfidRequest, this.gfid);
  }
}

/** Several callers share what is asked here: none may end it for the others. */
function internal(context: CallContext): CallContext {
  return asRoot(detached(context));
}

/** `.shard` and `.shard/.remove_me`. */
export class Directories {
  readonly shard: InternalDirectory;
  readonly removeMe: InternalDirectory;
  private root: Promise<Inode> | undefined;

  constructor(private readonly child: Subvolume) {
    this.shard = new InternalDirectory(child, SHARD_DIRECTORY, SHARD_GFID, (context) =>
      this.findRoot(context),
    );
    this.removeMe = new InternalDirectory(child, REMOVE_ME_DIRECTORY, REMOVE_ME_GFID, (context, make) =>
      make ? this.shard.make(context) : this.shard.find(context),
    );
  }

  /** Looked up by ourselves, so that those below know it whatever applications have done. */
  private findRoot(context: CallContext): Promise<Inode> {
    this.root ??= this.lookUpRoot(context).catch((error: unknown) => {
      this.root = undefined;
      throw error;
    });
    return this.root;
  }

  private async lookUpRoot(context: CallContext): Promise<Inode> {
    const inode = new Inode(ROOT_GFID, 'directory');
    await this.child.lookup({ loc: { inode }, flags: 0 }, internal(context));
    return inode;
  }
}
