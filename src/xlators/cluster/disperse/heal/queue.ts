import { type Inode, rootContext } from '../../../../graph/index.ts';
import { type Gfid, gfidKey } from '../../../../protocol/gfid.ts';
import { HealQueue } from '../../heal-queue.ts';
import type { DisperseState } from '../state.ts';
import { type HealWishes, healFile } from './heal-file.ts';
import { healName } from './name.ts';
import { canHeal, openSession } from './session.ts';

const queues = new WeakMap<DisperseState, HealQueue>();

function queueOf(state: DisperseState): HealQueue {
  const { 'background-heals': atOnce, 'heal-wait-qlength': length } = state.options;
  const made = new HealQueue({ state, atOnce, length });
  queues.set(state, made);
  return made;
}

function add(state: DisperseState, key: string, heal: () => Promise<unknown>): void {
  // The first one to come upon it when enough are back begins it.
  if (!canHeal(state, state.up) || state.closing.signal.aborted) return;
  (queues.get(state) ?? queueOf(state)).add(key, heal);
}

/** A file or directory was found to be behind on some subvolumes: it is healed in the background, where that is on. */
export function suspect(state: DisperseState, inode: Inode, wishes: HealWishes = {}): void {
  if (!inode.known) return;
  const { gfid } = inode;
  add(state, gfidKey(gfid), () => healAll(state, gfid, wishes));
}

/** A directory that has got new entries has them healed, too: they are empty. */
async function healAll(state: DisperseState, gfid: Gfid, wishes: HealWishes): Promise<void> {
  const { made } = await healFile(state, gfid, rootContext(), wishes);
  for (const each of made) add(state, gfidKey(each), () => healAll(state, each, {}));
}

/**
 * A lookup has found a name on some subvolumes only: it is made the same on all in the background, and then what it means is
 * healed; of a directory not its names.
 */
export function suspectName(state: DisperseState, parent: Inode, name: string): void {
  if (!parent.known) return;
  add(state, `${gfidKey(parent.gfid)}/${name}`, async () => {
    const { made } = await healName(openSession(state, parent, rootContext()), { parent, name });
    if (made !== undefined) add(state, gfidKey(made), () => healAll(state, made, {}));
  });
}
