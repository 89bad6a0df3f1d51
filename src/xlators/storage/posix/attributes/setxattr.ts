import { fsync as fsyncCallback } from 'node:fs';
import { promisify } from 'node:util';
import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Reply } from '../../../../graph/index.ts';
import { type Dict, type DictEntry, entryInteger, entryText } from '../../../../protocol/dict.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { XattrFlag } from '../../../../protocol/messages.ts';
import type { Place } from '../../../../syscalls.ts';
import type { PosixBrick, PosixFop } from '../brick.ts';
import { decodeMdata, MDATA_KEY } from '../mdata.ts';
import { refuseWhenFull } from '../reserve.ts';
import { mergeTimes, stampTimes } from '../times.ts';
import { aclBehind, setAcl, setAclText } from './acl.ts';
import { ACL_ACCESS, ACL_DEFAULT, checkAttribute, checkKind, GFID2PATH, identity } from './names.ts';
import { statsInXdata } from './replies.ts';
import { storedBytes } from './values.ts';
import { isPathinfo } from './virtual.ts';

const sync = promisify(fsyncCallback);

const DURABLE = 'trusted.glusterfs.durable-op';
const SYNC_BACKEND = 'sync_backend_xattrs';
/** Attributes besides user.* that distribute carries from one copy of a directory to the others. */
const healed = [
  ACL_ACCESS,
  ACL_DEFAULT,
  'trusted.glusterfs.quota.limit-set',
  'trusted.glusterfs.quota.limit-objects',
  'security.selinux',
];

/** Names that say something to the translators on the way; nothing is stored for them. */
const spoken = ['glusterfs.internal-ctx', 'force-replace'];
const dropped: ReadonlySet<string> = new Set([...identity, 'trusted.io-stats-dump']);

type How = 'create' | 'replace' | undefined;

const LINKTO_MODE = 0o1000;
/** A file of distribute that only points to another subvolume: ACLs are of the file there. */
function isLinkto({ mode }: Iatt): boolean {
  return (mode & 0o7777) === LINKTO_MODE;
}

/** The act that one key stands for, made ready: whatever can be refused beforehand has been. */
function prepare(
  brick: PosixBrick,
  place: Place,
  before: Iatt,
  [name, entry]: [string, DictEntry],
  how: How,
): (() => void) | undefined {
  if (dropped.has(name) || spoken.some((prefix) => name.startsWith(prefix))) return undefined;
  if (isPathinfo(name)) throw new GlfsError('EACCES', `${name} can't be set`);
  if (name.startsWith(GFID2PATH)) throw new GlfsError('EOPNOTSUPP', `${name} can't be set`);
  const acl = aclBehind(name);
  if (acl !== undefined)
    return isLinkto(before) ? undefined : () => setAclText(brick, place, acl, entryText(entry));
  const value = storedBytes(entry);
  if (name === MDATA_KEY) {
    const times = decodeMdata(value);
    return () => mergeTimes(brick, place, times);
  }
  if (name.startsWith(ACL_ACCESS) && isLinkto(before)) return undefined;
  checkAttribute(brick, name, value);
  checkKind(brick, place, name);
  if (name === ACL_ACCESS || name === ACL_DEFAULT) return () => setAcl(brick, place, name, value, how);
  return () => brick.store.set(place, name, value, how);
}

/** @throws GlfsError EEXIST, ENODATA before any of several keys is set */
function checkPresence(brick: PosixBrick, place: Place, names: Iterable<string>, how: How): void {
  if (how === undefined) return;
  for (const name of names) {
    if (dropped.has(name) || !name.includes('.')) continue;
    const exists = brick.store.get(place, name) !== undefined;
    if (exists && how === 'create') throw new GlfsError('EEXIST', `there is an attribute ${name}`);
    if (!exists && how === 'replace') throw new GlfsError('ENODATA', `there is no attribute ${name}`);
  }
}

function howOf(flags: number): How {
  if ((flags & XattrFlag.CREATE) !== 0) return 'create';
  return (flags & XattrFlag.REPLACE) === 0 ? undefined : 'replace';
}

/** Distribute makes this copy of a directory like the one it knows best: what that one lacks goes. */
function dropHealed(brick: PosixBrick, place: Place): void {
  for (const name of brick.store.list(place))
    if (name.startsWith('user.') || healed.includes(name)) brick.store.remove(place, name);
}

function setAll(
  brick: PosixBrick,
  place: Place,
  gfid: Gfid,
  { dict, flags, xdata }: { readonly dict: Dict | undefined; readonly flags: number; readonly xdata?: Dict },
  context: CallContext,
): Reply<'setxattr'> {
  if (dict === undefined) throw new GlfsError('EINVAL', 'no attributes to set');
  refuseWhenFull(brick, context, xdata);
  const times = dict.get(keys.setMdata);
  if (times !== undefined) {
    mergeTimes(brick, place, times);
    return {};
  }
  const before = brick.iatt(place, gfid);
  const how = howOf(flags);
  const acts = [...dict].map((pair) => prepare(brick, place, before, pair, how));
  checkPresence(brick, place, dict.names(), how);
  const replaces = xdata?.entry(SYNC_BACKEND);
  brick.store.together(() => {
    if (replaces !== undefined && entryInteger(replaces) !== 0n) dropHealed(brick, place);
    for (const act of acts) act?.();
    stampTimes(brick, place, context);
  });
  const reply = statsInXdata(before, brick.iatt(place, gfid));
  // access-control above keeps ACLs as the kernel's bytes, which a caller of the text doesn't send.
  for (const name of dict.names()) {
    const acl = aclBehind(name);
    const bytes = acl === undefined ? undefined : brick.store.get(place, acl);
    if (acl !== undefined && bytes !== undefined) reply.setBytes(acl, bytes);
  }
  return { xdata: reply };
}

export const setxattr: PosixFop<'setxattr'> = async (brick, request, context) =>
  setAll(brick, brick.placeOf(request.loc), request.loc.inode.gfid, request, context);

export const fsetxattr: PosixFop<'fsetxattr'> = (brick, request, context) =>
  brick.withDescriptor(request.fd, async (descriptor) => {
    const reply = setAll(brick, descriptor, request.fd.inode.gfid, request, context);
    if (request.xdata?.has(DURABLE)) await sync(descriptor);
    return reply;
  });
