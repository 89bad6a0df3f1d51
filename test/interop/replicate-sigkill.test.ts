import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type FopName, type Volume } from '../../src/index.ts';
import { FOP_PROGRAM, fops } from '../../src/protocol/fops.ts';
import { attachPool } from '../helpers/attach.ts';
import { blockSize, readBlock } from '../helpers/blocks.ts';
import { differencesOfBricks } from '../helpers/bricks-identical.ts';
import { Dice } from '../helpers/chaos/dice.ts';
import { healAll, needHealing } from '../helpers/chaos/healer.ts';
import { ClusterProxy } from '../helpers/cluster-proxy.ts';
import { listedByGluster } from '../helpers/heal-info.ts';
import { killAndWait } from '../helpers/processes.ts';
import { brickState } from '../helpers/statedump.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/* A client dies by SIGKILL in the midst of what it does: at the nth call of some kind, by the seed. */
const pool = attachPool();
const program = fileURLToPath(new URL('../helpers/sigkill-client.ts', import.meta.url));
const kinds: readonly FopName[] = [
  ...([
    'write',
    'write',
    'fxattrop',
    'xattrop',
    'finodelk',
    'entrylk',
    'rename',
    'create',
    'unlink',
  ] as const),
];

describe.each([
  ['sigkill-full', 'replica 3', '127.1.125', 6],
  ['sigkill-arbiter', 'replica 3 arbiter 1', '127.1.126', 5],
] as const)('%s', (name, type, subnet, rounds) => {
  let volume: TestVolume;
  let proxy: ClusterProxy;
  let watcher: Volume;
  beforeAll(async () => {
    volume = await pool.createVolume(name, {
      type,
      bricks: 3,
      options: { 'cluster.self-heal-daemon': 'off' },
    });
    proxy = await ClusterProxy.start(pool, subnet);
    watcher = await connect(volume.url, { entryTimeout: 0 });
  });
  afterAll(async () => {
    await watcher?.close();
    await proxy?.close();
    await volume?.delete();
  });

  test.each(Array.from({ length: rounds }, (_, index) => index + 1))('seed %i', async (seed) => {
    const dice = new Dice(seed);
    const directory = `/round-${seed}`;
    await watcher.mkdir(directory);
    await watcher.writeFile(`${directory}/blocks`, Buffer.alloc(8 * blockSize));
    // Bricks tell the locks of open files only.
    await using _open = await watcher.open(`${directory}/blocks`, 'r');
    const acknowledged = new Map<number, number>();
    const names = ['one', 'two', 'three'];
    let ready = false;
    let child: ChildProcess | undefined;
    const { procedure } = fops[dice.pick(kinds)];
    const when = dice.pick(['toServer', 'toClient'] as const);
    let left = dice.between(5, 60);
    let killed: Promise<void> | undefined;
    proxy.inspect = (_brick, head, direction) => {
      const counts =
        ready && head.program === FOP_PROGRAM && head.procedure === procedure && direction === when;
      if (!counts || --left > 0 || killed !== undefined) return 'pass';
      killed = killAndWait(child!.pid!);
      return killed.then(() => 'drop' as const);
    };
    child = spawn(
      process.execPath,
      ['--import', 'tsx', program, `gluster://${proxy.hosts.join(',')}/${name}`, directory, String(seed)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = new Promise<void>((resolve) => child!.once('close', () => resolve()));
    for await (const line of createInterface({ input: child.stdout! })) {
      let said: { ready?: true; block?: number; generation?: number; index?: number; name?: string };
      try {
        said = JSON.parse(line);
      } catch {
        // It died while it spoke.
        break;
      }
      if (said.ready) ready = true;
      else if (said.block !== undefined) acknowledged.set(said.block, said.generation!);
      else names[said.index!] = said.name!;
    }
    await ended;
    expect(killed).toBeDefined();
    await killed;

    // Its locks went with its connections; nobody else has any.
    const locks = async () => {
      const states = await Promise.all(volume.bricks.map((brick) => brickState(brick)));
      return states.flatMap((state) => state.locks);
    };
    await waitUntil(async () => (await locks()).length === 0, { what: 'the end of all locks' });
    expect(Object.values(await listedByGluster(volume, 'split-brain'))).toEqual([[], [], []]);

    const directories = volume.bricks.map(({ path }) => path);
    // Changes of names leave no marks beforehand where all copies are there, with GlusterFS's clients, too: lookups find them.
    await healAll(await connect(volume.url), directories, true);
    expect(needHealing(directories)).toEqual([]);
    const arbiter = type.includes('arbiter') ? 2 : undefined;
    expect(differencesOfBricks(directories, { arbiter, mtimes: false })).toEqual([]);
    for (const [index, path] of directories.entries()) {
      if (index === arbiter) continue;
      const bytes = readFileSync(join(path, directory, 'blocks'));
      for (const [block, generation] of acknowledged) {
        const found = readBlock(bytes.subarray(block * blockSize, (block + 1) * blockSize), 1, block);
        expect(found.fault).toBe(undefined);
        expect(found.generation).toBeGreaterThanOrEqual(generation);
      }
      const there = readdirSync(join(path, directory));
      for (const [position, last] of names.entries()) {
        const stem = ['one', 'two', 'three'][position]!;
        const found = there.filter((one) => one.split('.')[0] === stem);
        expect(found.length).toBeGreaterThanOrEqual(1);
        // The next rename may have been made, too, on some copies: then the file has both names.
        const number = (one: string) => Number(one.split('.')[1] ?? -1);
        for (const one of found) expect(number(one)).toBeGreaterThanOrEqual(number(last));
      }
    }
  });
});
