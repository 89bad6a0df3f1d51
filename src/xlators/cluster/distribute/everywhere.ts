import { GlfsError } from '../../../errors.ts';
import type { CallContext, Loc, Reply, Subvolume } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { gfidEquals, gfidToString } from '../../../protocol/gfid.ts';
import { isDirectory } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { type Answer, failures, type Success, windAll } from '../wind.ts';
import { repairLinktos, type Verdict } from './linkto-repair.ts';
import { isLinkto } from './merge.ts';
import type { DistributeState } from './state.ts';

type Lookup = Reply<'lookup'>;

/** Where the data of a name were found; or that it is a directory. */
export type Everywhere = { file: Success<Lookup> } | { directory: true };

/** The name was changed while the subvolumes were asked. What to say if it never stands still. */
interface Again {
  readonly again: GlfsError;
}

/** A name that comes and goes is looked for again so often. */
const MAX_SEARCHES = 4;

/**
 * Looks for a name on every subvolume, because its hashed one doesn't have it or leads nowhere. Linkto files that lead
 * nowhere are removed (unless open), and a missing one is made, so that the next lookup is short.
 * @throws GlfsError ENOENT where no subvolume that answers has it; EIO where it is a file here and a directory there, or
 *   where gfids differ.
 */
export async function lookupEverywhere(
  state: DistributeState,
  loc: Loc,
  hashed: Subvolume | undefined,
  xdata: Dict,
  context: CallContext,
): Promise<Everywhere> {
  for (let searches = 1; ; searches++) {
    const outcome = await search(state, loc, hashed, xdata, context);
    if (!('again' in outcome)) return outcome;
    if (searches >= MAX_SEARCHES) throw outcome.again;
  }
}

async function search(
  state: DistributeState,
  loc: Loc,
  hashed: Subvolume | undefined,
  xdata: Dict,
  context: CallContext,
): Promise<Everywhere | Again> {
  const answers = await windAll(state.children, (child) =>
    child.lookup({ loc, flags: 0, xdata: xdata.clone() }, context),
  );
  const good = answers.filter((answer): answer is Success<Lookup> => answer.error === undefined);
  const linktos = good.filter(({ reply }) => isLinkto(reply.stat, reply.xdata, state.attributes));
  const directories = good.filter(({ reply }) => isDirectory(reply.stat));
  const files = good.filter((answer) => !linktos.includes(answer) && !directories.includes(answer));
  const repair = repairer(state, loc, hashed, linktos, context);

  if (files.length > 0 && directories.length > 0) {
    const [file, directory] = [files[0]!.child.name, directories[0]!.child.name];
    throw new GlfsError('EIO', `'${loc.name}' is a file on ${file} and a directory on ${directory}`, {
      translator: state.name,
    });
  }
  if (directories.length > 0) return { directory: true };
  const atHashed = linktos.find(({ child }) => child === hashed);
  const file =
    files.find(({ child }) => child === hashed) ??
    files.find((one) => leadsTo(state, atHashed, one)) ??
    files[0];
  if (file === undefined) return nothing(state, loc, atHashed, answers, repair);
  const doubt = doubles(state, loc, files, file, hashed, atHashed);
  if (doubt !== undefined) return { again: doubt };
  if (hashed !== undefined && hashed !== file.child && !leadsTo(state, atHashed, file)) {
    const verdict = await repair(file);
    const same = atHashed === undefined || gfidEquals(atHashed.reply.stat.gfid, file.reply.stat.gfid);
    if (verdict === 'kept' && !same) throw mismatch(state, loc, atHashed, file);
    // The name may bear another file by now.
    if (verdict === 'right' && !same) return { again: notFound(state, loc) };
  } else if (linktos.length > (atHashed === undefined ? 0 : 1)) {
    await repair(file);
  }
  return { file };
}

type Repair = (file?: Success<Lookup>) => Promise<Verdict>;

function repairer(
  state: DistributeState,
  { parent, name }: Loc,
  hashed: Subvolume | undefined,
  linktos: readonly Success<Lookup>[],
  context: CallContext,
): Repair {
  if (parent === undefined || name === undefined || hashed === undefined) return async () => 'kept';
  const strays = linktos
    .filter(({ child, reply }) => child !== hashed && reply.xdata?.get(keys.openFdCount) === 0)
    .map(({ child }) => child);
  return (file) => {
    const found = file && { child: file.child, gfid: file.reply.stat.gfid };
    return repairLinktos(state, { entry: { parent, name }, hashed, file: found, strays }, context);
  };
}

function leadsTo(
  state: DistributeState,
  linkto: Success<Lookup> | undefined,
  file: Success<Lookup>,
): boolean {
  if (linkto === undefined) return false;
  const target = state.childNamed(linkto.reply.xdata?.get(state.attributes.linkto));
  return target === file.child && gfidEquals(linkto.reply.stat.gfid, file.reply.stat.gfid);
}

async function nothing(
  state: DistributeState,
  loc: Loc,
  atHashed: Success<Lookup> | undefined,
  answers: readonly Answer<Lookup>[],
  repair: Repair,
): Promise<Everywhere | Again> {
  const failed = failures(answers).filter(({ error }) => error.code !== 'ENOENT' && error.code !== 'ESTALE');
  if (failed.some(({ error }) => error.code === 'ENODATA')) return { directory: true };
  const ended = failed.find(({ error }) => error.code === 'ECANCELED' || error.code === 'ETIMEDOUT');
  if (ended !== undefined) throw ended.error;
  if (atHashed !== undefined) {
    const target = state.childNamed(atHashed.reply.xdata?.get(state.attributes.linkto));
    const unknown = target === undefined ? failed[0] : failed.find(({ child }) => child === target);
    // The data may well be where nobody answers: the linkto file is all that tells of them.
    if (unknown !== undefined) throw unknown.error;
    if ((await repair()) === 'right') return { again: notFound(state, loc) };
  }
  // As in GlusterFS: a subvolume that is down does not keep names from being used on the others.
  throw notFound(state, loc);
}

function notFound(state: DistributeState, { path }: Loc): GlfsError {
  return new GlfsError('ENOENT', undefined, { translator: state.name, path });
}

/** Data on several subvolumes: while a name is being replaced, or by mistake. @returns an error where none is the file. */
function doubles(
  state: DistributeState,
  loc: Loc,
  files: readonly Success<Lookup>[],
  file: Success<Lookup>,
  hashed: Subvolume | undefined,
  atHashed: Success<Lookup> | undefined,
): GlfsError | undefined {
  if (files.length === 1) return undefined;
  const where = files.map(({ child, reply }) => `${child.name}: ${gfidToString(reply.stat.gfid)}`).join(', ');
  const details = { translator: state.name, name: loc.name, where };
  state.log.warn(details, 'a file has data on several subvolumes');
  if (file.child === hashed || leadsTo(state, atHashed, file)) return undefined;
  if (files.every(({ reply }) => gfidEquals(reply.stat.gfid, file.reply.stat.gfid))) return undefined;
  return new GlfsError('EIO', `'${loc.name}' is several different files (${where})`, {
    translator: state.name,
  });
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
