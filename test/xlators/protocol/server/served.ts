import { Volume } from '../../../../src/api/index.ts';
import {
  type Environment,
  readOptions,
  type Subvolume,
  type Translator,
  toSubvolume,
  translatorType,
} from '../../../../src/graph/index.ts';
import { type ProtocolServer, serverType } from '../../../../src/xlators/protocol/server/index.ts';
import { options } from '../../../../src/xlators/protocol/server/options.ts';
import '../../../../src/xlators/index.ts';
import { MemoryBrick } from '../../../helpers/memory-brick.ts';
import { type LogLine, recordingEnvironment } from '../../../helpers/recording-child.ts';
import { WireClient } from './wire-client.ts';

/** What clients attach to. */
export const BRICK = '/bricks/b0';
export const VOLUME_ID = '6b9d3f0e-1111-4222-8333-0123456789ab';

export const openToAll = { [`auth.addr.${BRICK}.allow`]: '*' };

export interface ServedOptions {
  /** Types of translators between the brick and the server, from below. */
  readonly between?: readonly string[];
  readonly brick?: MemoryBrick;
}

/** protocol/server over a brick in memory, listening on the loopback. */
export class Served {
  private readonly volumes: Volume[] = [];
  private readonly clients: WireClient[] = [];

  private constructor(
    readonly server: ProtocolServer,
    readonly brick: MemoryBrick,
    readonly lines: readonly LogLine[],
  ) {}

  static async start(
    given: Record<string, string> = openToAll,
    { between = [], brick = new MemoryBrick(BRICK) }: ServedOptions = {},
  ): Promise<Served> {
    const environment = recordingEnvironment();
    const child = stack(brick.subvolume, between, environment);
    const text = { 'transport.socket.bind-address': '127.0.0.1', 'volume-id': VOLUME_ID, ...given };
    const rawOptions = new Map(Object.entries(text));
    const server = serverType.create({
      name: 'server',
      type: 'protocol/server',
      children: [child],
      options: readOptions(options, rawOptions, 'server', (key) => {
        throw new Error(`unknown option ${key}`);
      }),
      rawOptions,
      environment,
    }) as ProtocolServer;
    await brick.start();
    await server.start();
    return new Served(server, brick, environment.lines);
  }

  get port(): number {
    return this.server.port;
  }

  /** Calls that reached the brick. */
  seen(
    fop: string,
  ): readonly { readonly request: object; readonly context: { readonly client?: unknown } }[] {
    return this.brick.calls.filter((call) => call.fop === fop);
  }

  clientVolfile(more = ''): string {
    return `volume v-client-0
  type protocol/client
  option remote-host 127.0.0.1
  option remote-port ${this.port}
  option remote-subvolume ${BRICK}
  option reconnect-grace 0
  ${more}
end-volume
`;
  }

  /** Our own client. */
  async volume(more = ''): Promise<Volume> {
    const volume = await Volume.fromVolfile(this.clientVolfile(more));
    this.volumes.push(volume);
    return volume;
  }

  /** A connection that has made no handshake. */
  async stranger(): Promise<WireClient> {
    const client = await WireClient.connect({ host: '127.0.0.1', port: this.port });
    this.clients.push(client);
    return client;
  }

  /** A connection that is attached. */
  async client(login: Record<string, string> = {}): Promise<WireClient> {
    const client = await this.stranger();
    await client.attach(login);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close();
    for (const volume of this.volumes) await volume.close();
    await this.server.close();
  }
}

function stack(below: Subvolume, types: readonly string[], environment: Environment): Subvolume {
  return types.reduce((child, type) => {
    const translator = translatorType(type)!.create({
      name: type,
      type,
      children: [child],
      options: readOptions(translatorType(type)!.options, new Map(), type, () => {}),
      rawOptions: new Map(),
      environment,
    });
    return toSubvolume(translator as unknown as Translator);
  }, below);
}
