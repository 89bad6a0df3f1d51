import { option } from '../../../graph/index.ts';

export const options = {
  directory: option.optional({ help: 'The brick: an absolute path.' }),
  'volume-id': option.optional({ help: 'UUID that the brick must bear; set at its first start.' }),
  'attribute-store': option.choice('auto', ['auto', 'xattr', 'sidecar'], {
    help: 'Where trusted.* attributes are kept: on the files (xattr: needs root and the addon, readable by GlusterFS), or in records below .glusterfs/ (sidecar: works everywhere, readable by glfs only). auto takes xattr where the file system allows it.',
  }),
  ctime: option.boolean(true, {
    help: "Times that clients stamp on their calls are kept in trusted.glusterfs.mdata and shown instead of the host's, the same at every brick.",
  }),
  reserve: option.percentOrSize(
    { percent: 1 },
    {
      help: 'Space of the file system that calls may not use, except internal ones: ENOSPC below it. 0 turns it off.',
    },
  ),
  'fips-mode-rchecksum': option.boolean(false, { help: 'RCHECKSUM answers with SHA-256; MD5 otherwise.' }),
  hostname: option.optional({
    help: "Name of the host in glusterfs.pathinfo; the machine's own by default.",
  }),
  'glusterd-uuid': option.optional({ help: 'UUID of the node, for trusted.glusterfs.node-uuid.' }),
  'node-uuid-pathinfo': option.boolean(false, {
    help: 'glusterfs.pathinfo names the node by its UUID instead of its host name.',
  }),
  'gfid2path-separator': option.string(':', {
    help: 'What stands between the paths of glusterfs.gfidtopath.',
  }),
};
