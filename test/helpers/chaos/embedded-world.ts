import { Inode, rootContext } from '../../../src/graph/index.ts';
import { fromVolfile, type Volume } from '../../../src/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { gfidFromString } from '../../../src/protocol/gfid.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { type ActiveFault, type Cluster, startCluster } from '../../../src/testing/index.ts';
import { connectBrick, credentialsIn } from '../connect-brick.ts';
import { FaultProxy } from '../faults.ts';
import { gfidsBelow } from './disk.ts';
import { healAll } from './healer.ts';
import { watchMerges } from './merges.ts';
import { TransactionWatch } from './transaction-watch.ts';
import type { World } from './world.ts';

const NAME = 'chaos';

/** A replica or disperse set of the embedded cluster, with a proxy before each brick. */
export async function embeddedWorld(type: string, seed: number): Promise<World & AsyncDisposable> {
  const cluster = await startCluster({ volumes: { [NAME]: { type } }, seed });
  const bricks = cluster.bricks(NAME);
  const watch = new TransactionWatch(bricks.length);
  const proxies = await Promise.all(
    bricks.map((brick, index) =>
      FaultProxy.start({
        target: { host: cluster.host, port: brick.port },
        inspect: (...seen) => watch.inspect(index, ...seen),
      }),
    ),
  );
  const volfile = bricks.reduce(
    (text, { port }, index) =>
      text.replace(`option remote-port ${port}\n`, `option remote-port ${proxies[index]!.port}\n`),
    cluster.volfile(NAME),
  );
  const { merged, logger } = watchMerges();
  const data = /^disperse (\d+)/.exec(type)?.[1];
  const rules = new Map<number, ActiveFault>();
  const directories = bricks.map(({ directory }) => directory);
  return {
    name: `embedded ${type}`,
    size: bricks.length,
    ...(type.includes('arbiter') ? { arbiter: bricks.length - 1 } : {}),
    ...(data === undefined ? {} : { data: Number(data) }),
    directories,
    watch,
    merged: () => merged,
    connect: (pingTimeout): Promise<Volume> =>
      fromVolfile(volfile, {
        name: NAME,
        entryTimeout: 0,
        logger,
        translatorOptions: { '*-client-*.ping-timeout': String(pingTimeout) },
      }),
    kill: (brick) => bricks[brick]!.kill(),
    restart: (brick) => bricks[brick]!.restart(),
    freeze: (brick) => bricks[brick]!.freeze(),
    thaw: (brick) => bricks[brick]!.thaw(),
    cut: async (brick) => proxies[brick]!.cut(),
    faults: {
      async order(brick, rule) {
        rules.set(brick, await bricks[brick]!.fault(rule));
      },
      full: (brick) => bricks[brick]!.fill(true),
      async mend(brick) {
        await rules.get(brick)?.remove();
        rules.delete(brick);
        await bricks[brick]!.fill(false);
      },
    },
    heal: async () => healAll(await cluster.connect(NAME, { logger }), directories),
    locks: (directory, away) => locksOf(cluster, directories, directory, away),
    async [Symbol.asyncDispose]() {
      for (const proxy of proxies) await proxy.close();
      await cluster.stop();
    },
  };
}

/** Asks each brick, file by file, how many locks of transactions it holds. */
async function locksOf(
  cluster: Cluster,
  directories: readonly string[],
  directory: string,
  away: readonly number[] = [],
): Promise<string[]> {
  const found: string[] = [];
  for (const { index, port, directory: path } of cluster.bricks(NAME)) {
    if (away.includes(index)) continue;
    const credentials = credentialsIn(cluster.volfile(NAME));
    const { brick, close } = await connectBrick({ host: cluster.host, path, port, credentials });
    try {
      for (const [name, gfid] of gfidsBelow(directories[index]!, directory)) {
        const inode = new Inode(gfidFromString(gfid));
        const xdata = new Dict().set(keys.inodelkCount, 0).set(keys.entrylkCount, 0);
        const reply = await brick.lookup({ loc: { inode }, flags: 0, xdata }, rootContext());
        const locks = (reply.xdata?.get(keys.inodelkCount) ?? 0) + (reply.xdata?.get(keys.entrylkCount) ?? 0);
        if (locks > 0) found.push(`brick ${index}: ${name}: ${locks} locks`);
      }
    } finally {
      await close();
    }
  }
  return found;
}
