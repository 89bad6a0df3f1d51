export { formatAcl, parseAcl } from './acl.ts';
export type { AclText } from './acl-calls.ts';
export {
  type ConnectOptions,
  connect,
  type FromBricksOptions,
  type FromVolfileOptions,
  fromBricks,
  fromVolfile,
  type VolumeOptions,
} from './connect/index.ts';
export type { CopyRange } from './copy-range.ts';
export { Directory } from './directory.ts';
export { Dirent, DirentPlus } from './dirent.ts';
export { File } from './file.ts';
export { Handle } from './handle.ts';
export { type HealBrick, Healer } from './heal/healer.ts';
export type * from './heal/types.ts';
export { Lease, type LeaseOptions } from './leases.ts';
export { Lock } from './locks.ts';
export type { Mount, VolumeInfo } from './mount.ts';
export { BigIntStats, Stats, type Statx } from './stats.ts';
export * from './types.ts';
export { type Upcall, UpcallFlag, type UpcallParent, Upcalls } from './upcalls.ts';
export { Volume } from './volume.ts';
