import { option } from '../../../graph/index.ts';
import { percent, seed } from '../fault-options.ts';

export const options = {
  'delay-percentage': percent(10, 'Share of calls that are delayed, in percent.'),
  'delay-duration': option.integer(100_000, { help: 'How long, in microseconds.', min: 0 }),
  enable: option.string('', { help: 'The operations that may be delayed, e.g. `WRITE,FSYNC`; empty: all.' }),
  seed,
};
