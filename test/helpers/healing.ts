import { rootContext, type Subvolume } from '../../src/graph/index.ts';
import { type FopName, fopNames } from '../../src/protocol/fops.ts';
import { gfidFromString } from '../../src/protocol/gfid.ts';
import type { MemberSet } from '../../src/xlators/cluster/member-set.ts';
import { type HealResult, healFile } from '../../src/xlators/cluster/replicate/heal/index.ts';
import { pendingGfids } from './brick-tree.ts';
import type { ReplicaCopies } from './replica-copies.ts';
import { waitUntil } from './wait.ts';

/** All copies take part, from the view of this client. */
export async function allUp({ state }: ReplicaCopies): Promise<void> {
  await waitUntil(() => state.up === state.all, { what: 'all copies' });
}

/** Heals every file that an index lists, once. */
export async function healListed({ bricks, state }: ReplicaCopies): Promise<HealResult[]> {
  const listed = new Set(bricks.flatMap(({ directory }) => pendingGfids(directory)));
  const results: HealResult[] = [];
  for (const gfid of listed) results.push(await healFile(state, gfidFromString(gfid), rootContext()));
  return results;
}

/** Bytes that tell where they belong, and to which writing. */
export function numbered(length: number, seed: number): Buffer {
  const data = Buffer.alloc(length);
  for (let at = 0; at < length; at++) data[at] = 1 + ((at * 31 + seed * 97 + (at >> 8)) % 251);
  return data;
}

/** Stands in front of every call to every copy. What it returns is called instead of the copy, if it is there. */
export type Tap = (call: {
  readonly index: number;
  readonly fop: FopName;
  readonly request: unknown;
  readonly go: () => Promise<unknown>;
}) => Promise<unknown>;

/** Has `tap` see all calls of the subvolumes from now on; what it returns takes the tap away. */
export function tapCopies(state: MemberSet, tap: Tap): () => void {
  type Functions = Record<FopName, (request: unknown, context: unknown) => Promise<unknown>>;
  const restore = state.children.map((child: Subvolume, index) => {
    const functions = child as unknown as Functions;
    const before = Object.fromEntries(fopNames.map((fop) => [fop, functions[fop]])) as Functions;
    for (const fop of fopNames)
      functions[fop] = (request, context) =>
        tap({ index, fop, request, go: () => before[fop](request, context) });
    return () => Object.assign(functions, before);
  });
  return () => {
    for (const each of restore) each();
  };
}
