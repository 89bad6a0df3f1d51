import { allCases } from './cases/index.ts';
import { excerpt } from './stacks/alone.ts';
import { embedded } from './stacks/embedded.ts';
import { conformance } from './suite.ts';

conformance(embedded('embedded cluster, replicate 3', { type: 'replicate 3' }, { small: true }));
conformance(
  embedded('embedded cluster, replicate 3 arbiter 1', { type: 'replicate 3 arbiter 1' }, { small: true }),
  excerpt(allCases, ['data', 'seek', 'truncate']),
);
conformance(
  embedded(
    'sharded replicas',
    {
      type: 'replicate 3',
      options: { 'features.shard': 'on', 'features.shard-block-size': '4MB' },
    },
    { traits: ['shard'], small: true },
  ),
  excerpt(allCases, ['data', 'seek', 'truncate']),
);
