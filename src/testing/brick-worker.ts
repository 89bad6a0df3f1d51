import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ErrnoCode, GlfsError } from '../errors.ts';
import { type Logger, silent } from '../logger.ts';
import type { FopName } from '../protocol/fops.ts';
import type { LogLine } from './brick-log.ts';
import type { BrickOrders } from './brick-orders.ts';
import type { FaultRule } from './types.ts';

/** What goes to the process of a brick, and what comes back. */
export interface Order {
  readonly id: number;
  readonly order: keyof BrickOrders;
  readonly given: readonly unknown[];
}
export interface Outcome {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: ErrnoCode; readonly reason: string };
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: GlfsError): void;
}

/** Children of this process: a stopped one would not notice that its parent is gone. */
const children = new Set<ChildProcess>();
const killAll = (): void => {
  for (const child of children) child.kill('SIGKILL');
};

/** Whether a thread of the process has not taken its SIGSTOP yet and may still answer; unknown without procfs. */
function stillRuns(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some(
      (thread) => !/\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')),
    );
  } catch {
    return false;
  }
}

/** A brick in a process of its own: killed and frozen by signals, as one would a glusterfsd. */
export class BrickWorker implements BrickOrders {
  private child: ChildProcess | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;
  private stopped = false;

  constructor(
    private readonly name: string,
    /** Told when the process ends by itself. */
    private readonly onDeath: () => void,
    private readonly log: Logger = silent,
  ) {}

  async start(volfile: string): Promise<number> {
    const child = fork(...program(this.name, this.log !== silent));
    this.child = child;
    if (children.size === 0) process.on('exit', killAll);
    children.add(child);
    child.on('message', (message: Outcome | { readonly line: LogLine }) => {
      if ('line' in message) this.tell(message.line);
      else this.settle(message);
    });
    child.on('error', () => {});
    child.once('exit', () => this.ended(child));
    // What serves must not keep a program alive that has done its work.
    child.unref();
    child.channel?.unref();
    try {
      return (await this.order('start', volfile)) as number;
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  private ended(child: ChildProcess): void {
    children.delete(child);
    if (children.size === 0) process.off('exit', killAll);
    if (this.child !== child) return;
    this.child = undefined;
    for (const { reject } of this.waiting.values()) reject(this.down());
    this.waiting.clear();
    this.onDeath();
  }

  private down(): GlfsError {
    return new GlfsError('ENOTCONN', `brick ${this.name} is down`);
  }

  private tell({ level, details, message }: LogLine): void {
    this.log[level]({ brick: this.name, ...details }, message);
  }

  private settle({ id, result, error }: Outcome): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.child?.channel?.unref();
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new GlfsError(error.code, error.reason));
  }

  private async order(order: keyof BrickOrders, ...given: unknown[]): Promise<unknown> {
    const { child } = this;
    if (child === undefined) throw this.down();
    const id = this.next++;
    child.channel?.ref();
    return new Promise<unknown>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      const message: Order = { id, order, given };
      child.send(message, (error) => {
        if (error !== null && this.waiting.delete(id)) reject(this.down());
      });
    });
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.ref();
    child.kill('SIGKILL');
    await gone;
  }

  async freeze(): Promise<void> {
    const { child } = this;
    if (child?.pid === undefined) throw this.down();
    child.kill('SIGSTOP');
    this.stopped = true;
    while (this.stopped && this.child === child && stillRuns(child.pid)) await sleep(1);
  }

  async thaw(): Promise<void> {
    if (this.child === undefined) throw this.down();
    this.stopped = false;
    this.child.kill('SIGCONT');
  }

  async disconnectClients(): Promise<void> {
    await this.order('disconnectClients');
  }
  async addFault(rule: FaultRule): Promise<number> {
    return (await this.order('addFault', rule)) as number;
  }
  async removeFault(rule: number): Promise<void> {
    await this.order('removeFault', rule);
  }
  async faultActed(rule: number): Promise<number> {
    return (await this.order('faultActed', rule)) as number;
  }
  async clearFaults(): Promise<void> {
    await this.order('clearFaults');
  }
  async fill(full: boolean): Promise<void> {
    await this.order('fill', full);
  }
  async counts(): Promise<Partial<Record<FopName, number>>> {
    return (await this.order('counts')) as Partial<Record<FopName, number>>;
  }
}

/** The entry beside this file: in dist/ a program of its own, in a checkout a source that tsx runs. */
function program(name: string, logs: boolean): Parameters<typeof fork> {
  const fromSources = import.meta.url.endsWith('.ts');
  const entry = new URL(fromSources ? './brick-entry.ts' : './testing-brick.js', import.meta.url);
  const execArgv = fromSources ? ['--import', createRequire(import.meta.url).resolve('tsx')] : [];
  return [
    fileURLToPath(entry),
    logs ? [name, 'log'] : [name],
    // Infinity, which rules may have, is no JSON.
    { execArgv, serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  ];
}
