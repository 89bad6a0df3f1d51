import { GlfsError } from '../../../errors.ts';
import type { CallContext, Loc, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { gfidEquals, gfidToString } from '../../../protocol/gfid.ts';
import { isDirectory } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { type Entry, lookAt, makeLinkto, removeStaleLinkto } from './linkfile.ts';
import { withNamespace } from './locks.ts';
import { isLinkto } from './merge.ts';
import type { DistributeState } from './state.ts';
import { type Answer, failures, type Success, wind, windAll } from './wind.ts';

type Lookup = Reply<'lookup'>;

/** Where the data of a name were found; or that it is a directory. */
export type Everywhere = { file: Success<Lookup> } | { directory: true };

/**
 * Looks for a name on every subvolume, because its hashed one doesn't have it or leads nowhere. Linkto files that lead
 * nowhere are removed (unless open), and a missing one is made, so that the next lookup is short.
 * @throws GlfsError ENOENT where no subvolume that answers has it; EIO where it is a file here and a directory there, where
 *   gfids differ, or where a false linkto file can't be removed.
 */
export async function lookupEverywhere(
  state: DistributeState,
  loc: Loc,
  hashed: Subvolume | undefined,
  xdata: Dict,
  context: CallContext,
): Promise<Everywhere> {
  const answers = await windAll(state.children, (child) =>
    child.lookup({ loc, flags: 0, xdata: xdata.clone() }, context),
  );
  const good = answers.filter((answer): answer is Success<Lookup> => answer.error === undefined);
  const linktos = good.filter(({ reply }) => isLinkto(reply.stat, reply.xdata, state.attributes));
  const directories = good.filter(({ reply }) => isDirectory(reply.stat));
  const files = good.filter((answer) => !linktos.includes(answer) && !directories.includes(answer));

  const entry = entryOf(loc);
  const atHashed = linktos.find(({ child }) => child === hashed);
  await dropStrays(
    state,
    entry,
    linktos.filter((answer) => answer !== atHashed),
    context,
  );
  if (files.length > 0 && directories.length > 0) {
    throw new GlfsError(
      'EIO',
      `'${loc.name}' is a file on ${files[0]!.child.name} and a directory on ${directories[0]!.child.name}`,
      {
        translator: state.name,
      },
    );
  }
  if (directories.length > 0) return { directory: true };
  const [file, ...others] = files;
  if (file === undefined) return nothing(state, loc, atHashed, entry, answers, context);
  if (others.length > 0) warnOfDoubles(state, loc, files);
  if (hashed === undefined || hashed === file.child) return { file };
  if (atHashed === undefined) {
    if (entry !== undefined) await restoreLinkto(state, entry, hashed, file, context);
    return { file };
  }
  return checkLinkto(state, loc, entry, hashed, atHashed, file, context);
}

function entryOf({ parent, name }: Loc): Entry | undefined {
  return parent === undefined || name === undefined ? undefined : { parent, name };
}

/** Linkto files away from where the name hashes to serve nobody. */
async function dropStrays(
  state: DistributeState,
  entry: Entry | undefined,
  strays: readonly Success<Lookup>[],
  context: CallContext,
): Promise<void> {
  if (entry === undefined) return;
  const unused = strays.filter(({ reply }) => reply.xdata?.get(keys.openFdCount) === 0);
  await Promise.all(unused.map(({ child }) => removeStaleLinkto(state, child, entry, context)));
}

async function nothing(
  state: DistributeState,
  loc: Loc,
  atHashed: Success<Lookup> | undefined,
  entry: Entry | undefined,
  answers: readonly Answer<Lookup>[],
  context: CallContext,
): Promise<Everywhere> {
  const failed = failures(answers).filter(({ error }) => error.code !== 'ENOENT' && error.code !== 'ESTALE');
  if (failed.some(({ error }) => error.code === 'ENODATA')) return { directory: true };
  const cancelled = failed.find(({ error }) => error.code === 'ECANCELED' || error.code === 'ETIMEDOUT');
  if (cancelled !== undefined) throw cancelled.error;
  if (atHashed !== undefined) {
    const target = state.childNamed(atHashed.reply.xdata?.get(state.attributes.linkto));
    const unknown =
      failed.find(({ child }) => child === target) ?? (target === undefined ? failed[0] : undefined);
    // The data may well be where nobody answers: the linkto file is all that tells of them.
    if (unknown !== undefined) throw unknown.error;
    if (entry !== undefined) await removeStaleLinkto(state, atHashed.child, entry, context);
  }
  // As in GlusterFS: a subvolume that is down does not keep names from being used on the others.
  throw new GlfsError('ENOENT', undefined, { translator: state.name, path: loc.path });
}

function warnOfDoubles(state: DistributeState, loc: Loc, files: readonly Success<Lookup>[]): void {
  const [first, ...others] = files;
  const differing = others.find(({ reply }) => !gfidEquals(reply.stat.gfid, first!.reply.stat.gfid));
  const where = files.map(({ child, reply }) => `${child.name}: ${gfidToString(reply.stat.gfid)}`).join(', ');
  state.log.warn({ translator: state.name, name: loc.name, where }, 'a file has data on several subvolumes');
  if (differing !== undefined) {
    throw new GlfsError('EIO', `'${loc.name}' is two different files (${where})`, { translator: state.name });
  }
}

/** The hashed subvolume has a linkto file: right, or to be removed. */
async function checkLinkto(
  state: DistributeState,
  loc: Loc,
  entry: Entry | undefined,
  hashed: Subvolume,
  linkto: Success<Lookup>,
  file: Success<Lookup>,
  context: CallContext,
): Promise<Everywhere> {
  const target = state.childNamed(linkto.reply.xdata?.get(state.attributes.linkto));
  const same = gfidEquals(linkto.reply.stat.gfid, file.reply.stat.gfid);
  if (target === file.child && same) return { file };
  const open = linkto.reply.xdata?.get(keys.openFdCount) ?? 0;
  if (open > 0 || entry === undefined) {
    if (same) return { file };
    throw mismatch(state, loc, linkto, file);
  }
  const { error } = await removeStaleLinkto(state, hashed, entry, context);
  if (error?.code === 'EBUSY' || error?.code === 'ENOTCONN') {
    if (same) return { file };
    throw mismatch(state, loc, linkto, file);
  }
  await restoreLinkto(state, entry, hashed, file, context);
  return { file };
}

function mismatch(
  state: DistributeState,
  loc: Loc,
  linkto: Success<Lookup>,
  file: Success<Lookup>,
): GlfsError {
  const [a, b] = [linkto, file].map(
    ({ child, reply }) => `${gfidToString(reply.stat.gfid)} on ${child.name}`,
  );
  return new GlfsError('EIO', `the linkto file of '${loc.name}' is ${a}, the file ${b}`, {
    translator: state.name,
  });
}

/** Makes the linkto file that is missing, if nothing has changed meanwhile. What goes wrong here does no harm. */
async function restoreLinkto(
  state: DistributeState,
  entry: Entry,
  hashed: Subvolume,
  file: Success<Lookup>,
  context: CallContext,
): Promise<void> {
  const { gfid } = file.reply.stat;
  const made = await wind(hashed, () =>
    withNamespace(state, { hashed, ...entry }, context, async () => {
      const [there, data] = await Promise.all([
        wind(hashed, (child) => lookAt(state, child, entry, context)),
        wind(file.child, (child) => lookAt(state, child, entry, context)),
      ]);
      if (there.error?.code !== 'ENOENT') return;
      if (data.reply === undefined || !gfidEquals(data.reply.stat.gfid, gfid)) return;
      await makeLinkto(state, { on: hashed, target: file.child, entry, gfid }, context);
    }),
  );
  if (made.error !== undefined) {
    const details = { translator: state.name, subvolume: hashed.name, name: entry.name, error: made.error };
    state.log.debug(details, 'a missing linkto file could not be made');
  }
}
