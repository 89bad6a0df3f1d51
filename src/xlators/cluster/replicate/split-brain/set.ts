import { GlfsError } from '../../../../errors.ts';
import type { CallContext, Inode, Reply, Request } from '../../../../graph/index.ts';
import { type Dict, type DictEntry, entryInteger, entryText } from '../../../../protocol/dict.ts';
import { type HealStatus, healFile } from '../heal/index.ts';
import type { ReplicateState } from '../state.ts';
import { setChoice, setChoiceTimeout } from './choice.ts';
import { CHOICE, CHOICE_TIMEOUT, FINALIZE } from './names.ts';
import { findSplitBrain } from './status.ts';

/** One order: its value is in `entry`. */
type Order = (state: ReplicateState, inode: Inode, entry: DictEntry, context: CallContext) => Promise<void>;

/** In the order in which GlusterFS looks for them. */
const orders: readonly (readonly [string, Order])[] = [
  [CHOICE, choose],
  [FINALIZE, finalize],
  [CHOICE_TIMEOUT, limit],
];

/** Orders to replicate itself in the guise of attributes; undefined for attributes that are none. */
export function splitBrainSetxattr(
  state: ReplicateState,
  request: Request<'setxattr'>,
  context: CallContext,
): Promise<Reply<'setxattr'>> | undefined {
  const found = orderIn(request.dict);
  if (found === undefined) return undefined;
  const { order, entry } = found;
  return order(state, request.loc.inode, entry, context).then(() => ({}));
}

function orderIn(dict: Dict | undefined): { order: Order; entry: DictEntry } | undefined {
  for (const [name, order] of orders) {
    const entry = dict?.entry(name);
    if (entry !== undefined) return { order, entry };
  }
  return undefined;
}

/** @throws GlfsError EINVAL for a name that no copy has, and for a file that is not in split-brain. */
async function choose(state: ReplicateState, inode: Inode, entry: DictEntry): Promise<void> {
  const value = entryText(entry);
  const choice = value === 'none' ? undefined : copyNamed(state, value);
  const { data, metadata } = await findSplitBrain(state, inode);
  if (!data && !metadata) {
    throw new GlfsError('EINVAL', 'the file is not in split-brain of data or metadata', {
      translator: state.name,
      gfid: inode.toString(),
    });
  }
  setChoice(state, inode, choice);
}

/** What each outcome of the heal comes to for who has ordered it. */
const errors = {
  healed: undefined,
  clean: undefined,
  busy: ['EAGAIN', 'another client heals the file'],
  'split-brain': ['EIO', 'the file stays in split-brain'],
  failed: ['EIO', 'the heal has failed'],
} as const satisfies Record<HealStatus, readonly ['EAGAIN' | 'EIO', string] | undefined>;

async function finalize(
  state: ReplicateState,
  inode: Inode,
  entry: DictEntry,
  context: CallContext,
): Promise<void> {
  const index = copyNamed(state, entryText(entry));
  setChoice(state, inode, undefined);
  const { status, error } = await healFile(state, inode.gfid, context, { by: 'source', index });
  const failure = errors[status];
  if (failure === undefined) return;
  const [code, reason] = failure;
  throw new GlfsError(code, reason, { translator: state.name, gfid: inode.toString(), cause: error });
}

/** Minutes, as text or as a number. */
async function limit(state: ReplicateState, _inode: Inode, entry: DictEntry): Promise<void> {
  const text = entry.type === 'uint' || entry.type === 'int' ? String(entryInteger(entry)) : entryText(entry);
  if (!/^\d{1,9}$/.test(text)) {
    throw new GlfsError('EINVAL', `${CHOICE_TIMEOUT}: minutes are expected`, { translator: state.name });
  }
  setChoiceTimeout(state, Number(text) * 60);
}

function copyNamed(state: ReplicateState, name: string): number {
  const index = state.children.findIndex((child) => child.name === name);
  if (index >= 0) return index;
  throw new GlfsError('EINVAL', `no copy is named '${name}'`, { translator: state.name });
}
