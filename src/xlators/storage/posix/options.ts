import { option } from '../../../graph/index.ts';

export const options = {
  directory: option.optional({ help: 'The brick: an absolute path.' }),
  'volume-id': option.optional({ help: 'UUID that the brick must bear; set at its first start.' }),
  'attribute-store': option.choice('auto', ['auto', 'xattr', 'sidecar'], {
    help: 'Where trusted.* attributes are kept: on the files (xattr: needs root and the addon, readable by GlusterFS), or in records below .glusterfs/ (sidecar: works everywhere, readable by glfs only). auto takes xattr where the file system allows it. The brick remembers the choice.',
  }),
  'read-only': option.boolean(false, {
    help: 'Reads the brick of a server that is stopped: nothing is changed or made in its directory.',
  }),
  reserve: option.percentOrSize(
    { percent: 1 },
    { help: 'Space that clients may not fill, of the file system or in bytes; ENOSPC below it.' },
  ),
  gfid2path: option.boolean(true, {
    help: 'Files remember their names in trusted.gfid2path.* attributes.',
  }),
  ctime: option.boolean(true, {
    help: 'Files have the times that clients give them (trusted.glusterfs.mdata), not those of this host.',
  }),
  'gfid2path-separator': option.string(':', {
    help: 'What stands between the paths of glusterfs.gfidtopath.',
  }),
  'fips-mode-rchecksum': option.boolean(false, { help: 'RCHECKSUM answers with SHA-256; MD5 otherwise.' }),
  hostname: option.optional({
    help: "Name of the host in glusterfs.pathinfo; the machine's own by default.",
  }),
  'glusterd-uuid': option.optional({ help: 'UUID of the node, for trusted.glusterfs.node-uuid.' }),
  'node-uuid-pathinfo': option.boolean(false, {
    help: 'glusterfs.pathinfo names the node by its UUID instead of its host name.',
  }),
  'max-hardlinks': option.integer(100, {
    min: 0,
    help: 'Most hard links of a file (EMLINK); 0 for as many as the file system allows.',
  }),
  'shared-brick-count': option.integer(1, {
    min: 1,
    help: 'Bricks on this file system: each shows its share of the space.',
  }),
};
