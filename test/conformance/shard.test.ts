import { embedded } from './stacks/embedded.ts';
import { local } from './stacks/graphs.ts';
import { conformance } from './suite.ts';

const blocks: readonly [string, Record<string, string>] = ['features/shard', { 'shard-block-size': '4MB' }];

conformance(
  local({
    name: 'shard over distribute over three bricks',
    bricks: 3,
    brick: ['features/access-control', 'features/locks'],
    cluster: 'cluster/distribute',
    top: [blocks, 'features/utime'],
    small: true,
  }),
);
conformance(
  embedded(
    'sharded volume',
    { type: 'distribute 3', options: { 'features.shard': 'on', 'features.shard-block-size': '4MB' } },
    { traits: ['shard'], small: true },
  ),
);
