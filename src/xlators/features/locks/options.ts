import { option } from '../../../graph/index.ts';

export const options = {
  'mandatory-locking': option.choice('off', ['off', 'file', 'forced', 'optimal'], {
    help: 'forced: every POSIX lock holds up reads and writes of others; optimal: only those that were taken as mandatory; file: nothing, as in GlusterFS 10',
  }),
  'notify-contention': option.boolean(true, {
    help: 'tell the holder of an inodelk or entrylk that somebody else wants it',
  }),
  'notify-contention-delay': option.integer(5, {
    min: 0,
    max: 60,
    help: 'least seconds between two such notices about one lock',
  }),
  'revocation-secs': option.integer(0, {
    min: 0,
    max: 0x7fff_ffff,
    help: 'seconds after which a lock that is in the way of another may be taken from its holder; 0: never',
  }),
  'revocation-max-blocked': option.integer(0, {
    min: 0,
    max: 0x7fff_ffff,
    help: 'with revocation-secs: so many waiters in a domain are reason enough; 0: never',
  }),
  'revocation-clear-all': option.boolean(false, {
    help: 'a revocation drops those who wait, too',
  }),
  trace: option.boolean(false, { help: 'log every lock call and how it ended' }),
  'monkey-unlocking': option.boolean(false, {
    help: 'lose unlocks at random (a debugging aid of GlusterFS; refused here)',
  }),
  'enforce-mandatory-lock': option.boolean(false, {
    help: 'fencing: only the holder of a lock may read and write (refused here)',
  }),
} as const;
