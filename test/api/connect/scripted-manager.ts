import { getSpecReply, getSpecRequest, procedures } from '../../../src/protocol/handshake.ts';
import { copyBytes, XdrReader, XdrWriter } from '../../../src/xdr/index.ts';
import { answer, ScriptedServer, type SeenCall, serverCall } from '../../rpc/scripted-server.ts';

/** What GETSPEC is answered with: a volfile, an errno, or nothing. */
export type Spec = string | number | 'silence';

/** A management server that answers GETSPEC as a test says. */
export class ScriptedManager {
  /** Volumes that were asked for. */
  readonly asked: string[] = [];
  spec: Spec = 'volume a\n  type debug/trace\nend-volume\n';
  /** Called before a GETSPEC is answered. */
  before: (call: SeenCall) => void = () => undefined;

  private constructor(readonly server: ScriptedServer) {}

  static async start(): Promise<ScriptedManager> {
    const holder: { manager?: ScriptedManager } = {};
    const server = await ScriptedServer.listen((call) => holder.manager!.take(call));
    holder.manager = new ScriptedManager(server);
    return holder.manager;
  }

  get address(): { transport: 'tcp'; host: string; port: number } {
    return { transport: 'tcp', ...this.server.endpoint };
  }

  /** `host:port` as a URL has it. */
  get authority(): string {
    const { host, port } = this.server.endpoint;
    return `${host}:${port}`;
  }

  /** The callback that some volume has changed. */
  notify(): void {
    for (const socket of this.server.sockets) socket.write(serverCall(1, 1, Buffer.alloc(0)));
  }

  private take(call: SeenCall): void {
    const { program, procedure } = procedures.getSpec;
    if (call.program !== program || call.procedure !== procedure) return;
    this.asked.push(getSpecRequest.decode(new XdrReader(call.body)).key);
    this.before(call);
    if (this.spec === 'silence') return;
    const failed = typeof this.spec === 'number';
    const writer = new XdrWriter(1024);
    getSpecReply.encode(writer, {
      ret: typeof this.spec === 'number' ? -1 : this.spec.length,
      errno: failed ? (this.spec as number) : 0,
      spec: failed ? '' : (this.spec as string),
      xdata: new Uint8Array(0),
    });
    answer(call, copyBytes(writer.bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }
}
