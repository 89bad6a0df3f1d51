import { isGlfsError } from '../../../../errors.ts';
import { type CallContext, Inode, type Subvolume } from '../../../../graph/index.ts';
import { type Gfid, gfidFromString } from '../../../../protocol/gfid.ts';
import { type Iatt, isDirectory, typeOfMode } from '../../../../protocol/iatt.ts';
import { listing } from '../../index-directory.ts';
import { type Answer, windAll } from '../../wind.ts';
import { isAbsence } from '../asking.ts';
import type { ReplicateState } from '../state.ts';
import { anonymousOf } from './anonymous.ts';
import { healContext } from './session.ts';

/** RMDIR: with all that is below. */
const WITH_CONTENTS = 1;

/**
 * Removes from one copy what heals have put aside and nobody is waiting for any more: files that have a name again, and what no
 * other copy has. For after a crawl of the copy's index. Answers how many went.
 * @throws GlfsError ENOTCONN
 */
export async function cleanAnonymous(state: ReplicateState, index: number): Promise<number> {
  const anonymous = anonymousOf(state);
  if (anonymous === undefined) return 0;
  const context = healContext();
  const parent = new Inode(anonymous.gfid, 'directory');
  let removed = 0;
  try {
    for await (const name of listing(state.children[index]!, parent, context)) {
      // Who is down may be the one that has the file under a name.
      if (state.up !== state.all || state.closing.signal.aborted) break;
      const gfid = parsed(name);
      if (gfid !== undefined) removed += await cleanOne({ state, context, parent, name, gfid }, index);
    }
  } catch (error) {
    if (!isGlfsError(error, 'ENOENT', 'ESTALE')) throw error;
  }
  return removed;
}

interface Aside {
  readonly state: ReplicateState;
  readonly context: CallContext;
  readonly parent: Inode;
  readonly name: string;
  readonly gfid: Gfid;
}

async function cleanOne(aside: Aside, index: number): Promise<number> {
  const { state, context, gfid } = aside;
  const known = await ask(aside, (child) =>
    child.lookup({ loc: { inode: new Inode(gfid) }, flags: 0 }, context),
  );
  if (known === undefined) return 0;
  const here = known[index];
  if (here === undefined) return 0;
  const others = known.filter((stat) => stat !== undefined).length - 1;
  const named = !isDirectory(here) && here.nlink > 1;
  if (others === 0 || named) return remove(aside, state.children[index]!, here);
  return cleanEverywhere(aside, known);
}

/** Removed on all copies where all that have the file have put it aside: each heal waited for the name that another had. */
async function cleanEverywhere(aside: Aside, known: readonly (Iatt | undefined)[]): Promise<number> {
  const { state, context, parent, name } = aside;
  const asides = await ask(aside, (child) =>
    child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, context),
  );
  if (asides === undefined) return 0;
  if (known.some((stat, at) => stat !== undefined && asides[at] === undefined)) return 0;
  let removed = 0;
  for (const [at, stat] of asides.entries()) {
    if (stat !== undefined) removed += await remove(aside, state.children[at]!, stat);
  }
  return removed;
}

/** What each copy says; undefined for those that lack the file, and for all where one can't tell. */
async function ask(
  { state }: Aside,
  call: (child: Subvolume) => Promise<{ readonly stat: Iatt }>,
): Promise<(Iatt | undefined)[] | undefined> {
  const answers: Answer<{ readonly stat: Iatt }>[] = await windAll(state.children, call);
  if (answers.some(({ error }) => error !== undefined && !isAbsence(error))) return undefined;
  return answers.map(({ reply }) => reply?.stat);
}

async function remove(
  { state, context, parent, name }: Aside,
  child: Subvolume,
  stat: Iatt,
): Promise<number> {
  const loc = { inode: new Inode(stat.gfid, typeOfMode(stat.mode)), parent, name };
  state.log.info({ translator: state.name, subvolume: child.name, name }, 'what was put aside is removed');
  try {
    if (isDirectory(stat)) await child.rmdir({ loc, xflags: WITH_CONTENTS }, context);
    else await child.unlink({ loc, xflags: 0 }, context);
    return 1;
  } catch (error) {
    if (isGlfsError(error, 'ENOENT', 'ESTALE')) return 0;
    throw error;
  }
}

function parsed(name: string): Gfid | undefined {
  try {
    return gfidFromString(name);
  } catch {
    return undefined;
  }
}
