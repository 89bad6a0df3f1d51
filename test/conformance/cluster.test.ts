import { embedded } from './stacks/embedded.ts';
import { conformance } from './suite.ts';

conformance(embedded('embedded cluster, distribute 3', { type: 'distribute 3' }, { small: true }));
conformance(
  embedded(
    'embedded cluster, as by default',
    { type: 'distribute 2', options: { 'features.cache-invalidation': 'on' } },
    {
      client: { entryTimeout: 1000 },
      lacks: { 'fresh-names': 'directories on a path are believed for a second' },
    },
  ),
);
