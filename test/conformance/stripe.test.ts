import { allCases } from './cases/index.ts';
import { excerpt } from './stacks/alone.ts';
import { embedded } from './stacks/embedded.ts';
import { local } from './stacks/graphs.ts';
import { conformance } from './suite.ts';

const DATA = ['data', 'seek', 'truncate', 'holes', 'fallocate', 'append'];

conformance(
  embedded(
    'embedded cluster, stripe 2',
    { type: 'stripe 2', options: { 'cluster.stripe-block-size': '16KB' } },
    { small: true, traits: ['stripe'] },
  ),
);
conformance(
  embedded(
    'embedded cluster, stripe 3, not coalesced',
    {
      type: 'stripe 3',
      options: { 'cluster.stripe-block-size': '16KB', 'cluster.stripe-coalesce': 'off' },
    },
    { small: true, traits: ['stripe'] },
  ),
  excerpt(allCases, DATA),
);
conformance(
  embedded(
    'embedded cluster, stripe 2 x 2',
    { type: 'stripe 2 x 2', options: { 'cluster.stripe-block-size': '16KB' } },
    { small: true, traits: ['stripe'] },
  ),
  excerpt(allCases),
);
// As volfiles from before glusterd had it: nothing on the bricks that knows of locks.
conformance(
  local({
    name: 'stripe over three bare bricks',
    bricks: 3,
    cluster: ['cluster/stripe', { 'block-size': '16KB' }],
    small: true,
  }),
  excerpt(allCases, DATA),
);
