import { GlfsError, toGlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Request } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { type Dialect, dialect330, dialect400, type Layout } from '../../../protocol/dialect.ts';
import { FOP_PROGRAM, type FopName, fopByProcedure, fops, unsentFops } from '../../../protocol/fops.ts';
import { EntryLockCommand, LockCommand } from '../../../protocol/messages.ts';
import type { Answer, IncomingCall, ServerConnection } from '../../../rpc/index.ts';
import type { BrickClient } from './client.ts';
import { decodeRequest, type WireRequest } from './decode.ts';
import { ReplyEncoder } from './encode.ts';
import type { OpenFd } from './fd-table.ts';
import { afterwards, MAX_READ, resolveRequest } from './file-call.ts';
import type { Identities } from './identity.ts';
import { lookUp } from './lookup.ts';

/** Versions of the file program that are offered, as DUMP names them. */
export const filePrograms = [
  { name: 'GlusterFS 4.x v1', dialect: dialect400 },
  { name: 'GlusterFS 3.3', dialect: dialect330 },
].map(({ name, dialect }) => ({
  name,
  dialect,
  number: BigInt(FOP_PROGRAM),
  version: BigInt(dialect.version),
}));

const dialects = new Map(filePrograms.map(({ dialect }) => [dialect.version, dialect]));

/** NULL's reply is older than the dicts: ret, errno, an empty opaque. */
const nullReply: Answer = { result: new Uint8Array(12) };
/** RESLK_LCKW: reserve a lock, and wait for it. */
const RESERVE_WAIT = 4;

/** Fops that nothing below answers. Real bricks die of the first. */
const refused: ReadonlySet<FopName> = new Set(['setactivelk']);

/** Calls of one client that may wait for locks; more are refused (ENOLCK). */
const MOST_WAITING = 16_384;
/** Up to this many bytes a reply needs no room of its own. */
const SMALL_REPLY = 256 * 1024;
/** What the entries of a listing bring along beside its size: attributes, and contents of small files. */
const LISTING_REPLY = 4 << 20;

/** Bytes that it takes to make the reply, where they are many. */
function replyBytes(fop: FopName, { size }: Record<string, unknown>): number {
  if (fop === 'readdirp') return LISTING_REPLY;
  const reads = fop === 'read' || fop === 'rchecksum';
  return reads && (size as number) > SMALL_REPLY ? Math.min(size as number, MAX_READ) : 0;
}

/** Whether the call may wait until another client gives something up. */
function blocks(fop: FopName, { command }: Record<string, unknown>): boolean {
  if (fops[fop].traits.lock !== true) return false;
  if (fop === 'entrylk' || fop === 'fentrylk') return command === EntryLockCommand.LOCK;
  return command === LockCommand.SET_WAIT || (fop === 'lk' && command === RESERVE_WAIT);
}

type Fop = (request: object, context: CallContext) => Promise<object>;

/** The file program: calls of attached clients become fops of the brick. */
export class FileProgram {
  private readonly encoders = new WeakMap<BrickClient, Map<Dialect, ReplyEncoder>>();

  constructor(
    private readonly identities: Identities,
    private readonly log: Logger,
  ) {}

  async answer(
    call: IncomingCall,
    client: BrickClient | undefined,
    connection: ServerConnection,
  ): Promise<Answer> {
    const dialect = dialects.get(call.version);
    if (dialect === undefined) {
      return { refused: 'no-version', versions: [dialect330.version, dialect400.version] };
    }
    if (call.procedure === 0) return nullReply;
    const fop = fopByProcedure.get(call.procedure);
    const layout = fop === undefined ? this.unsent(call, dialect) : dialect.layout(fop);
    if (layout === undefined) return { refused: 'no-procedure' };
    // A call before the handshake.
    if (client === undefined) return { refused: 'garbage' };
    const encoder = this.encoderOf(client, dialect);
    if (fop === undefined || refused.has(fop)) {
      return encoder.failure(layout, -new GlfsError('EOPNOTSUPP').errno);
    }
    let wire: WireRequest;
    try {
      wire = decodeRequest(call.arguments, fop, layout, dialect);
    } catch (err) {
      this.log.warn({ err, fop, client: client.id }, 'a call could not be decoded');
      return { refused: 'garbage' };
    }
    return this.carryOut({ call, client, connection, fop, layout, wire, encoder });
  }

  /** ICREATE is decoded by bricks; NAMELINK and PUT are not there. */
  private unsent({ procedure }: IncomingCall, dialect: Dialect): Layout | undefined {
    return procedure === unsentFops.icreate.procedure ? dialect.layout('icreate') : undefined;
  }

  private encoderOf(client: BrickClient, dialect: Dialect): ReplyEncoder {
    let known = this.encoders.get(client);
    if (known === undefined) {
      known = new Map();
      this.encoders.set(client, known);
    }
    let encoder = known.get(dialect);
    if (encoder === undefined) {
      encoder = new ReplyEncoder(dialect, () => client.rootGfid);
      known.set(dialect, encoder);
    }
    return encoder;
  }

  private async carryOut(step: Step): Promise<Answer> {
    const { call, client, connection, fop, layout, wire, encoder } = step;
    const waits = blocks(fop, wire.fields);
    const bytes = replyBytes(fop, wire.fields);
    if (waits) {
      if (client.waiting >= MOST_WAITING) return encoder.failure(layout, -new GlfsError('ENOLCK').errno);
      client.waiting++;
      call.uncounted();
    } else client.enter();
    let leaveRoom: (() => void) | undefined;
    try {
      if (bytes > 0) leaveRoom = await call.room(bytes);
      const made = this.identities.contextOf(call.identity, client);
      const context = made instanceof Promise ? await made : made;
      if (fop === 'release' || fop === 'releasedir') return await this.release(step, context);
      // What changes something is carried to its end; what is asked or waited for ends with the connection.
      const signal = fops[fop].traits.mutates === true ? undefined : client.endings.get(connection)?.signal;
      return await this.invoke(step, signal === undefined ? context : { ...context, signal });
    } catch (err) {
      const error = toGlfsError(err);
      if (isUnexpected(err)) this.log.error({ err, fop, client: client.id }, 'a fop ended with an exception');
      return encoder.failure(layout, -error.errno);
    } finally {
      leaveRoom?.();
      if (waits) client.waiting--;
      else client.leave();
    }
  }

  private async invoke({ client, fop, layout, wire, encoder }: Step, context: CallContext): Promise<Answer> {
    const uses: OpenFd[] = [];
    try {
      const request = await resolveRequest(fop, wire, client, context, uses);
      const { subvolume } = client.export;
      const reply =
        fop === 'lookup'
          ? await lookUp(client.export, request as unknown as Request<'lookup'>, context)
          : await (subvolume[fop] as unknown as Fop)(request, context);
      const more = await this.keep(fop, request, reply as Record<string, unknown>, client, context);
      return encoder.success(fop, layout, request, more === undefined ? reply : { ...reply, ...more });
    } finally {
      for (const open of uses) open.leave();
    }
  }

  /** What the server keeps of a call. A file that it can't keep is closed again: nobody else will. */
  private async keep(
    fop: FopName,
    request: Record<string, unknown>,
    reply: Record<string, unknown>,
    client: BrickClient,
    context: CallContext,
  ): Promise<Record<string, unknown> | undefined> {
    try {
      return afterwards[fop]?.(request, reply, client);
    } catch (error) {
      const { target } = fops[fop];
      if (target === 'open' || target === 'create') await this.close(request.fd as Fd, client, context);
      throw error;
    }
  }

  private async close(fd: Fd, client: BrickClient, context: CallContext): Promise<void> {
    try {
      await client.export.subvolume[fd.isDirectory ? 'releasedir' : 'release']({ fd }, context);
    } catch (err) {
      this.log.debug({ err, client: client.id }, 'release failed');
    }
  }

  /** A number is free at once; the file is closed when no call uses it any more. Unknown numbers are fine with bricks. */
  private async release({ client, fop, layout, wire, encoder }: Step, context: CallContext): Promise<Answer> {
    const open = client.fds.take(Number(wire.fields.fd as bigint));
    if (open !== undefined) {
      const close = async (): Promise<void> => {
        await open.whenIdle();
        await this.close(open.fd, client, context);
        open.unpin();
      };
      const closed = close();
      if (!open.busy) await closed;
    }
    return encoder.success(fop, layout, {}, {});
  }
}

interface Step {
  readonly call: IncomingCall;
  readonly client: BrickClient;
  readonly connection: ServerConnection;
  readonly fop: FopName;
  readonly layout: Layout;
  readonly wire: WireRequest;
  readonly encoder: ReplyEncoder;
}

/** Neither an error of a fop nor of the host: a bug. */
function isUnexpected(error: unknown): boolean {
  return !(error instanceof GlfsError) && typeof (error as { code?: unknown } | null)?.code !== 'string';
}
