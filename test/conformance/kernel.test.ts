import { kernel } from './stacks/kernel.ts';
import { conformance } from './suite.ts';

conformance(kernel);
