import type { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type DirectoryEntry,
  type Fd,
  Inode,
  type Reply,
  type Request,
  type Subvolume,
} from '../../../graph/index.ts';
import { withKey } from '../../../protocol/dict.ts';
import { isDirectory, typeOfMode } from '../../../protocol/iatt.ts';
import { keyKinds } from '../../../protocol/keys.ts';
import { wind } from '../wind.ts';
import type { Layout } from './layout.ts';
import { asDirectory, isLinkto, withoutMigrationBits } from './merge.ts';
import { isGone } from './migration.ts';
import { Leaves, OffsetTransform } from './offsets.ts';
import { skipDirectories } from './open.ts';
import type { DistributeState } from './state.ts';

/** What a listing of one distribute translator needs to know of it as long as it lives. */
interface Listings {
  readonly leaves: Leaves;
  readonly transform: OffsetTransform;
  /** Per open directory, the last offset given out, with the brick's own: the transform would lose some of its bits. */
  readonly last: WeakMap<Fd, { encoded: bigint; own: bigint }>;
}

const listings = new WeakMap<DistributeState, Listings>();

function listingsOf(state: DistributeState): Listings {
  let found = listings.get(state);
  if (found === undefined) {
    const leaves = new Leaves(state.children);
    found = { leaves, transform: new OffsetTransform(leaves.count), last: new WeakMap() };
    listings.set(state, found);
  }
  return found;
}

/** Names and types only; the attributes are asked for all the same, because linkto files are known by them. */
export async function readdir(
  state: DistributeState,
  request: Request<'readdir'>,
  context: CallContext,
): Promise<Reply<'readdir'>> {
  const { entries, xdata } = await readdirp(state, request, context);
  return { entries: entries.map(({ name, type, ino, offset }) => ({ name, type, ino, offset })), xdata };
}

/**
 * One subvolume after the other, in the order of the volfile. Subvolumes that are down when their turn comes are left
 * out, as GlusterFS does; one that goes down in its midst is an error, and so is any other failure.
 */
export async function readdirp(
  state: DistributeState,
  request: Request<'readdirp'>,
  context: CallContext,
): Promise<Reply<'readdirp'>> {
  const { fd } = request;
  const { leaves, transform, last } = listingsOf(state);
  const before = last.get(fd);
  const exact = before !== undefined && before.encoded === request.offset;
  const child = leaves.ownerOf(transform.leafOf(request.offset));
  let offset = exact ? before.own : transform.offsetOf(request.offset);
  const layout = state.children.length > 1 ? await state.layout(fd.inode, context) : undefined;
  let left: GlfsError | undefined;
  for (let index = state.children.indexOf(child); index < state.children.length; index++) {
    const current = state.children[index]!;
    for (;;) {
      const answer = await list(state, current, { ...request, offset }, context);
      if (answer.error !== undefined) {
        if (offset !== 0n || (answer.error.code !== 'ENOTCONN' && !isGone(answer.error))) throw answer.error;
        left = answer.error;
        break;
      }
      const { entries, xdata } = answer.reply;
      const final = entries.at(-1);
      if (final === undefined) break;
      const own = await ownOf(state, { entries, child: current, directory: fd.inode }, context);
      const kept = own.filter((entry) => belongs(state, entry, current, layout));
      // Taken now: the entry is about to bear the offset that callers get.
      const reached = final.offset;
      if (kept.length > 0) {
        const leaf = leaves.leafOf(current);
        for (const entry of kept) finish(state, entry, current, transform.encode(entry.offset, leaf));
        last.set(fd, { encoded: kept.at(-1)!.offset, own: reached });
        return { entries: kept, xdata };
      }
      // All of them were other subvolumes' business.
      offset = reached;
    }
    offset = 0n;
  }
  if (left !== undefined && request.offset === 0n && state.upChildren.length === 0) throw left;
  return { entries: [] };
}

function list(
  state: DistributeState,
  child: Subvolume,
  request: Request<'readdirp'>,
  context: CallContext,
): ReturnType<typeof wind<Reply<'readdirp'>>> {
  let xdata = withKey(request.xdata, keyKinds.uint(state.attributes.linkto.name), 256);
  if (state.options['readdir-optimize'] && child !== state.firstUp) xdata = xdata.set(skipDirectories, 1);
  return wind(child, () => child.readdirp({ ...request, xdata }, context));
}

interface Listed {
  readonly entries: DirectoryEntry[];
  readonly child: Subvolume;
  readonly directory: Inode;
}

/** Without linkto files, which are nobody's. Sets of copies or fragments may not vouch for attributes: then they are asked. */
async function ownOf(
  state: DistributeState,
  { entries, child, directory }: Listed,
  context: CallContext,
): Promise<DirectoryEntry[]> {
  const { attributes } = state;
  const isOwn = async ({ name, stat, xdata }: DirectoryEntry): Promise<boolean> => {
    if (stat !== undefined) return !isLinkto(stat, xdata, attributes);
    // A file that is being migrated has the attribute, too.
    if (xdata?.has(attributes.linkto) !== true) return true;
    const loc = { inode: new Inode(), parent: directory, name };
    const asked = withKey(undefined, keyKinds.uint(attributes.linkto.name), 256);
    const { reply, error } = await wind(child, () => child.lookup({ loc, flags: 0, xdata: asked }, context));
    return reply === undefined ? !isGone(error) : !isLinkto(reply.stat, reply.xdata, attributes);
  };
  const own = await Promise.all(entries.map(isOwn));
  return entries.filter((_, index) => own[index]);
}

/**
 * A directory is everybody's: the subvolume that its name hashes to shows it, or, where that
 * one is down or there is none, the one that has been up for longest.
 */
function belongs(
  state: DistributeState,
  { name, type, stat }: DirectoryEntry,
  child: Subvolume,
  layout: Layout | undefined,
): boolean {
  if (layout === undefined) return true;
  if (stat === undefined ? type !== 'directory' : !isDirectory(stat)) return true;
  if (state.options['readdir-optimize']) return child === state.firstUp;
  const hashed = layout.search(state.hash.hash(name));
  if (hashed === child) return true;
  if (hashed !== undefined && state.isUp(hashed)) return false;
  return child === state.firstUp;
}

/** What the listing knows of a file is kept with it; a directory must be looked up to be known. */
function finish(state: DistributeState, entry: DirectoryEntry, child: Subvolume, offset: bigint): void {
  entry.offset = offset;
  const { stat, xdata } = entry;
  if (stat === undefined) {
    xdata?.delete(state.attributes.linkto);
    return;
  }
  if (isDirectory(stat)) {
    entry.stat = asDirectory(stat);
    entry.inode = undefined;
    return;
  }
  if (xdata?.delete(state.attributes.linkto)) entry.stat = withoutMigrationBits(stat);
  entry.inode ??= new Inode(stat.gfid, typeOfMode(stat.mode));
  state.setCached(entry.inode, child);
}
