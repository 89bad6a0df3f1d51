import { readOptions } from '../../src/graph/index.ts';
import { options } from '../../src/xlators/cluster/distribute/options.ts';
import { DistributeState } from '../../src/xlators/cluster/distribute/state.ts';
import type { FileBrick } from './file-brick.ts';

/** What one client's distribute translator knows, with all bricks up. */
export function distributeOver(
  bricks: readonly FileBrick[],
  given: Record<string, string> = {},
): DistributeState {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const state = new DistributeState({
    owner: { name: 'vol-dht' },
    children: bricks.map(({ subvolume }) => subvolume),
    options: readOptions(options, new Map(Object.entries(given)), 'vol-dht', () => {}),
    log,
  });
  for (const child of state.children) state.markUp(child);
  return state;
}
