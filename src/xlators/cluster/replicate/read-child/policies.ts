import type { Gfid } from '../../../../protocol/gfid.ts';
import type { FileType } from '../../../../protocol/iatt.ts';
import { type ChildSet, indicesOf } from '../../children.ts';
import { superFastHash } from '../../super-fast-hash.ts';
import type { ReadLoad } from './load.ts';

/** What a policy may look at. */
export interface Question {
  readonly gfid: Gfid;
  readonly type: FileType;
  /** Copies that can be read; at least one. */
  readonly readable: ChildSet;
  /** Number of all copies. */
  readonly count: number;
  readonly load: ReadLoad;
  /** Process id of this client. */
  readonly pid: number;
}

/** Names a copy, which need not be readable; undefined leaves it to the order of the volfile. */
type Policy = (question: Question) => number | undefined;

const firstUp: Policy = () => undefined;

/** The same copy for all clients: its cache serves them all. */
const gfidHash: Policy = ({ gfid, count }) => superFastHash(gfid) % count;

/** Spreads clients over the copies of a file; directories are left where all others list them. */
const gfidAndPidHash: Policy = (question) => {
  const { gfid, type, count, pid } = question;
  if (type === 'directory') return gfidHash(question);
  const mixed = Uint8Array.from(gfid);
  const view = new DataView(mixed.buffer);
  view.setUint32(0, view.getUint32(0, true) ^ pid, true);
  return superFastHash(mixed) % count;
};

const leastLoad: Policy = ({ readable, load }) => least(readable, (index) => load.pending[index]!);

/** A copy that was never read counts as instant, so that each gets its turn. */
const leastLatency: Policy = ({ readable, load }) => least(readable, (index) => load.latency[index] ?? 0);

const leastProduct: Policy = ({ readable, load }) =>
  least(readable, (index) => (load.pending[index]! + 1) * (load.latency[index] ?? 0));

function least(set: ChildSet, cost: (index: number) => number): number | undefined {
  let found: { index: number; cost: number } | undefined;
  for (const index of indicesOf(set)) {
    const price = cost(index);
    if (found === undefined || price < found.cost) found = { index, cost: price };
  }
  return found?.index;
}

/** By `read-hash-mode`. */
export const policies: readonly Policy[] = [
  firstUp,
  gfidHash,
  gfidAndPidHash,
  leastLoad,
  leastLatency,
  leastProduct,
];
