import { GlfsError } from '../../../errors.ts';
import type { CallContext } from '../../../graph/index.ts';
import { type Attributes, type Question, questionToAll, textAttribute } from '../brick-questions.ts';
import { PENDING_PREFIX } from './changelog.ts';
import { type Diagnosis, diagnose } from './heal/index.ts';
import { STATUS } from './split-brain/names.ts';
import { splitBrainStatus } from './split-brain/status.ts';
import type { ReplicateState } from './state.ts';

/* Names that are no attributes of one copy: questions to replicate itself, and to all bricks. */

type Special = (state: ReplicateState, question: Question, context: CallContext) => Promise<Attributes>;

const own: ReadonlyMap<string, Special> = new Map<string, Special>([
  [STATUS, status],
  ['glusterfs.heal-info', healInfo],
]);

/** How to answer for a name; undefined where it is an attribute as any other. */
export function specialAttribute(name: string): Special | undefined {
  return own.get(name) ?? (name.startsWith(PENDING_PREFIX) ? hidden : questionToAll(name, 'REPLICATE'));
}

async function hidden(state: ReplicateState): Promise<never> {
  throw new GlfsError('ENODATA', undefined, { translator: state.name });
}

async function status(state: ReplicateState, { inode, name }: Question): Promise<Attributes> {
  return textAttribute(name, await splitBrainStatus(state, inode));
}

async function healInfo(
  state: ReplicateState,
  { inode, name }: Question,
  context: CallContext,
): Promise<Attributes> {
  return textAttribute(name, healStatus(await diagnose(state, inode.gfid, context)));
}

/** In GlusterFS's words. */
export function healStatus({ data, metadata, entry, busy, accused }: Diagnosis): string {
  const all = [data, metadata, entry];
  const suffix = accused ? '-pending' : '';
  if (all.some((ailment) => ailment.splitBrain)) return `split-brain${suffix}`;
  if (busy) return `possibly-healing${suffix}`;
  return all.some((ailment) => ailment.pending) ? `heal${suffix}` : 'no-heal';
}
