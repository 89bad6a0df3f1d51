import { GlfsError, isGlfsError } from '../../../../errors.ts';
import { Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { gfidEquals, gfidToString, isNullGfid } from '../../../../protocol/gfid.ts';
import { type FileType, type Iatt, typeOfMode } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import { type ChildSet, indicesOf } from '../../children.ts';
import { failures, windAll } from '../../wind.ts';
import { type Changelog, decodeChangelog, encodeChangelog } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';
import { bringBack } from './anonymous.ts';
import { removeName } from './entry-remove.ts';
import { type EntryHeal, gfidAt, inodeAt, type NameView, statAt } from './entry-view.ts';

/** Longest target of a symbolic link. */
const TARGET_BYTES = 4096;

export interface Recreation {
  readonly view: NameView;
  /** The copy that has the file under this name. */
  readonly source: number;
  /** All copies that are right about this name: they accuse the new copy of the file until it is healed itself. */
  readonly sources: ChildSet;
}

/**
 * Gives a copy the name, with the file that the source has under it: a further name where the copy has that file already,
 * or a new one, empty, and accused of being so before it can be seen. What the copy has under the name goes.
 */
export async function recreate(heal: EntryHeal, recreation: Recreation, target: number): Promise<void> {
  const { view, source } = recreation;
  const stat = statAt(view, source)!;
  const type = typeOfMode(stat.mode);
  if (isNullGfid(stat.gfid) || type === 'unknown') {
    throw new GlfsError('EINVAL', `'${view.name}' has no gfid, or no type`, { translator: heal.state.name });
  }
  await removeName(heal, view, target);
  if ((await hasFile(heal, target, stat)) && (await giveKnown(heal, recreation, type, target))) return;
  await accuseNew(heal, recreation, stat, target);
  // This client's readers may know the copy by the whole file that it had until now.
  for (const kind of ['data', 'metadata'] as const)
    heal.state.accuse(new Inode(stat.gfid, type), kind, 1 << target);
  await make(heal, recreation, stat, target);
}

async function hasFile({ state, context }: EntryHeal, target: number, stat: Iatt): Promise<boolean> {
  const inode = new Inode(stat.gfid, typeOfMode(stat.mode));
  try {
    await state.children[target]!.lookup({ loc: { inode }, flags: 0 }, context);
    return true;
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE')) return false;
    throw error;
  }
}

/**
 * The copy has the file under another name. A directory has one name only: either it has been put aside, or it leaves the
 * other place when that is healed, and this one is healed after it.
 *
 * False where the brick refuses a further name, because the file bears the note of this very name already: a heal has removed
 * it with its directory, and the brick has not swept that up yet. MKNOD, which takes no notes of a file that is there, still adds
 * the name; it might as well make a new file if that is swept up meanwhile, so it comes with the marks of a new one.
 */
async function giveKnown(
  heal: EntryHeal,
  { view, source }: Recreation,
  type: FileType,
  target: number,
): Promise<boolean> {
  const { state, context } = heal;
  const { parent, name } = view;
  const inode = inodeAt(view, source);
  const child = state.children[target]!;
  if (type !== 'directory') {
    try {
      await child.link({ loc: { inode }, newLoc: { inode: new Inode(), parent, name } }, context);
      return true;
    } catch (error) {
      if (type !== 'symlink' && isGlfsError(error, 'EEXIST')) return false;
      throw error;
    }
  }
  try {
    await bringBack(heal, inode, { parent, name }, target);
    return true;
  } catch (error) {
    if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
    throw new GlfsError('EEXIST', `directory ${gfidToString(inode.gfid)} still has its old name`, {
      translator: child.name,
      cause: error,
    });
  }
}

/**
 * Marks a file that is about to be made on a copy: its sources accuse the copy of lacking all that it will lack. Where all
 * of them do so already, the client that made the file has marked it, or a heal that did not come to its end.
 * @throws GlfsError where a source can't be marked
 */
async function accuseNew(
  { state, context }: EntryHeal,
  { view, sources }: Recreation,
  stat: Iatt,
  target: number,
): Promise<void> {
  const inode = new Inode(stat.gfid, typeOfMode(stat.mode));
  const accusers = indicesOf(sources).filter((index) => {
    const gfid = gfidAt(view, index);
    return index !== target && gfid !== undefined && gfidEquals(gfid, stat.gfid);
  });
  if (accusers.every((index) => accuses(state, view, index, target))) return;
  const dict = newcomerMarks(state, inode.type, target);
  const answers = await windAll(
    accusers.map((index) => state.children[index]!),
    (child) =>
      child.xattrop({ loc: { inode }, operation: XattropFlag.ADD_ARRAY, dict: dict.clone() }, context),
  );
  const [failed] = failures(answers);
  if (failed !== undefined) throw failed.error;
}

/**
 * The copy has accused the other, when the name was looked at, of lacking all that a new file lacks. Of a directory that is
 * never taken for granted: its marks may have been for single names, and stand for less than all.
 */
function accuses(
  { pendingNames }: ReplicateState,
  { answers }: NameView,
  index: number,
  target: number,
): boolean {
  const { stat, xdata } = answers[index]!.reply!;
  const type = typeOfMode(stat.mode);
  const { data, metadata } = decodeChangelog(xdata?.bytes(pendingNames[target]!));
  return type !== 'directory' && metadata !== 0 && (type !== 'file' || data !== 0);
}

/** A new directory is full of names that no index knows of: its data counter says so to those who go by the index. */
function newcomerMarks(state: ReplicateState, type: FileType, target: number): Dict {
  const content: Partial<Changelog> =
    type === 'file'
      ? { data: 1 }
      : type === 'directory'
        ? { entry: 1, data: state.options['granular-entry-heal'] ? 1 : 0 }
        : {};
  const dict = new Dict();
  for (const [index, name] of state.pendingNames.entries()) {
    dict.setBytes(name, encodeChangelog(index === target ? { metadata: 1, ...content } : {}));
  }
  return dict;
}

async function make(
  { state, context }: EntryHeal,
  { view, source }: Recreation,
  stat: Iatt,
  target: number,
): Promise<void> {
  const { parent, name } = view;
  const child = state.children[target]!;
  const loc = { inode: new Inode(), parent, name };
  const xdata = new Dict().set(keys.gfidRequest, stat.gfid);
  const { mode, rdev } = stat;
  switch (typeOfMode(mode)) {
    case 'directory':
      await child.mkdir({ loc, mode, umask: 0, xdata }, context);
      return;
    case 'symlink': {
      const from = { loc: { inode: inodeAt(view, source) }, size: TARGET_BYTES };
      const { target: path } = await state.children[source]!.readlink(from, context);
      await child.symlink({ loc, umask: 0, target: path, xdata }, context);
      return;
    }
    default:
      // Another healer may have made the file for another of its names by now: the brick then adds this one.
      xdata.set(keys.internalFop, 1);
      await child.mknod({ loc, dev: rdev, mode, umask: 0, xdata }, context);
  }
}
