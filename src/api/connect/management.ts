import { GlfsError } from '../../errors.ts';
import { Dict, entryText } from '../../protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../protocol/dict-serialized.ts';
import { type Gfid, gfidFromString } from '../../protocol/gfid.ts';
import {
  CallbackProcedure,
  getSpecReply,
  getSpecRequest,
  getVolumeInfoReply,
  getVolumeInfoRequest,
  procedures,
  programs,
} from '../../protocol/handshake.ts';
import { Connection, encodeCredential, type Procedure, type TlsOptions } from '../../rpc/index.ts';
import { type Xdr, XdrWriter } from '../../xdr/index.ts';
import type { VolfileServer } from './url.ts';
import { serverName } from './url.ts';

/** Servers refuse a client that doesn't say which operating versions it knows: 1 to those of GlusterFS 11. */
const OP_VERSIONS = { min: '1', max: '110000' };

export interface ManagementOptions {
  readonly server: VolfileServer;
  readonly tls?: TlsOptions;
  readonly privilegedPort?: boolean;
  /** Milliseconds for connecting and for each call. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** The server says that a volume changed; which one it doesn't say. */
  readonly onVolfileChanged: () => void;
  readonly onClose: (reason: GlfsError) => void;
}

/** A connection to one management server (glusterd). */
export class ManagementConnection {
  private constructor(
    private readonly connection: Connection,
    private readonly options: ManagementOptions,
  ) {}

  /** @throws GlfsError as connecting does. */
  static async open(options: ManagementOptions): Promise<ManagementConnection> {
    const { server, tls, privilegedPort } = options;
    const endpoint =
      server.transport === 'unix'
        ? { path: server.path, tls }
        : { host: server.host, port: server.port, tls, privilegedPort };
    const connection = await Connection.open({
      endpoint,
      connectTimeout: options.timeout,
      pingTimeout: options.timeout,
      ping: procedures.ping,
      signal: options.signal,
      onServerCall: (call) => {
        const changed =
          call.program === programs.callback.program && call.procedure === CallbackProcedure.FETCH_SPEC;
        if (changed) options.onVolfileChanged();
      },
      onClose: options.onClose,
    });
    return new ManagementConnection(connection, options);
  }

  get open(): boolean {
    return this.connection.open;
  }

  get name(): string {
    return serverName(this.options.server);
  }

  get server(): VolfileServer {
    return this.options.server;
  }

  /**
   * The volfile of a volume (GETSPEC).
   * @throws GlfsError ENOENT for an unknown volume, EIO for a snapshot that is not activated, EOPNOTSUPP where the volume
   *   needs a newer client.
   */
  async volfile(volume: string, signal?: AbortSignal): Promise<string> {
    const dict = textDict({ 'min-op-version': OP_VERSIONS.min, 'max-op-version': OP_VERSIONS.max });
    const request = { flags: 0, key: volume, xdata: serializeDict(dict) };
    const reply = await this.call(procedures.getSpec, getSpecRequest, getSpecReply, request, signal);
    if (reply.ret < 0 || reply.spec === '') throw this.refusal(volume, reply.errno);
    return reply.spec;
  }

  private refusal(volume: string, errno: number): GlfsError {
    const error = GlfsError.fromErrno(errno);
    const reasons: Partial<Record<string, string>> = {
      ENOENT: `server ${this.name} has no volume ${volume}, or it was never started`,
      EOPNOTSUPP: `volume ${volume} needs a client with a newer operating version than ${OP_VERSIONS.max}`,
      EIO: `server ${this.name} has no volfile of ${volume} (a snapshot must be activated)`,
    };
    return new GlfsError(
      error.code,
      reasons[error.code] ?? `server ${this.name} gives no volfile of ${volume}: ${error.reason}`,
    );
  }

  /** UUID of a volume (GET_VOLUME_INFO). @throws GlfsError what the server answers. */
  async volumeId(volume: string): Promise<Gfid> {
    const dict = new Dict();
    dict.setEntry('volname', { type: 'str', value: volume });
    dict.setEntry('flags', { type: 'int', value: 1n });
    const reply = await this.call(procedures.getVolumeInfo, getVolumeInfoRequest, getVolumeInfoReply, {
      dict: serializeDict(dict),
    });
    if (reply.ret < 0) throw GlfsError.fromErrno(reply.errno);
    const entry = parseSerializedDict(reply.dict).entry('volume_id');
    if (entry === undefined) throw new GlfsError('EPROTO', `server ${this.name} gave no volume id`);
    return gfidFromString(entryText(entry));
  }

  private call<Q, P>(
    procedure: Procedure,
    request: Xdr<Q>,
    reply: Xdr<P>,
    value: Q,
    signal?: AbortSignal,
  ): Promise<P> {
    const writer = new XdrWriter(512);
    request.encode(writer, value);
    return this.connection.call({
      procedure,
      credential: encodeCredential('v2', {
        pid: process.pid,
        uid: 0,
        gid: 0,
        groups: [],
        lkOwner: new Uint8Array(4),
      }),
      arguments: writer.bytes,
      lane: 'control',
      signal,
      deadline: performance.now() + this.options.timeout,
      decode: (reader) => {
        const decoded = reply.decode(reader);
        reader.finish();
        return decoded;
      },
    });
  }

  close(): void {
    this.connection.destroy();
  }
}

function textDict(entries: Record<string, string>): Dict {
  const dict = new Dict();
  for (const [key, value] of Object.entries(entries)) dict.setEntry(key, { type: 'str', value });
  return dict;
}
