/*
 * The promise: whoever has a lock is the only one to have it, whatever connects or breaks. inodelks and entrylks serialise what
 * cluster translators of different clients do to one file; POSIX locks are those of applications. The failure that it hides: a
 * client that is gone. What it held is free, what it waited for is forgotten, and who waited for it goes on.
 *
 * All state changes are synchronous: between a check and its grant nothing can come. lock-queue.ts has the order in which
 * inodelks and entrylks are granted, segments.ts the arithmetic of POSIX locks, removal.ts what keeps a file in place.
 */
import { GlfsError, toGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  type Client,
  detached,
  type FopFunction,
  Inode,
  type Loc,
  type Reply,
  type Request,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { Contention } from './contention.ts';
import { withCounts } from './counts.ts';
import { accessOf, isInternal } from './data-fops.ts';
import { describeFile } from './describe.ts';
import { entryLockRules, parseEntrylk } from './entry-locks.ts';
import { inodeLockRules, parseInodelk } from './inode-locks.ts';
import { isMandatory, type MandatoryMode } from './io-gate.ts';
import { activeLocks, lk, parseLk, setActiveLocks } from './lk.ts';
import { LockAttributes } from './lock-attributes.ts';
import { LockTable } from './lock-table.ts';
import { options } from './options.ts';
import { ownerOf } from './owner.ts';
import { type RevocationRules, revoke } from './revocation.ts';
import { traced } from './trace.ts';

export class Locks extends Translator<typeof options> {
  private readonly table: LockTable;
  private readonly mandatory: MandatoryMode | undefined;
  private readonly revocation: RevocationRules;
  private readonly gone = new WeakSet<Client>();
  private readonly attributes: LockAttributes;

  constructor(
    setup: TranslatorSetup<typeof options>,
    private readonly now: () => number = () => performance.now(),
  ) {
    super(setup);
    const given = this.options;
    for (const left of ['monkey-unlocking', 'enforce-mandatory-lock'] as const) {
      if (given[left]) {
        throw new GlfsError('EOPNOTSUPP', `option ${left} can't be on`, { translator: this.name });
      }
    }
    const mode = given['mandatory-locking'];
    // GlusterFS 10 accepts `file` and never looks at a file's set-group-ID bit.
    this.mandatory = mode === 'forced' || mode === 'optimal' ? mode : undefined;
    this.revocation = {
      seconds: given['revocation-secs'],
      maxBlocked: given['revocation-max-blocked'],
      clearAll: given['revocation-clear-all'],
    };
    const delay = given['notify-contention'] ? given['notify-contention-delay'] * 1000 : undefined;
    const contention = new Contention(delay, now, (event) => this.emit(event));
    this.table = new LockTable({ contention, now });
    this.attributes = new LockAttributes(this.name, this.table);
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const gated = this.mandatory === undefined ? next : this.withMandatory(fop, next, this.mandatory);
    const told = withCounts(fop, gated, this.table);
    return this.options.trace && fops[fop].traits.lock === true ? traced(fop, told, this) : told;
  }

  inodelk(request: Request<'inodelk'>, context: CallContext): Promise<Reply<'inodelk'>> {
    return this.takeInodelk(request.loc.inode, request, context);
  }

  finodelk(request: Request<'finodelk'>, context: CallContext): Promise<Reply<'finodelk'>> {
    return this.takeInodelk(request.fd.inode, request, context);
  }

  entrylk(request: Request<'entrylk'>, context: CallContext): Promise<Reply<'entrylk'>> {
    return this.takeEntrylk(request.loc.inode, request, context);
  }

  fentrylk(request: Request<'fentrylk'>, context: CallContext): Promise<Reply<'fentrylk'>> {
    return this.takeEntrylk(request.fd.inode, request, context);
  }

  private async takeInodelk(
    inode: Inode,
    request: Parameters<typeof parseInodelk>[0],
    context: CallContext,
  ): Promise<object> {
    const { lock, domain, unlock, wait } = parseInodelk(request, context);
    const unmet = unlock ? undefined : this.mayLock(inode, context);
    if (unmet !== undefined) await unmet;
    return this.table.with(inode, async (file) => {
      const { inodeLocks } = file.domain(domain);
      if (unlock) {
        inodeLocks.release(lock);
        return {};
      }
      const inTheWay = (held: typeof lock): boolean => inodeLockRules.conflict(held, lock);
      revoke(file.domain(domain), 'inode', inodeLocks, inTheWay, this.now(), this.revocation, this.log);
      await file.domain(domain).inodeLocks.acquire(lock, wait, context);
      return {};
    });
  }

  private async takeEntrylk(
    inode: Inode,
    request: Parameters<typeof parseEntrylk>[0] & { domain: string },
    context: CallContext,
  ): Promise<object> {
    const { domain } = request;
    const { lock, unlock, wait } = parseEntrylk(request, context);
    const unmet = unlock ? undefined : this.mayLock(inode, context);
    if (unmet !== undefined) await unmet;
    return this.table.with(inode, async (file) => {
      const { entryLocks } = file.domain(domain);
      if (unlock) {
        entryLocks.release(lock);
        return {};
      }
      const inTheWay = (held: typeof lock): boolean => entryLockRules.conflict(held, lock);
      revoke(file.domain(domain), 'entry', entryLocks, inTheWay, this.now(), this.revocation, this.log);
      await file.domain(domain).entryLocks.acquire(lock, wait, context);
      return {};
    });
  }

  async lk(request: Request<'lk'>, context: CallContext): Promise<Reply<'lk'>> {
    const parsed = parseLk(request, context);
    const { inode } = request.fd;
    const unmet = this.mayLock(inode, context);
    if (unmet !== undefined) await unmet;
    return this.table.with(inode, (file) => lk(file, request, parsed, context));
  }

  /**
   * Most calls don't have to wait for it, and don't: locks and unlocks take effect in the order in which they come.
   * @throws GlfsError ENOTCONN for a client that has gone: nobody would ever give its lock back; ESTALE for a file that the
   *   brick doesn't have.
   */
  private mayLock(inode: Inode, context: CallContext): Promise<void> | undefined {
    if (context.client !== undefined && this.gone.has(context.client)) {
      throw new GlfsError('ENOTCONN', 'the client has gone', { translator: this.name });
    }
    return inode.type === 'unknown' ? this.discover(inode, context) : undefined;
  }

  private async discover(inode: Inode, context: CallContext): Promise<void> {
    const { stat } = await this.child.stat({ loc: { inode } }, asRoot(context));
    inode.learn(stat);
  }

  async flush(request: Request<'flush'>, context: CallContext): Promise<Reply<'flush'>> {
    const file = this.table.find(request.fd.inode.gfid);
    // A server that cleans up behind a client flushes without an owner.
    if (context.lkOwner.length === 0) file?.posix.dropFd(request.fd);
    else file?.posix.dropOwner(ownerOf(context).id);
    return this.child.flush(request, context);
  }

  release(request: Request<'release'>, context: CallContext): Promise<Reply<'release'>> {
    const { fd } = request;
    this.table.find(fd.inode.gfid)?.posix.dropFd(fd);
    this.attributes.forget(fd);
    return this.child.release(request, context);
  }

  async getactivelk({ loc }: Request<'getactivelk'>): Promise<Reply<'getactivelk'>> {
    return activeLocks(this.table.find(loc.inode.gfid));
  }

  setactivelk(request: Request<'setactivelk'>, context: CallContext): Promise<Reply<'setactivelk'>> {
    return this.table.with(request.loc.inode, async (file) => {
      setActiveLocks(file, request, context);
      return {};
    });
  }

  unlink(request: Request<'unlink'>, context: CallContext): Promise<Reply<'unlink'>> {
    return this.removing(request.loc, context, () => this.child.unlink(request, context));
  }

  rmdir(request: Request<'rmdir'>, context: CallContext): Promise<Reply<'rmdir'>> {
    return this.removing(request.loc, context, () => this.child.rmdir(request, context));
  }

  rename(request: Request<'rename'>, context: CallContext): Promise<Reply<'rename'>> {
    return this.removing(request.newLoc, context, () => this.child.rename(request, context));
  }

  /** Where no file has locks, there is nothing to keep in place. */
  private async removing<T>(loc: Loc, context: CallContext, remove: () => Promise<T>): Promise<T> {
    const inode = this.table.size === 0 ? undefined : await this.targetOf(loc, context);
    if (inode === undefined || this.table.find(inode.gfid) === undefined) return remove();
    return this.table.with(inode, async ({ removal }) => {
      await removal.enter(context);
      try {
        return await remove();
      } finally {
        removal.leave();
      }
    });
  }

  private async targetOf(loc: Loc, context: CallContext): Promise<Inode | undefined> {
    if (loc.inode.known) return loc.inode;
    try {
      const { parent, name } = loc;
      const found = { inode: new Inode(), parent, name };
      const { stat } = await this.child.lookup({ loc: found, flags: 0 }, asRoot(detached(context)));
      found.inode.learn(stat);
      return found.inode;
    } catch (error) {
      const { code } = toGlfsError(error);
      if (code === 'ENOENT' || code === 'ESTALE') return undefined;
      throw error;
    }
  }

  async open(request: Request<'open'>, context: CallContext): Promise<Reply<'open'>> {
    const { mandatory } = this;
    if (mandatory !== undefined && (request.flags & OpenFlag.TRUNC) !== 0) {
      const posix = this.table.find(request.loc.inode.gfid)?.posix;
      const locks = [...(posix?.held ?? []), ...(posix?.wanted ?? [])];
      if (locks.some((lock) => isMandatory(lock, mandatory))) {
        throw new GlfsError('EAGAIN', 'the file has mandatory locks', { translator: this.name });
      }
    }
    return this.child.open(request, context);
  }

  private withMandatory<K extends FopName>(
    fop: K,
    next: FopFunction<K>,
    mode: MandatoryMode,
  ): FopFunction<K> {
    const describe = accessOf(fop);
    if (describe === undefined) return next;
    return async (request, context) => {
      const { inode, mayWait, ...range } = describe(request);
      if (!isInternal(context) && this.table.find(inode.gfid) !== undefined) {
        const access = { ...range, owner: ownerOf(context).id, client: context.client };
        await this.table.with(inode, ({ io }) => io.enter(access, mode, mayWait, context));
      }
      return next(request, context);
    };
  }

  async getxattr(request: Request<'getxattr'>, context: CallContext): Promise<Reply<'getxattr'>> {
    const { name, loc } = request;
    return this.attributes.get(name, loc.inode, context) ?? this.child.getxattr(request, context);
  }

  async fgetxattr(request: Request<'fgetxattr'>, context: CallContext): Promise<Reply<'fgetxattr'>> {
    const { name, fd } = request;
    return this.attributes.getByFd(name, fd, context) ?? this.child.fgetxattr(request, context);
  }

  async setxattr(request: Request<'setxattr'>, context: CallContext): Promise<Reply<'setxattr'>> {
    this.attributes.checkSet(request.dict);
    return this.child.setxattr(request, context);
  }

  async fsetxattr(request: Request<'fsetxattr'>, context: CallContext): Promise<Reply<'fsetxattr'>> {
    this.attributes.checkSet(request.dict);
    const dict = this.attributes.takeOver(request.fd, request.dict, context);
    if (dict === request.dict) return this.child.fsetxattr(request, context);
    return dict?.size === 0 ? {} : this.child.fsetxattr({ ...request, dict }, context);
  }

  async removexattr(request: Request<'removexattr'>, context: CallContext): Promise<Reply<'removexattr'>> {
    this.attributes.checkName(request.name);
    return this.child.removexattr(request, context);
  }

  async fremovexattr(request: Request<'fremovexattr'>, context: CallContext): Promise<Reply<'fremovexattr'>> {
    this.attributes.checkName(request.name);
    return this.child.fremovexattr(request, context);
  }

  override clientGone(client: Client): void {
    this.gone.add(client);
    let dropped = 0;
    for (const file of this.table.all) dropped += file.dropClient(client);
    if (dropped === 0) return;
    const { name: translator } = this;
    this.log.info(
      { translator, client: client.id, locks: dropped },
      'released the locks of a client that has gone',
    );
  }

  override dump(): Record<string, unknown> {
    return { files: this.table.all.map(describeFile) };
  }
}

const summary =
  'Keeps the locks of clients on files, names and byte ranges, and frees them when a client goes.';

export const locksType: TranslatorType<typeof options> = {
  type: 'features/locks',
  summary,
  options,
  create: (setup) => new Locks(setup),
};

/** The name that GlusterFS's library has besides. */
export const posixLocksType: TranslatorType<typeof options> = { ...locksType, type: 'features/posix-locks' };
