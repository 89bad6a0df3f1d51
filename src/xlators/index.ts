import { registerTranslator } from '../graph/index.ts';
import { clientType } from './protocol/client/index.ts';

/* The built-in translators, by type. */
registerTranslator(clientType);
