import { option } from '../../../graph/index.ts';

export const options = {
  barrier: option.boolean(false, { help: 'hold back the answers of changes from the start' }),
  'barrier-timeout': option.time(120, {
    min: 0,
    help: 'seconds after which the answers go out even so',
  }),
} as const;
