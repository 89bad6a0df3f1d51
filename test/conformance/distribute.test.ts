import { local } from './stacks/graphs.ts';
import { conformance } from './suite.ts';

conformance(local({ name: 'distribute over one brick', cluster: 'cluster/distribute', small: true }));
conformance(local({ name: 'distribute over three bricks', bricks: 3, cluster: 'cluster/distribute' }));
