import { GlfsError, type GlfsErrorDetails, toGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  detached,
  type Fd,
  type Request,
  whileWaiting,
} from '../../../graph/index.ts';
import type { Layout } from '../../../protocol/dialect.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import { gfidToString } from '../../../protocol/gfid.ts';
import { LockCommand, OpenFlag } from '../../../protocol/messages.ts';
import type { Call, Lane } from '../../../rpc/index.ts';
import { XdrWriter } from '../../../xdr/index.ts';
import { type HeldLock, HeldLocks, toFlock } from '../../held-locks.ts';
import { Credentials } from './credentials.ts';
import { type Link, linkIsLost } from './link.ts';
import { retakeLocks } from './locks.ts';
import { decodeRead, encodeTransfer, readBulk } from './payload.ts';
import { type RemoteFd, RemoteFds } from './remote-fds.ts';
import { BrickSession, type SessionOptions, type Tunables } from './session.ts';
import { type AnyRequest, decodeReply, encodeRequest, type FdNumbers } from './wire.ts';

/** Of a brick, beside its identity. */
export interface BrickTunables extends Tunables {
  readonly sendGroups: boolean;
  readonly strictLocks: boolean;
  /** False: a translator above keeps granted locks and takes them again. */
  readonly retakeLocks: boolean;
}

type AnyReply = Record<string, unknown>;
/** Replies to READ carry attributes and xdata beside the bytes asked for. */
const READ_OVERHEAD = 1 << 20;

/**
 * A brick with all that lives on its connection: fds, POSIX locks. Graphs of a volume share it, so that a graph switch
 * changes nothing for the brick.
 */
export class SharedBrick {
  readonly session: BrickSession;
  readonly fds: RemoteFds;
  readonly locks = new HeldLocks();
  private credentials: Credentials;
  private readonly writer = new XdrWriter(4096);

  constructor(
    private readonly settings: SessionOptions,
    private tunables: BrickTunables,
  ) {
    this.session = new BrickSession(settings, tunables);
    this.credentials = new Credentials(tunables.sendGroups, settings.log);
    this.fds = new RemoteFds(
      (link, fd, flags, context) => this.reopen(link, fd, flags, context),
      (remote, fd, context) => this.releaseLater(remote, fd, context),
    );
    this.session.restore = (link) => this.restore(link);
  }

  /** Keeps a lock that was granted: it is taken again after a reconnect. */
  keepLock(fd: Fd, lock: HeldLock): void {
    if (this.tunables.retakeLocks) this.locks.granted(fd, lock);
  }

  /** The volfile has other values now: the connection, its fds and its locks stay. */
  tune(tunables: BrickTunables): void {
    if (tunables.sendGroups !== this.tunables.sendGroups) {
      this.credentials = new Credentials(tunables.sendGroups, this.settings.log);
    }
    this.tunables = tunables;
    this.session.tune(tunables);
  }

  /** Locks that are still held go with the connection: whoever holds them shall not believe that they are there. */
  async close(): Promise<void> {
    const reason = new GlfsError('EBADFD', `brick ${this.session.brick} was given up with locks held on it`);
    for (const fd of this.locks.fds()) {
      fd.poisoned ??= reason;
      this.session.locksLost(fd, reason);
    }
    await this.session.close();
  }

  /** Makes a call, again after a lost connection where that is safe. */
  async invoke(
    fop: FopName,
    request: AnyRequest,
    context: CallContext,
    answered?: (link: Link, reply: AnyReply) => void,
  ): Promise<AnyReply> {
    for (let first = true; ; first = false) {
      const ready = this.session.current;
      const link = ready ?? (await this.session.available(context));
      // Between the check at the top and here the locks of the fd may have been lost.
      if (ready === undefined || !first) throwIfPoisoned(fop, request);
      try {
        const reply = await this.attempt(link, fop, request, context);
        answered?.(link, reply);
        return reply;
      } catch (thrown) {
        const error = toGlfsError(thrown);
        const again = linkIsLost(link, error) && (error.outcome === 'failed' || replayable(fop, request));
        if (!again) throw error.brick === undefined ? error.with(this.details(fop, request)) : error;
      }
    }
  }

  details(fop: FopName, request: AnyRequest): GlfsErrorDetails {
    const gfid = request.fd?.inode.gfid ?? request.loc?.inode.gfid;
    return {
      fop,
      brick: this.session.brick,
      translator: this.settings.name,
      gfid: gfid === undefined ? undefined : gfidToString(gfid),
    };
  }

  /** One try on one link. */
  async attempt(link: Link, fop: FopName, request: AnyRequest, context: CallContext): Promise<AnyReply> {
    const remotes: RemoteFd[] = [];
    const numbers: FdNumbers = {};
    if (fops[fop].target === 'fd') {
      const fd = request.fd!;
      const remote = this.fds.current(fd, link) ?? (await this.opened(fd, link, context));
      this.throwIfReleased(fd, remote);
      remotes.push(remote);
      numbers.fd = remote.number;
    } else if (fops[fop].target === 'copy') {
      const [source, target] = [
        await this.opened(request.source!, link, context),
        await this.opened(request.target!, link, context),
      ];
      this.throwIfReleased(request.source!, source);
      this.throwIfReleased(request.target!, target);
      remotes.push(source, target);
      numbers.fdIn = source.number;
      numbers.fdOut = target.number;
    }
    return this.send(link, fop, request, context, numbers, remotes);
  }

  /** The brick's fd for a call. Where that fails, the call itself was not sent: its outcome is known. */
  private async opened(fd: Fd, link: Link, context: CallContext): Promise<RemoteFd> {
    try {
      return await whileWaiting(this.fds.get(fd, link, context), context);
    } catch (error) {
      throw toGlfsError(error).with({ outcome: 'failed' });
    }
  }

  /** Checked at the last moment before a call is sent: after its RELEASE a number is another file's. */
  private throwIfReleased(fd: Fd, remote: RemoteFd): void {
    if (!fd.anonymous && this.fds.current(fd, remote.link) !== remote)
      throw new GlfsError('EBADF', 'the file was closed meanwhile');
  }

  private send(
    link: Link,
    fop: FopName,
    request: AnyRequest,
    context: CallContext,
    numbers: FdNumbers,
    remotes: readonly RemoteFd[],
  ): Promise<AnyReply> {
    const { dialect, connection } = link;
    const layout = dialect.layout(fop);
    if (layout === undefined) {
      throw new GlfsError(
        'EOPNOTSUPP',
        `the brick's version of the file program has no ${fop}`,
        this.details(fop, request),
      );
    }
    const credential = this.credentials.of(context, dialect.version === 330 ? 'v2' : 'v3');
    this.writer.reset();
    const transfer = fop === 'read' || fop === 'write';
    if (transfer) encodeTransfer(this.writer, dialect, request as unknown as Request<'read'>, numbers.fd!);
    else encodeRequest(this.writer, fop, layout, dialect, request, numbers);
    for (const remote of remotes) remote.enter();
    return connection.call({
      procedure: { program: PROGRAM, version: dialect.version, procedure: layout.procedure },
      credential,
      arguments: this.writer.bytes,
      lane: laneOf(fop, request),
      signal: context.signal,
      deadline: context.deadline,
      finished:
        remotes.length === 0
          ? undefined
          : () => {
              for (const remote of remotes) remote.leave();
            },
      ...this.answer(link, fop, request, layout),
    });
  }

  /** How the answer is read, and where payload goes and comes from. */
  private answer(
    link: Link,
    fop: FopName,
    request: AnyRequest,
    layout: Layout,
  ): Pick<Call<AnyReply>, 'decode' | 'bulk' | 'payload' | 'replyLimit'> {
    const { dialect } = link;
    const details = (): GlfsErrorDetails => this.details(fop, request);
    if (fop === 'read') {
      const read = request as unknown as Request<'read'>;
      return {
        bulk: readBulk(dialect, read.into),
        replyLimit: read.size + READ_OVERHEAD,
        decode: (reader, bulk) =>
          decodeRead(reader, bulk, layout, dialect, read, details) as unknown as AnyReply,
      };
    }
    return {
      payload: fop === 'write' ? (request as unknown as Request<'write'>).data : undefined,
      decode: (reader) => decodeReply(reader, layout, dialect, details),
    };
  }

  /** Opens a file that is not open on this link, as root: access was checked when the application opened it. */
  private async reopen(link: Link, fd: Fd, flags: number, context: CallContext): Promise<bigint> {
    const request: AnyRequest = { loc: { inode: fd.inode }, fd, flags };
    const fop = fd.isDirectory ? 'opendir' : 'open';
    const reply = await this.attempt(link, fop, request, asRoot(detached(context)));
    return reply.remoteFd as bigint;
  }

  /** Gives a number back to the brick, once no call uses it any more. A lost connection has given it back already. */
  async release(remote: RemoteFd, fop: FopName, fd: Fd, context: CallContext): Promise<AnyReply> {
    await remote.whenIdle();
    if (!remote.link.connection.open) return {};
    try {
      return await this.send(remote.link, fop, { fd }, detached(context), { fd: remote.number }, []);
    } catch (error) {
      if (linkIsLost(remote.link, toGlfsError(error))) return {};
      throw error;
    }
  }

  /** As `release`, where nobody waits for it. */
  releaseLater(remote: RemoteFd, fd: Fd, context: CallContext): void {
    this.release(remote, fd.isDirectory ? 'releasedir' : 'release', fd, context).catch((err: unknown) =>
      this.settings.log.debug({ err }, 'release failed'),
    );
  }

  /** Takes the POSIX locks of the session again, before other calls are let through. */
  private async restore(link: Link): Promise<void> {
    const relock = async (fd: Fd, lock: HeldLock): Promise<void> => {
      const { type, xdata, context } = lock;
      const request: AnyRequest = { fd, command: LockCommand.SET, type, flock: toFlock(lock), xdata };
      await this.attempt(link, 'lk', request, context);
    };
    const lost = await retakeLocks(this.locks, relock, this.tunables.strictLocks);
    for (const { fd, reason } of lost) this.session.locksLost(fd, reason);
  }
}

const PROGRAM = 1298437;

/**
 * Whether a call may be made again when nobody knows if the brick executed it. POSIX locks may: those of the lost
 * connection are gone, or conflict, which the answer then says.
 */
function replayable(fop: FopName, request: AnyRequest): boolean {
  const { mutates, lock } = fops[fop].traits;
  if (fop === 'lk') return true;
  if (fop === 'open') return ((request.flags as number) & OpenFlag.TRUNC) === 0;
  return mutates !== true && lock !== true;
}

/** Whatever an application would do on the fd without its locks. What translators do on it (post-ops, unlocks) must be done. */
function throwIfPoisoned(fop: FopName, request: AnyRequest): void {
  const { control, lock } = fops[fop].traits;
  if (control === true || (lock === true && fop !== 'lk')) return;
  for (const fd of [request.fd, request.source, request.target]) {
    if (fd?.poisoned === undefined) continue;
    throw new GlfsError('EBADFD', `the open file can't be trusted any more: ${fd.poisoned.message}`, {
      cause: fd.poisoned,
    });
  }
}

const UNLOCK_TYPE = 2;
const ENTRY_UNLOCK = 1;

function laneOf(fop: FopName, request: AnyRequest): Lane {
  const { lock, control } = fops[fop].traits;
  if (control === true) return 'control';
  if (lock !== true) return 'data';
  const entry = fop === 'entrylk' || fop === 'fentrylk';
  const unlocks = entry ? request.command === ENTRY_UNLOCK : request.type === UNLOCK_TYPE;
  return unlocks ? 'control' : 'blocking';
}
