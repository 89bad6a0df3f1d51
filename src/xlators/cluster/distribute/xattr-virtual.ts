import { GlfsError } from '../../../errors.ts';
import type { CallContext, Reply } from '../../../graph/index.ts';
import { Dict, entryText } from '../../../protocol/dict.ts';
import type { FileTarget } from './migration.ts';
import { combined, type DistributeState, failures, internalDetached, successes, windAll } from './state.ts';
import { attributesReply, type Getter, ofFile } from './xattr-read.ts';

/* "Attributes" that no brick stores: where a file is, and other questions that are asked this way. */

const PATHINFO = ['trusted.glusterfs.pathinfo', 'glusterfs.pathinfo'];
const NODE_UUID = 'trusted.glusterfs.node-uuid';
const NODE_UUIDS = 'trusted.glusterfs.list-node-uuids';
const REAL_FILENAME = ['glusterfs.get_real_filename:', 'user.glusterfs.get_real_filename:'];
const LINKINFO = 'trusted.distribute.linkinfo';
const SUBVOLUME_STATUS = 'dht.subvol.status';
const HASHED = 'dht.file.hashed-subvol.';

type Attributes = Reply<'getxattr'>;

export function isVirtual(name: string): boolean {
  return (
    PATHINFO.includes(name) ||
    name === NODE_UUID ||
    name === NODE_UUIDS ||
    name === LINKINFO ||
    name.startsWith(SUBVOLUME_STATUS) ||
    name.startsWith(HASHED) ||
    REAL_FILENAME.some((prefix) => name.startsWith(prefix))
  );
}

/** @throws GlfsError ENODATA where there is no answer, and what subvolumes say. */
export async function virtualAttribute(
  state: DistributeState,
  target: FileTarget,
  name: string,
  context: CallContext,
  getter: Getter,
): Promise<Attributes> {
  if (name.startsWith(SUBVOLUME_STATUS)) {
    return attributesReply(new Dict([[name, { type: 'int', value: state.allUp ? 1n : 0n }]]));
  }
  if (name.startsWith(HASHED)) return hashedName(state, target, name, context);
  if (name === LINKINFO) return linkInfo(state, target, context);
  const isDirectory = await state.isDirectory(target, context);
  if (isDirectory && REAL_FILENAME.some((prefix) => name.startsWith(prefix)))
    return realFilename(state, getter);
  const { inode, fd } = target;
  if (!isDirectory) {
    const reply = await ofFile(state, { inode, fd }, context, getter);
    if (!PATHINFO.includes(name) || state.children.length === 1) return reply;
    return text(name, `(<DISTRIBUTE:${state.name}> ${valueIn(reply, name)})`);
  }
  const values = await valuesOfAll(state, name, getter);
  if (!PATHINFO.includes(name) || state.children.length === 1) return text(name, values.join(' '));
  const layout = await state.layout(inode, context);
  const ranges = layout.entries.map(({ child, start, stop }) => `(${child.name} ${start} ${stop})`);
  return text(
    name,
    `((<DISTRIBUTE:${state.name}> ${values.join(' ')}) (${state.name}-layout ${ranges.join(' ')}))`,
  );
}

function text(name: string, value: string): Attributes {
  return attributesReply(new Dict([[name, { type: 'str', value }]]));
}

function valueIn({ dict }: Attributes, name: string): string {
  const entry = dict?.entry(name);
  if (entry === undefined) throw new GlfsError('ENODATA');
  return entryText(entry);
}

/** In the order of the volfile. Subvolumes that are down are left out. */
async function valuesOfAll(state: DistributeState, name: string, getter: Getter): Promise<string[]> {
  const answers = await windAll(state.children, (child) => getter.get(child));
  const good = successes(answers);
  const serious = failures(answers).filter(({ error }) => error.code !== 'ENOTCONN');
  if (good.length === 0 || serious.length > 0)
    throw combined(serious.length > 0 ? serious : failures(answers), state.name);
  return good.map(({ reply }) => valueIn(reply, name));
}

/** The name in the case that it has: on whichever subvolume it is. */
async function realFilename(state: DistributeState, getter: Getter): Promise<Attributes> {
  const answers = await windAll(state.children, (child) => getter.get(child));
  const failed = failures(answers);
  const unable = failed.find(({ error }) => error.code === 'EOPNOTSUPP');
  if (unable !== undefined) throw unable.error;
  const found = successes(answers).at(-1);
  if (found !== undefined) return found.reply;
  // Only who could look everywhere may say that there is none.
  const blind = failed.find(({ error }) => error.code === 'ENOTCONN');
  throw blind?.error ?? new GlfsError('ENODATA', undefined, { translator: state.name });
}

async function hashedName(
  state: DistributeState,
  { inode }: FileTarget,
  name: string,
  context: CallContext,
): Promise<Attributes> {
  const entry = name.slice(HASHED.length);
  if (entry === '') throw new GlfsError('EINVAL', `${name} names no file`, { translator: state.name });
  const hashed = await state.findHashed(inode, entry, context);
  if (hashed === undefined) throw new GlfsError('ENODATA', undefined, { translator: state.name });
  return text(name, hashed.name);
}

/** Where the linkto file is that tells of a file. */
async function linkInfo(
  state: DistributeState,
  target: FileTarget,
  context: CallContext,
): Promise<Attributes> {
  const { inode } = target;
  const none = (): GlfsError => new GlfsError('ENODATA', 'no linkto file', { translator: state.name });
  const cached = await state.cachedChild(target, context);
  if (inode.type === 'directory') throw none();
  const [pathinfo] = PATHINFO;
  const others = state.children.filter((child) => child !== cached);
  const asker = internalDetached(context);
  const answers = await windAll(others, (child) =>
    child.getxattr({ loc: { inode }, name: pathinfo! }, asker),
  );
  const [found] = successes(answers);
  if (found === undefined) throw none();
  return text(LINKINFO, valueIn(found.reply, pathinfo!));
}
