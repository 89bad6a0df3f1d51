import { embedded } from './stacks/embedded.ts';
import { conformance } from './suite.ts';

conformance(embedded('embedded cluster, distribute 3', { type: 'distribute 3' }));
