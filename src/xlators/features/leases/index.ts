/*
 * The promise: who holds a lease on a file is told, and has time to write back what it holds, before anybody else reads or
 * changes the file in a way that the lease stands against. The failure that it hides: clients could cache nothing, or would
 * serve what is no longer true.
 *
 * A call that meets a lease recalls it, and waits until all are given back or the time is up; callers that don't want to wait
 * (O_NONBLOCK) get EAGAIN. Leases go by ids of 16 bytes, which calls bear in their xdata, not by clients: what is read and
 * written under the id of the lease passes.
 */
import { GlfsError, isGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  type Client,
  type Fd,
  type FopFunction,
  Inode,
  type Loc,
  type Reply,
  type Request,
  Translator,
  type TranslatorType,
  whileWaiting,
} from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { type Gfid, gfidKey, isNullGfid } from '../../../protocol/gfid.ts';
import { keys } from '../../../protocol/keys.ts';
import { type Lease, LeaseCommand, LeaseType } from '../../../protocol/messages.ts';
import { copyBytes } from '../../../xdr/index.ts';
import { FileLeases, LOCAL } from './file-leases.ts';
import { type LeaseKey, OpenFds } from './open-fds.ts';
import { options } from './options.ts';
import { type Touch, touches } from './touches.ts';

const ID_BYTES = 16;

interface Target {
  readonly touch: Touch;
  readonly gfid: Gfid;
}

export class Leases extends Translator<typeof options> {
  /** By gfid: files that have leases. */
  private readonly files = new Map<string, FileLeases>();
  private readonly fds = new OpenFds();

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    if (!this.options.leases) return fop === 'lease' ? () => Promise.reject(this.notEnabled()) : next;
    const touched = touches[fop] as ((request: Request<K>) => Touch[]) | undefined;
    if (touched === undefined) return next;
    return async (request, context) => {
      if (this.files.size === 0 || isInternal(request, context)) return next(request, context);
      const lease = leaseOf(request);
      const targets = await this.resolved(touched(request), context);
      for (;;) {
        const met = targets.find(({ gfid, touch }) =>
          this.files.get(gfidKey(gfid))?.conflicts({ ...touch, lease }),
        );
        // Nothing comes between this look and the call.
        if (met === undefined) return next(request, context);
        await this.wait(fop, met, context);
      }
    };
  }

  private notEnabled(): GlfsError {
    return new GlfsError('ENOSYS', 'leases are off', { fop: 'lease', translator: this.name });
  }

  private async resolved(list: readonly Touch[], context: CallContext): Promise<Target[]> {
    const found: Target[] = [];
    for (const touch of list) {
      const gfid = touch.inode?.gfid ?? (await this.named(touch.entry!, context));
      if (gfid !== undefined) found.push({ touch, gfid });
    }
    return found;
  }

  private async named({ parent, name }: Loc, context: CallContext): Promise<Gfid | undefined> {
    try {
      const loc = { inode: new Inode(), parent, name };
      return (await this.child.lookup({ loc, flags: 0 }, asRoot(context))).stat.gfid;
    } catch (error) {
      if (isGlfsError(error, 'ENOENT', 'ESTALE')) return undefined;
      throw error;
    }
  }

  /** @throws GlfsError EAGAIN for the impatient; ECANCELED, ETIMEDOUT. */
  private async wait(fop: FopName, { gfid, touch }: Target, context: CallContext): Promise<void> {
    const file = this.fileOf(gfid);
    this.recall(gfid, file);
    if (touch.impatient === true)
      throw new GlfsError('EAGAIN', 'a lease stands against it', { fop, translator: this.name });
    await whileWaiting(file.whenFree(), context);
  }

  private recall(gfid: Gfid, file: FileLeases): void {
    const seconds = this.options['lease-lock-recall-timeout'];
    const expired = (): void => {
      this.log.warn({ translator: this.name }, 'leases were taken that had been recalled and not given back');
      this.tidy(gfid);
    };
    for (const { client, id } of file.recall(seconds * 1000, expired))
      this.emit({
        kind: 'lease-recall',
        gfid,
        leaseId: id,
        type: LeaseType.NONE,
        ...(client === LOCAL ? {} : { client }),
      });
  }

  async lease(request: Request<'lease'>, context: CallContext): Promise<Reply<'lease'>> {
    if (isInternal(request, context)) throw this.notEnabled();
    const { lease, loc } = request;
    if (lease.id.length !== ID_BYTES || lease.id.every((byte) => byte === 0))
      throw this.invalid('not a lease id');
    const { gfid } = loc.inode;
    try {
      return { lease: this.answer(lease, gfid, context.client ?? LOCAL) };
    } finally {
      this.tidy(gfid);
    }
  }

  private answer(lease: Lease, gfid: Gfid, client: Client): Lease {
    const file = this.fileOf(gfid);
    const key = keyOf(lease.id);
    switch (lease.command) {
      case LeaseCommand.GET:
        return { ...lease, type: file.type };
      case LeaseCommand.SET: {
        if (lease.type !== LeaseType.READ && lease.type !== LeaseType.READ_WRITE)
          throw this.invalid('not a type of lease');
        if (!file.grantable(key, lease.type, this.fds.byOthers(gfid, key, client))) {
          this.recall(gfid, file);
          // GlusterFS's bricks say EPERM of a lease that others stand against.
          throw new GlfsError('EPERM', 'others have the file open, or leases on it', {
            fop: 'lease',
            translator: this.name,
          });
        }
        file.grant(key, copyBytes(lease.id), lease.type, client);
        return lease;
      }
      case LeaseCommand.UNLOCK:
        if (!file.giveBack(key, lease.type)) throw this.invalid('no lease of that type');
        return lease;
      default:
        throw this.invalid('not a command');
    }
  }

  private invalid(why: string): GlfsError {
    return new GlfsError('EINVAL', why, { fop: 'lease', translator: this.name });
  }

  private fileOf(gfid: Gfid): FileLeases {
    const key = gfidKey(gfid);
    const file = this.files.get(key) ?? new FileLeases();
    this.files.set(key, file);
    return file;
  }

  private tidy(gfid: Gfid): void {
    if (this.files.get(gfidKey(gfid))?.idle === true) this.files.delete(gfidKey(gfid));
  }

  /** Known as open before it is: a lease that is asked for meanwhile must not be granted. */
  async open(request: Request<'open'>, context: CallContext): Promise<Reply<'open'>> {
    const { fd } = request;
    this.opened(fd, fd.inode.gfid, request, context);
    try {
      return await this.child.open(request, context);
    } catch (error) {
      this.fds.remove(fd);
      throw error;
    }
  }

  async create(request: Request<'create'>, context: CallContext): Promise<Reply<'create'>> {
    const reply = await this.child.create(request, context);
    this.opened(request.fd, reply.stat.gfid, request, context);
    return reply;
  }

  async release(request: Request<'release'>, context: CallContext): Promise<Reply<'release'>> {
    this.fds.remove(request.fd);
    return this.child.release(request, context);
  }

  private opened(fd: Fd, gfid: Gfid, request: { xdata?: Dict }, context: CallContext): void {
    if (!this.options.leases || isInternal(request, context) || isNullGfid(gfid)) return;
    this.fds.add(fd, gfid, context.client ?? LOCAL, leaseOf(request));
  }

  override clientGone(client: Client): void {
    this.fds.clientGone(client);
    for (const [key, file] of this.files) {
      file.clientGone(client);
      if (file.idle) this.files.delete(key);
    }
  }

  override async close(): Promise<void> {
    for (const file of this.files.values()) file.takeAll();
    this.files.clear();
  }

  override dump(): Record<string, unknown> {
    const leased = [...this.files.values()];
    return {
      'files-leased': leased.length,
      leases: leased.reduce((sum, { holders }) => sum + holders.size, 0),
      'recalls-under-way': leased.filter(({ recalled }) => recalled).length,
    };
  }
}

/** Heals and the calls of translators keep the file whole; they change nothing that a holder could notice. */
function isInternal({ xdata }: { xdata?: Dict }, { pid }: CallContext): boolean {
  return pid < 0 || xdata?.has(keys.internalFop) === true;
}

function leaseOf({ xdata }: { xdata?: Dict }): LeaseKey | undefined {
  const id = xdata?.get(keys.leaseId);
  return id === undefined || id.every((byte) => byte === 0) ? undefined : keyOf(id);
}

function keyOf(id: Uint8Array): LeaseKey {
  return Buffer.from(id).toString('hex');
}

export const leasesType: TranslatorType<typeof options> = {
  type: 'features/leases',
  summary: 'Grants leases on files, and recalls them before others get at the file.',
  options,
  create: (setup) => new Leases(setup),
};
