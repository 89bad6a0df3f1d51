import type { CallContext } from '../../../graph/index.ts';
import { type Attributes, type Question, questionToAll, textAttribute } from '../brick-questions.ts';
import { type ChildSet, has } from '../children.ts';
import { diagnose, healFile } from './heal/index.ts';
import type { DisperseState } from './state.ts';

/* Names that are no attributes of a fragment: questions to disperse itself, and to all bricks. */

type Special = (state: DisperseState, question: Question, context: CallContext) => Promise<Attributes>;

const own: ReadonlyMap<string, Special> = new Map<string, Special>([
  ['glusterfs.heal-info', healInfo],
  ['trusted.ec.heal', heal],
]);

/** How to answer for a name; undefined where it is an attribute as any other. */
export function specialAttribute(name: string): Special | undefined {
  return own.get(name) ?? questionToAll(name, 'EC');
}

/** In GlusterFS's words: what cannot be asked of all counts as to be healed. */
async function healInfo(
  state: DisperseState,
  { inode, name }: Question,
  context: CallContext,
): Promise<Attributes> {
  const isWhole = state.up === state.all && (await diagnose(state, inode.gfid, context)) === undefined;
  return textAttribute(name, isWhole ? 'no-heal' : 'heal');
}

/** Heals the file now, and tells who has got it. */
async function heal(
  state: DisperseState,
  { inode, name }: Question,
  context: CallContext,
): Promise<Attributes> {
  const { status, sinks, error } = await healFile(state, inode.gfid, context);
  if (status === 'failed') throw error;
  const good = status === 'busy' ? 0 : state.up;
  return textAttribute(
    name,
    `Good: ${digits(state, good | sinks)}, Bad: ${digits(state, state.all & ~(good | sinks))}`,
  );
}

/** The first subvolume is the last digit. */
function digits({ children }: DisperseState, set: ChildSet): string {
  return children
    .map((_, index) => (has(set, index) ? '1' : '0'))
    .reverse()
    .join('');
}
