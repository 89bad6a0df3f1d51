import type { CallContext, Inode, Loc, Reply, Subvolume } from '../../../../graph/index.ts';
import { type Dict, withKey } from '../../../../protocol/dict.ts';
import { type Gfid, gfidEquals, newGfid } from '../../../../protocol/gfid.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { attributesOf, identityOf } from '../asking.ts';
import { change, namesOf } from '../change.ts';
import { mergedReply } from '../merged-reply.ts';
import type { DisperseState } from '../state.ts';

/** What all of them answer. */
export type Made = Reply<'create' | 'mknod' | 'mkdir' | 'symlink'>;

export interface Making {
  readonly loc: Loc;
  readonly xdata?: Dict;
  /** Makes it on one subvolume. */
  make(child: Subvolume, xdata: Dict, context: CallContext): Promise<Made>;
  remove(child: Subvolume, context: CallContext): Promise<unknown>;
}

/** A reply, and whether the file is new: CREATE also opens what is there. */
export interface MadeNew {
  readonly reply: Made;
  readonly isNew: boolean;
}

/** Makes a file of one gfid everywhere: a change of the directory's names, and of its times. */
export async function makeEntry(
  state: DisperseState,
  { loc, xdata: given, make, remove }: Making,
  context: CallContext,
): Promise<MadeNew> {
  const { gfid, xdata } = withGfid(given);
  const isOurs = ({ stat }: Made): boolean => gfidEquals(stat.gfid, gfid);
  const { replies } = await change<Made>(
    state,
    {
      targets: namesOf([loc.parent!]),
      wind: (child, own) => make(child, xdata.clone(), own),
      sameness: ({ stat, postparent }) => newEntry(stat, postparent),
      undo: async (child, reply, own) => {
        if (isOurs(reply)) await remove(child, own);
      },
    },
    context,
  );
  const isNew = isOurs(replies[0]!);
  const reply = mergedReply(state, replies);
  learn(loc.inode, reply.stat);
  return { reply, isNew };
}

/** The same file, in a directory of the same attributes. */
export function newEntry(stat: Iatt, postparent: Iatt): string {
  return `${identityOf(stat)} ${attributesOf(postparent)}`;
}

function learn(inode: Inode, stat: Iatt): void {
  if (!inode.known) inode.learn(stat);
}

function withGfid(xdata: Dict | undefined): { gfid: Gfid; xdata: Dict } {
  const given = xdata?.get(keys.gfidRequest);
  const gfid = given ?? newGfid();
  return { gfid, xdata: given === undefined ? withKey(xdata, keys.gfidRequest, gfid) : xdata! };
}
