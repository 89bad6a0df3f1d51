import { GlfsError } from '../../../errors.ts';
import type { CallContext, Reply, Subvolume } from '../../../graph/index.ts';
import { Dict, entryText } from '../../../protocol/dict.ts';
import { keys } from '../../../protocol/keys.ts';
import { combined, failures, transaction, windAll } from '../wind.ts';
import { isStripeAttribute } from './attributes.ts';
import { repliesOfAll } from './everywhere.ts';
import type { Part } from './fops.ts';
import { below } from './plain-fd.ts';
import type { StripeState, Target } from './state.ts';

const ACLS: readonly string[] = ['system.posix_acl_access', 'system.posix_acl_default'];
const PATHINFO: readonly string[] = ['trusted.glusterfs.pathinfo', 'glusterfs.pathinfo'];

type Changed = Reply<'setxattr'>;
type Attributes = Reply<'getxattr'>;

export const setxattr: Part<'setxattr'> = (state, request, context) =>
  change(state, request.loc, request.dict?.names() ?? [], context, (child, own) =>
    child.setxattr(request, own),
  );

export const fsetxattr: Part<'fsetxattr'> = (state, request, context) => {
  const whole = below(request);
  const { fd } = whole;
  return change(state, { inode: fd.inode, fd }, request.dict?.names() ?? [], context, (child, own) =>
    child.fsetxattr(whole, own),
  );
};

export const removexattr: Part<'removexattr'> = (state, request, context) =>
  change(state, request.loc, [request.name], context, (child, own) => child.removexattr(request, own));

export const fremovexattr: Part<'fremovexattr'> = (state, request, context) => {
  const whole = below(request);
  const { fd } = whole;
  return change(state, { inode: fd.inode, fd }, [request.name], context, (child, own) =>
    child.fremovexattr(whole, own),
  );
};

/**
 * On the first subvolume, where they are read; ACLs on all, since every brick goes by its own.
 * @throws GlfsError EPERM for what says how files are striped
 */
async function change(
  state: StripeState,
  { inode }: Target,
  given: Iterable<string>,
  context: CallContext,
  call: (child: Subvolume, context: CallContext) => Promise<Changed>,
): Promise<Changed> {
  const names = [...given];
  for (const name of names)
    if (isStripeAttribute(name))
      throw new GlfsError('EPERM', `'${name}' belongs to the volume itself`, { translator: state.name });
  if (!names.some((name) => ACLS.includes(name))) return shown(await call(state.first, context));
  state.requireAll();
  return transaction(context, async (own) => {
    const replies = await repliesOfAll(state, inode, (child) => call(child, own), own);
    return shown(replies[0]!);
  });
}

/** Attributes before and after that come along are those of one stripe. */
function shown(reply: Changed): Changed {
  const { xdata } = reply;
  if (xdata === undefined) return reply;
  const rest = xdata.clone();
  for (const key of [keys.preStat, keys.postStat]) rest.delete(key);
  return { ...reply, xdata: rest };
}

export const getxattr: Part<'getxattr'> = (state, request, context) =>
  get(state, request.loc, request.name, context, (child) => child.getxattr(request, context));

export const fgetxattr: Part<'fgetxattr'> = (state, request, context) => {
  const whole = below(request);
  const { fd } = whole;
  return get(state, { inode: fd.inode, fd }, request.name, context, (child) =>
    child.fgetxattr(whole, context),
  );
};

async function get(
  state: StripeState,
  target: Target,
  name: string,
  context: CallContext,
  call: (child: Subvolume) => Promise<Attributes>,
): Promise<Attributes> {
  if (PATHINFO.includes(name)) return pathinfo(state, target, name, context, call);
  if (state.attributes.isOwn(name)) throw new GlfsError('ENODATA', undefined, { translator: state.name });
  const reply = await call(state.first);
  return reply.dict === undefined ? reply : { ...reply, dict: state.attributes.without(reply.dict)! };
}

/** Where all stripes are: `(<STRIPE:NAME:[bytes of a block]> BRICK BRICK …)`. */
async function pathinfo(
  state: StripeState,
  target: Target,
  name: string,
  context: CallContext,
  call: (child: Subvolume) => Promise<Attributes>,
): Promise<Attributes> {
  const isFile = target.inode.type === 'file';
  if (!isFile && target.inode.type !== 'directory') return call(state.first);
  const layout = isFile ? await state.layoutOf(target, context) : undefined;
  const answers = await windAll(layout?.stripes ?? state.children, call);
  const failed = failures(answers);
  if (failed.length > 0) throw combined(failed, state.name);
  const places = answers.map(({ reply }) => {
    const entry = reply!.dict?.entry(name);
    if (entry === undefined) throw new GlfsError('ENODATA', undefined, { translator: state.name });
    return entryText(entry);
  });
  const value = `(<STRIPE:${state.name}:[${layout?.blockSize ?? 0}]> ${places.join(' ')})`;
  return { ...answers[0]!.reply!, dict: new Dict([[name, { type: 'str', value }]]) };
}
