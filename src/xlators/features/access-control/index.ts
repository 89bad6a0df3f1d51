/*
 * The promise: who may not do something with a file, by its owner, mode and POSIX ACLs, doesn't, whatever the client was
 * that let the call through; files inherit the default ACL of their directory. The failure that it hides: a brick's process
 * is root, or nobody in particular, so that its kernel would allow everything, or nothing.
 *
 * uid 0 and internal callers (negative pid) may do everything. What isn't known of a file is asked for, as root, before
 * the answer; nothing passes because it isn't known.
 */
import { GlfsError } from '../../../errors.ts';
import {
  type CallContext,
  type FopFunction,
  type Inode,
  type Reply,
  type Request,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { Dict, entryInteger } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { aclAttributes, encodeAces } from '../../../protocol/posix-acl.ts';
import { inherit } from './acl.ts';
import { type Check, checks, isAcl } from './checks.ts';
import { Gate } from './gate.ts';
import { Knowledge, withAcls } from './knowledge.ts';
import { options } from './options.ts';
import { permits, Want } from './permits.ts';
import { type Change, setsGroupId, withoutForeignSetgid } from './setattr.ts';

type Making = 'create' | 'mknod' | 'mkdir';
type Changing = 'setattr' | 'fsetattr' | 'setxattr' | 'fsetxattr' | 'removexattr' | 'fremovexattr';

export class AccessControl extends Translator<typeof options> {
  private readonly knowledge: Knowledge;

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    this.knowledge = new Knowledge(this.child);
  }

  private privileged({ uid, pid }: CallContext): boolean {
    return uid === 0 || pid < 0 || uid === this.options['super-uid'];
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const check = checks[fop] as Check<K> | undefined;
    if (check === undefined) return next;
    return async (request, context) => {
      if (!this.privileged(context)) await check(new Gate(this.knowledge, fop, context, this.name), request);
      return next(request, context);
    };
  }

  /** Answered here: the question is this translator's. */
  async access({ loc, mask }: Request<'access'>, context: CallContext): Promise<Reply<'access'>> {
    const want = mask & (Want.READ | Want.WRITE | Want.EXECUTE);
    if (mask !== 0 && want === 0) throw new GlfsError('EINVAL', 'access to nothing', this.place('access'));
    const facts = await this.knowledge.of(loc.inode, context);
    if (!this.privileged(context) && !permits(facts, context, want))
      throw new GlfsError('EACCES', undefined, this.place('access'));
    return {};
  }

  private place(fop: FopName): { fop: FopName; translator: string } {
    return { fop, translator: this.name };
  }

  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const began = this.knowledge.mark();
    const reply = await this.child.lookup({ ...request, xdata: withAcls(request.xdata) }, context);
    this.knowledge.learn(reply.stat, reply.xdata, began);
    return reply;
  }

  async create(request: Request<'create'>, context: CallContext): Promise<Reply<'create'>> {
    return this.child.create(await this.inheriting('create', request, context), context);
  }
  async mknod(request: Request<'mknod'>, context: CallContext): Promise<Reply<'mknod'>> {
    return this.child.mknod(await this.inheriting('mknod', request, context), context);
  }
  async mkdir(request: Request<'mkdir'>, context: CallContext): Promise<Reply<'mkdir'>> {
    return this.child.mkdir(await this.inheriting('mkdir', request, context), context);
  }

  /** Mode and ACLs of what is made: by the parent's default ACL, or else by the umask. */
  private async inheriting<K extends Making>(
    fop: K,
    request: Request<K>,
    context: CallContext,
  ): Promise<Request<K>> {
    const { loc, xdata: given } = request as unknown as Request<Making>;
    const { mode, umask, xdata } = asked(request as unknown as Request<Making>);
    const acl = loc.parent === undefined ? undefined : await this.defaultAcl(loc.parent, context);
    if (acl === undefined) return { ...request, mode: mode & ~umask, umask: 0, xdata: given && xdata };
    const inherited = inherit(acl, mode);
    xdata.setBytes(aclAttributes.access, encodeAces(inherited.access));
    if (fop === 'mkdir') xdata.setBytes(aclAttributes.default, encodeAces(acl));
    return { ...request, mode: inherited.mode, umask: 0, xdata };
  }

  private async defaultAcl(parent: Inode, context: CallContext) {
    const { default: acl } = await this.knowledge.of(parent, context);
    return acl === undefined || acl.length === 0 ? undefined : acl;
  }

  async setattr(request: Request<'setattr'>, context: CallContext): Promise<Reply<'setattr'>> {
    const allowed = await this.withoutForeignSetgid(request, request.loc.inode, context);
    return this.changing('setattr', request.loc.inode, allowed, context);
  }
  async fsetattr(request: Request<'fsetattr'>, context: CallContext): Promise<Reply<'fsetattr'>> {
    const allowed = await this.withoutForeignSetgid(request, request.fd.inode, context);
    return this.changing('fsetattr', request.fd.inode, allowed, context);
  }
  private async withoutForeignSetgid<R extends Change>(
    request: R,
    inode: Inode,
    context: CallContext,
  ): Promise<R> {
    if (this.privileged(context) || !setsGroupId(request)) return request;
    return {
      ...request,
      stat: withoutForeignSetgid(request, await this.knowledge.of(inode, context), context),
    };
  }

  async setxattr(request: Request<'setxattr'>, context: CallContext): Promise<Reply<'setxattr'>> {
    if (!hasAcl(request.dict)) return this.child.setxattr(request, context);
    return this.changing('setxattr', request.loc.inode, request, context);
  }
  async fsetxattr(request: Request<'fsetxattr'>, context: CallContext): Promise<Reply<'fsetxattr'>> {
    if (!hasAcl(request.dict)) return this.child.fsetxattr(request, context);
    return this.changing('fsetxattr', request.fd.inode, request, context);
  }
  async removexattr(request: Request<'removexattr'>, context: CallContext): Promise<Reply<'removexattr'>> {
    if (!isAcl(request.name)) return this.child.removexattr(request, context);
    return this.changing('removexattr', request.loc.inode, request, context);
  }
  async fremovexattr(request: Request<'fremovexattr'>, context: CallContext): Promise<Reply<'fremovexattr'>> {
    if (!isAcl(request.name)) return this.child.fremovexattr(request, context);
    return this.changing('fremovexattr', request.fd.inode, request, context);
  }

  private changing<K extends Changing>(
    fop: K,
    inode: Inode,
    request: Request<K>,
    context: CallContext,
  ): Promise<Reply<K>> {
    const child = this.child[fop] as unknown as FopFunction<K>;
    return this.knowledge.change(inode.gfid, () => child(request, context));
  }

  override dump(): Record<string, unknown> {
    return { 'files-known': this.knowledge.size };
  }
}

function hasAcl(dict: Dict | undefined): boolean {
  return [...(dict?.names() ?? [])].some(isAcl);
}

/** Old clients apply the umask themselves, and send mode and umask as they were in xdata. */
function asked({ mode, umask, xdata }: Request<Making>): { mode: number; umask: number; xdata: Dict } {
  const rest = xdata === undefined ? new Dict() : xdata.clone();
  const [oldUmask, oldMode] = [rest.entry('umask'), rest.entry('mode')];
  rest.delete('umask');
  rest.delete('mode');
  if (oldUmask === undefined || oldMode === undefined) return { mode, umask, xdata: rest };
  return { mode: Number(entryInteger(oldMode)), umask: Number(entryInteger(oldUmask)), xdata: rest };
}

export const accessControlType: TranslatorType<typeof options> = {
  type: 'features/access-control',
  summary: 'Lets callers do what owner, mode and POSIX ACLs of a file allow, and no more.',
  options,
  create: (setup) => new AccessControl(setup),
};

/** The same under its older name; clients' volfiles of GlusterFS's `acl` mounts have it. */
export const posixAclType: TranslatorType<typeof options> = {
  ...accessControlType,
  type: 'system/posix-acl',
};
