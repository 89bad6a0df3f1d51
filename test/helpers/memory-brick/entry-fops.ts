import { GlfsError } from '../../../src/errors.ts';
import type { CallContext, Reply, Request } from '../../../src/graph/index.ts';
import type { Dict } from '../../../src/protocol/dict.ts';
import { type Iatt, S_IFDIR, S_IFLNK, S_IFREG } from '../../../src/protocol/iatt.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { OpenFlag } from '../../../src/protocol/messages.ts';
import { marks } from '../../../src/xlators/cluster/distribute/names.ts';
import { isDirectory, type Node, type Store, statOf } from './store.ts';
import {
  attributesFor,
  checkGuards,
  checkParent,
  isLinktoNode,
  requestedGfid,
  storeExtras,
} from './xdata.ts';

type Parents = { preparent: Iatt; postparent: Iatt };

function around(directory: Node, change: () => void): Parents {
  const preparent = statOf(directory);
  change();
  return { preparent, postparent: statOf(directory) };
}

/** Only what the tests of renames need: whoever isn't root must own the directory, or others may write to it. */
function requireWrite(directory: Node, context: CallContext): void {
  if (context.uid === 0 || directory.uid === context.uid || (directory.mode & 2) !== 0) return;
  throw new GlfsError('EACCES');
}

/** A linkto file in the way is removed if the call says so. @throws GlfsError EEXIST */
function makeRoom(store: Store, directory: Node, name: string, xdata: Dict | undefined): void {
  const there = directory.entries.get(name);
  if (there === undefined) return;
  if (!xdata?.has(marks.forceReplace) || !isLinktoNode(there.node)) throw new GlfsError('EEXIST');
  store.drop(directory, name);
}

export function lookup(store: Store, { loc, xdata }: Request<'lookup'>): Reply<'lookup'> {
  const named = loc.parent !== undefined && loc.name !== undefined;
  const node = named ? store.entry(loc) : store.byGfid(loc.inode);
  const postparent = named ? statOf(store.byGfid(loc.parent!)) : statOf(node);
  return { stat: statOf(node), postparent, xdata: attributesFor(node, xdata) };
}

export function mkdir(store: Store, request: Request<'mkdir'>, context: CallContext): Reply<'mkdir'> {
  const { directory, name } = store.place(request.loc);
  const gfid = requestedGfid(request.xdata);
  if (directory.entries.has(name)) throw new GlfsError('EEXIST');
  requireWrite(directory, context);
  const parentKey = checkParent(directory, request.xdata);
  if (store.find(gfid) !== undefined) throw new GlfsError('EIO', 'a directory with two names');
  const node = store.make(gfid, S_IFDIR | (request.mode & 0o7777 & ~request.umask), context.uid, context.gid);
  storeExtras(node, request.xdata, parentKey);
  const parents = around(directory, () => store.put(directory, name, node));
  return { stat: statOf(node), ...parents };
}

export function create(store: Store, request: Request<'create'>, context: CallContext): Reply<'create'> {
  const { directory, name } = store.place(request.loc);
  const gfid = requestedGfid(request.xdata);
  let node = directory.entries.get(name)?.node;
  if (node !== undefined && (request.flags & OpenFlag.EXCL) !== 0) throw new GlfsError('EEXIST');
  if (node !== undefined && isDirectory(node)) throw new GlfsError('EISDIR');
  let parents: Parents = around(directory, () => {});
  if (node === undefined) {
    requireWrite(directory, context);
    const parentKey = checkParent(directory, request.xdata);
    const made = store.make(gfid, S_IFREG | (request.mode & ~request.umask), context.uid, context.gid);
    storeExtras(made, request.xdata, parentKey);
    parents = around(directory, () => store.put(directory, name, made));
    node = made;
  } else if ((request.flags & OpenFlag.TRUNC) !== 0) {
    node.data = new Uint8Array(0);
  }
  node.opens++;
  return { stat: statOf(node), ...parents };
}

export function mknod(store: Store, request: Request<'mknod'>, context: CallContext): Reply<'mknod'> {
  const { directory, name } = store.place(request.loc);
  const gfid = requestedGfid(request.xdata);
  makeRoom(store, directory, name, request.xdata);
  requireWrite(directory, context);
  const known = store.find(gfid);
  if (known !== undefined && !request.xdata!.has(keys.internalFop)) throw new GlfsError('EEXIST');
  const node = known ?? store.make(gfid, request.mode & ~request.umask, context.uid, context.gid);
  if (known === undefined) {
    node.rdev = request.dev;
    storeExtras(node, request.xdata);
  }
  const parents = around(directory, () => store.put(directory, name, node));
  return { stat: statOf(node), ...parents };
}

export function symlink(store: Store, request: Request<'symlink'>, context: CallContext): Reply<'symlink'> {
  const { directory, name } = store.place(request.loc);
  const gfid = requestedGfid(request.xdata);
  if (directory.entries.has(name)) throw new GlfsError('EEXIST');
  requireWrite(directory, context);
  const node = store.make(gfid, S_IFLNK | 0o777, context.uid, context.gid);
  node.target = request.target;
  storeExtras(node, request.xdata);
  const parents = around(directory, () => store.put(directory, name, node));
  return { stat: statOf(node), ...parents };
}

export function link(store: Store, request: Request<'link'>, context: CallContext): Reply<'link'> {
  const node = store.byGfid(request.loc.inode);
  if (isDirectory(node)) throw new GlfsError('EPERM');
  const { directory, name } = store.place(request.newLoc);
  makeRoom(store, directory, name, request.xdata);
  requireWrite(directory, context);
  const parents = around(directory, () => store.put(directory, name, node));
  return { stat: statOf(node), ...parents };
}

export function unlink(store: Store, request: Request<'unlink'>, context: CallContext): Reply<'unlink'> {
  const node = store.entry(request.loc);
  const { directory, name } = store.place(request.loc);
  if (isDirectory(node)) throw new GlfsError('EISDIR');
  requireWrite(directory, context);
  checkGuards(node, request.xdata);
  return around(directory, () => store.drop(directory, name));
}

export function rmdir(store: Store, request: Request<'rmdir'>, context: CallContext): Reply<'rmdir'> {
  const node = store.entry(request.loc);
  const { directory, name } = store.place(request.loc);
  if (!isDirectory(node)) throw new GlfsError('ENOTDIR');
  requireWrite(directory, context);
  if (node.entries.size > 0) throw new GlfsError('ENOTEMPTY');
  return around(directory, () => store.drop(directory, name));
}

export function rename(store: Store, request: Request<'rename'>, context: CallContext): Reply<'rename'> {
  const node = store.entry(request.loc);
  const from = store.place(request.loc);
  const to = store.place(request.newLoc);
  requireWrite(from.directory, context);
  requireWrite(to.directory, context);
  const preoldparent = statOf(from.directory);
  const prenewparent = statOf(to.directory);
  const old = to.directory.entries.get(to.name)?.node;
  if (old !== node) {
    if (old !== undefined) {
      if (isDirectory(old) !== isDirectory(node))
        throw new GlfsError(isDirectory(old) ? 'EISDIR' : 'ENOTDIR');
      if (old.entries.size > 0) throw new GlfsError('ENOTEMPTY');
      store.drop(to.directory, to.name);
    }
    // First the new name: an inode without any is forgotten.
    store.put(to.directory, to.name, node);
    store.drop(from.directory, from.name);
    if (isDirectory(node)) node.parent = to.directory;
  }
  return {
    stat: statOf(node),
    preoldparent,
    postoldparent: statOf(from.directory),
    prenewparent,
    postnewparent: statOf(to.directory),
  };
}
