import { option } from '../../../graph/index.ts';

export const options = {
  directory: option.optional({ help: 'The brick: an absolute path.' }),
  'volume-id': option.optional({ help: 'UUID that the brick must bear; set at its first start.' }),
  'attribute-store': option.choice('auto', ['auto', 'xattr', 'sidecar'], {
    help: 'Where trusted.* attributes are kept: on the files (xattr: needs root and the addon, readable by GlusterFS), or in records below .glusterfs/ (sidecar: works everywhere, readable by glfs only). auto takes xattr where the file system allows it.',
  }),
};
