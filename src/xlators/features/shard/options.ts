import { option } from '../../../graph/index.ts';

const MIB = 2 ** 20;
const INT_MAX = 0x7fff_ffff;

export const options = {
  shard: option.boolean(false, { help: 'Set by glusterd; that the translator is there is what counts.' }),
  'shard-block-size': option.size(64 * MIB, {
    min: 4 * MIB,
    max: 4 * MIB * MIB,
    help: 'Bytes of a block of new files; each file keeps its own.',
  }),
  'shard-deletion-rate': option.integer(100, {
    min: 100,
    max: INT_MAX,
    help: 'Blocks of a removed file that are deleted at once.',
  }),
  'shard-lru-limit': option.integer(16_384, {
    min: 20,
    max: INT_MAX,
    help: 'Blocks that are remembered, so that they need not be looked up again.',
  }),
};
