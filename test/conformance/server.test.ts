import { served } from './stacks/served.ts';
import { conformance } from './suite.ts';

conformance(served({ name: 'client and server' }));
