import { GlfsError } from '../../../src/errors.ts';
import { Dict, entryBytes, entryText } from '../../../src/protocol/dict.ts';
import { keyKinds, keys } from '../../../src/protocol/keys.ts';
import { hasLinktoMode } from '../../../src/xlators/cluster/distribute/merge.ts';
import { marks } from '../../../src/xlators/cluster/distribute/names.ts';
import { isDirectory, type Node, type Store, statOf } from './store.ts';

export const LINKTO = 'trusted.glusterfs.dht.linkto';
const iattInReply = keyKinds.iatt('dht-get-iatt-in-xattr');

/** Keys of MKDIR, CREATE, MKNOD and SYMLINK that are no attributes of the new file. */
const orders = new Set([
  'gfid-req',
  'glusterfs-internal-fop',
  'glusterfs.preop.parent.key',
  'glusterfs.internal-ctx',
  'force-replace',
  'glusters.marker.dont-account',
  'umask',
  'mode',
]);

/** Stores what a call that makes a file says beyond its orders, as bricks do: text with its NUL. */
export function storeExtras(node: Node, xdata: Dict | undefined, parentKey?: string): void {
  for (const [name, entry] of xdata ?? []) {
    if (orders.has(name) || name === parentKey) continue;
    const bytes = entryBytes(entry);
    node.xattrs.set(name, entry.type === 'str' ? Buffer.concat([bytes, Buffer.of(0)]) : bytes.slice());
  }
}

/** The gfid of the file to be made. @throws GlfsError EINVAL where none is given. */
export function requestedGfid(xdata: Dict | undefined): Uint8Array {
  const gfid = xdata?.get(keys.gfidRequest);
  if (gfid === undefined) throw new GlfsError('EINVAL', 'gfid-req is missing');
  return gfid;
}

/** The layout of the parent must be the one by which the client chose this brick. @returns the key that names it. */
export function checkParent(directory: Node, xdata: Dict | undefined): string | undefined {
  const key = xdata?.get(marks.preopName);
  if (key === undefined) return undefined;
  const expected = xdata?.bytes(key);
  const actual = directory.xattrs.get(key);
  if (expected === undefined || actual === undefined || Buffer.compare(expected, actual) !== 0) {
    throw new GlfsError('EIO', "the parent's layout is another");
  }
  return key;
}

/** @throws GlfsError EBUSY where the guards of an UNLINK forbid it. */
export function checkGuards(node: Node, xdata: Dict | undefined): void {
  if (xdata?.has(marks.onlyIfLinkto) && !isLinktoNode(node)) throw new GlfsError('EBUSY');
  if (xdata?.has(marks.notIfOpen) && node.opens > 0) throw new GlfsError('EBUSY');
}

export function isLinktoNode(node: Node): boolean {
  return hasLinktoMode(statOf(node)) && (node.xattrs.get(LINKTO)?.length ?? 0) > 0;
}

/** What LOOKUP and READDIRP answer to the keys of the request. */
export function attributesFor(node: Node, asked: Dict | undefined): Dict {
  const answer = new Dict();
  if (asked?.has(marks.listXattrs))
    for (const [name, value] of node.xattrs) answer.setBytes(name, value.slice());
  for (const name of asked?.names() ?? []) {
    const value = node.xattrs.get(name);
    if (value !== undefined) answer.setBytes(name, value.slice());
  }
  if (asked?.has(keys.openFdCount)) answer.set(keys.openFdCount, node.opens);
  return answer;
}

export function withIatt(node: Node): Dict {
  return new Dict().set(iattInReply, statOf(node));
}

/** SETXATTR, with the order to drop first what an outdated directory has too much. */
export function setXattrs(store: Store, node: Node, dict: Dict | undefined, xdata: Dict | undefined): void {
  if (xdata?.has(marks.syncXattrs)) {
    for (const name of [...node.xattrs.keys()]) if (name.startsWith('user.')) node.xattrs.delete(name);
  }
  for (const [name, entry] of dict ?? []) {
    const bytes = entryBytes(entry);
    node.xattrs.set(name, entry.type === 'str' ? Buffer.from(`${entryText(entry)}\0`) : bytes.slice());
  }
  store.changed(node);
}

export function listXattrs(node: Node): Dict {
  const dict = new Dict();
  for (const [name, value] of node.xattrs) dict.setBytes(name, value.slice());
  return dict;
}

export { isDirectory };
