import { GlfsError } from '../errors.ts';
import { type DictEntry, entryBytes, entryInteger, entryText, type Key, type Mdata } from './dict.ts';
import type { Gfid } from './gfid.ts';
import type { Iatt } from './iatt.ts';

/** In version 330 structures come as a copy of the brick's memory, whose layout is the compiler's. */
function fromOldBrick(entry: DictEntry): boolean {
  return entry.type === 'bytes';
}

/** Kinds of values, each with its type on the wire. */
const kinds = {
  int: (name: string): Key<number> => ({
    name,
    toEntry: (value) => ({ type: 'int', value: BigInt(value) }),
    fromEntry: (entry) => Number(entryInteger(entry)),
  }),
  uint: (name: string): Key<number> => ({
    name,
    toEntry: (value) => ({ type: 'uint', value: BigInt(value) }),
    fromEntry: (entry) => Number(entryInteger(entry)),
  }),
  text: (name: string): Key<string> => ({
    name,
    toEntry: (value) => ({ type: 'str', value }),
    fromEntry: entryText,
  }),
  bytes: (name: string): Key<Uint8Array> => ({
    name,
    toEntry: (value) => ({ type: 'bytes', value }),
    fromEntry: entryBytes,
  }),
  gfid: (name: string): Key<Gfid> => ({
    name,
    toEntry: (value) => ({ type: 'gfuuid', value }),
    fromEntry: (entry) => {
      const bytes = entryBytes(entry);
      if (bytes.length !== 16) throw new GlfsError('EPROTO', `dict: ${name} is no gfid`);
      return bytes;
    },
  }),
  mdata: (name: string): Key<Mdata> => ({
    name,
    toEntry: (value) => ({ type: 'mdata', value }),
    fromEntry: (entry: DictEntry) => {
      if (fromOldBrick(entry)) return undefined;
      if (entry.type !== 'mdata') throw new GlfsError('EPROTO', `dict: ${name} holds no times`);
      return entry.value;
    },
  }),
  iatt: (name: string): Key<Iatt> => ({
    name,
    toEntry: (value) => ({ type: 'iatt', value }),
    fromEntry: (entry: DictEntry) => {
      if (fromOldBrick(entry)) return undefined;
      if (entry.type !== 'iatt') throw new GlfsError('EPROTO', `dict: ${name} holds no attributes`);
      return entry.value;
    },
  }),
};

/** For translators that need a key of their own kind; the key itself belongs into `keys`. */
export const keyKinds = kinds;

/** Every key of xdata that the code knows. */
export const keys = {
  /** The gfid of the file to be made: mandatory for create, mknod, mkdir, symlink. */
  gfidRequest: kinds.gfid('gfid-req'),
  /** Marks calls that applications did not make. */
  internalFop: kinds.int('glusterfs-internal-fop'),
  /** LOOKUP: asks for (and brings) the number of open fds. */
  openFdCount: kinds.int('glusterfs.open-fd-count'),
  inodelkCount: kinds.int('glusterfs.inodelk-count'),
  /** Asks for the inodelks of one domain, by its name; answered under `glusterfs.inodelk-count`. */
  inodelkDomainCount: kinds.text('glusterfs.inodelk-dom-count'),
  /** Asks for the inodelks of several domains: each `glusterfs.inodelk-dom-prefix:DOMAIN` is answered under its own name. */
  inodelkCountsOfDomains: kinds.uint('glusterfs.multi-dom-lk-cnt-req'),
  entrylkCount: kinds.int('glusterfs.entrylk-count'),
  posixlkCount: kinds.int('glusterfs.posixlk-count'),
  parentEntrylk: kinds.int('glusterfs.parent-entrylk'),
  /** quick-read: the front of the file, inline. As a request the most bytes wanted. */
  content: kinds.bytes('glusterfs.content'),
  /** A file that only points to the subvolume where its data are. */
  linkto: kinds.text('trusted.glusterfs.dht.linkto'),
  layout: kinds.bytes('trusted.glusterfs.dht'),
  volumeId: kinds.bytes('trusted.glusterfs.volume-id'),
  /** SETXATTR, REMOVEXATTR: the file before and after, and once more under the name that distribute reads. */
  preStat: kinds.iatt('virt-gf-prestat'),
  postStat: kinds.iatt('virt-gf-poststat'),
  statForDistribute: kinds.iatt('dht-get-iatt-in-xattr'),
  /** XATTROP: asks for the mode of a regular file. */
  modeForDistribute: kinds.int('dht-get-mode-in-xattr'),
  /** WRITE: asks for the number of open fds, so that delayed locks are given up when there is a second. */
  activeFdCount: kinds.uint('glusterfs.open-active-fd-count'),
  /** WRITE: asks whether it began at the end of the file. */
  writeIsAppend: kinds.uint('glusterfs.write-is-append'),
  /** WRITE: the attributes before and after enclose this write alone. */
  writeUpdateAtomic: kinds.uint('glusterfs.write-update-atomic'),
  /** FSYNC: the brick may bring several files to disk at once. */
  batchFsync: kinds.int('batch-fsync'),
  /** WRITE of a migration: not over what an application has written. */
  avoidOverwrite: kinds.int('glusterfs.avoid.overwrite'),
  /** RCHECKSUM: asks whether the block is all zeros. */
  checkZeroFilled: kinds.int('check-zero-filled'),
  zeroFilled: kinds.uint('buf-has-zeroes'),
  /** In RCHECKSUM's reply: the strong checksum is SHA-256. */
  fipsChecksum: kinds.int('fips-mode-rchecksum'),
  /** LOOKUP: asks for all extended attributes but the brick's own. */
  listXattrs: kinds.int('list-xattr'),
  /** XATTROP, LOOKUP: asks for the size of a regular file. */
  getSize: kinds.uint('get-size'),
  /** LOOKUP, FSTAT: asks the index, by the name of its count, whether any heal is pending; the answer is 0 or 1. */
  linkCountOf: kinds.text('link-count'),
  linkCount: kinds.int('link-count'),
  /** XATTROP on a directory: the name that is about to change, or has been changed everywhere. */
  indexNameIn: kinds.text('glusterfs.xattrop-entry-create'),
  indexNameOut: kinds.text('glusterfs.xattrop-entry-delete'),
  /** XATTROP on a directory: with its pending attributes its part of entry-changes goes, too. */
  indexPurge: kinds.int('glusterfs.xattrop-purge-index'),
  /** LOOKUP of a directory of the index: asks what its entries stand for: 1 files, 2 directories. */
  indexTypeWanted: kinds.uint('glusterfs.index-ia-type-get-req'),
  indexType: kinds.uint('glusterfs.index-ia-type-get-rsp'),
  /** READDIR of a directory of the index: asks for the types of the files that its entries are named by. */
  gfidTypeWanted: kinds.text('get-gfid-type'),
  /** The lease under which a call is made: 16 bytes. */
  leaseId: kinds.bytes('lease-id'),
  /** LK: 1 asks for a mandatory lock. */
  lockMode: kinds.uint('glusterfs.lk.lkmode'),
  /** LOOKUP: asks for the times that features/utime keeps; absent in the reply where the file has none. */
  mdataWanted: kinds.int('trusted.glusterfs.mdata'),
  /** SETXATTR: times for a file that has no trusted.glusterfs.mdata yet; the brick merges them, newer wins. */
  setMdata: kinds.mdata('set-ctime-mdata'),
  /** LOOKUP to the snapshot daemon: the name is the way into the snapshots of a directory of the volume. */
  entryPoint: kinds.text('entry-point'),
  /** LOOKUP's reply, from replicate and never from a brick: its copies don't agree upon the attributes that it carries. */
  doubtful: kinds.int('glfs.doubtful'),
} as const;
