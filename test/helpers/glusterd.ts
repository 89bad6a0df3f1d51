import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFrozen } from './frozen.ts';
import { type CommandResult, isAlive, killAndWait, run, signal, spawnDaemon } from './processes.ts';
import { waitUntil } from './wait.ts';

/** What tells one glusterd of a pool from the others. Plain data: it travels to vitest's workers as JSON. */
export interface GlusterdInfo {
  /** Loopback address that glusterd and its bricks are bound to; glusterd's port is 24007. */
  host: string;
  /** Directory of its own: working and run directory, logs, socket, bricks. */
  directory: string;
  /** Ports that it gives to its bricks, both included; ranges of different glusterds don't meet. */
  ports: [number, number];
  /** Further `management.…` options, without the prefix. */
  options: Record<string, string>;
}

/** A gluster command that failed: message as the CLI printed it, exit code, arguments. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly args: readonly string[];
  readonly result: CommandResult;

  constructor(args: readonly string[], result: CommandResult) {
    super(
      `gluster ${args.join(' ')}: ${result.stderr.trim() || result.stdout.trim() || `exit ${result.code}`}`,
    );
    this.args = args;
    this.result = result;
  }
}

// Passing states of a pool: another command holds the lock, a peer or a daemon is still on its way up.
const passing =
  /another transaction is in progress|locking failed|request timed out|connection failed|peers are down|not in peer in cluster|please check if glusterd|previous probe|commit failed on .*please check log/i;

/**
 * Run by `unshare --mount` with the glusterd's directory as $0 and the words for glusterd as arguments. FUSE mounts
 * are let go of first: the copies in here would keep their clients alive after they were unmounted outside.
 */
const namespaceScript = `
while read -r device point type rest; do
  case "$type" in fuse.*) umount -l "$point" ;; esac
done </proc/self/mounts
mkdir -p /var/run/gluster /var/log/glusterfs || exit
mount --bind "$0/run" /var/run/gluster || exit
mount --bind "$0/log" /var/log/glusterfs || exit
for program in /usr/lib*/*/glusterfs/gsyncd /usr/lib*/glusterfs/gsyncd /usr/libexec/glusterfs/gsyncd; do
  if [ -f "$program" ]; then mount --bind "$0/gsyncd" "$program"; fi
done
exec glusterd "$@"
`;

/** One glusterd process, in a mount namespace in which /var/run/gluster and /var/log/glusterfs are its own. */
export class Glusterd {
  readonly info: GlusterdInfo;

  constructor(info: GlusterdInfo) {
    this.info = info;
  }

  get host(): string {
    return this.info.host;
  }

  /** Unix socket for `gluster --glusterd-sock` and for GETSPEC over a unix socket. */
  get socketPath(): string {
    return join(this.info.directory, 'glusterd.sock');
  }

  /** Seen as /var/run/gluster by this glusterd and its bricks: sockets, pid files, statedumps. */
  get runDirectory(): string {
    return join(this.info.directory, 'run');
  }

  /** Seen as /var/log/glusterfs by this glusterd and its bricks. */
  get logDirectory(): string {
    return join(this.info.directory, 'log');
  }

  /** Where its bricks' directories are made. */
  get brickDirectory(): string {
    return join(this.info.directory, 'bricks');
  }

  private get pidFile(): string {
    return join(this.info.directory, 'glusterd.pid');
  }

  /** Process id while it runs, otherwise undefined. */
  get pid(): number | undefined {
    try {
      const pid = Number(readFileSync(this.pidFile, 'latin1'));
      return pid > 0 && isAlive(pid) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Starts glusterd in the foreground and waits until its socket answers. The namespace matters: rebalance
   * daemons, brick sockets and statedump options have fixed names below /var/run/gluster, and several
   * glusterds of one machine would take them from each other.
   */
  async start(): Promise<void> {
    if (this.pid) return;
    const { directory, host, ports, options } = this.info;
    const work = join(directory, 'work');
    for (const path of [work, this.runDirectory, this.logDirectory, this.brickDirectory]) {
      mkdirSync(path, { recursive: true });
    }
    // Sections that tests read; without this file a statedump carries all memory accounting as well.
    writeFileSync(
      join(this.runDirectory, 'glusterdump.options'),
      'priv=yes\ninode=yes\ninodectx=yes\nfd=yes\n',
    );
    // Geo-replication is not what is tested, and its set-up calls a Python program twenty times at every start.
    writeFileSync(join(directory, 'gsyncd'), '#!/bin/sh\necho gsyncd.py\n', { mode: 0o755 });
    const management = {
      'working-directory': work,
      'run-directory': this.runDirectory,
      'glusterd-sockfile': this.socketPath,
      'transport.socket.bind-address': host,
      'base-port': String(ports[0]),
      'max-port': String(ports[1]),
      ...options,
    };
    rmSync(this.pidFile, { force: true });
    const child = spawnDaemon(
      'unshare',
      [
        '--mount',
        '/bin/sh',
        '-c',
        namespaceScript,
        directory,
        '--no-daemon',
        `--pid-file=${this.pidFile}`,
        `--log-file=${join(this.logDirectory, 'glusterd.log')}`,
        '--log-level=INFO',
        ...Object.entries(management).flatMap(([key, value]) => [
          '--xlator-option',
          `management.${key}=${value}`,
        ]),
      ],
      join(this.logDirectory, 'glusterd.out'),
    );
    let exit: string | undefined;
    child.once('error', (error) => {
      exit = error.message;
    });
    child.once('exit', (code, name) => {
      exit = `exit ${code ?? name}`;
    });
    await waitUntil(
      async () => {
        if (exit) return true;
        return this.pid !== undefined && (await this.tryCli(['pool', 'list'])).code === 0;
      },
      { what: `glusterd on ${host}`, timeoutMs: 60_000, everyMs: 50 },
    );
    if (!exit) return;
    const log = this.logTail();
    const hint = /Address already in use/.test(log)
      ? `another glusterd has ${host}:24007, or one without bind-address (the system's service?) has it on all addresses\n`
      : '';
    throw new Error(`glusterd on ${host}: ${exit}\n${hint}${log}`);
  }

  /** Stops glusterd and leaves its bricks running. SIGSTOP freezes it instead (SIGCONT through `resume`). */
  async stop(name: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' = 'SIGKILL'): Promise<void> {
    const pid = this.pid;
    if (!pid) return;
    if (name === 'SIGSTOP') {
      signal(pid, name);
      return waitFrozen(pid);
    }
    await killAndWait(pid, name);
  }

  /** Wakes a glusterd that `stop('SIGSTOP')` froze. */
  resume(): void {
    const pid = this.pid;
    if (pid) signal(pid, 'SIGCONT');
  }

  /** One call of the gluster command, as it comes out. */
  tryCli(args: readonly string[], timeoutMs = 200_000): Promise<CommandResult> {
    return run(
      'gluster',
      [
        '--mode=script',
        `--log-file=${join(this.logDirectory, 'cli.log')}`,
        `--glusterd-sock=${this.socketPath}`,
        ...args,
      ],
      timeoutMs,
    );
  }

  /**
   * Runs `gluster …` against this glusterd and returns what it printed. Passing states (another transaction
   * in progress and the like) are tried again until `timeoutMs`; anything else throws {@link CliError}.
   */
  async cli(args: readonly string[], timeoutMs = 30_000): Promise<string> {
    const end = Date.now() + timeoutMs;
    for (let pause = 50; ; pause = Math.min(pause * 2, 500)) {
      const result = await this.tryCli(args);
      if (result.code === 0 && !/^<\?xml[\s\S]*<opRet>-1/.test(result.stdout)) return result.stdout;
      if (Date.now() > end || !passing.test(result.stderr + result.stdout)) throw new CliError(args, result);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** The last lines of glusterd's log, for error messages. */
  logTail(lines = 20): string {
    const read = (name: string) => {
      try {
        return readFileSync(join(this.logDirectory, name), 'utf8')
          .trimEnd()
          .split('\n')
          .slice(-lines)
          .join('\n');
      } catch {
        return '';
      }
    };
    return `${read('glusterd.out')}\n${read('glusterd.log')}`;
  }
}
