import type { CallContext } from '../../../graph/index.ts';
import { type Attributes, type Question, questionToAll } from '../brick-questions.ts';
import type { DisperseState } from './state.ts';

/* Names that are no attributes of a fragment: questions to disperse itself, and to all bricks. */

type Special = (state: DisperseState, question: Question, context: CallContext) => Promise<Attributes>;

/** How to answer for a name; undefined where it is an attribute as any other. */
export function specialAttribute(name: string): Special | undefined {
  return questionToAll(name, 'EC');
}
