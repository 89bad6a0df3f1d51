import { type ErrnoCode, GlfsError, isGlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Reply, type Subvolume } from '../../../graph/index.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { wind } from '../wind.ts';
import { type Entry, lookAt } from './linkfile.ts';
import { withMigrationLocks, withNamespaces } from './locks.ts';
import { asDirectory, isLinkto, withoutMigrationBits } from './merge.ts';
import type { RenamePlan } from './rename.ts';
import { type FilePlan, renameAt, renameByLink } from './rename-steps.ts';
import type { DistributeState } from './state.ts';

type Rename = Reply<'rename'>;

/** A file that is found elsewhere under the locks than before them is looked for again so often. */
const MAX_TRIES = 8;

/**
 * Renames what is no directory. Both files are locked against migration, both names against everybody else; then it is
 * looked at again who is where, because before the locks that was but a guess.
 */
export async function renameFile(
  state: DistributeState,
  plan: RenamePlan,
  context: CallContext,
): Promise<Rename> {
  for (let tries = 1; ; tries++) {
    const reply = await attempt(state, plan, context);
    if (reply !== 'moved') return visible(reply);
    if (tries >= MAX_TRIES) {
      throw new GlfsError('EBUSY', 'the file keeps being moved', { translator: state.name });
    }
    state.forget(plan.inode);
  }
}

async function attempt(
  state: DistributeState,
  { request, inode, source, target, existing }: RenamePlan,
  context: CallContext,
): Promise<Rename | 'moved'> {
  const data = await state.cachedChild({ inode }, context);
  const sourceHashed = await state.hashedChild(source.parent, source.name, context);
  const targetHashed = await state.hashedChild(target.parent, target.name, context);
  const replaced = existing && (state.cachedOf(existing.inode) ?? targetHashed);
  const files = [{ child: data, inode }];
  if (existing !== undefined && replaced !== undefined)
    files.push({ child: replaced, inode: existing.inode });
  const from = { ...source, hashed: sourceHashed };
  const to = { ...target, hashed: targetHashed };
  return withMigrationLocks(state, files, context, () =>
    withNamespaces(state, from, to, context, async () => {
      const stat = await sourceNow(state, data, source, inode, context);
      if (stat === undefined) return 'moved';
      const old = await targetNow(state, target, targetHashed, replaced, context);
      if (old !== undefined && gfidEquals(old.stat.gfid, inode.gfid)) return 'moved';
      const steps: FilePlan = {
        request,
        inode,
        stat,
        source,
        target,
        data,
        sourceHashed,
        targetHashed,
        old,
      };
      if (data !== targetHashed) state.names.displace(target);
      const atData = data === targetHashed || old?.child === data;
      return atData ? renameAt(state, steps, context) : renameByLink(state, steps, context);
    }),
  );
}

/** The source under its locks. @returns undefined where its data are not there any more: migrated, or renamed. */
async function sourceNow(
  state: DistributeState,
  data: Subvolume,
  source: Entry,
  inode: Inode,
  context: CallContext,
): Promise<Iatt | undefined> {
  const { error, reply } = await wind(data, (child) => lookAt(state, child, source, context));
  if (error !== undefined && !isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
  if (reply !== undefined && !gfidEquals(reply.stat.gfid, inode.gfid)) {
    throw new GlfsError('ESTALE', `'${source.name}' is another file now`, { translator: state.name });
  }
  if (reply !== undefined && !isLinkto(reply.stat, reply.xdata, state.attributes)) return reply.stat;
  // By gfid it may still be here: then only the name is gone.
  const loc = { inode: new Inode(inode.gfid) };
  const there = await wind(data, (child) => child.lookup({ loc, flags: 0 }, context));
  if (there.error === undefined && reply === undefined) throw gone(state, 'ENOENT');
  return undefined;
}

function gone(state: DistributeState, code: ErrnoCode): GlfsError {
  return new GlfsError(code, undefined, { translator: state.name });
}

/** What bears the new name under the locks, and where its data are. Nothing is healed here: we hold the locks for that. */
async function targetNow(
  state: DistributeState,
  target: Entry,
  hashed: Subvolume,
  before: Subvolume | undefined,
  context: CallContext,
): Promise<FilePlan['old']> {
  const at = await look(state, hashed, target, context);
  if (at !== undefined && !isLinkto(at.stat, at.xdata, state.attributes))
    return { child: hashed, stat: at.stat };
  const pointed = state.childNamed(at?.xdata?.get(state.attributes.linkto));
  const places = new Set([pointed, before].filter((child) => child !== undefined && child !== hashed));
  for (const child of places) {
    const there = await look(state, child!, target, context);
    if (there === undefined || isLinkto(there.stat, there.xdata, state.attributes)) continue;
    return { child: child!, stat: there.stat };
  }
  return undefined;
}

async function look(
  state: DistributeState,
  child: Subvolume,
  entry: Entry,
  context: CallContext,
): Promise<Reply<'lookup'> | undefined> {
  const { error, reply } = await wind(child, () => lookAt(state, child, entry, context));
  if (error !== undefined && error.code !== 'ENOENT' && error.code !== 'ESTALE') throw error;
  return reply;
}

function visible(reply: Rename): Rename {
  return {
    ...reply,
    stat: withoutMigrationBits(reply.stat),
    preoldparent: asDirectory(reply.preoldparent),
    postoldparent: asDirectory(reply.postoldparent),
    prenewparent: asDirectory(reply.prenewparent),
    postnewparent: asDirectory(reply.postnewparent),
  };
}
