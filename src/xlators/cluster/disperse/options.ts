import { option } from '../../../graph/index.ts';

/** Options of cluster/disperse, as glusterd writes them into volfiles. */
export const options = {
  redundancy: option.integer(1, { min: 1, max: 15, help: 'how many fragments may be missing' }),

  'eager-lock': option.boolean(true, {
    help: 'keep the lock of a regular file from one operation to the next',
  }),
  'other-eager-lock': option.boolean(true, {
    help: 'the same for directories and whatever else is no regular file',
  }),
  'eager-lock-timeout': option.time(1, {
    min: 1,
    max: 60,
    help: 'seconds for which the lock of a regular file is kept idle',
  }),
  'other-eager-lock-timeout': option.time(1, {
    min: 1,
    max: 60,
    help: 'seconds for which other locks are kept idle',
  }),
  'optimistic-change-log': option.boolean(true, {
    help: 'no marks before changes of names and attributes while all fragments are there',
  }),
  'parallel-writes': option.boolean(true, {
    help: 'changes of one file run side by side where their ranges do not overlap',
  }),
  'stripe-cache': option.integer(4, {
    min: 0,
    max: 10,
    help: 'stripes of each file that are kept for writes that begin or end within one',
  }),
  'quorum-count': option.integer(0, {
    min: 0,
    help: 'so many fragments must be there for changes; 0: as many as it takes to read',
  }),
  'read-policy': option.choice('gfid-hash', ['round-robin', 'gfid-hash'], {
    help: 'which of the fragments are read',
  }),
  'ec-read-mask': option.optional({
    help: 'ids of the subvolumes that may be read, from 0, separated by colons (0:1:2:3); at least as many as hold data',
  }),

  'background-heals': option.integer(8, { min: 0, max: 256, help: 'files that are healed at the same time' }),
  'heal-wait-qlength': option.integer(128, {
    min: 0,
    max: 65_536,
    help: 'files that wait to be healed; more are left to the self-heal daemon',
  }),
  'self-heal-window-size': option.integer(32, {
    min: 1,
    max: 1024,
    help: 'blocks of 128 KiB that a heal rebuilds at once',
  }),

  'cpu-extensions': option.string('auto', { help: 'accepted: GLFS_SIMD chooses the instructions' }),
  'self-heal-daemon': option.boolean(true, { help: 'of the self-heal daemon only' }),
  'iam-self-heal-daemon': option.boolean(false, { help: 'of the self-heal daemon only' }),
  'heal-timeout': option.time(600, { help: 'of the self-heal daemon only' }),
  'shd-max-threads': option.integer(1, { help: 'of the self-heal daemon only' }),
  'shd-wait-qlength': option.integer(1024, { help: 'of the self-heal daemon only' }),
} as const;

export type DisperseOptions = typeof options;
