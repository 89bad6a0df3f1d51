import type { Inode, Reply, Subvolume } from '../../graph/index.ts';
import { Dict, entryText } from '../../protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../protocol/dict-serialized.ts';
import { emptyIatt } from '../../protocol/iatt.ts';
import type { MemberSet } from './member-set.ts';
import { type Answer, combined, failures, successes, windAll } from './wind.ts';

/* Names that are no attributes of a file, but questions to all bricks that hold it together. */

export type Attributes = Reply<'getxattr'>;

/** GETXATTR or FGETXATTR of a name on one subvolume. */
export interface Question {
  readonly inode: Inode;
  readonly name: string;
  ask(child: Subvolume, name: string): Promise<Attributes>;
}

export type Special = (state: MemberSet, question: Question) => Promise<Attributes>;

const NODE_UUID = 'trusted.glusterfs.node-uuid';
const NO_UUID = '00000000-0000-0000-0000-000000000000';

const named: ReadonlyMap<string, Special> = new Map<string, Special>([
  [NODE_UUID, firstAnswer],
  ['trusted.glusterfs.list-node-uuids', nodeUuids],
  ['trusted.glusterfs.lockinfo', lockinfo],
]);

const PATHINFO = ['trusted.glusterfs.pathinfo', 'glusterfs.pathinfo'];
const LOCK_ORDERS = ['glusterfs.clrlk', 'glusterfs.intrlk'];

/** When geo-replication has last copied something, one for each of its sessions. */
const STIME = /^trusted\.glusterfs\..*\.stime$/;

/**
 * How all bricks together answer for a name; undefined where it is an attribute as any other. `kind` is what pathinfo calls the
 * translator: `REPLICATE`, `EC`.
 */
export function questionToAll(name: string, kind: string): Special | undefined {
  if (PATHINFO.includes(name)) return pathinfo(kind);
  if (LOCK_ORDERS.some((prefix) => name.startsWith(prefix))) return lockReports;
  return named.get(name) ?? (STIME.test(name) ? latest : undefined);
}

export function attributesOnly(dict: Dict): Attributes {
  return { dict, prestat: emptyIatt(), poststat: emptyIatt() };
}

export function textAttribute(name: string, value: string): Attributes {
  return attributesOnly(new Dict([[name, { type: 'str', value }]]));
}

/** @throws GlfsError where nobody has an answer. */
async function askAll(
  state: MemberSet,
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

function pathinfo(kind: string): Special {
  return async (state, question) => {
    const { name } = question;
    const values = valuesOf(await askAll(state, question), name);
    return textAttribute(name, `(<${kind}:${state.name}> ${values.join(' ')})`);
  };
}

async function firstAnswer(state: MemberSet, question: Question): Promise<Attributes> {
  const [first] = successes(await askAll(state, question));
  return first!.reply;
}

/** One for each subvolume, in their order; zeros for those that are down. */
async function nodeUuids(state: MemberSet, question: Question): Promise<Attributes> {
  const answers = await askAll(state, question, NODE_UUID);
  const values = state.children.map((child) => {
    const own = answers.filter((answer) => answer.child === child);
    return valuesOf(own, NODE_UUID)[0] ?? NO_UUID;
  });
  return textAttribute(question.name, values.join(' '));
}

async function lockReports(state: MemberSet, question: Question): Promise<Attributes> {
  const values = valuesOf(await askAll(state, question), question.name);
  return textAttribute(question.name, values.length > 0 ? values.join('\n') : 'No locks cleared.');
}

/** Each brick's value is a dict of its own, by the name of the brick. */
async function lockinfo(state: MemberSet, question: Question): Promise<Attributes> {
  const whole = new Dict();
  for (const { reply: said } of successes(await askAll(state, question))) {
    const bytes = said.dict?.bytes(question.name);
    if (bytes !== undefined) whole.merge(parseSerializedDict(bytes));
  }
  return attributesOnly(new Dict().setBytes(question.name, serializeDict(whole)));
}

/** Eight bytes, seconds and nanoseconds, which compare as they stand. */
async function latest(state: MemberSet, question: Question): Promise<Attributes> {
  const answers = successes(await askAll(state, question));
  const timeOf = ({ dict }: Attributes): Buffer =>
    Buffer.from(dict?.bytes(question.name) ?? new Uint8Array());
  return answers
    .map((answer) => answer.reply)
    .reduce((newest, other) => (Buffer.compare(timeOf(other), timeOf(newest)) > 0 ? other : newest));
}
