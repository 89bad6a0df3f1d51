import { registerTranslator } from '../graph/index.ts';
import { delayGenType } from './debug/delay-gen/index.ts';
import { errorGenType } from './debug/error-gen/index.ts';
import { ioStatsType } from './debug/io-stats/index.ts';
import { traceType } from './debug/trace/index.ts';
import { namespaceType } from './features/namespace/index.ts';
import { readOnlyType } from './features/read-only/index.ts';
import { selinuxType } from './features/selinux/index.ts';
import { snapviewClientType } from './features/snapview-client/index.ts';
import { utimeType } from './features/utime/index.ts';
import { metaType } from './meta/index.ts';
import { ioThreadsType } from './performance/io-threads/index.ts';
import { clientType } from './protocol/client/index.ts';

/* The built-in translators, by type. */
registerTranslator(clientType);
registerTranslator(delayGenType);
registerTranslator(errorGenType);
registerTranslator(ioStatsType);
registerTranslator(ioThreadsType);
registerTranslator(metaType);
registerTranslator(namespaceType);
registerTranslator(readOnlyType);
registerTranslator(selinuxType);
registerTranslator(snapviewClientType);
registerTranslator(traceType);
registerTranslator(utimeType);
