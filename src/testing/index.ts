/*
 * The embedded cluster: volumes of GlusterFS served over TCP from this process, for tests and for a first look. No
 * substitute for glusterd and glusterfsd.
 */
export { type ErrnoCode, GlfsError, isGlfsError } from '../errors.ts';
export type { FopName } from '../protocol/fops.ts';
export { startCluster } from './cluster.ts';
export type { ActiveFault, Cluster, ClusterOptions, FaultRule, TestBrick, VolumeSpec } from './types.ts';
