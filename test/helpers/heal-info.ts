import type { Volume } from '../../src/index.ts';
import { putAside } from './chaos/healer.ts';
import { run } from './processes.ts';
import type { TestVolume } from './volume.ts';
import { waitUntil } from './wait.ts';

/** By brick (`host:/path`) the gfids that it lists, sorted. */
export type Listed = Record<string, string[]>;

const BRICK = /<brick [^>]*>\s*<name>([^<]*)<\/name>(.*?)<\/brick>/gs;
const FILE = /<file gfid="([^"]*)">/g;

/** Where distributions put the program behind `gluster volume heal`. */
const HOMES = ['/usr/lib/*/glusterfs', '/usr/libexec/glusterfs', '/usr/local/libexec/glusterfs'];

/**
 * `gluster volume heal VOLUME …` without what changes nothing but the volume's state: the CLI starts this program without
 * telling it where the glusterd of the pool is.
 */
export async function glusterHeal(
  volume: TestVolume,
  ...words: string[]
): Promise<{ code: number; stdout: string }> {
  const tail = ['glusterd-sock', volume.pool.manager.socketPath];
  const { code, stdout } = await run('/bin/sh', [
    '-c',
    `exec "$(ls ${HOMES.map((home) => `${home}/glfsheal`).join(' ')} 2>/dev/null | head -n 1)" "$@"`,
    'glfsheal',
    volume.name,
    ...words,
    ...tail,
  ]);
  return { code, stdout };
}

/** What `gluster volume heal VOLUME info`, or `info split-brain`, lists. */
export async function listedByGluster(
  volume: TestVolume,
  form: 'info' | 'split-brain' = 'info',
): Promise<Listed> {
  const words = form === 'info' ? ['--xml'] : ['split-brain-info', '--xml'];
  const { stdout } = await glusterHeal(volume, ...words);
  const listed = Object.fromEntries(
    [...stdout.matchAll(BRICK)].map(([, name, rest]) => [
      name,
      [...rest!.matchAll(FILE)].map(([, gfid]) => gfid!).sort(),
    ]),
  );
  if (Object.keys(listed).length === 0) throw new Error(`glfsheal told of no brick: ${stdout}`);
  return listed;
}

/** What glfs lists. Bricks that are down have nothing to say, as there. */
export async function listedByGlfs(volume: Volume, form: 'info' | 'split-brain' = 'info'): Promise<Listed> {
  const healer = volume.healer();
  const listed: Listed = {};
  for (const { brick, up } of healer.bricks()) {
    const gfids: string[] = [];
    if (up)
      for await (const { gfid, state } of healer.info(brick))
        if (form === 'info' || state === 'split-brain') gfids.push(gfid);
    listed[brick] = gfids.sort();
  }
  return listed;
}

export function isEmpty(listed: Listed): boolean {
  return Object.values(listed).every((gfids) => gfids.length === 0);
}

/** Lets the self-heal daemons heal everything, and waits until nothing is left. */
export async function healByDaemon(volume: TestVolume, option = 'cluster.self-heal-daemon'): Promise<void> {
  const directories = volume.bricks.map(({ path }) => path);
  await volume.set(option, 'on');
  await waitUntil(
    async () => {
      // Until all daemons are up and connected the command is refused.
      await volume.cli('heal', volume.name);
      // What they have put aside on a brick they remove with the next round.
      return isEmpty(await listedByGluster(volume)) && putAside(directories).length === 0;
    },
    { what: `the self-heal daemons to heal ${volume.name}`, timeoutMs: 90_000, everyMs: 1000 },
  );
  await volume.set(option, 'off');
}
