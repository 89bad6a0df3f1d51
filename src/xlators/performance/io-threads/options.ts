import { option } from '../../../graph/index.ts';

const help = 'Accepted and ignored: no threads.';

export const options = {
  'thread-count': option.string('', { help }),
  'high-prio-threads': option.string('', { help }),
  'normal-prio-threads': option.string('', { help }),
  'low-prio-threads': option.string('', { help }),
  'least-prio-threads': option.string('', { help }),
  'enable-least-priority': option.string('', { help }),
  'idle-time': option.string('', { help }),
  'watchdog-secs': option.string('', { help }),
  'cleanup-disconnected-reqs': option.string('', { help }),
  'pass-through': option.string('', { help }),
};
