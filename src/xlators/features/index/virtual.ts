import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync } from 'node:fs';
import { toGlfsError } from '../../../errors.ts';
import type { ContextOwner, DirectoryEntry, Fd, Inode } from '../../../graph/index.ts';
import { type Gfid, gfidFromString, gfidKey, newGfid } from '../../../protocol/gfid.ts';
import { type FileType, type Iatt, typeOfMode } from '../../../protocol/iatt.ts';
import { encodeText } from '../../../xdr/index.ts';
import { toIatt } from '../../storage/posix/iatt.ts';
import { below, type IndexStore, isHidden } from './store.ts';
import type { Kind } from './watchlist.ts';

/** Entries of the index have no inode of the volume. */
const NO_INODE = 0xffff_ffff_ffff_ffffn;
/** Bytes that GlusterFS counts for an entry beside its name. */
const ENTRY_BYTES = 208;

/** A directory of the index as clients see it. */
export interface VirtualDirectory {
  readonly path: Buffer;
  /** One of the three; absent for a directory in entry-changes, which then is `of`. */
  readonly kind?: Kind;
  readonly of?: Gfid;
}

/** Names with their offsets, in the order of these. */
type Listing = readonly { readonly name: string; readonly offset: bigint }[];

/**
 * The index as directories that clients can look into: three with gfids that are made at each start, and one below
 * entry-changes for each directory in which names are pending, with a gfid of its own as well: its name's gfid is the real
 * directory's.
 */
export class VirtualDirectories {
  private readonly gfids: ReadonlyMap<Kind, Gfid> = new Map(
    (['xattrop', 'dirty', 'entry-changes'] as const).map((kind) => [kind, newGfid()]),
  );
  private readonly directories = new Map<string, VirtualDirectory>();
  /** Of real directories: the gfid that their part of entry-changes goes by. */
  private readonly names = new Map<string, Gfid>();
  private readonly listings: ContextOwner<Listing> = {};

  constructor(private readonly store: IndexStore) {
    for (const [kind, gfid] of this.gfids)
      this.directories.set(gfidKey(gfid), { path: store.directory(kind), kind });
  }

  gfidOf(kind: Kind): Gfid {
    return this.gfids.get(kind)!;
  }

  find(gfid: Gfid): VirtualDirectory | undefined {
    return this.directories.get(gfidKey(gfid));
  }

  /** The directory itself, as LOOKUP shows it. @throws GlfsError ENOENT */
  stat({ path }: VirtualDirectory, gfid: Gfid): Iatt {
    return iattOf(
      system(() => lstatSync(path, { bigint: true })),
      gfid,
    );
  }

  /** An entry of a directory. It gets the gfid by which its inode is known, or a new one. @throws GlfsError ENOENT */
  statEntry(directory: VirtualDirectory, name: string, inode: Inode): Iatt {
    const stat = system(() => lstatSync(below(directory.path, name), { bigint: true }));
    const real = directory.kind === 'entry-changes' ? parsed(name) : undefined;
    if (real === undefined) return iattOf(stat, inode.known ? inode.gfid : newGfid());
    const gfid = this.names.get(gfidKey(real)) ?? newGfid();
    this.names.set(gfidKey(real), gfid);
    this.directories.set(gfidKey(gfid), { path: below(directory.path, name), of: real });
    return iattOf(stat, gfid);
  }

  forget(real: Gfid): void {
    const gfid = this.names.get(gfidKey(real));
    if (gfid !== undefined) this.directories.delete(gfidKey(gfid));
    this.names.delete(gfidKey(real));
  }

  /**
   * Entries behind `offset`. Offsets are the names', so that a listing goes on where it was, whatever has gone meanwhile;
   * the names are read once for each pass of an fd.
   */
  list(directory: VirtualDirectory, fd: Fd, offset: bigint, size: number): DirectoryEntry[] {
    let listing = fd.get(this.listings);
    if (listing === undefined || offset === 0n) {
      const names = ['.', '..', ...this.store.names(directory.path).filter((name) => !isHidden(name))];
      listing = names
        .map((name) => ({ name, offset: offsetOf(name) }))
        .sort((a, b) => (a.offset < b.offset ? -1 : 1));
      fd.set(this.listings, listing);
    }
    const entries: DirectoryEntry[] = [];
    let filled = 0;
    for (let index = firstBehind(listing, offset); index < listing.length; index++) {
      const { name, offset: next } = listing[index]!;
      filled += ENTRY_BYTES + encodeText(name).length + 1;
      if (filled > size && entries.length > 0) break;
      entries.push({ name, type: 'unknown', ino: NO_INODE, offset: next });
    }
    return entries;
  }
}

/** The gfid that an entry is named by. */
export function parsed(name: string): Gfid | undefined {
  try {
    return gfidFromString(name);
  } catch {
    return undefined;
  }
}

export function typed(entry: DirectoryEntry, stat: Iatt): DirectoryEntry {
  const type: FileType = typeOfMode(stat.mode);
  return { ...entry, type, stat };
}

function iattOf(stat: BigIntStats, gfid: Gfid): Iatt {
  return { ...toIatt(stat, gfid), ino: NO_INODE, nlink: Number(stat.nlink) };
}

/** 62 bits that a name has for itself; never 0, which is the start. */
function offsetOf(name: string): bigint {
  return (createHash('sha1').update(encodeText(name)).digest().readBigUInt64BE() >> 2n) | 1n;
}

function firstBehind(listing: Listing, offset: bigint): number {
  let [low, high] = [0, listing.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (listing[middle]!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function system<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw toGlfsError(error);
  }
}
