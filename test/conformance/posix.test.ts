import { local } from './stacks/graphs.ts';
import { conformance } from './suite.ts';

conformance(local({ name: 'posix', onDisk: true }));
conformance(local({ name: 'posix, sidecar store', posix: { 'attribute-store': 'sidecar' }, small: true }));
