import { option } from '../../../graph/index.ts';
import { percent, seed } from '../fault-options.ts';

export const options = {
  failure: percent(0, 'Share of calls that fail, in percent.'),
  'error-no': option.string('', {
    help: 'What they fail with, e.g. `ENOSPC`; one of several that fit the call where it is not set.',
  }),
  'random-failure': option.boolean(false, {
    help: 'Fail every third to 44th call, as GlusterFS does; `failure` does not count then.',
  }),
  enable: option.string('', {
    help: 'The operations that may fail, e.g. `WRITE,FSYNC`; empty: all.',
    aliases: ['error-fops'],
  }),
  seed,
};
