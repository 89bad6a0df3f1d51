import { GlfsError } from '../../../errors.ts';
import { type CallContext, Inode, type Loc, type Subvolume } from '../../../graph/index.ts';
import { gfidEquals, gfidToString } from '../../../protocol/gfid.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { combined, failures, internalDetached, windAll } from '../wind.ts';
import { copyHealable, setAttributes } from './attribute-heal.ts';
import type { DirectoryView } from './directory-view.ts';
import type { Layout } from './layout.ts';
import { writeLayout } from './layout-heal.ts';
import { withNamespace } from './locks.ts';
import { marks } from './names.ts';
import type { DistributeState } from './state.ts';

/**
 * Makes the directory where it is missing, with the gfid that it has elsewhere. Under the lock of the name, and only if
 * it still exists somewhere: otherwise a directory that is being removed would rise again.
 */
export async function makeMissing(
  state: DistributeState,
  loc: Loc,
  view: DirectoryView,
  suspects: readonly Subvolume[],
  context: CallContext,
): Promise<readonly Subvolume[]> {
  const { parent, name } = loc;
  if (parent === undefined || name === undefined) return [];
  const hashed = await state.findHashed(parent, name, context);
  if (hashed === undefined) return [];
  const source = view.source!;
  return withNamespace(state, { hashed, parent, name }, context, async () => {
    const missing = await stillMissing(state, parent, name, source, context);
    const wanted = suspects.filter((child) => missing.includes(child));
    if (wanted.length === 0) return [];
    const from = view.mds?.child ?? view.directories[0]!.child;
    const mark = view.mds === undefined && wanted.includes(hashed) ? hashed : undefined;
    const made = await makeOn(state, { parent, name, source, from, mark }, wanted, context);
    if (mark !== undefined && made.includes(mark)) state.setMds(loc.inode, mark);
    return made;
  });
}

interface Missing {
  readonly parent: Inode;
  readonly name: string;
  /** What it shall be. */
  readonly source: Iatt;
  /** Has its extended attributes. */
  readonly from: Subvolume;
  /** Gets the mark of the metadata subvolume, because none has it. */
  readonly mark?: Subvolume;
}

/** @returns the subvolumes that have the directory now. */
async function makeOn(
  state: DistributeState,
  { parent, name, source, from, mark }: Missing,
  children: readonly Subvolume[],
  context: CallContext,
): Promise<readonly Subvolume[]> {
  const xattrs = await copyHealable(state, source, from, context);
  const answers = await windAll(children, (child) => {
    const xdata = xattrs.clone().set(keys.gfidRequest, source.gfid).set(marks.internalContext, HEAL_BIT);
    if (child === mark) xdata.set(state.attributes.mds, new Uint8Array(4));
    const request = { loc: { inode: new Inode(), parent, name }, mode: source.mode, umask: 0, xdata };
    return child.mkdir(request, internalDetached(context));
  });
  const failed = failures(answers).filter(({ error }) => error.code !== 'EEXIST');
  for (const { child, error } of failed) {
    const details = { translator: state.name, subvolume: child.name, name, error };
    state.log.warn(details, 'a missing directory could not be made');
  }
  return children.filter((child) => !failed.some((failure) => failure.child === child));
}

/**
 * Makes a directory again where its removal was begun, with the ranges that it had there. The lock of its name is held.
 * `from` still has it. @throws GlfsError where it hasn't.
 */
export async function restoreDirectory(
  state: DistributeState,
  { inode, parent, name }: Loc,
  from: Subvolume,
  layout: Layout,
  children: readonly Subvolume[],
  context: CallContext,
): Promise<void> {
  const directory = new Inode(inode.gfid, 'directory');
  const { stat } = await from.stat({ loc: { inode: directory } }, internalDetached(context));
  const mds = state.mdsOf(inode);
  const mark = mds !== undefined && children.includes(mds) ? mds : undefined;
  const made = await makeOn(
    state,
    { parent: parent!, name: name!, source: stat, from, mark },
    children,
    context,
  );
  await setAttributes(state, directory, stat, made, context);
  const entries = layout.entries.filter(({ child }) => made.includes(child));
  await writeLayout(state, directory, layout, entries, context);
}

/** Bit 0 of the bitmap: a mkdir by self-heal, which quota lets pass. */
const HEAL_BIT = Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 1 : 0));

async function stillMissing(
  state: DistributeState,
  parent: Inode,
  name: string,
  source: Iatt,
  context: CallContext,
): Promise<Subvolume[]> {
  const answers = await windAll(state.children, (child) =>
    child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, internalDetached(context)),
  );
  const failed = failures(answers);
  const absent = failed.filter(({ error }) => error.code === 'ENOENT' || error.code === 'ESTALE');
  if (absent.length === state.children.length) throw combined(absent, state.name);
  const other = answers.find(({ reply }) => reply !== undefined && !gfidEquals(reply.stat.gfid, source.gfid));
  if (other !== undefined) {
    const { child, reply } = other;
    const found = gfidToString(reply!.stat.gfid);
    throw new GlfsError(
      'ESTALE',
      `'${name}' is ${found} on ${child.name}, not ${gfidToString(source.gfid)}`,
      {
        translator: state.name,
      },
    );
  }
  return absent.map(({ child }) => child);
}
