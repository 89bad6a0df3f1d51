import type { Socket } from 'node:net';
import { Shares } from '../../../../src/api/connect/shared.ts';
import {
  buildGraph,
  type ConnectionDefaults,
  Fd,
  type FopTable,
  type Graph,
  type GraphEvent,
  Inode,
  rootContext,
} from '../../../../src/graph/index.ts';
import { silent } from '../../../../src/logger.ts';
import { type Dialect, dialect330, dialect400 } from '../../../../src/protocol/dialect.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { parseSerializedDict, serializeDict } from '../../../../src/protocol/dict-serialized.ts';
import { type FopName, fops } from '../../../../src/protocol/fops.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import {
  dumpReply,
  procedures,
  setVolumeReply,
  setVolumeRequest,
} from '../../../../src/protocol/handshake.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { parseVolfile } from '../../../../src/volfile/index.ts';
import '../../../../src/xlators/index.ts';
import { copyBytes, type Xdr, XdrReader, XdrWriter } from '../../../../src/xdr/index.ts';
import { waitUntil } from '../../../helpers/wait.ts';
import { answer, ScriptedServer, type SeenCall } from '../../../rpc/scripted-server.ts';

/** A file operation as the brick got it. */
export interface SeenFop {
  fop: FopName;
  /** Fields of the request by their names in the table. */
  fields: Record<string, unknown>;
  /** Which connection it came on: 1 is the first. */
  link: number;
  payload: Buffer;
  call: SeenCall;
  /** Answers it: with fields of the reply, or an errno. */
  reply(result?: Record<string, unknown> | number, data?: Uint8Array): void;
}

/** What becomes of a fop: `hold` leaves it unanswered until the test does it, `cut` ends the connection. */
export type Verdict = 'answer' | 'hold' | 'cut' | number | Record<string, unknown>;

const FILE_PROGRAM = 1298437;
const byProcedure = new Map<number, FopName>(
  (Object.keys(fops) as FopName[]).map((name) => [fops[name].procedure, name]),
);

/**
 * A brick that answers what a test says, over a real socket: handshake as 10.3's, numbers of fds reused from 0 as bricks
 * do, everything else with empty results unless `decide` says otherwise.
 */
export class ScriptedBrick {
  readonly seen: SeenFop[] = [];
  /** What clients logged in with. */
  readonly logins: Dict[] = [];
  decide: (seen: SeenFop) => Verdict = () => 'answer';
  /** Result of SETVOLUME: errno where it is refused. */
  login: number | undefined;
  versions = [400, 330];
  private readonly links = new Map<Socket, { index: number; fds: boolean[]; dialect: Dialect }>();
  /** Logins that were accepted. */
  linkCount = 0;

  private constructor(readonly server: ScriptedServer) {}

  static async start(): Promise<ScriptedBrick> {
    const holder: { brick?: ScriptedBrick } = {};
    const server = await ScriptedServer.listen((call) => holder.brick!.take(call));
    holder.brick = new ScriptedBrick(server);
    return holder.brick;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.server.sockets) socket.resetAndDestroy();
  }

  /** Waits for a number of calls of a fop and gives them all. */
  async got(fop: FopName, count = 1): Promise<SeenFop[]> {
    const mine = (): SeenFop[] => this.seen.filter((seen) => seen.fop === fop);
    await waitUntil(() => mine().length >= count, { what: `${count} ${fop} (${this.names})`, everyMs: 2 });
    return mine();
  }

  /** Names of what came, in order. */
  get names(): string {
    return this.seen.map(({ fop, link }) => `${fop}@${link}`).join(' ');
  }

  /** Numbers of fds that a connection has open. */
  open(link: number): number[] {
    const state = [...this.links.values()].find(({ index }) => index === link);
    return (state?.fds ?? []).flatMap((used, number) => (used ? [number] : []));
  }

  private take(call: SeenCall): void {
    if (call.program === procedures.dump.program) this.dump(call);
    else if (call.program === FILE_PROGRAM) this.fop(call);
    else if (call.procedure === procedures.setVolume.procedure) this.setVolume(call);
    else answer(call, Buffer.alloc(12));
  }

  private dump(call: SeenCall): void {
    const programs = this.versions.map((version) => ({
      name: `GlusterFS ${version}`,
      number: BigInt(FILE_PROGRAM),
      version: BigInt(version),
    }));
    answer(call, encoded(dumpReply, { id: 1n, ret: 0, errno: 0, programs }));
  }

  private setVolume(call: SeenCall): void {
    const { login } = this;
    this.logins.push(parseSerializedDict(setVolumeRequest.decode(new XdrReader(call.body)).dict));
    const dict = new Dict();
    if (login !== undefined) dict.setEntry('ERROR', { type: 'str', value: 'Authentication failed' });
    const ret = login === undefined ? 0 : -1;
    answer(call, encoded(setVolumeReply, { ret, errno: login ?? 22, dict: serializeDict(dict) }));
    if (login === undefined)
      this.links.set(call.socket, { index: ++this.linkCount, fds: [], dialect: dialect400 });
  }

  private fop(call: SeenCall): void {
    const link = this.links.get(call.socket)!;
    const dialect = call.version === 330 ? dialect330 : dialect400;
    const fop = byProcedure.get(call.procedure)!;
    const layout = dialect.layout(fop)!;
    const reader = new XdrReader(call.body);
    const fields = layout.request.decode(reader);
    dialect.dict.decode(reader);
    const payload = Buffer.from(call.body.subarray(reader.position));
    const seen: SeenFop = {
      fop,
      fields,
      link: link.index,
      payload,
      call,
      reply: (result = {}, data) => {
        const writer = new XdrWriter(256);
        const failed = typeof result === 'number';
        const size = data?.length ?? (fop === 'write' ? payload.length : 0);
        writer.i32(failed ? -1 : size);
        writer.i32(failed ? result : 0);
        if (!layout.xdataLast) dialect.dict.encode(writer, undefined);
        const given = failed ? {} : result;
        if (!failed && (fop === 'open' || fop === 'create' || fop === 'opendir'))
          given.remoteFd ??= BigInt(this.allocate(link.fds));
        if (fop === 'release' || fop === 'releasedir') link.fds[Number(fields.fd)] = false;
        layout.reply.encode(writer, { ...defaults(fields), size, ...given });
        if (layout.xdataLast) dialect.dict.encode(writer, undefined);
        answer(call, Buffer.concat([writer.bytes, data ?? Buffer.alloc(0)]));
      },
    };
    this.seen.push(seen);
    const verdict = this.decide(seen);
    if (verdict === 'cut') this.cut();
    else if (verdict === 'answer') seen.reply({}, fop === 'read' ? Buffer.from('data') : undefined);
    else if (verdict !== 'hold') seen.reply(verdict);
  }

  private allocate(fds: boolean[]): number {
    const free = fds.indexOf(false);
    const number = free < 0 ? fds.length : free;
    fds[number] = true;
    return number;
  }
}

function defaults(request: Record<string, unknown>): Record<string, unknown> {
  const stat = {
    ...emptyIatt(),
    gfid: (request.gfid as Uint8Array | undefined) ?? newGfid(),
    mode: 0o100644,
  };
  const stats = ['stat', 'prestat', 'poststat', 'preparent', 'postparent', 'preoldparent', 'postoldparent'];
  return {
    ...Object.fromEntries([...stats, 'prenewparent', 'postnewparent'].map((name) => [name, stat])),
    remoteFd: -1n,
    flock: request.flock,
    lease: request.lease,
    dict: undefined,
    entries: [],
    locks: [],
    target: '/target',
    offset: 0,
  };
}

function encoded<T>(schema: Xdr<T>, value: T): Uint8Array {
  const writer = new XdrWriter(256);
  schema.encode(writer, value);
  return copyBytes(writer.bytes);
}

/** A graph of protocol/client alone, before a scripted brick. */
export class ClientUnderTest {
  readonly events: GraphEvent[] = [];

  private constructor(
    readonly graph: Graph,
    private readonly shares: Shares,
  ) {
    graph.listen((event) => this.events.push(event));
  }

  static async start(
    target: { host: string; port: number },
    options: Record<string, string> = {},
    connection: ConnectionDefaults = {},
  ): Promise<ClientUnderTest> {
    const client = ClientUnderTest.build(target, options, connection);
    try {
      await client.graph.start();
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  static build(
    { host, port }: { host: string; port: number },
    options: Record<string, string> = {},
    connection: ConnectionDefaults = {},
  ): ClientUnderTest {
    const all: Record<string, string> = {
      'remote-host': host,
      'remote-port': String(port),
      'remote-subvolume': '/brick',
      ...options,
    };
    const lines = Object.entries(all).map(([key, value]) => `  option ${key} ${value}\n`);
    const volfile = parseVolfile(`volume client\n  type protocol/client\n${lines.join('')}end-volume\n`);
    const shares = new Shares();
    const environment = { logger: silent, volume: 'test', share: shares.share, connection };
    return new ClientUnderTest(buildGraph(volfile, environment), shares);
  }

  get fops(): FopTable {
    return this.graph.top;
  }

  dump(): Record<string, unknown> {
    return this.graph.top.translator.dump();
  }

  /** Opens a file of a fresh gfid. */
  async openFile(flags = 2, context = rootContext()): Promise<Fd> {
    const fd = new Fd(new Inode(newGfid(), 'file'), flags);
    await this.fops.open({ loc: { inode: fd.inode }, fd, flags }, context);
    return fd;
  }

  async close(): Promise<void> {
    await this.graph.close();
    await this.shares.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
