import { connect, type Volume } from '../../../src/index.ts';
import { ClusterProxy } from '../cluster-proxy.ts';
import type { Pool } from '../pool.ts';
import { brickState } from '../statedump.ts';
import { TestVolume } from '../volume.ts';
import { waitUntil } from '../wait.ts';
import { healAll, needHealing, putAside } from './healer.ts';
import { leftBehind } from './left-behind.ts';
import { watchMerges } from './merges.ts';
import { TransactionWatch } from './transaction-watch.ts';
import type { World } from './world.ts';

export interface RealWorld {
  readonly pool: Pool;
  readonly name: string;
  /** As `gluster volume create` has it. */
  readonly type: string;
  /** First three octets of the proxies' addresses. */
  readonly subnet: string;
}

/** A replica or disperse set of real bricks, with proxies before all of the pool. `by` says who heals: glfs, or the self-heal daemon. */
export async function realWorld({
  pool,
  name,
  type,
  subnet,
}: RealWorld): Promise<World & AsyncDisposable & { volume: TestVolume; by: 'glfs' | 'daemon' }> {
  const [, whole, redundancy] = /^disperse (\d+) redundancy (\d+)$/.exec(type)?.map(Number) ?? [];
  const option = whole === undefined ? 'cluster.self-heal-daemon' : 'cluster.disperse-self-heal-daemon';
  const volume = await TestVolume.create(pool, name, {
    type,
    bricks: whole ?? 3,
    // Of disperse volumes the daemon looks once a minute at most.
    options: { [option]: 'off', 'cluster.heal-timeout': whole === undefined ? '5' : '60' },
  });
  const cluster = await ClusterProxy.start(pool, subnet);
  const size = volume.bricks.length;
  const watch = new TransactionWatch(size);
  const indexOf = new Map(volume.bricks.map(({ host, path, index }) => [`${host}:${path}`, index]));
  cluster.inspect = (brick, ...seen) => {
    const index = indexOf.get(brick);
    return index === undefined ? 'pass' : watch.inspect(index, ...seen);
  };
  const directories = volume.bricks.map(({ path }) => path);
  const { merged, logger } = watchMerges();
  let daemon = false;
  const dead = new Set<number>();
  const world = {
    name: `real ${type}`,
    size,
    ...(type.includes('arbiter') ? { arbiter: size - 1 } : {}),
    ...(whole === undefined ? {} : { data: whole - redundancy! }),
    directories,
    watch,
    // No heal of fragments merges.
    merged: () => (world.by === 'glfs' || whole !== undefined ? merged : undefined),
    volume,
    by: 'glfs' as 'glfs' | 'daemon',
    connect: (pingTimeout: number): Promise<Volume> =>
      connect(`gluster://${cluster.hosts.join(',')}/${name}`, {
        entryTimeout: 0,
        logger,
        translatorOptions: { '*-client-*.ping-timeout': String(pingTimeout) },
      }),
    async kill(brick: number) {
      dead.add(brick);
      await volume.killBrick(brick);
    },
    async restart(brick: number) {
      dead.delete(brick);
      await volume.restartBrick(brick);
      // glusterd starts all that are dead: those that are to stay so are killed once more.
      if (dead.size > 0) await volume.refresh();
      for (const other of dead) await volume.killBrick(other);
    },
    async freeze(brick: number) {
      await volume.stopBrick(brick);
    },
    async thaw(brick: number) {
      volume.contBrick(brick);
    },
    async cut(brick: number) {
      (await cluster.brick(volume.brick(brick)))?.cut();
    },
    async heal() {
      if ((world.by === 'daemon') !== daemon) {
        daemon = !daemon;
        await volume.set(option, daemon ? 'on' : 'off');
      }
      if (!daemon) return healAll(await connect(volume.url, { logger }), directories);
      const before = needHealing(directories).length;
      await waitUntil(
        async () => {
          if (needHealing(directories).length === 0 && putAside(directories).length === 0) return true;
          // It refuses while the daemon is still connecting to a brick.
          await pool.manager.tryCli(['volume', 'heal', name]);
          return false;
        },
        { what: `the self-heal daemon to heal ${needHealing(directories)}`, timeoutMs: 60_000, everyMs: 300 },
      );
      return before;
    },
    leftBehind: (directory: string) => (daemon ? leftBehind(volume, directories, directory) : []),
    async locks(_directory: string, away: readonly number[] = []) {
      await volume.refresh();
      const found: string[] = [];
      for (const brick of volume.bricks.filter(({ index }) => !away.includes(index)))
        for (const lock of (await brickState(brick)).locks)
          if (lock.kind !== 'posix' && lock.client.includes('PC_NAME:glfs-'))
            found.push(`brick ${brick.index}: ${lock.path} ${lock.kind} ${lock.domain}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      await cluster.close();
      await volume.delete();
    },
  };
  return world;
}
