import { GlfsError, isGlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type ContextOwner,
  Fd,
  type Inode,
  type OptionValues,
  type Subvolume,
} from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { Subvolumes } from '../subvolumes.ts';
import { internalDetached, shared } from '../wind.ts';
import { discover } from './discover.ts';
import { holderOf } from './fd-holder.ts';
import { FreeSpace } from './free-space.ts';
import { NameHash } from './hash.ts';
import type { Layout } from './layout.ts';
import { NameQueue } from './name-queue.ts';
import { type AttributeNames, attributeNames } from './names.ts';
import type { DistributeOptions } from './options.ts';
import { hashedPlacement, type PlacementPolicy } from './placement.ts';

export {
  type Answer,
  combined,
  failures,
  internal,
  internalDetached,
  successes,
  wind,
  windAll,
} from '../wind.ts';

/** What distribute knows of one inode. A cache: each part may be missing at any time, e.g. after a graph switch. */
export interface InodeContext {
  /** Of a directory. */
  layout?: Layout;
  /** Of a directory: the subvolume whose attributes count (trusted.glusterfs.dht.mds); absent where none is marked. */
  mds?: Subvolume;
  /** Of anything but a directory: the subvolume that has its data. */
  cached?: Subvolume;
  /** A nameless lookup under way, for all who wait for it. */
  discovery?: Promise<unknown>;
  /** As the client knows it: where a new directory's ranges start depends on it. */
  path?: string;
}

export interface StateSetup {
  /** The translator: contexts of inodes are kept under it, so that they go when its graph goes. */
  readonly owner: object & { readonly name: string };
  readonly children: readonly Subvolume[];
  readonly options: OptionValues<DistributeOptions>;
  readonly log: Logger;
}

/** What all parts of one distribute translator share. */
export class DistributeState extends Subvolumes {
  readonly options: OptionValues<DistributeOptions>;
  readonly hash: NameHash;
  /** Names of the extended attributes, which depend on the option `xattr-name`. */
  readonly attributes: AttributeNames;
  readonly freeSpace: FreeSpace;
  readonly names = new NameQueue();
  /** Where new files go; cluster/nufa and cluster/switch put theirs here. */
  placement: PlacementPolicy = hashedPlacement;
  /** Subvolumes that are being removed: readable, but nothing new goes there. */
  readonly decommissioned: ReadonlySet<Subvolume>;
  /** The volume's commit hash, as the root has it; 0 where it has none. */
  commitHash = 0;
  /** The root was looked up: until then `commitHash` says nothing. */
  commitHashKnown = false;
  private readonly owner: ContextOwner<InodeContext>;
  private readonly byName: ReadonlyMap<string, Subvolume>;

  /** @throws GlfsError EINVAL where `decommissioned-bricks` names no subvolume. */
  constructor(setup: StateSetup) {
    super(setup.owner.name, setup.children, setup.log);
    this.owner = setup.owner as ContextOwner<InodeContext>;
    this.options = setup.options;
    this.byName = new Map(setup.children.map((child) => [child.name, child]));
    this.hash = new NameHash(setup.options['rsync-hash-regex'], setup.options['extra-hash-regex']);
    this.attributes = attributeNames(setup.options['xattr-name']);
    this.freeSpace = new FreeSpace(this);
    this.decommissioned = new Set(this.namedChildren(setup.options['decommissioned-bricks']));
  }

  private namedChildren(list: string): Subvolume[] {
    return list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => {
        const child = this.byName.get(name);
        if (child !== undefined) return child;
        throw new GlfsError('EINVAL', `decommissioned-bricks: no subvolume ${name}`, {
          translator: this.name,
        });
      });
  }

  /** The subvolume of that name, e.g. the target of a linkto file. */
  childNamed(name: string | undefined): Subvolume | undefined {
    return name === undefined ? undefined : this.byName.get(name);
  }

  // What is known of inodes

  contextOf(inode: Inode): InodeContext {
    let known = inode.get(this.owner);
    if (known === undefined) {
      known = {};
      inode.set(this.owner, known);
    }
    return known;
  }

  /** Forgets all of an inode but what is under way. */
  forget(inode: Inode): void {
    const known = inode.get(this.owner);
    if (known !== undefined) known.layout = known.cached = known.mds = undefined;
  }

  layoutOf(inode: Inode): Layout | undefined {
    return inode.get(this.owner)?.layout;
  }

  setLayout(inode: Inode, layout: Layout): void {
    this.contextOf(inode).layout = layout;
  }

  /** The subvolume known to hold the data of a file (or symlink, device…). */
  cachedOf(inode: Inode): Subvolume | undefined {
    return inode.get(this.owner)?.cached;
  }

  setCached(inode: Inode, child: Subvolume): void {
    this.contextOf(inode).cached = child;
  }

  /** The metadata subvolume of a directory. The root's is always the first. */
  mdsOf(inode: Inode): Subvolume | undefined {
    return inode.isRoot ? this.children[0] : inode.get(this.owner)?.mds;
  }

  setMds(inode: Inode, child: Subvolume): void {
    this.contextOf(inode).mds = child;
  }

  // Where things are

  /** Looks the inode up by its gfid on all subvolumes, once for all who ask at the same time. @throws GlfsError ESTALE… */
  async discover(inode: Inode, context: CallContext): Promise<void> {
    const known = this.contextOf(inode);
    const finished = (): void => {
      known.discovery = undefined;
    };
    const discovery =
      known.discovery ?? discover(this, { inode }, internalDetached(context)).finally(finished);
    known.discovery = discovery;
    await shared(discovery, context);
  }

  /**
   * The layout of a directory, looked up by gfid where it is unknown, or has holes and a subvolume has come up since.
   * @throws GlfsError ENOTDIR, and what the lookup ends with.
   */
  async layout(directory: Inode, context: CallContext): Promise<Layout> {
    const known = this.layoutOf(directory);
    if (known !== undefined && (known.isGood || known.generation === this.generation)) return known;
    await this.discover(directory, context);
    const fresh = this.layoutOf(directory);
    if (fresh === undefined) throw new GlfsError('ENOTDIR', undefined, { translator: this.name });
    return fresh;
  }

  /** The subvolume that a name hashes to; undefined where the directory's layout has a hole there. */
  async findHashed(parent: Inode, name: string, context: CallContext): Promise<Subvolume | undefined> {
    const layout = await this.layout(parent, context);
    return layout.search(this.hash.hash(name));
  }

  /** As findHashed. @throws GlfsError ENOTCONN (naming the subvolume that is down) or EIO where there is none. */
  async hashedChild(parent: Inode, name: string, context: CallContext): Promise<Subvolume> {
    const hashed = await this.findHashed(parent, name, context);
    if (hashed === undefined) throw this.holeError(parent, name);
    return hashed;
  }

  holeError(parent: Inode, name: string): GlfsError {
    const down = this.layoutOf(parent)?.down;
    if (down !== undefined) return this.downError(down);
    return new GlfsError('EIO', `the layout of directory ${parent} has no subvolume for '${name}'`, {
      translator: this.name,
    });
  }

  /**
   * The subvolume that has a file's data; for a directory the one whose attributes count. Found by a nameless lookup on
   * all subvolumes where nothing is known. Takes a loc or an fd.
   * @throws GlfsError ENOENT or ESTALE where no subvolume has it, ENOTCONN where one that may have it is down.
   */
  async cachedChild(
    target: { readonly inode: Inode; readonly fd?: Fd },
    context: CallContext,
  ): Promise<Subvolume> {
    const { inode } = target;
    const fd = target instanceof Fd ? target : target.fd;
    let found = this.cachedOf(inode) ?? this.directoryChild(inode);
    if (found !== undefined) return found;
    if (!inode.known) throw new GlfsError('ENOENT', undefined, { translator: this.name });
    try {
      await this.discover(inode, context);
    } catch (error) {
      if (fd === undefined || !isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
      const holder = await holderOf(this, fd, context);
      if (holder === undefined) throw error;
      this.setCached(inode, holder);
    }
    found = this.cachedOf(inode) ?? this.directoryChild(inode);
    if (found === undefined) throw new GlfsError('ESTALE', undefined, { translator: this.name });
    return found;
  }

  private directoryChild(inode: Inode): Subvolume | undefined {
    const known = inode.get(this.owner);
    if (known?.layout === undefined) return undefined;
    const mds = this.mdsOf(inode);
    if (mds !== undefined && this.isUp(mds)) return mds;
    return known.layout.present.find((child) => this.isUp(child)) ?? mds ?? known.layout.present[0];
  }

  /** Whether the target is a directory; looked up by gfid where its type is unknown. */
  async isDirectory(target: { readonly inode: Inode }, context: CallContext): Promise<boolean> {
    if (target.inode.type === 'unknown') await this.cachedChild(target, context);
    return target.inode.type === 'directory';
  }
}
