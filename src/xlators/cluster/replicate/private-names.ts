import { type CallContext, HEAL_PID, type Inode } from '../../../graph/index.ts';
import type { ReplicateState } from './state.ts';

/** Where heals used to put what nobody wanted any more. */
const LANDFILL = '.landfill';
const ANONYMOUS = '.glusterfs-anonymous-inode';
/** Geo-replication, which has to copy these directories as any others. */
const GSYNCD_PID = -1;

/** The directory in which heals keep files that have lost their names. */
export function anonymousDirectory(state: ReplicateState): string {
  return `${ANONYMOUS}-${state.options['volume-id'] ?? ''}`;
}

/** Names in the root that heals use and nobody else may. Healers themselves must not come upon their own directory. */
export function isPrivateName(
  state: ReplicateState,
  directory: Inode,
  name: string,
  { pid }: CallContext,
): boolean {
  if (!directory.isRoot || !name.startsWith('.')) return false;
  if (name === LANDFILL) return true;
  if (pid === GSYNCD_PID) return false;
  return pid === HEAL_PID ? name === anonymousDirectory(state) : name.startsWith(ANONYMOUS);
}
