import type { Key } from '../../../protocol/dict.ts';
import { keyKinds } from '../../../protocol/keys.ts';

/** Lock domains that all clients of a volume share. */
export const Domain = {
  LAYOUT: 'dht.layout.heal',
  ENTRY: 'dht.entry.sync',
  MIGRATE: 'dht.file.migrate',
} as const;

/** Extended attributes of distribute, all built on the option `xattr-name`. */
export interface AttributeNames {
  /** Range of hashes that the subvolume has in a directory: 16 bytes, see layout.ts. */
  readonly layout: Key<Uint8Array>;
  /** Name of the subvolume that a linkto file points to. */
  readonly linkto: Key<string>;
  /** i32 big-endian on one subvolume of each directory: 0, or minus the number of attribute changes not yet everywhere. */
  readonly mds: Key<Uint8Array>;
  /** Decimal text on the root directory. */
  readonly commitHash: Key<number>;
}

export function attributeNames(base: string): AttributeNames {
  return {
    layout: keyKinds.bytes(base),
    linkto: keyKinds.text(`${base}.linkto`),
    mds: keyKinds.bytes(`${base}.mds`),
    commitHash: keyKinds.uint(`${base}.commithash`),
  };
}

/** Keys of xdata by which distribute speaks with bricks. */
export const marks = {
  /** With these two a brick refuses to make an entry (EIO) below a directory whose layout is no longer the one expected. */
  preopName: keyKinds.text('glusterfs.preop.parent.key'),
  /** UNLINK: EBUSY unless the file is a linkto file. */
  onlyIfLinkto: keyKinds.int('unlink-only-if-dht-linkto-file'),
  /** UNLINK: EBUSY while the file is open. */
  notIfOpen: keyKinds.int('dont-unlink-for-open-fd'),
  /** MKNOD, LINK: a linkto file in the way is replaced. */
  forceReplace: keyKinds.text('force-replace'),
  internalFop: keyKinds.text('glusterfs-internal-fop'),
  /** Quota's marker leaves this call out of its sums. */
  dontAccount: keyKinds.text('glusters.marker.dont-account'),
  renameTrack: keyKinds.bytes('changelog.rename-op'),
  /** Bitmap of 32 bytes; bit 0: quota lets a healing mkdir pass. */
  internalContext: keyKinds.bytes('glusterfs.internal-ctx'),
  /** SETXATTR and its like answer with the attributes. */
  iattInReply: keyKinds.int('dht-get-iatt-in-xattr'),
  listXattrs: keyKinds.int('list-xattr'),
  /** SETXATTR: the brick first drops the attributes that the set doesn't have. */
  syncXattrs: keyKinds.int('sync_backend_xattrs'),
  ancestryPath: keyKinds.text('glusterfs.ancestry.path'),
} as const;
