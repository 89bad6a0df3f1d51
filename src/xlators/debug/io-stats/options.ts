import { option } from '../../../graph/index.ts';

const ignored = (what: string) =>
  option.string('', {
    help: `Accepted and ignored: ${what} of the whole process are its owner's business here.`,
  });

export const options = {
  'count-fop-hits': option.boolean(false, {
    help: 'Count calls and failures of each operation, and the files that are used most.',
  }),
  'latency-measurement': option.boolean(false, { help: 'Measure how long each operation takes.' }),
  'dump-fd-stats': option.boolean(false, {
    help: 'Keep the files that are used most, also without count-fop-hits.',
  }),
  'log-level': ignored('log levels'),
  'sys-log-level': ignored('log levels'),
  'log-format': ignored('log formats'),
  'log-buf-size': ignored('log buffers'),
  'log-flush-timeout': ignored('log buffers'),
  logger: ignored('loggers'),
  threads: ignored('threads'),
  'global-threading': ignored('threads'),
  'unique-id': ignored('names'),
  'volume-id': option.string('', { help: 'UUID of the volume, for the dump.' }),
  'ios-dump-interval': ignored('dumps'),
  'ios-dump-format': ignored('dumps'),
  'ios-sample-interval': ignored('samples'),
  'ios-sample-buf-size': ignored('samples'),
  'ios-dnscache-ttl-sec': ignored('samples'),
};
