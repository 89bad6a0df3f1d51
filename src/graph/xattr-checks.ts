import { GlfsError } from '../errors.ts';
import { type Dict, entryBytes } from '../protocol/dict.ts';
import type { FopName } from '../protocol/fops.ts';
import type { CallContext } from './context.ts';
import type { Request } from './fop-types.ts';

/** XATTR_NAME_MAX and XATTR_SIZE_MAX of Linux. */
const XATTR_NAME_BYTES = 255;
const XATTR_SIZE_BYTES = 65536;

/**
 * Attributes, by how their names begin, in which the volume keeps its own state: who is behind, where data lie, which file
 * is which. A wrong value here is lost data.
 */
const internal: readonly string[] = [
  'trusted.afr.',
  'trusted.glusterfs.afr.',
  'trusted.ec.',
  'trusted.glusterfs.ec.',
  'trusted.glusterfs.dht',
  'trusted.glusterfs.shard.',
  'trusted.glusterfs.mdata',
  'trusted.glusterfs.quota',
  'trusted.glusterfs.volume-id',
  'trusted.glusterfs.cs.',
  'trusted.gfid',
  'trusted.pgfid',
  'trusted.bit-rot.',
  'glusterfs.gfid',
  'glusterfs-internal-fop',
  'gfid-req',
  'set-ctime-mdata',
];

export function isInternalAttribute(name: string): boolean {
  return internal.some((prefix) => name.startsWith(prefix));
}

/**
 * RULE 6: applications can't change internal attributes; internal callers (negative pids: heal, rebalance, geo-replication)
 * can. Undefined for calls that change no attributes by name. The check throws GlfsError EPERM; EINVAL, ERANGE, E2BIG for
 * names and values that no file system takes.
 */
export function attributeCheck(fop: FopName): ((request: object, context: CallContext) => void) | undefined {
  switch (fop) {
    case 'setxattr':
    case 'fsetxattr':
    case 'xattrop':
    case 'fxattrop':
      return (request, context) => checkDict((request as Request<'setxattr'>).dict, context);
    case 'removexattr':
    case 'fremovexattr':
      return (request, context) => checkName((request as Request<'removexattr'>).name, context);
    default:
      return undefined;
  }
}

function checkDict(dict: Dict | undefined, context: CallContext): void {
  if (dict === undefined) throw new GlfsError('EINVAL', 'no attributes are given');
  for (const [name, entry] of dict) {
    checkName(name, context);
    const bytes = entry.type === 'iatt' || entry.type === 'mdata' ? 0 : entryBytes(entry).length;
    if (bytes > XATTR_SIZE_BYTES) throw new GlfsError('E2BIG', `the value of '${name}' has ${bytes} bytes`);
  }
}

function checkName(name: string, context: CallContext): void {
  if (name === '') throw new GlfsError('EINVAL', 'an attribute needs a name');
  if (name.length > XATTR_NAME_BYTES) throw new GlfsError('ERANGE', 'the name of the attribute is too long');
  if (context.pid >= 0 && isInternalAttribute(name)) {
    throw new GlfsError('EPERM', `'${name}' belongs to the volume itself`);
  }
}
