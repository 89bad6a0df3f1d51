import type { CallContext, Loc, Reply, Subvolume } from '../../../../graph/index.ts';
import { type Dict, withKey } from '../../../../protocol/dict.ts';
import { type Gfid, gfidEquals, newGfid } from '../../../../protocol/gfid.ts';
import { type FileType, type Iatt, typeOfMode } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { indicesOf } from '../../children.ts';
import type { OperationOutcome } from '../operation.ts';
import type { ReplicateState } from '../state.ts';
import { runTransaction } from '../transaction/index.ts';
import { replyOf } from './copy-choice.ts';
import { targetOf } from './entry-target.ts';
import { strangers } from './gfid-vote.ts';
import { goodFirst } from './good-first.ts';
import { markNewEntry } from './new-entry.ts';

/** What all of them answer. */
export type Made = Reply<Making>;
type Making = 'create' | 'mknod' | 'mkdir' | 'symlink';

/** As GlusterFS has it, a symlink is not marked: its heal makes it whole at once. */
const marked: ReadonlySet<Making> = new Set(['create', 'mknod', 'mkdir']);

/** Makes a file of one gfid on all copies. `make` makes it on one. */
export async function makeEntry(
  state: ReplicateState,
  fop: Making,
  { loc, xdata: given }: { readonly loc: Loc; readonly xdata?: Dict },
  context: CallContext,
  make: (child: Subvolume, xdata: Dict, context: CallContext) => Promise<Made>,
): Promise<Made> {
  const target = targetOf(loc);
  const { gfid, xdata } = withGfid(given);
  const asked = state.files.asked(state.generation);
  let complete = false;
  const reply = await runTransaction<Making>(
    state,
    {
      kind: 'entry',
      fop,
      locks: [target],
      marks: [target],
      wind: goodFirst(state, [target.parent], (child, own) => make(child, xdata.clone(), own)),
      // CREATE without O_EXCL opens what is there: where that differs, a file that was there is more than a new one.
      disowns: (answers) =>
        strangers(state, answers, { parent: target.parent, prefers: (found) => !gfidEquals(found, gfid) }),
      mend: async (outcome, own) => {
        if (marked.has(fop)) await markNewEntry(state, anyStat(outcome), outcome, own);
      },
      compose: (_chosen, outcome) => {
        complete = outcome.failed === 0 && outcome.succeeded === state.all;
        const { preparent, postparent } = replyOf(state, outcome, target.parent);
        return { ...replyOf(state, outcome, asFile(anyStat(outcome))), preparent, postparent };
      },
    },
    context,
  );
  const { inode } = loc;
  if (!inode.known) inode.learn(reply.stat);
  // Made by us just now and everywhere: there is nothing to ask anybody about it.
  if (complete && gfidEquals(reply.stat.gfid, gfid)) {
    const whole = {
      data: state.withData,
      metadata: state.withData,
      splitBrain: { data: false, metadata: false },
    };
    state.file(gfid).learn(whole, asked);
  }
  return reply;
}

function asFile({ gfid, mode }: Iatt): { gfid: Gfid; type: FileType } {
  return { gfid, type: typeOfMode(mode) };
}

/** Of one gfid on all copies that have it. */
function anyStat({ answers, succeeded }: OperationOutcome<Making>): Iatt {
  return answers[indicesOf(succeeded)[0]!]!.reply!.stat;
}

function withGfid(xdata: Dict | undefined): { gfid: Gfid; xdata: Dict } {
  const given = xdata?.get(keys.gfidRequest);
  const gfid = given ?? newGfid();
  return { gfid, xdata: given === undefined ? withKey(xdata, keys.gfidRequest, gfid) : xdata! };
}
