import { GlfsError } from '../../../errors.ts';
import type { CallContext, Environment, Fd, Inode, OptionValues, Subvolume } from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { isRegular } from '../../../protocol/iatt.ts';
import { Subvolumes } from '../subvolumes.ts';
import { internal } from '../wind.ts';
import { AttributeNames } from './attributes.ts';
import { blockSizeFor } from './block-size.ts';
import { repliesOfAll } from './everywhere.ts';
import { type FileLayout, Files } from './files.ts';
import type { Layout } from './layout.ts';
import { Locks } from './locks.ts';
import type { StripeOptions } from './options.ts';
import { belowFd } from './plain-fd.ts';

interface Setup {
  readonly name: string;
  readonly children: readonly Subvolume[];
  readonly options: OptionValues<StripeOptions>;
  readonly environment: Environment;
}

/** A call's file: by the fd where it has one, since a file without a name is found by that alone. */
export interface Target {
  readonly inode: Inode;
  readonly fd?: Fd;
  readonly path?: string;
}

/** What the operations of one cluster/stripe have in common. */
export class StripeState extends Subvolumes {
  readonly options: OptionValues<StripeOptions>;
  readonly attributes: AttributeNames;
  readonly files: Files;
  readonly locks: Locks;

  constructor({ name, children, options, environment }: Setup) {
    super(name, children, environment.logger);
    this.options = options;
    this.attributes = new AttributeNames(name);
    this.files = new Files(name, children, this.attributes);
    this.locks = new Locks(this.first, name, environment.logger);
  }

  /** Where all names are, and what is not a regular file. */
  get first(): Subvolume {
    return this.children[0]!;
  }

  get others(): readonly Subvolume[] {
    return this.children.slice(1);
  }

  /** @throws GlfsError ENOTCONN where a subvolume is known to be down */
  requireAll(): void {
    for (const child of this.children) if (!this.isUp(child)) throw this.downError(child);
  }

  /** Of a file that is being made. */
  newLayout(path: string): FileLayout {
    return this.files.fresh({
      blockSize: blockSizeFor(this.options['block-size'], path),
      count: this.children.length,
      coalesced: this.options.coalesce && this.options['use-xattr'],
    });
  }

  /**
   * How a regular file is striped; asked for where it has not been seen. Undefined for anything else, which is on the first
   * subvolume, or, directories, on all.
   * @throws GlfsError ENOTCONN where a subvolume is down, EIO where a stripe is missing or contradicts the others
   */
  async layoutOf({ inode, fd, path }: Target, context: CallContext): Promise<FileLayout | undefined> {
    if (inode.type !== 'file' && inode.type !== 'unknown') return undefined;
    const known = this.files.known(inode.gfid);
    if (known !== undefined) return known;
    const asker = internal(context);
    const xdata = this.attributes.asking(undefined);
    const own = fd === undefined ? undefined : belowFd(fd);
    const ask = (child: Subvolume) =>
      own === undefined
        ? child.stat({ loc: { inode }, xdata }, asker)
        : child.fstat({ fd: own, xdata }, asker);
    if (inode.type === 'unknown' && !isRegular((await ask(this.first)).stat)) return undefined;
    const replies = await repliesOfAll(this, inode, ask, asker);
    return this.learn(
      inode.gfid,
      replies.map((reply) => reply.xdata),
      path,
    );
  }

  /** From the attributes of all stripes, in the order of the volfile. */
  learn(gfid: Gfid, replies: Parameters<Files['decode']>[0], path: string | undefined): FileLayout {
    return (
      this.files.known(gfid) ??
      this.files.remember(
        gfid,
        this.files.decode(replies, () => this.unwritten(path)),
      )
    );
  }

  /** Of files without attributes, from before anybody has thought of coalescing. */
  private unwritten(path: string | undefined): Layout | undefined {
    const sizes = this.options['block-size'];
    if (this.options['use-xattr'] || (path === undefined && sizes.rules.length > 0)) return undefined;
    return {
      blockSize: blockSizeFor(sizes, path ?? ''),
      count: this.children.length,
      coalesced: false,
    };
  }

  /** @throws GlfsError EIO where it is no regular file */
  async requireLayout(target: Target, context: CallContext): Promise<FileLayout> {
    const layout = await this.layoutOf(target, context);
    if (layout === undefined) throw new GlfsError('EINVAL', 'no regular file', { translator: this.name });
    return layout;
  }
}
