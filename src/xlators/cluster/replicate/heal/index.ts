export { type Ailment, type Diagnosis, diagnose } from './diagnose.ts';
export { healFile } from './heal-file.ts';
export { suspect } from './queue.ts';
export type { HealResult, HealStatus, SplitBrainPolicy } from './session.ts';
