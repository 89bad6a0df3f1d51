import { GlfsError, isGlfsError } from '../../../../errors.ts';
import { Inode } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { type Gfid, gfidEquals, gfidFromString, gfidToString, ROOT_GFID } from '../../../../protocol/gfid.ts';
import { isDirectory } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { type ChildSet, has, indicesOf, NO_CHILDREN } from '../../children.ts';
import { windAll } from '../../wind.ts';
import { isAbsence } from '../asking.ts';
import { anonymousDirectory } from '../private-names.ts';
import type { ReplicateState } from '../state.ts';
import { type EntryHeal, gfidAt, inodeAt, type NameView, statAt } from './entry-view.ts';

/*
 * The directory of anonymous inodes: /.glusterfs-anonymous-inode-VOLUMEID on every copy. What a heal would take away from a
 * copy, though the file lives on under another name, is kept there under its gfid, until its new name is healed.
 */

const MODE = 0o755;

interface Anonymous {
  readonly name: string;
  readonly gfid: Gfid;
}

/** Undefined where the volume has none: the option is off, or the volfile does not tell the volume's id. */
export function anonymousOf(state: ReplicateState): Anonymous | undefined {
  const { 'volume-id': id, 'use-anonymous-inode': used } = state.options;
  if (!used || id === undefined) return undefined;
  const gfid = Uint8Array.from(gfidFromString(id));
  gfid[0]! ^= 1;
  return { name: anonymousDirectory(state), gfid };
}

/** Copies that are known to have the directory, until copies come or go. */
const known = new WeakMap<ReplicateState, { generation: number; copies: ChildSet }>();

/** Makes the directory on all copies that are there. @throws GlfsError where `target` can't have it */
async function ensure(
  { state, context }: EntryHeal,
  { name, gfid }: Anonymous,
  target: number,
): Promise<Inode> {
  const { generation } = state;
  const before = known.get(state);
  let copies = before?.generation === generation ? before.copies : NO_CHILDREN;
  const inode = new Inode(gfid, 'directory');
  if (has(copies, target)) return inode;
  const parent = new Inode(ROOT_GFID, 'directory');
  const xdata = new Dict().set(keys.gfidRequest, gfid);
  const missing = indicesOf(state.up & ~copies);
  const answers = await windAll(
    missing.map((index) => state.children[index]!),
    async (child) => {
      const loc = { inode: new Inode(), parent, name };
      try {
        return await child.mkdir({ loc, mode: MODE, umask: 0, xdata }, context);
      } catch (error) {
        if (!isGlfsError(error, 'EEXIST')) throw error;
        return child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, context);
      }
    },
  );
  for (const [at, { reply }] of answers.entries()) {
    if (reply !== undefined && gfidEquals(reply.stat.gfid, gfid)) copies |= 1 << missing[at]!;
  }
  known.set(state, { generation, copies });
  if (has(copies, target)) return inode;
  const answer = answers[missing.indexOf(target)];
  throw (
    answer?.error ??
    new GlfsError('EINVAL', `${name} is not what it should be`, { translator: state.children[target]!.name })
  );
}

/**
 * Takes a name away from a copy without losing the file, where other copies still have that: it is moved aside. Answers
 * whether that was done; otherwise the file is gone everywhere and may go.
 */
export async function putAside(heal: EntryHeal, view: NameView, target: number): Promise<boolean> {
  const { state, context } = heal;
  const anonymous = anonymousOf(state);
  const gfid = gfidAt(view, target);
  if (anonymous === undefined || gfid === undefined) return false;
  const directory = isDirectory(statAt(view, target)!);
  // What is below a directory may live on, whatever has become of the directory.
  if (!directory && !(await livesOn(heal, gfid))) return false;
  const parent = await ensure(heal, anonymous, target);
  const child = state.children[target]!;
  const aside = { inode: new Inode(), parent, name: gfidToString(gfid) };
  const loc = { inode: inodeAt(view, target), parent: view.parent, name: view.name };
  // Of two names of one file rename(2) would leave both.
  if (!directory && (await isThere(heal, target, parent, aside.name))) {
    await child.unlink({ loc, xflags: 0 }, context);
  } else await child.rename({ loc, newLoc: aside }, context);
  state.log.info(
    { translator: state.name, subvolume: child.name, name: view.name, gfid: aside.name },
    'a name that a copy has too much is put aside',
  );
  return true;
}

/** Whether enough copies have the file under whatever name. @throws GlfsError where they can't tell */
async function livesOn({ state, context }: EntryHeal, gfid: Gfid): Promise<boolean> {
  const answers = await windAll(state.children, (child) =>
    child.lookup({ loc: { inode: new Inode(gfid) }, flags: 0 }, context),
  );
  let copies = NO_CHILDREN;
  for (const [index, { reply }] of answers.entries()) if (reply !== undefined) copies |= 1 << index;
  const several = (copies & (copies - 1)) !== 0;
  if (state.quorum.wanted ? state.quorum.met(copies) : several) return true;
  const unsure = answers.find(({ error }) => error !== undefined && !isAbsence(error));
  if (unsure?.error !== undefined) throw unsure.error;
  return false;
}

async function isThere(
  { state, context }: EntryHeal,
  target: number,
  parent: Inode,
  name: string,
): Promise<boolean> {
  try {
    await state.children[target]!.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, context);
    return true;
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE')) return false;
    throw error;
  }
}

/** Brings a directory that was put aside back under its new name. @throws GlfsError ENOENT where it is elsewhere */
export async function bringBack(
  heal: EntryHeal,
  directory: Inode,
  to: { readonly parent: Inode; readonly name: string },
  target: number,
): Promise<void> {
  const { state, context } = heal;
  const anonymous = anonymousOf(state);
  if (anonymous === undefined) throw new GlfsError('ENOENT', undefined, { translator: state.name });
  const parent = await ensure(heal, anonymous, target);
  const loc = { inode: directory, parent, name: gfidToString(directory.gfid) };
  await state.children[target]!.rename({ loc, newLoc: { inode: new Inode(), ...to } }, context);
}
