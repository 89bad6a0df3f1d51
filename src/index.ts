export { sharedResources } from './api/connect/index.ts';
export * from './api/index.ts';
export {
  type ErrnoCode,
  GlfsError,
  type GlfsErrorDetails,
  isGlfsError,
  type Outcome,
  toGlfsError,
} from './errors.ts';
/* What a translator of one's own is made of. */
export {
  asRoot,
  type CallContext,
  type ContextOwner,
  type DirectoryEntry,
  detached,
  type Environment,
  Fd,
  type FopFunction,
  type FopTable,
  type GraphEvent,
  type GraphEventKind,
  HEAL_PID,
  Inode,
  type Loc,
  newLkOwner,
  type Option,
  type OptionSchema,
  type OptionValues,
  option,
  type PercentOrSize,
  type Reply,
  type Request,
  registerTranslator,
  rootContext,
  type Stamp,
  StampFlag,
  type Subvolume,
  sleep,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
  throwIfEnded,
  translatorType,
  translatorTypes,
} from './graph/index.ts';
export type { Logger } from './logger.ts';
export { simdLevel } from './native.ts';
export { Dict, type DictEntry, type Key, withKey } from './protocol/dict.ts';
export type { Target, Traits } from './protocol/fop-row.ts';
export { type FopName, fopNames, fops } from './protocol/fops.ts';
export { type Gfid, gfidFromString, gfidToString, newGfid } from './protocol/gfid.ts';
export { type FileType, type Iatt, typeOfMode } from './protocol/iatt.ts';
export { keys } from './protocol/keys.ts';
export {
  EntryLockCommand,
  EntryLockType,
  type Flock,
  LockCommand,
  LockType,
  OpenFlag,
  SeekWhat,
  SetattrValid,
  type Statfs,
} from './protocol/messages.ts';
export type { TlsOptions } from './rpc/index.ts';
export {
  type BrickAddress,
  bricks as volfileBricks,
  findNode,
  findNodes,
  type ParseOptions,
  parseVolfile,
  printVolfile,
  servers as volfileServers,
  type Volfile,
  VolfileError,
  type VolfileNode,
  type VolfilePosition,
} from './volfile/index.ts';
export { decodeText, encodeText } from './xdr/index.ts';
