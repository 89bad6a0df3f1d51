import { option } from '../../../graph/index.ts';

export const options = {
  'cache-invalidation': option.boolean(false, {
    help: 'Tell clients when a file changes that they have accessed not long ago.',
  }),
  'cache-invalidation-timeout': option.time(60, {
    min: 0,
    help: 'Seconds after its last access to a file for which a client is told of changes.',
  }),
};
