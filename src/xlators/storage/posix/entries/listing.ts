import type { CallContext, DirectoryEntry, Fd } from '../../../../graph/index.ts';
import type { Dict } from '../../../../protocol/dict.ts';
import { gfidEquals, isNullGfid, ROOT_GFID } from '../../../../protocol/gfid.ts';
import { typeOfDirent, typeOfMode } from '../../../../protocol/iatt.ts';
import { OpenFlag } from '../../../../protocol/messages.ts';
import type { RawEntry } from '../../../../syscalls.ts';
import { decodeText } from '../../../../xdr/index.ts';
import { lookupXdata } from '../attributes/index.ts';
import type { BrickDirectory } from '../brick-directory.ts';
import { HIDDEN, joined } from '../handles.ts';
import { hostError } from '../host-error.ts';
import { stampTimes } from '../times.ts';
import type { EntryFop } from './entry-fop.ts';
import { entryKeys } from './keys.ts';

/**
 * What an entry counts of a call's `size`, besides its name and the NUL behind that: the size of GlusterFS's own structure in
 * memory (gf_dirent_t on 64 bits), not what goes over the wire. Clients reckon with it.
 */
const ENTRY_BYTES = 208;
/** Entries asked of the host at a time. */
const BATCH = 256;
const DT_DIR = 4;
/** Above the root is the root. */
const ROOT_INODE = 1n;
const ABOVE = Buffer.from('..');
/** Bytes of attributes, and of contents, that the entries of one reply bring along, before no more are added. */
const MOST_BROUGHT = 4 << 20;

interface Page {
  readonly entries: RawEntry[];
  readonly eof: boolean;
}

export const opendir: EntryFop<'opendir'> = async (brick, { loc, fd }, context) => {
  const path = brick.placeOf(loc);
  const gfid = brick.gfidOf(path) ?? loc.inode.gfid;
  const descriptor = brick.openFile(path, OpenFlag.RDONLY | OpenFlag.DIRECTORY);
  brick.keep(fd, gfid, descriptor);
  stampTimes(brick, descriptor, context);
  return {};
};

export const releasedir: EntryFop<'releasedir'> = async (brick, { fd }) => {
  brick.release(fd);
  return {};
};

/** Names go to disk with the file system's own journal. */
export const fsyncdir: EntryFop<'fsyncdir'> = (brick, { fd }) => brick.withDescriptor(fd, async () => ({}));

export const readdir: EntryFop<'readdir'> = (brick, { fd, offset, size, xdata }) =>
  brick.withDescriptor(fd, async (descriptor) => {
    const { entries, eof } = readPage(brick, fd, descriptor, offset, size, xdata);
    const ofRoot = gfidEquals(fd.inode.gfid, ROOT_GFID);
    const listed = entries.map((entry) =>
      ofRoot && entry.name.equals(ABOVE) ? aboveRoot(entry) : plain(brick, entry),
    );
    return { entries: listed, eof };
  });

export const readdirp: EntryFop<'readdirp'> = (brick, { fd, offset, size, xdata }, context) =>
  brick.withDescriptor(fd, async (descriptor) => {
    const { entries, eof } = readPage(brick, fd, descriptor, offset, size, xdata);
    const directory = Buffer.from(`/proc/self/fd/${descriptor}`);
    const path = brick.handles.find(fd.inode.gfid) ?? directory;
    const ofRoot = gfidEquals(fd.inode.gfid, ROOT_GFID);
    const listed: DirectoryEntry[] = [];
    let brought = 0;
    for (const entry of entries) {
      const outside = ofRoot && entry.name.equals(ABOVE);
      const next = outside ? aboveRoot(entry) : detailed(brick, path, entry, xdata, context);
      for (const [, value] of next.xdata ?? []) brought += value.type === 'bytes' ? value.value.length : 0;
      listed.push(next);
      // The rest comes with the next call.
      if (brought >= MOST_BROUGHT && listed.length < entries.length) return { entries: listed, eof: false };
    }
    return { entries: listed, eof };
  });

function readPage(
  brick: BrickDirectory,
  fd: Fd,
  descriptor: number,
  offset: bigint,
  size: number,
  xdata: Dict | undefined,
): Page {
  const ofRoot = gfidEquals(fd.inode.gfid, ROOT_GFID);
  const skipDirectories = Boolean(xdata?.get(entryKeys.skipDirectories));
  const hidden = Buffer.from(HIDDEN);
  const entries: RawEntry[] = [];
  for (let at = offset, filled = 0; ; ) {
    const batch = brick.host.readdir(descriptor, at, BATCH);
    if (batch.length === 0) return { entries, eof: true };
    for (const entry of batch) {
      const passed =
        (ofRoot && entry.name.equals(hidden)) || (skipDirectories && brick.store.typeOf(entry) === DT_DIR);
      if (!passed) {
        filled += ENTRY_BYTES + entry.name.length + 1;
        if (filled > size) return { entries, eof: false };
        entries.push(entry);
      }
      at = entry.offset;
    }
  }
}

function plain(brick: BrickDirectory, entry: RawEntry): DirectoryEntry {
  const { name, ino, offset } = entry;
  return { name: decodeText(name), type: typeOfDirent(brick.store.typeOf(entry)), ino, offset };
}

/** `..` of the root leads out of the brick: nothing is told of it, and nothing asked. */
function aboveRoot({ offset }: RawEntry): DirectoryEntry {
  return { name: '..', type: 'directory', ino: ROOT_INODE, offset };
}

/** With attributes; an entry that is gone by now, or has no gfid, comes without. */
function detailed(
  brick: BrickDirectory,
  directory: Buffer,
  entry: RawEntry,
  xdata: Dict | undefined,
  context: CallContext,
): DirectoryEntry {
  const path = joined(directory, entry.name);
  const listed = plain(brick, entry);
  try {
    const stat = brick.iatt(path);
    const type = typeOfMode(stat.mode);
    if (isNullGfid(stat.gfid)) return { ...listed, type };
    return {
      ...listed,
      type,
      ino: stat.ino,
      stat,
      ...(xdata === undefined ? {} : { xdata: lookupXdata(brick, path, stat, xdata, context) }),
    };
  } catch (error) {
    const { code } = hostError(error);
    if (code !== 'ENOENT') brick.log.warn({ brick: brick.name, code }, 'an entry comes without attributes');
    return listed;
  }
}
