import { served } from './stacks/served.ts';
import { conformance } from './suite.ts';

conformance(served({ name: 'client and server', small: true }));
conformance(
  served({ name: 'client and server, version 3.3', client: { 'program-version': '330' }, small: true }),
);
conformance(
  served({
    name: 'client, server, leases and upcalls',
    brick: [
      'features/access-control',
      'features/locks',
      ['features/leases', { leases: 'on' }],
      ['features/upcall', { 'cache-invalidation': 'on' }],
    ],
    top: ['features/utime'],
    small: true,
  }),
);
