import type { CallContext, Fd, FopTable, Inode, Reply, Request } from '../../../graph/index.ts';
import { type Dict, entryBytes } from '../../../protocol/dict.ts';
import { attributesOf } from './asking.ts';
import { type Change, change } from './change.ts';
import type { Part } from './fops.ts';
import { mergedReply } from './merged-reply.ts';
import { refusePrivate } from './private-attributes.ts';
import type { DisperseState } from './state.ts';

type ByPath = 'setattr' | 'setxattr' | 'removexattr' | 'xattrop';
type ByFd = 'fsetattr' | 'fsetxattr' | 'fremovexattr' | 'fxattrop';
type Answer = Partial<Pick<Reply<'setattr'>, 'poststat'>> & { readonly dict?: Dict; readonly xdata?: Dict };

export const setattr: Part<'setattr'> = byPath('setattr', attributesAfter);
export const fsetattr: Part<'fsetattr'> = byFd('fsetattr', attributesAfter);
export const setxattr: Part<'setxattr'> = byPath('setxattr', nothing, namesIn);
export const fsetxattr: Part<'fsetxattr'> = byFd('fsetxattr', nothing, namesIn);
export const removexattr: Part<'removexattr'> = byPath('removexattr', nothing, ({ name }) => [name]);
export const fremovexattr: Part<'fremovexattr'> = byFd('fremovexattr', nothing, ({ name }) => [name]);
export const xattrop: Part<'xattrop'> = byPath('xattrop', values, namesIn);
export const fxattrop: Part<'fxattrop'> = byFd('fxattrop', values, namesIn);

function nothing(): string {
  return '';
}

function attributesAfter({ poststat }: Answer): string {
  return poststat === undefined ? '' : attributesOf(poststat);
}

/** What the counters are now. */
function values({ dict }: Answer): string {
  return dict === undefined ? '' : valuesOf(dict);
}

/** Names and values, in one order, to be compared. */
export function valuesOf(dict: Dict): string {
  const rows = [...dict].map(([name, entry]) => {
    const value =
      entry.type === 'iatt' || entry.type === 'mdata' ? '' : Buffer.from(entryBytes(entry)).toString('hex');
    return `${name}=${value}`;
  });
  return rows.sort().join('\n');
}

function namesIn({ dict }: { readonly dict?: Dict }): Iterable<string> {
  return dict?.names() ?? [];
}

function byPath<K extends ByPath>(
  fop: K,
  sameness: (reply: Answer) => string,
  namesOf: (request: Request<K>) => Iterable<string> = () => [],
): Part<K> {
  return async (state, request, context) => {
    refusePrivate(namesOf(request), state.name);
    const { inode } = request.loc;
    const wind: Change<Reply<K>>['wind'] = (child, own) => (child as FopTable)[fop](request, own);
    return attributeChange<K>({ inode, wind, sameness }, state, context);
  };
}

function byFd<K extends ByFd>(
  fop: K,
  sameness: (reply: Answer) => string,
  namesOf: (request: Request<K>) => Iterable<string> = () => [],
): Part<K> {
  return async (state, request, context) => {
    refusePrivate(namesOf(request), state.name);
    const { fd } = request;
    const wind: Change<Reply<K>>['wind'] = (child, own) => (child as FopTable)[fop](request, own);
    return attributeChange<K>({ inode: fd.inode, fd, wind, sameness }, state, context);
  };
}

interface AttributeChange<K extends ByPath | ByFd> {
  readonly inode: Inode;
  readonly fd?: Fd;
  readonly wind: Change<Reply<K>>['wind'];
  readonly sameness: (reply: Answer) => string;
}

async function attributeChange<K extends ByPath | ByFd>(
  { inode, fd, wind, sameness }: AttributeChange<K>,
  state: DisperseState,
  context: CallContext,
): Promise<Reply<K>> {
  const { replies, held } = await change<Reply<K>>(
    state,
    { targets: [{ inode, fd, changes: 'metadata' }], wind, sameness },
    context,
  );
  return mergedReply(state, replies, () => held[0]!.size);
}
