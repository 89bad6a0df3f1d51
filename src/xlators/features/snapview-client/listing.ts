import { isGlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type ContextOwner,
  type DirectoryEntry,
  type Fd,
  Inode,
  type Reply,
  type Request,
  type Subvolume,
} from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import { gfidToInode } from '../../../protocol/gfid.ts';
import { keys } from '../../../protocol/keys.ts';
import type { Worlds } from './worlds.ts';

/** State of an fd of the directory that shows the entry point. */
interface ShownFd {
  /** The offset at which the entry point was handed out: a listing that goes on from there is at its end. */
  handedOutAt?: bigint;
}

type Page = Reply<'readdir'>;

/**
 * Lists directories of the volume: without an entry of the entry point's name, which couldn't be reached, and, in one
 * directory and if so wanted, with the entry point behind all others.
 */
export class Listings {
  constructor(
    private readonly volume: Subvolume,
    private readonly entryPoint: string,
    private readonly worlds: Worlds,
    private readonly owner: ContextOwner<ShownFd>,
  ) {}

  /** From now on a listing of this fd ends with the entry point. */
  show(fd: Fd): void {
    fd.set<ShownFd>(this.owner, {});
  }

  async list(fop: 'readdir' | 'readdirp', request: Request<'readdir'>, context: CallContext): Promise<Page> {
    const shown = request.fd.get<ShownFd>(this.owner);
    if (shown?.handedOutAt !== undefined) {
      if (shown.handedOutAt === request.offset) return { entries: [] };
      shown.handedOutAt = undefined;
    }
    const { page, offset } = await this.page(fop, request, context);
    if (page.entries.length > 0 || shown === undefined) return page;
    const entry = await this.entry(request.fd, offset, context);
    if (entry === undefined) return page;
    shown.handedOutAt = offset;
    return { ...page, entries: [entry] };
  }

  /** A page is empty at the end only: one that has nothing but the hidden name is passed over. */
  private async page(
    fop: 'readdir' | 'readdirp',
    request: Request<'readdir'>,
    context: CallContext,
  ): Promise<{ page: Page; offset: bigint }> {
    let { offset } = request;
    for (;;) {
      const page = await this.volume[fop]({ ...request, offset }, context);
      const entries = page.entries.filter(({ name }) => name !== this.entryPoint);
      for (const entry of entries) this.mark(entry);
      if (entries.length > 0 || page.entries.length === 0) return { page: { ...page, entries }, offset };
      offset = page.entries.at(-1)!.offset;
    }
  }

  private mark(entry: DirectoryEntry): void {
    if (entry.name === '.' || entry.name === '..') return;
    entry.inode ??= new Inode();
    this.worlds.set(entry.inode, 'volume');
  }

  /** Undefined where the snapshot daemon doesn't answer: the volume's own entries are worth more. */
  private async entry(fd: Fd, offset: bigint, context: CallContext): Promise<DirectoryEntry | undefined> {
    const inode = new Inode();
    const name = this.entryPoint;
    const xdata = withKey(undefined, keys.entryPoint, 'true');
    try {
      const request = { loc: { inode, parent: fd.inode, name }, flags: 0, xdata };
      const { stat } = await this.worlds.lookup('entry-point', request, context);
      return { name, type: 'directory', ino: gfidToInode(stat.gfid), offset, stat, inode };
    } catch (error) {
      if (isGlfsError(error, 'ECANCELED', 'ETIMEDOUT')) throw error;
      return undefined;
    }
  }
}
