import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type DirectoryEntry,
  Fd,
  type Inode,
  type Subvolume,
} from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { combined, failures, internal, internalDetached, wind, windAll } from '../wind.ts';
import { type Entry, lookAt, removeStaleLinkto } from './linkfile.ts';
import { isLinkto } from './merge.ts';
import type { DistributeState } from './state.ts';

/** Bytes asked for by each READDIRP. */
const CHUNK = 4096;
/** Rounds of listing and cleaning after which a directory counts as in use. */
const MAX_ROUNDS = 1000;

/**
 * Makes sure that a directory is empty on all subvolumes but for linkto files that lead nowhere, and removes those.
 * @throws GlfsError ENOTEMPTY, or what a subvolume failed with: where one can't be asked, nothing is known to be empty.
 */
export async function ensureEmpty(
  state: DistributeState,
  directory: Inode,
  context: CallContext,
): Promise<void> {
  const fd = new Fd(directory, 0);
  const opened = await windAll(state.children, (child) =>
    child.opendir({ loc: { inode: directory }, fd }, internal(context)),
  );
  const present = opened.filter(({ error }) => error === undefined).map(({ child }) => child);
  try {
    const failed = failures(opened).filter(({ error }) => error.code !== 'ENOENT' && error.code !== 'ESTALE');
    if (failed.length > 0) throw combined(failed, state.name);
    const results = await windAll(present, (child) => emptyOn(state, child, fd, context));
    const full = failures(results);
    // That it is in use is the better answer.
    const inUse = full.find(({ error }) => error.code === 'ENOTEMPTY');
    if (inUse !== undefined) throw inUse.error;
    if (full.length > 0) throw combined(full, state.name);
  } finally {
    await windAll(present, (child) => child.releasedir({ fd }, internalDetached(context)));
  }
}

async function emptyOn(
  state: DistributeState,
  child: Subvolume,
  fd: Fd,
  context: CallContext,
): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const xdata = new Dict().setEntry(state.attributes.linkto.name, { type: 'uint', value: 256n });
    const { entries } = await child.readdirp({ fd, offset: 0n, size: CHUNK, xdata }, internal(context));
    const real = entries.filter(({ name }) => name !== '.' && name !== '..');
    if (real.length === 0) return;
    for (const entry of real) await removeIfStray(state, child, fd.inode, entry, context);
  }
  throw notEmpty(state);
}

function notEmpty(state: DistributeState): GlfsError {
  return new GlfsError('ENOTEMPTY', undefined, { translator: state.name });
}

/** @throws GlfsError ENOTEMPTY where the entry is more than a linkto file that leads nowhere. */
async function removeIfStray(
  state: DistributeState,
  child: Subvolume,
  parent: Inode,
  { name, stat, xdata }: DirectoryEntry,
  context: CallContext,
): Promise<void> {
  const entry: Entry = { parent, name };
  if (stat !== undefined && !isLinkto(stat, xdata, state.attributes)) throw notEmpty(state);
  const now = await wind(child, () => lookAt(state, child, entry, context));
  if (now.error?.code === 'ENOENT') return;
  if (now.error !== undefined) throw now.error;
  if (!isLinkto(now.reply.stat, now.reply.xdata, state.attributes)) throw notEmpty(state);
  const target = state.childNamed(now.reply.xdata!.get(state.attributes.linkto));
  if (target !== undefined && target !== child) {
    const there = await wind(target, () => lookAt(state, target, entry, context));
    if (there.reply !== undefined) throw notEmpty(state);
    if (there.error.code !== 'ENOENT') throw there.error;
  }
  const { error } = await removeStaleLinkto(state, child, entry, context);
  if (error !== undefined && error.code !== 'ENOENT') throw error.code === 'EBUSY' ? notEmpty(state) : error;
}
