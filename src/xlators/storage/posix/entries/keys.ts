import { keyKinds } from '../../../../protocol/keys.ts';

/** What cluster/distribute and its kin say of entry calls, in xdata. */
export const entryKeys = {
  /** MKNOD, LINK: a linkto file that is in the way is replaced. */
  forceReplace: keyKinds.int('force-replace'),
  /** CREATE, MKDIR: name of an attribute of the parent that must be as given under that name: EIO otherwise. */
  parentCheck: keyKinds.text('glusterfs.preop.parent.key'),
  /** UNLINK: EBUSY for a file that is open. */
  unlessOpen: keyKinds.int('dont-unlink-for-open-fd'),
  /** UNLINK: EBUSY for what is no linkto file. */
  linktoOnly: keyKinds.int('unlink-only-if-dht-linkto-file'),
  /** UNLINK: asks for blocks, in units of 512 bytes. */
  blockCount: keyKinds.uint('gf_get_file_block_count'),
  /** UNLINK, RENAME: asks for the links before; answered under the same name. */
  linkCount: keyKinds.uint('get-link-count'),
  /** The same question under another name, with an answer of its own. */
  linkCountWanted: keyKinds.uint('gf_request_link_count'),
  linkCountReply: keyKinds.uint('gf_response_link_count'),
  /** READDIR, READDIRP: directories are left out. */
  skipDirectories: keyKinds.int('readdir-filter-directories'),
  /** LOOKUP: a file without a gfid is no error. */
  withoutGfid: keyKinds.int('gfidless-lookup'),
} as const;
