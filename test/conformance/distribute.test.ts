import { local } from './stacks/graphs.ts';
import { conformance } from './suite.ts';

// Layouts are made under inodelks, so several bricks need features/locks.
conformance(
  local({
    name: 'distribute over three bricks',
    bricks: 3,
    brick: ['features/locks'],
    cluster: 'cluster/distribute',
    small: true,
  }),
);
conformance(
  local({
    name: 'switch over two bricks',
    bricks: 2,
    brick: ['features/locks'],
    cluster: ['cluster/switch', { 'pattern.switch.case': '*file:b0-locks' }],
    small: true,
  }),
);
conformance(
  local({
    name: 'bricks, distribute, utime and io-stats in one process',
    bricks: 3,
    brick: [
      'features/access-control',
      'features/locks',
      ['features/upcall', { 'cache-invalidation': 'on' }],
      'features/barrier',
      ['features/index', { 'index-base': '@BRICK@/.glusterfs/indices' }],
      'debug/io-stats',
    ],
    cluster: 'cluster/distribute',
    top: ['features/utime', ['debug/io-stats', {}]],
    small: true,
  }),
);
