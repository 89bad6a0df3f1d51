import { buildGraph, type Graph } from '../../../src/graph/index.ts';
import { Volume } from '../../../src/index.ts';
import { silent } from '../../../src/logger.ts';
import { parseVolfile, printVolfile, type VolfileNode } from '../../../src/volfile/index.ts';
import { ProtocolServer } from '../../../src/xlators/protocol/server/index.ts';
import type { Stack } from '../suite.ts';
import { brickNodes, lacksOf, patience, piled, running, type Shape, traitsOf, upperNodes } from './graphs.ts';
import { brickDirectories } from './places.ts';

/** A brick that listens on the loopback, by protocol/server at the top of its graph. */
async function serve(shape: Shape, directory: string): Promise<{ graph: Graph; port: number }> {
  const below = brickNodes(shape, directory, 'b-');
  // What clients attach to is found by this name.
  const attached = { ...below.pop()!, name: directory };
  const nodes = piled(
    [...below, attached],
    [
      [
        'protocol/server',
        {
          'transport-type': 'tcp',
          'transport.socket.bind-address': '127.0.0.1',
          'auth-path': directory,
          [`auth.addr.${directory}.allow`]: '127.0.0.1',
        },
      ],
    ],
    '',
  );
  const text = printVolfile({ nodes, top: nodes.at(-1)!.name });
  const graph = buildGraph(parseVolfile(text), {
    logger: silent,
    volume: 'brick',
    share: (_, create) => create(),
  });
  await graph.start();
  const server = graph.translators.find((translator) => translator instanceof ProtocolServer);
  return { graph, port: (server as ProtocolServer).port };
}

function clientNode(index: number, directory: string, port: number, options: object): VolfileNode {
  const all = {
    'remote-host': '127.0.0.1',
    'remote-port': String(port),
    'remote-subvolume': directory,
    'transport-type': 'tcp',
    'send-gids': 'true',
    ...options,
  };
  return {
    name: `v-client-${index}`,
    type: 'protocol/client',
    options: new Map(Object.entries(all)),
    subvolumes: [],
    line: 0,
  };
}

/** The same over TCP: each brick behind protocol/server, a volume of protocol/clients. `client`: options of theirs. */
export function served(shape: Shape & { readonly client?: Readonly<Record<string, string>> }): Stack {
  const lacks = lacksOf(shape);
  return {
    name: shape.name,
    traits: [...traitsOf(shape), 'server'],
    lacks,
    small: shape.small,
    async start() {
      const { directories, remove } = brickDirectories(shape.bricks ?? 1, shape.onDisk);
      const bricks: { graph: Graph; port: number }[] = [];
      const end = async (): Promise<void> => {
        for (const { graph } of bricks) await graph.close();
        remove();
      };
      try {
        for (const directory of directories) bricks.push(await serve(shape, directory));
      } catch (error) {
        await end();
        throw error;
      }
      const clients = bricks.map(({ port }, index) =>
        clientNode(index, directories[index]!, port, shape.client ?? {}),
      );
      const nodes = [
        ...clients,
        ...upperNodes(
          shape,
          clients.map(({ name }) => name),
        ),
      ];
      const text = printVolfile({ nodes, top: nodes.at(-1)!.name });
      return running(() => Volume.fromVolfile(text, patience), lacks, end);
    },
  };
}
