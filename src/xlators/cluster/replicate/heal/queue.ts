import { type Inode, rootContext } from '../../../../graph/index.ts';
import { gfidKey } from '../../../../protocol/gfid.ts';
import { HealQueue } from '../../heal-queue.ts';
import type { ChangeKind } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';
import { healFile } from './heal-file.ts';

/** `data-self-heal` has three values besides those of a flag; `open` is an old word for `on`. */
const ON = new Set(['on', 'yes', 'true', 'enable', '1', 'open']);

interface Background {
  readonly queue: HealQueue;
  readonly kinds: readonly ChangeKind[];
}

const backgrounds = new WeakMap<ReplicateState, Background>();

function backgroundOf(state: ReplicateState): Background {
  const { 'background-self-heal-count': atOnce, 'heal-wait-queue-length': length } = state.options;
  const kinds = kindsOf(state);
  const queue = new HealQueue({ state, atOnce: kinds.length === 0 ? 0 : atOnce, length });
  const made = { queue, kinds };
  backgrounds.set(state, made);
  return made;
}

function kindsOf({ options }: ReplicateState): readonly ChangeKind[] {
  const wanted: readonly (readonly [ChangeKind, boolean])[] = [
    ['data', ON.has(options['data-self-heal'].toLowerCase())],
    ['metadata', options['metadata-self-heal']],
    ['entry', options['entry-self-heal']],
  ];
  return wanted.filter(([, on]) => on).map(([kind]) => kind);
}

/** A lookup or a read came upon copies that accuse each other: heals it in the background where options say so. */
export function suspect(state: ReplicateState, inode: Inode): void {
  // Heals need all copies; the first one to come upon it after the last has returned begins it.
  if (!inode.known || state.up !== state.all || state.closing.signal.aborted) return;
  const { queue, kinds } = backgrounds.get(state) ?? backgroundOf(state);
  const { gfid } = inode;
  queue.add(gfidKey(gfid), () => healFile(state, gfid, rootContext(), undefined, kinds));
}
