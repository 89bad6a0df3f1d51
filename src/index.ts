export * from './api/connect/index.ts';
export * from './api/index.ts';
export { type ErrnoCode, GlfsError, type GlfsErrorDetails, isGlfsError, type Outcome } from './errors.ts';
export * from './graph/index.ts';
export type { Logger } from './logger.ts';
