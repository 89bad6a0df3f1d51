import { type Layer, local, typeOf } from './stacks/graphs.ts';
import { conformance } from './suite.ts';

/** Every translator by itself on a brick, with the options that make it do what it is for and change nothing that callers see. */
const layers: readonly Layer[] = [
  'features/access-control',
  'features/locks',
  ['features/index', { 'index-base': '@BRICK@/.glusterfs/indices' }],
  ['features/upcall', { 'cache-invalidation': 'on' }],
  ['features/leases', { leases: 'on' }],
  'features/barrier',
  'features/utime',
  'debug/io-stats',
  'debug/trace',
];

for (const layer of layers)
  conformance(local({ name: `${typeOf(layer)} alone`, brick: [layer], small: true }));

conformance(
  local({
    name: 'layers that are idle',
    brick: [
      'performance/io-threads',
      'features/namespace',
      'features/selinux',
      ['features/read-only', { 'read-only': 'off' }],
      ['debug/delay-gen', { 'delay-percentage': '0' }],
      ['debug/error-gen', { failure: '0' }],
      'meta',
    ],
    small: true,
  }),
);
