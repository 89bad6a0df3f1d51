import type { ContextOwner, Fd, FopFunction, Loc, OptionValues } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import type { FopName } from '../../../protocol/fops.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import type { Place, Syscalls } from '../../../syscalls.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { options } from './options.ts';

/** What posix keeps with an open fd. */
export interface PosixFd {
  /** Descriptor of the host; closed by release, when no call uses it any more. */
  readonly descriptor: number;
  /** Of the file that was opened: what is counted by it is counted back by it. */
  readonly gfid: Gfid;
  /** Calls under way on it; the descriptor is closed when it is released and idle. */
  users: number;
  released: boolean;
}

/**
 * A brick's directory as the fops see it. Paths are bytes, made from gfids by way of .glusterfs, never by way of names that
 * clients send. Metadata calls are synchronous, so that nothing comes between a check and its act; reading, writing and
 * syncing of data runs off the event loop.
 */
export interface PosixBrick {
  readonly name: string;
  readonly root: Buffer;
  readonly options: OptionValues<typeof options>;
  readonly store: AttributeStore;
  readonly log: Logger;
  readonly host: Syscalls;
  /** The key under which `PosixFd`s are kept. */
  readonly fds: ContextOwner<PosixFd>;

  /**
   * Path of the file with that gfid, an unlinked one that is still open among them. Like all paths here it is good until the
   * next await: directories may be renamed, and those deep down are reached by descriptors.
   * @throws GlfsError ESTALE where the brick has none
   */
  pathOf(gfid: Gfid): Buffer;
  /** Path of `loc.name` in `loc.parent`; it need not exist. @throws GlfsError ESTALE for an unknown parent, EINVAL. */
  entryOf(loc: Loc): Buffer;
  /** Path of what `loc` is about: by gfid where the inode is known, by parent and name otherwise. */
  placeOf(loc: Loc): Buffer;
  /** gfid of a file by its attribute; `undefined` where it has none. */
  gfidOf(place: Place): Gfid | undefined;
  /**
   * Attributes as they go over the wire: the times of trusted.glusterfs.mdata where the file has that, inode number from the
   * gfid. @throws GlfsError ENOENT, ESTALE
   */
  iatt(place: Place, gfid?: Gfid): Iatt;

  /** open(2) with the wire's flags, without O_DIRECT; never through a symbolic link, in a read-only brick without a trace. */
  openFile(path: Buffer, flags: number, mode?: number): number;
  /** Keeps a descriptor with the fd that it was opened for; the file counts as open until `release`. */
  keep(fd: Fd, gfid: Gfid, descriptor: number): void;
  /** Closes what `keep` kept, once no call uses it; the last one of an unlinked file removes it. Idempotent. */
  release(fd: Fd): void;
  /** How many fds are open on a file. */
  openCount(gfid: Gfid): number;

  /**
   * Runs `use` with the descriptor of an fd: the one that open made, or one opened for this call where the fd is anonymous or
   * from before a restart. The descriptor isn't closed while `use` runs.
   */
  withDescriptor<T>(fd: Fd, use: (descriptor: number) => Promise<T>): Promise<T>;
  /** Runs `use` with a descriptor that was opened for it, and closes that. A file that is unlinked meanwhile stays until then. */
  visit<T>(gfid: Gfid, descriptor: number, use: (descriptor: number) => Promise<T>): Promise<T>;
}

/** One fop of posix. */
export type PosixFop<K extends FopName> = (
  brick: PosixBrick,
  ...call: Parameters<FopFunction<K>>
) => ReturnType<FopFunction<K>>;

export type PosixFops = { readonly [K in FopName]?: PosixFop<K> };
