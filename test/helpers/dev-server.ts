import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { killAndWait } from './processes.ts';
import { waitUntil } from './wait.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** What `glfs --json dev` says once it serves. */
interface Announced {
  url: string;
  directory: string;
  bricks: { directory: string; port: number }[];
}

/** `glfs dev` as a process of its own. It ends with this one. */
export class DevServer {
  private constructor(
    private readonly child: ChildProcess,
    readonly announced: Announced,
    private readonly log: string,
  ) {}

  /** Starts it and returns when it serves. `args` are further words of the command line. Logs are kept from warnings on. */
  static async start(host: string, directory: string, args: readonly string[] = []): Promise<DevServer> {
    const log = `${directory}.log`;
    const said = existsSync(log) ? readFileSync(log, 'utf8').length : 0;
    const words = ['--json', '--log-level=warn', 'dev', '--host', host, '--directory', directory, ...args];
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...words], {
      stdio: ['ignore', 'pipe', openSync(log, 'a')],
    });
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    let out = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    const state = await waitUntil(
      () =>
        out.includes('\n') ? 'serves' : child.exitCode === null && child.signalCode === null ? '' : 'ended',
      { what: `glfs dev on ${host}`, timeoutMs: 30_000 },
    ).catch((error: unknown) => {
      kill();
      throw error;
    });
    if (state === 'ended') throw new Error(`glfs dev has ended: ${readFileSync(log, 'utf8').slice(said)}`);
    return new DevServer(child, JSON.parse(out) as Announced, log);
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** `gluster://HOST:24007/demo` */
  get url(): string {
    return this.announced.url;
  }

  /** What it logged, from warnings on, since the directory is used. */
  logged(): string[] {
    return readFileSync(this.log, 'utf8').split('\n').filter(Boolean);
  }

  /** As a crash ends it. */
  async kill(): Promise<void> {
    await killAndWait(this.pid, 'SIGKILL');
  }

  /** As ^C ends it; resolves to its exit code. */
  async stop(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.child.once('exit', resolve));
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    this.child.kill('SIGINT');
    return ended;
  }
}
