import { existsSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from './pool.ts';
import { isAlive, killAndWait, mountsBelow, run, spawnDaemon } from './processes.ts';
import { waitUntil } from './wait.ts';

/** How a volume is mounted. */
export interface MountOptions {
  /** Volume name, or `/snaps/<snapshot>/<volume>`. */
  volume: string;
  /** Addresses of volfile servers (default: those of the pool). */
  hosts?: string[];
  /** Directory within the volume to mount (default: its root). */
  subdirectory?: string;
  /** True to leave GlusterFS's own client caches on (default: off, see {@link mountVolume}). */
  caches?: boolean;
  /** Further words for glusterfs, for instance `--read-only`. */
  args?: string[];
}

/** A FUSE mount by GlusterFS's own client, without kernel caching of names and attributes. */
export class Mount {
  /** Where the volume is to be seen. */
  readonly path: string;
  /** Process id of the glusterfs client. */
  readonly pid: number;
  /** Its log. */
  readonly logFile: string;

  constructor(path: string, pid: number, logFile: string) {
    this.path = path;
    this.pid = pid;
    this.logFile = logFile;
  }

  /** A path within the mount. */
  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Unmounts, waits for the end of the client (killing it after 5 s) and removes the mount point. */
  async unmount(): Promise<void> {
    if (mountsBelow(this.path).length) await run('umount', ['-l', this.path]);
    try {
      await waitUntil(() => !isAlive(this.pid), {
        what: `the end of the mount ${this.path}`,
        timeoutMs: 5000,
      });
    } catch {
      await killAndWait(this.pid);
    }
    if (!mountsBelow(this.path).length && existsSync(this.path)) rmdirSync(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
  }
}

/** Makes /dev/fuse usable or throws with the reason. Needs root. */
export async function ensureFuse(): Promise<void> {
  const device = '/dev/fuse';
  if (!existsSync(device)) await run('modprobe', ['fuse']).catch(() => undefined);
  if (!existsSync(device)) await run('mknod', ['-m', '666', device, 'c', '10', '229']);
  if (!existsSync(device) || !statSync(device).isCharacterDevice()) {
    throw new Error(
      '/dev/fuse is missing and could not be made: FUSE mounts are not possible on this machine',
    );
  }
  const { code, stderr } = await run('/bin/sh', ['-c', 'exec 3<>/dev/fuse']);
  if (code !== 0)
    throw new Error(`/dev/fuse cannot be opened (${stderr.trim()}): the kernel has no FUSE for us`);
}

/** Options that make the client's performance translators idle, whatever the volume sets. */
const withoutCaches = [
  ...['write-behind', 'open-behind', 'read-ahead', 'readdir-ahead', 'io-cache', 'md-cache', 'nl-cache'].map(
    (name) => `*-${name}.pass-through=true`,
  ),
  // These have no pass-through. Without a size quick-read never asks for file contents in a lookup.
  '*-quick-read.max-file-size=0',
  '*-quick-read.cache-timeout=0',
  '*-io-cache.cache-timeout=0',
].map((option) => `--xlator-option=${option}`);

/**
 * Mounts a volume and returns when it answers. Kernel caches and the client's own are off: every open, read and
 * stat asks the bricks, every write is answered by them, so that what another client wrote is seen at once.
 * Takes about a tenth of a second.
 */
export async function mountVolume(pool: Pool, options: MountOptions): Promise<Mount> {
  await ensureFuse();
  const path = pool.scratch('mount');
  const logFile = `${path}.log`;
  mkdirSync(path);
  const child = spawnDaemon(
    'glusterfs',
    [
      '--no-daemon',
      ...(options.hosts ?? pool.hosts).flatMap((host) => ['-s', host]),
      `--volfile-id=${options.volume}`,
      ...(options.subdirectory ? [`--subdir-mount=/${options.subdirectory.replace(/^\/+/, '')}`] : []),
      '--acl',
      '--entry-timeout=0',
      '--attribute-timeout=0',
      '--negative-timeout=0',
      '--direct-io-mode=enable',
      `--log-file=${logFile}`,
      ...(options.caches ? [] : withoutCaches),
      ...(options.args ?? []),
      path,
    ],
    logFile,
  );
  const pid = child.pid ?? 0;
  try {
    const state = await waitUntil(
      async () => {
        const answers = mountsBelow(path).length > 0 && (await run('stat', ['-f', path], 5000)).code === 0;
        // A client that was refused may have unmounted in between: then the directory below has answered.
        if (!isAlive(pid)) return 'ended';
        return answers && mountsBelow(path).length > 0 && 'mounted';
      },
      { what: `the mount of ${options.volume}`, timeoutMs: 15_000 },
    );
    if (state === 'ended') throw new Error('the client has ended');
    return new Mount(path, pid, logFile);
  } catch (error) {
    if (mountsBelow(path).length) await run('umount', ['-l', path]);
    if (pid && isAlive(pid)) await killAndWait(pid);
    const log = await logged(logFile);
    throw new Error(`cannot mount ${options.volume}: ${(error as Error).message}\n${log}`, { cause: error });
  }
}

/** The end of a client's log without the volfile that it prints there, which would hide the reason. */
async function logged(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  return lines
    .filter((line) => !/^ *\d+: /.test(line))
    .slice(-20)
    .join('\n');
}
