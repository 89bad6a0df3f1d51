export { buildGraph, type OptionOverride } from './build.ts';
export { checked, checkName, NAME_BYTES } from './checks.ts';
export type { Client } from './client.ts';
export {
  asRoot,
  type CallContext,
  detached,
  HEAL_PID,
  newLkOwner,
  rootContext,
  type Stamp,
  StampFlag,
  throwIfEnded,
} from './context.ts';
export type { ContextOwner } from './contexts.ts';
export { DentryCache, type DentryCacheOptions } from './dentry-cache.ts';
export type { GraphEvent, GraphEventKind } from './events.ts';
export { Fd } from './fd.ts';
export type { DirectoryEntry, FopFunction, FopTable, Reply, Request } from './fop-types.ts';
export { Graph } from './graph.ts';
export { Inode, type Loc } from './inode.ts';
export { INODE_LRU_LIMIT, InodeTable, type InodeTableOptions } from './inode-table.ts';
export {
  type Option,
  type OptionSchema,
  type OptionValues,
  option,
  type PercentOrSize,
  readOptions,
} from './options.ts';
export { ordered } from './ordered.ts';
export { type RangeClaim, type RangeKind, RangeOrder } from './ordering.ts';
export { sleep, whenEnded, whileWaiting } from './patience.ts';
export { registerTranslator, type TranslatorType, translatorType, translatorTypes } from './registry.ts';
export {
  type ConnectionDefaults,
  type Environment,
  type Subvolume,
  Translator,
  type TranslatorSetup,
  toSubvolume,
} from './translator.ts';
export { isInternalAttribute } from './xattr-checks.ts';
