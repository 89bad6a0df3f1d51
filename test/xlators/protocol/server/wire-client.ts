import { errnoToCode } from '../../../../src/errors.ts';
import { type Dialect, dialect400 } from '../../../../src/protocol/dialect.ts';
import { Dict, entryText } from '../../../../src/protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../../../src/protocol/dict-serialized.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { procedures, setVolumeReply, setVolumeRequest } from '../../../../src/protocol/handshake.ts';
import type { Iatt } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import {
  Connection,
  type Endpoint,
  encodeCredential,
  type Identity,
  type Procedure,
  type ServerCall,
} from '../../../../src/rpc/index.ts';
import { copyBytes, type XdrReader, XdrWriter } from '../../../../src/xdr/index.ts';

/** A reply as it came. */
export interface WireReply {
  ret: number;
  /** Name of the errno, where `ret` says that there is one. */
  error: string | undefined;
  errno: number;
  fields: Record<string, unknown>;
  xdata: Dict | undefined;
  /** What comes behind: READ's bytes. */
  rest: Buffer;
}

export const root: Identity = { pid: 77, uid: 0, gid: 0, groups: [], lkOwner: Buffer.from('owner') };

let clients = 0;

/** A client that says whatever a test wants, field by field. */
export class WireClient {
  /** What the server called for: procedure and arguments. */
  readonly callbacks: { procedure: number; body: Buffer }[] = [];
  dialect: Dialect = dialect400;
  identity: Identity = root;

  private constructor(private connection: Connection) {}

  static async connect(endpoint: Endpoint): Promise<WireClient> {
    const holder: { client?: WireClient } = {};
    const connection = await Connection.open({
      endpoint,
      onServerCall: ({ procedure, arguments: given }: ServerCall) =>
        holder.client?.callbacks.push({
          procedure,
          body: Buffer.from(given.bytes.subarray(given.position, given.end)),
        }),
    });
    holder.client = new WireClient(connection);
    return holder.client;
  }

  get open(): boolean {
    return this.connection.open;
  }

  close(): void {
    this.connection.destroy();
  }

  /** Any call at all. @throws GlfsError where the server refuses it at the level of RPC. */
  raw<T>(
    procedure: Procedure,
    body: Uint8Array,
    decode: (reader: XdrReader) => T,
    { blocking = false, payload }: { blocking?: boolean; payload?: Uint8Array } = {},
  ): Promise<T> {
    return this.connection.call({
      procedure,
      credential: encodeCredential('v3', this.identity),
      arguments: body,
      payload: payload === undefined ? [] : [payload],
      lane: blocking ? 'blocking' : 'data',
      decode: (reader) => {
        const value = decode(reader);
        reader.take(reader.remaining);
        return value;
      },
    });
  }

  /** SETVOLUME with what is given, and what is needed unless that is given as an empty text. */
  async setVolume(
    login: Record<string, string> = {},
  ): Promise<{ ret: number; error: string; said: Map<string, string> }> {
    clients++;
    const given = {
      'remote-subvolume': '/bricks/b0',
      'process-uuid': `client-${clients}`,
      'fops-version': '1298437',
      ...login,
    };
    const pairs = Object.entries(given).filter(([, value]) => value !== '');
    return this.setVolumeBytes(
      serializeDict(new Dict(pairs.map(([key, value]) => [key, { type: 'str', value }] as const))),
    );
  }

  async setVolumeBytes(dict: Uint8Array): Promise<{ ret: number; error: string; said: Map<string, string> }> {
    const writer = new XdrWriter(64);
    setVolumeRequest.encode(writer, { dict });
    const reply = await this.raw(procedures.setVolume, writer.bytes, (reader) =>
      setVolumeReply.decode(reader),
    );
    const said = new Map([...parseSerializedDict(reply.dict)].map(([key, entry]) => [key, entryText(entry)]));
    return { ret: reply.ret, error: errnoToCode(reply.errno), said };
  }

  async attach(login: Record<string, string> = {}): Promise<void> {
    const { ret, said } = await this.setVolume(login);
    if (ret < 0) throw new Error(`refused: ${said.get('ERROR')}`);
  }

  /** A file operation by the fields of its layout. */
  async fop(
    fop: FopName,
    fields: Record<string, unknown>,
    { xdata, payload, blocking }: { xdata?: Dict; payload?: Uint8Array; blocking?: boolean } = {},
  ): Promise<WireReply> {
    const layout = this.dialect.layout(fop)!;
    const writer = new XdrWriter(256);
    layout.request.encode(writer, fields);
    this.dialect.dict.encode(writer, xdata);
    const procedure = { program: 1298437, version: this.dialect.version, procedure: layout.procedure };
    const decode = (reader: XdrReader): WireReply => {
      const [ret, errno] = [reader.i32(), reader.i32()];
      const before = layout.xdataLast ? undefined : this.dialect.dict.decode(reader);
      const found = layout.reply.decode(reader);
      const after = layout.xdataLast ? this.dialect.dict.decode(reader) : before;
      const rest = Buffer.from(copyBytes(reader.bytes.subarray(reader.position, reader.end)));
      return {
        ret,
        errno,
        error: ret < 0 ? errnoToCode(errno) : undefined,
        fields: found,
        xdata: after,
        rest,
      };
    };
    return this.raw(procedure, writer.bytes, decode, { blocking, payload });
  }

  /* ---- what many tests need ---- */

  lookup(pargfid: Uint8Array, bname: string): Promise<WireReply> {
    return this.fop('lookup', { gfid: new Uint8Array(16), pargfid, flags: 0, bname });
  }

  byGfid(gfid: Uint8Array): Promise<WireReply> {
    return this.fop('lookup', { gfid, pargfid: new Uint8Array(16), flags: 0, bname: '' });
  }

  async mkdir(bname: string, pargfid = ROOT_GFID): Promise<Iatt> {
    const reply = await this.fop(
      'mkdir',
      { pargfid, mode: 0o755, umask: 0, bname },
      { xdata: new Dict().set(keys.gfidRequest, crypto.getRandomValues(new Uint8Array(16))) },
    );
    if (reply.ret < 0) throw new Error(`mkdir: ${reply.error}`);
    return reply.fields.stat as Iatt;
  }

  /** Creates a file, opens it, and gives its number. */
  async create(bname: string, pargfid = ROOT_GFID): Promise<{ fd: bigint; gfid: Uint8Array }> {
    const reply = await this.fop(
      'create',
      { pargfid, flags: 0o102, mode: 0o644, umask: 0, bname },
      { xdata: new Dict().set(keys.gfidRequest, crypto.getRandomValues(new Uint8Array(16))) },
    );
    if (reply.ret < 0) throw new Error(`create: ${reply.error}`);
    return { fd: reply.fields.remoteFd as bigint, gfid: (reply.fields.stat as Iatt).gfid };
  }

  async openFile(gfid: Uint8Array, flags = 2): Promise<bigint> {
    const reply = await this.fop('open', { gfid, flags });
    if (reply.ret < 0) throw new Error(`open: ${reply.error}`);
    return reply.fields.remoteFd as bigint;
  }

  write(gfid: Uint8Array, fd: bigint, text: string, offset = 0): Promise<WireReply> {
    const payload = Buffer.from(text);
    return this.fop('write', { gfid, fd, offset, size: payload.length, flags: 0 }, { payload });
  }

  read(gfid: Uint8Array, fd: bigint, size = 100): Promise<WireReply> {
    return this.fop('read', { gfid, fd, offset: 0, size, flags: 0 });
  }

  lk(gfid: Uint8Array, fd: bigint, command: number, type: number): Promise<WireReply> {
    const flock = { type, whence: 0, start: 0n, length: 0n, pid: 1, owner: this.identity.lkOwner };
    return this.fop('lk', { gfid, fd, command, type, flock }, { blocking: command === 2 });
  }
}
