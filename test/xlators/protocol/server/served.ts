import { Volume } from '../../../../src/api/index.ts';
import { type Environment, readOptions } from '../../../../src/graph/index.ts';
import { type ProtocolServer, serverType } from '../../../../src/xlators/protocol/server/index.ts';
import { options } from '../../../../src/xlators/protocol/server/options.ts';
import { MemoryBrick } from '../../../helpers/memory-brick.ts';
import { type LogLine, recordingEnvironment } from '../../../helpers/recording-child.ts';

export const BRICK = '/bricks/b0';

export const openToAll = { [`auth.addr.${BRICK}.allow`]: '*' };

/** protocol/server over a brick in memory, listening on the loopback. */
export class Served {
  readonly lines: readonly LogLine[];
  private readonly volumes: Volume[] = [];

  private constructor(
    readonly server: ProtocolServer,
    readonly brick: MemoryBrick,
    environment: Environment & { readonly lines: LogLine[] },
  ) {
    this.lines = environment.lines;
  }

  static async start(
    given: Record<string, string> = openToAll,
    brick = new MemoryBrick(BRICK),
  ): Promise<Served> {
    const environment = recordingEnvironment();
    const rawOptions = new Map(Object.entries({ 'transport.socket.bind-address': '127.0.0.1', ...given }));
    const server = serverType.create({
      name: 'server',
      type: 'protocol/server',
      children: [brick.subvolume],
      options: readOptions(options, rawOptions, 'server', (key) => {
        throw new Error(`unknown option ${key}`);
      }),
      rawOptions,
      environment,
    }) as ProtocolServer;
    await brick.start();
    await server.start();
    return new Served(server, brick, environment);
  }

  get port(): number {
    return this.server.port;
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

  async connect(more = ''): Promise<Volume> {
    const volume = await Volume.fromVolfile(this.clientVolfile(more));
    this.volumes.push(volume);
    return volume;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const volume of this.volumes) await volume.close();
    await this.server.close();
  }
}
