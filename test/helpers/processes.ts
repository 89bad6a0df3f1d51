import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { waitUntil } from './wait.ts';

/** What a finished command left behind. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end without stdin and without a shell. Does not throw on a non-zero exit code. */
export function run(file: string, args: readonly string[], timeoutMs = 120_000): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      [...args],
      { maxBuffer: 256 * 1024 * 1024, timeout: timeoutMs, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (error && typeof error.code === 'string') return reject(error);
        if (error?.killed)
          return reject(new Error(`${file} ${args.join(' ')}: no end after ${timeoutMs} ms`));
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}

/** Runs a command and returns its stdout; a non-zero exit code throws with what it said. */
export async function runOk(file: string, args: readonly string[], timeoutMs?: number): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, timeoutMs);
  if (code !== 0)
    throw new Error(`${file} ${args.join(' ')}: exit code ${code}: ${stderr.trim()} ${stdout.trim()}`);
  return stdout;
}

/** Starts a daemon that outlives an interrupt of the terminal; stdout and stderr are appended to `logFile`. */
export function spawnDaemon(file: string, args: readonly string[], logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(file, [...args], { detached: true, stdio: ['ignore', log, log] });
  child.unref();
  return child;
}

/** True while a process runs. A zombie is dead: some init processes of containers never reap. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

/** True while a process runs with `word` within one of its arguments: pids are used again, and not by us. */
export function runsWith(pid: number, word: string): boolean {
  if (!(pid > 0) || !isAlive(pid)) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
  } catch {
    return false;
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  // Zero and below would mean whole process groups, ours among them.
  if (!(pid > 0)) throw new RangeError(`no process ${pid}`);
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Signals one process and waits until it is gone. */
export async function killAndWait(
  pid: number,
  name: NodeJS.Signals = 'SIGKILL',
  timeoutMs = 20_000,
): Promise<void> {
  signal(pid, name);
  await waitUntil(() => !isAlive(pid), { what: `the end of process ${pid} after ${name}`, timeoutMs });
}

/** A gluster process that belongs to a pool. */
export interface PoolProcess {
  pid: number;
  argv: string[];
}

/**
 * All live gluster processes with `directory` in their command line. A pool lives in a directory made by
 * mkdtemp and hands it to everything that it starts, so the path alone tells our processes from others.
 */
export function processesOf(directory: string): PoolProcess[] {
  const found: PoolProcess[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    let argv: string[];
    try {
      argv = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
    } catch {
      continue;
    }
    const program = argv[0]?.slice(argv[0].lastIndexOf('/') + 1) ?? '';
    if (!/^gluster/.test(program) || !argv.some((word) => word.includes(`${directory}/`))) continue;
    if (isAlive(pid)) found.push({ pid, argv });
  }
  return found;
}

/** Kills every process of a pool's directory until none is left; daemons may fork while we look. */
export async function killProcessesOf(directory: string): Promise<void> {
  await waitUntil(
    () => {
      const left = processesOf(directory);
      for (const { pid } of left) signal(pid, 'SIGKILL');
      return left.length === 0;
    },
    { what: `the end of all processes of ${directory}` },
  );
}

/** Mount points at or below a directory, the deepest first. */
export function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length);
}

/**
 * The reaper holds the read end of a pipe of this process. When this process ends, by whatever means, the pipe
 * ends too, and the reaper kills what the pool left, unmounts what it mounted and removes its directory.
 */
const reaperScript = `
cat >/dev/null
[ -d "$GLFS_POOL" ] || exit 0
for round in 1 2 3 4 5; do
  for entry in /proc/[0-9]*; do
    pid=\${entry#/proc/}
    line=$(tr '\\0' '\\n' 2>/dev/null <"$entry/cmdline") || continue
    case "$line" in gluster*|/*/gluster*) ;; *) continue ;; esac
    case "$line" in *"$GLFS_POOL/"*) kill -9 "$pid" 2>/dev/null ;; esac
  done
  sleep 0.2
done
while read -r device point rest; do
  case "$point" in "$GLFS_POOL"/*) umount -l "$point" ;; esac
done </proc/self/mounts
rm -rf --one-file-system "$GLFS_POOL"
`;

/** Starts the reaper of a directory. It needs no stop: with the directory gone it has nothing to do. */
export function startReaper(directory: string): void {
  if (!existsSync(directory)) throw new Error(`no such directory: ${directory}`);
  const child = spawn('/bin/sh', ['-c', reaperScript], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH, GLFS_POOL: directory },
  });
  child.unref();
  const pipe = child.stdin as unknown as { unref(): void };
  pipe.unref();
}
