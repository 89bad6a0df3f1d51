/*
 * The main job in a minute: writes files to a volume, takes a brick away, reads them back, and shows where they lie.
 *
 *     npx tsx examples/quick-start.ts                            a volume of its own, served from this process over TCP
 *     npx tsx examples/quick-start.ts gluster://HOST/VOLUME      a real one; its bricks are left alone
 */
import { createHash, randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, isGlfsError, type Volume } from 'glfs';
import { type Cluster, startCluster } from 'glfs/testing';

const FILES = 12;
const BYTES = 256 * 1024;

/** What must come back, by path. */
const written = new Map<string, string>();
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function write(volume: Volume, directory: string): Promise<void> {
  await volume.mkdir(directory);
  for (let number = 1; number <= FILES; number++) {
    const path = `${directory}/file-${String(number).padStart(2, '0')}`;
    const bytes = randomBytes(BYTES);
    await volume.writeFile(path, bytes, { flush: true });
    written.set(path, digest(bytes));
  }
  console.log(`wrote ${FILES} files of ${BYTES / 1024} KiB to ${directory}`);
}

/** The bricks that hold a file, as the volume itself tells: <POSIX(…):HOST:PATH>, one for each copy or fragment. */
async function bricksOf(volume: Volume, path: string): Promise<string[]> {
  const text = (await volume.getxattr(path, 'trusted.glusterfs.pathinfo')).toString();
  return [...text.matchAll(/<POSIX\((.*?)\):/g)].map(([, brick]) => basename(brick!.replace(/\/$/, '')));
}

async function showPlaces(volume: Volume): Promise<void> {
  const files = new Map<string, string[]>();
  for (const path of written.keys()) {
    for (const brick of await bricksOf(volume, path))
      files.set(brick, [...(files.get(brick) ?? []), basename(path)]);
  }
  console.log('where they lie:');
  for (const [brick, names] of [...files].sort()) console.log(`  ${brick}: ${names.join(' ')}`);
}

interface Tally {
  identical: number;
  different: number;
  /** Files whose brick is away, by the code of the error. */
  refused: Map<string, number>;
}

async function readBack(volume: Volume): Promise<Tally> {
  const tally: Tally = { identical: 0, different: 0, refused: new Map() };
  for (const [path, expected] of written) {
    try {
      if (digest(await volume.readFile(path)) === expected) tally.identical++;
      else tally.different++;
    } catch (error) {
      if (!isGlfsError(error)) throw error;
      tally.refused.set(error.code, (tally.refused.get(error.code) ?? 0) + 1);
    }
  }
  return tally;
}

function describe({ identical, different, refused }: Tally): string {
  const errors = [...refused].map(([code, count]) => `${count} answered with ${code}`);
  return [`${identical} of ${FILES} identical`, ...errors, `${different} wrong`].join(', ');
}

/** A client that has lost a brick looks for it again every few seconds; `statedump` tells how that stands. */
async function connectedAgain(volume: Volume): Promise<void> {
  const isAway = (): boolean =>
    Object.values(volume.statedump().translators as Record<string, { connected?: boolean }>).some(
      ({ connected }) => connected === false,
    );
  while (isAway()) await pause(50);
}

async function loseABrick(cluster: Cluster, volume: Volume): Promise<Tally> {
  const [brick] = cluster.bricks('demo');
  await brick!.kill();
  console.log(`killed ${basename(brick!.directory)}`);
  const without = await readBack(volume);
  console.log(`read back without it: ${describe(without)}`);
  await brick!.restart();
  await connectedAgain(volume);
  console.log(`started ${basename(brick!.directory)} again; the client is back on it`);
  return without;
}

async function run(url: string | undefined): Promise<void> {
  await using cluster =
    url === undefined ? await startCluster({ volumes: { demo: { type: 'replicate 3' } } }) : undefined;
  const address = url ?? cluster!.url('demo');
  console.log(
    cluster === undefined ? address : `${address}: three copies on three bricks, served by this process`,
  );
  await using volume = await connect(address);
  const directory = `/quick-start-${Date.now().toString(36)}`;
  await write(volume, directory);
  await showPlaces(volume);
  const without = cluster && (await loseABrick(cluster, volume));
  const all = await readBack(volume);
  console.log(`read back: ${describe(all)}`);
  await volume.rm(directory, { recursive: true });
  const good = all.identical === FILES && (without?.different ?? 0) === 0;
  console.log(
    good ? 'All is well: what was written came back, or an error did; never a wrong byte.' : 'FAILED',
  );
  process.exitCode = good ? 0 : 1;
}

// A cluster in a temporary directory takes that along when the process exits, of which signals alone know nothing.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  await run(process.argv[2]);
} catch (error) {
  if (!isGlfsError(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
