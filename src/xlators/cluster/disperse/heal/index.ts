export { healedName, namesOnBricks, settleIndex } from './crawl.ts';
export { diagnose } from './diagnose.ts';
export { type FileHealResult, healFile } from './heal-file.ts';
export { healName } from './name.ts';
export { suspect, suspectName } from './queue.ts';
export type { HealResult, HealStatus } from './session.ts';
