import { option } from '../../../graph/index.ts';

export const options = {
  'super-uid': option.integer(0, {
    min: 0,
    max: 0xffff_ffff,
    help: 'A user who may do everything, beside uid 0.',
  }),
};
