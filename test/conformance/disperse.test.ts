import { allCases } from './cases/index.ts';
import { excerpt } from './stacks/alone.ts';
import { embedded } from './stacks/embedded.ts';
import { conformance } from './suite.ts';

conformance(embedded('embedded cluster, disperse 4+2', { type: 'disperse 4+2' }, { small: true }));
conformance(
  embedded('embedded cluster, disperse 2+1', { type: 'disperse 2+1' }, { small: true }),
  excerpt(allCases, ['data', 'seek', 'truncate']),
);
conformance(
  embedded('embedded cluster, disperse 2+1 x 2', { type: 'disperse 2+1 x 2' }, { small: true }),
  excerpt(allCases, ['rename', 'links', 'listing']),
);
conformance(
  embedded(
    'sharded fragments',
    {
      type: 'disperse 2+1',
      options: { 'features.shard': 'on', 'features.shard-block-size': '4MB' },
    },
    { traits: ['shard'], small: true },
  ),
  excerpt(allCases, ['data', 'seek', 'truncate']),
);
