import { option } from '../../../graph/index.ts';

export const options = {
  leases: option.boolean(false, { help: 'Give leases; without it LEASE is answered with ENOSYS.' }),
  'lease-lock-recall-timeout': option.time(60, {
    help: 'Seconds after a recall at which leases that were not given back are taken.',
  }),
};
