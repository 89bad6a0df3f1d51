import { option } from '../../../graph/index.ts';

export const options = {
  'include-ops': option.string('', {
    help: 'Log these operations only, e.g. `WRITE,FSYNC`.',
    aliases: ['include'],
  }),
  'exclude-ops': option.string('', {
    help: 'Log all operations but these; counts where include-ops is empty.',
    aliases: ['exclude'],
  }),
  'log-file': option.boolean(false, { help: 'Accepted and ignored: the logger decides where lines go.' }),
  'log-history': option.boolean(false, { help: 'Accepted and ignored: no history is kept.' }),
  'history-size': option.size(1024, { help: 'Accepted and ignored: no history is kept.' }),
};
