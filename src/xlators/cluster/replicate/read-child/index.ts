import type { Gfid } from '../../../../protocol/gfid.ts';
import type { FileType } from '../../../../protocol/iatt.ts';
import { type ChildSet, has, indicesOf } from '../../children.ts';
import type { ReplicateState } from '../state.ts';
import { loadOf } from './load.ts';
import { policies } from './policies.ts';
import { preferredChildren } from './preferred.ts';

/** The copy to read, of those that can be: `read-subvolume`, else, of those on this host if any are, what the policy says. */
export function readChild(
  state: ReplicateState,
  readable: ChildSet,
  file: { readonly gfid: Gfid; readonly type: FileType },
): number | undefined {
  let candidates = readable;
  for (const preferred of preferredChildren(state)) candidates = candidates & preferred || candidates;
  if (candidates === 0) return undefined;
  const chosen = policies[state.options['read-hash-mode']]!({
    gfid: file.gfid,
    type: file.type,
    readable: candidates,
    count: state.children.length,
    load: loadOf(state),
    pid: process.pid,
  });
  return chosen !== undefined && has(candidates, chosen) ? chosen : indicesOf(candidates)[0];
}
