import { type Inode, rootContext } from '../../../../graph/index.ts';
import type { Gfid } from '../../../../protocol/gfid.ts';
import { gfidKey } from '../../../../protocol/gfid.ts';
import type { ChangeKind } from '../changelog.ts';
import type { ReplicateState } from '../state.ts';
import { healFile } from './heal-file.ts';

/** `data-self-heal` has three values besides those of a flag; `open` is an old word for `on`. */
const ON = new Set(['on', 'yes', 'true', 'enable', '1', 'open']);

/** Files that this client came upon and heals in the background: so many at once, so many waiting, each once. */
class HealQueue {
  private readonly waiting = new Map<string, Gfid>();
  private readonly running = new Set<string>();

  constructor(
    private readonly state: ReplicateState,
    private readonly kinds: readonly ChangeKind[],
  ) {}

  add(gfid: Gfid): void {
    const { 'background-self-heal-count': atOnce, 'heal-wait-queue-length': length } = this.state.options;
    const { waiting, running, kinds } = this;
    const key = gfidKey(gfid);
    if (kinds.length === 0 || atOnce === 0 || waiting.has(key) || running.has(key)) return;
    // More are left to the self-heal daemon, or to the next one who comes upon them.
    if (waiting.size + running.size >= atOnce + length) return;
    waiting.set(key, gfid);
    this.next(atOnce);
  }

  private next(atOnce: number): void {
    const { state, waiting, running } = this;
    if (state.closing.signal.aborted) waiting.clear();
    for (const [key, gfid] of waiting) {
      if (running.size >= atOnce) return;
      waiting.delete(key);
      running.add(key);
      state.background('heal', async () => {
        try {
          await healFile(state, gfid, rootContext(), undefined, this.kinds);
        } finally {
          running.delete(key);
          this.next(atOnce);
        }
      });
    }
  }
}

const queues = new WeakMap<ReplicateState, HealQueue>();

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
  let queue = queues.get(state);
  if (queue === undefined) {
    queue = new HealQueue(state, kindsOf(state));
    queues.set(state, queue);
  }
  queue.add(inode.gfid);
}
