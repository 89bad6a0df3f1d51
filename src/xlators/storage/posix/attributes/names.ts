import { GlfsError } from '../../../../errors.ts';
import { typeOfMode } from '../../../../protocol/iatt.ts';
import type { Place } from '../../../../syscalls.ts';
import { encodeText } from '../../../../xdr/index.ts';
import type { PosixBrick } from '../brick.ts';
import { MDATA_KEY } from '../mdata.ts';
import { matcher } from './patterns.ts';

export const GFID = 'trusted.gfid';
export const VOLUME_ID = 'trusted.glusterfs.volume-id';
export const GFID2PATH = 'trusted.gfid2path.';
export const ACL_ACCESS = 'system.posix_acl_access';
export const ACL_DEFAULT = 'system.posix_acl_default';

/** What makes a directory a brick and a file the one that it is: never shown among all, set or removed by calls. */
export const identity: ReadonlySet<string> = new Set([GFID, VOLUME_ID]);

/** Limits of Linux for every file system, in bytes; the sidecar keeps to them too. */
const MOST_NAME = 255;
const MOST_VALUE = 65536;

const NAMESPACES = ['trusted.', 'system.', 'user.', 'security.'];
const SYSTEM = new Set([ACL_ACCESS, ACL_DEFAULT]);

/** What geo-replication keeps, for its own process (pid -1) only. */
const GEO_REPLICATION_PID = -1;
const geoReplication = [
  '*.glusterfs.*.stime',
  '*.glusterfs.*.xtime',
  '*.glusterfs.lockinfo',
  '*.glusterfs.*.entry_stime',
  '*.glusterfs.volume-mark.*',
].map(matcher);

/** What quota and geo-replication mark files with, besides: not part of `list-xattr`. */
const markers = ['trusted.glusterfs.quota.*', 'trusted.glusterfs.*.xtime'].map(matcher);

export function isGeoReplication(name: string): boolean {
  return geoReplication.some((matches) => matches(name));
}

export function isMarker(name: string): boolean {
  return markers.some((matches) => matches(name));
}

/** Attributes that a caller of GETXATTR is told not to exist, each and among all. */
export function isHidden(name: string, pid: number): boolean {
  if (name.startsWith(GFID2PATH)) return true;
  if (name === MDATA_KEY) return pid >= 0;
  return isGeoReplication(name) && pid !== GEO_REPLICATION_PID;
}

/**
 * What the kernel would say of a name (and value), so that the sidecar says the same.
 * @throws GlfsError EOPNOTSUPP for an unknown namespace, ERANGE and EINVAL for a name too long or too short, E2BIG.
 */
export function checkAttribute(brick: PosixBrick, name: string, value?: Uint8Array): void {
  const bytes = encodeText(name);
  if (bytes.length === 0 || bytes.length > MOST_NAME)
    throw new GlfsError('ERANGE', `the name of an attribute has 1 to ${MOST_NAME} bytes`);
  if (bytes.includes(0)) throw new GlfsError('EINVAL', 'a NUL in the name of an attribute');
  if (value !== undefined && value.length > MOST_VALUE)
    throw new GlfsError('E2BIG', `an attribute holds ${MOST_VALUE} bytes at most`);
  const namespace = NAMESPACES.find((prefix) => name.startsWith(prefix));
  if (
    namespace === undefined ||
    (namespace === 'system.' && brick.store.kind === 'sidecar' && !SYSTEM.has(name))
  )
    throw new GlfsError('EOPNOTSUPP', `no attributes like '${name}'`);
  if (name === namespace) throw new GlfsError('EINVAL', `'${name}' is a namespace, not an attribute`);
}

/**
 * Linux has user.* on files and directories only.
 * @throws GlfsError EPERM
 */
export function checkKind(brick: PosixBrick, place: Place, name: string): void {
  if (brick.store.kind !== 'sidecar' || !name.startsWith('user.')) return;
  const type = typeOfMode(Number(brick.store.stat(place).mode));
  if (type !== 'file' && type !== 'directory')
    throw new GlfsError('EPERM', `a ${type} has no user.* attributes`);
}
