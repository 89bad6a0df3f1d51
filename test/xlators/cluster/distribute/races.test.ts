import { describe, expect, it } from 'vitest';
import { isGlfsError } from '../../../../src/errors.ts';
import { isLinktoNode, LINKTO, MemoryBrick, MemoryCluster } from '../../../helpers/memory-brick.ts';
import { seeded } from '../../../helpers/names.ts';

const HARMLESS = ['ENOENT', 'EEXIST', 'ESTALE', 'EBUSY', 'ENOTEMPTY', 'EISDIR', 'ENOTDIR'] as const;

/** Every name has data in one place, reachable by a client that trusts linkto files, and every linkto file leads to them. */
async function expectSound(bricks: MemoryBrick[], directory: string): Promise<void> {
  const fresh = new MemoryCluster(bricks);
  const data = new Map<string, number>();
  const pointers: [string, string, string][] = [];
  for (const [index, brick] of bricks.entries()) {
    const entries = brick.store.root.entries.get(directory)?.node.entries ?? new Map();
    for (const [name, { node }] of entries) {
      if (isLinktoNode(node)) {
        const target = Buffer.from(node.xattrs.get(LINKTO)!).toString().replace('\0', '');
        pointers.push([name, target, Buffer.from(node.gfid).toString('hex')]);
      } else {
        expect(data.has(name), `${name} has data twice`).toBe(false);
        data.set(name, index);
      }
    }
  }
  for (const [name, target, gfid] of pointers) {
    const holder = bricks.find((brick) => brick.name === target)!;
    const found = holder.store.root.entries.get(directory)!.node.entries.get(name)?.node;
    expect(found && Buffer.from(found.gfid).toString('hex'), `linkto file of ${name}`).toBe(gfid);
  }
  const listed = await fresh.tree(`/${directory}`);
  expect([...listed.keys()].sort()).toEqual([...data.keys()].map((name) => `/${directory}/${name}`).sort());
  for (const [path, gfid] of listed) {
    expect(Buffer.from((await fresh.resolve(path)).gfid).toString('hex'), path).toBe(gfid);
  }
  expect(fresh.locks).toEqual([]);
}

async function workAtOnce(
  clients: readonly MemoryCluster[],
  seed: number,
  operations: readonly ('rename' | 'create' | 'link' | 'unlink')[],
): Promise<void> {
  const random = seeded(seed);
  const name = (): string => `/dir/n${Math.floor(random() * 5)}`;
  const step = async (cluster: MemoryCluster): Promise<void> => {
    const operation = operations[Math.floor(random() * operations.length)]!;
    try {
      if (operation === 'rename') await cluster.rename(name(), name());
      else if (operation === 'link') await cluster.link(name(), name());
      else if (operation === 'create') await cluster.create(name(), 'x');
      else await cluster.unlink(name());
    } catch (error) {
      if (!isGlfsError(error, ...HARMLESS)) throw error;
    }
  };
  const worker = async (cluster: MemoryCluster): Promise<void> => {
    for (let count = 0; count < 15; count++) await step(cluster);
  };
  await Promise.all(Array.from({ length: 6 }, (_, index) => worker(clients[index % clients.length]!)));
  for (const cluster of clients) await cluster.idle();
}

const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

describe('changes of the same names at the same time', () => {
  it.each(seeds)('by one client: renames, links, creates, unlinks (seed %i)', async (seed) => {
    const cluster = new MemoryCluster(4);
    await cluster.mkdir('/dir');
    await workAtOnce([cluster], seed, ['rename', 'rename', 'create', 'link', 'unlink']);
    await expectSound(cluster.bricks, 'dir');
  });

  it.each(seeds)('by three clients: renames, links, creates (seed %i)', async (seed) => {
    const bricks = Array.from({ length: 4 }, (_, index) => new MemoryBrick(`vol-client-${index}`));
    const clients = [1, 2, 3].map(() => new MemoryCluster(bricks));
    await clients[0]!.mkdir('/dir');
    await workAtOnce(clients, seed, ['rename', 'rename', 'create', 'link']);
    await expectSound(bricks, 'dir');
  });

  it.each(seeds)('by three clients: directories (seed %i)', async (seed) => {
    const bricks = Array.from({ length: 3 }, (_, index) => new MemoryBrick(`vol-client-${index}`));
    const clients = [1, 2, 3].map(() => new MemoryCluster(bricks));
    const random = seeded(seed);
    const name = (): string => `/d${Math.floor(random() * 3)}`;
    const step = async (cluster: MemoryCluster): Promise<void> => {
      const kind = random();
      try {
        if (kind < 0.35) await cluster.mkdir(name());
        else if (kind < 0.6) await cluster.rename(name(), name());
        else if (kind < 0.8) await cluster.rmdir(name());
        else await cluster.create(`${name()}/f`);
      } catch (error) {
        if (!isGlfsError(error, ...HARMLESS, 'EINVAL', 'EIO')) throw error;
      }
    };
    const worker = async (cluster: MemoryCluster): Promise<void> => {
      for (let count = 0; count < 12; count++) await step(cluster);
    };
    await Promise.all(clients.map(worker));
    for (const cluster of clients) await cluster.idle();
    // Looked up once, every directory is on every brick, under one name and with one gfid.
    const fresh = new MemoryCluster(bricks);
    await fresh.tree();
    await fresh.idle();
    const [first, ...others] = bricks.map((brick) =>
      [...brick.store.root.entries]
        .map(([path, { node }]) => `${path} ${Buffer.from(node.gfid).toString('hex')}`)
        .sort(),
    );
    for (const other of others) expect(other).toEqual(first);
    expect(fresh.locks).toEqual([]);
  });
});
