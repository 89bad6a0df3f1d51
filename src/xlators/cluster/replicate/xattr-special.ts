import { GlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Reply, Subvolume } from '../../../graph/index.ts';
import { Dict, entryText } from '../../../protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../../protocol/dict-serialized.ts';
import { emptyIatt } from '../../../protocol/iatt.ts';
import { type Answer, combined, failures, successes, windAll } from '../wind.ts';
import { PENDING_PREFIX } from './changelog.ts';
import { type Diagnosis, diagnose } from './heal/index.ts';
import { STATUS } from './split-brain/names.ts';
import { splitBrainStatus } from './split-brain/status.ts';
import type { ReplicateState } from './state.ts';

/* Names that are no attributes of one copy: questions to replicate itself, and to all bricks. */

type Attributes = Reply<'getxattr'>;

/** GETXATTR or FGETXATTR of a name on one copy. */
export interface Question {
  readonly inode: Inode;
  readonly name: string;
  ask(child: Subvolume, name: string): Promise<Attributes>;
}

type Special = (state: ReplicateState, question: Question, context: CallContext) => Promise<Attributes>;

const HEAL_INFO = 'glusterfs.heal-info';
const NODE_UUID = 'trusted.glusterfs.node-uuid';
const NODE_UUIDS = 'trusted.glusterfs.list-node-uuids';
const LOCKINFO = 'trusted.glusterfs.lockinfo';
const NO_UUID = '00000000-0000-0000-0000-000000000000';

const named: ReadonlyMap<string, Special> = new Map<string, Special>([
  [STATUS, status],
  [HEAL_INFO, healInfo],
  ['trusted.glusterfs.pathinfo', pathinfo],
  ['glusterfs.pathinfo', pathinfo],
  [NODE_UUID, firstAnswer],
  [NODE_UUIDS, nodeUuids],
  [LOCKINFO, lockinfo],
]);

const prefixed: readonly (readonly [string, Special])[] = [
  [PENDING_PREFIX, hidden],
  ['glusterfs.clrlk', lockReports],
  ['glusterfs.intrlk', lockReports],
];

/** When geo-replication has last copied something, one for each of its sessions. */
const STIME = /^trusted\.glusterfs\..*\.stime$/;

/** How to answer for a name; undefined where it is an attribute as any other. */
export function specialAttribute(name: string): Special | undefined {
  const found = named.get(name) ?? prefixed.find(([prefix]) => name.startsWith(prefix))?.[1];
  return found ?? (STIME.test(name) ? latest : undefined);
}

function reply(dict: Dict): Attributes {
  return { dict, prestat: emptyIatt(), poststat: emptyIatt() };
}

function text(name: string, value: string): Attributes {
  return reply(new Dict([[name, { type: 'str', value }]]));
}

async function hidden(state: ReplicateState): Promise<never> {
  throw new GlfsError('ENODATA', undefined, { translator: state.name });
}

async function status(state: ReplicateState, { inode, name }: Question): Promise<Attributes> {
  return text(name, await splitBrainStatus(state, inode));
}

async function healInfo(
  state: ReplicateState,
  { inode, name }: Question,
  context: CallContext,
): Promise<Attributes> {
  return text(name, healStatus(await diagnose(state, inode.gfid, context)));
}

/** In GlusterFS's words. */
export function healStatus({ data, metadata, entry, busy, accused }: Diagnosis): string {
  const all = [data, metadata, entry];
  const suffix = accused ? '-pending' : '';
  if (all.some((ailment) => ailment.splitBrain)) return `split-brain${suffix}`;
  if (busy) return `possibly-healing${suffix}`;
  return all.some((ailment) => ailment.pending) ? `heal${suffix}` : 'no-heal';
}

/** @throws GlfsError where no copy has an answer. */
async function askAll(
  state: ReplicateState,
  { name, ask }: Question,
  asked = name,
): Promise<Answer<Attributes>[]> {
  const answers = await windAll(state.upChildren, (child) => ask(child, asked));
  if (answers.length === 0) throw state.tooFew(0);
  if (successes(answers).length === 0) throw combined(failures(answers), state.name);
  return answers;
}

function valuesOf(answers: readonly Answer<Attributes>[], name: string): string[] {
  return successes(answers).flatMap(({ reply: { dict } }) => {
    const entry = dict?.entry(name);
    return entry === undefined ? [] : [entryText(entry)];
  });
}

async function pathinfo(state: ReplicateState, question: Question): Promise<Attributes> {
  const { name } = question;
  const values = valuesOf(await askAll(state, question), name);
  return text(name, `(<REPLICATE:${state.name}> ${values.join(' ')})`);
}

async function firstAnswer(state: ReplicateState, question: Question): Promise<Attributes> {
  const [first] = successes(await askAll(state, question));
  return first!.reply;
}

/** One for each copy, in their order; zeros for those that are down. */
async function nodeUuids(state: ReplicateState, question: Question): Promise<Attributes> {
  const answers = await askAll(state, question, NODE_UUID);
  const values = state.children.map((child) => {
    const own = answers.filter((answer) => answer.child === child);
    return valuesOf(own, NODE_UUID)[0] ?? NO_UUID;
  });
  return text(question.name, values.join(' '));
}

async function lockReports(state: ReplicateState, question: Question): Promise<Attributes> {
  const values = valuesOf(await askAll(state, question), question.name);
  return text(question.name, values.length > 0 ? values.join('\n') : 'No locks cleared.');
}

/** Each brick's value is a dict of its own, by the name of the brick. */
async function lockinfo(state: ReplicateState, question: Question): Promise<Attributes> {
  const whole = new Dict();
  for (const { reply: said } of successes(await askAll(state, question))) {
    const bytes = said.dict?.bytes(question.name);
    if (bytes !== undefined) whole.merge(parseSerializedDict(bytes));
  }
  return reply(new Dict().setBytes(question.name, serializeDict(whole)));
}

/** Eight bytes, seconds and nanoseconds, which compare as they stand. */
async function latest(state: ReplicateState, question: Question): Promise<Attributes> {
  const answers = successes(await askAll(state, question));
  const timeOf = ({ dict }: Attributes): Buffer =>
    Buffer.from(dict?.bytes(question.name) ?? new Uint8Array());
  return answers
    .map((answer) => answer.reply)
    .reduce((newest, other) => (Buffer.compare(timeOf(other), timeOf(newest)) > 0 ? other : newest));
}
