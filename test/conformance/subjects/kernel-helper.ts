import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('kernel-helper.py', import.meta.url));

type Answer = { id: number; value?: unknown; code?: string };

/** A process that makes the system calls which this one can't: see kernel-helper.py. */
export class KernelHelper {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private last = 0;

  /** Whether there is a Python to run it. */
  static get available(): boolean {
    return spawnSync('python3', ['-c', 'import fcntl, ctypes']).status === 0;
  }

  constructor() {
    this.child = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
  }

  /** Rejects with an error whose `code` is the errno's name. */
  async ask(what: string, call: object): Promise<unknown> {
    const id = ++this.last;
    const { code, value } = await new Promise<Answer>((resolve) => {
      this.waiting.set(id, resolve);
      this.child.stdin!.write(`${JSON.stringify({ id, do: what, ...call })}\n`);
    });
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${what}`), { code });
    return value;
  }

  /** Locks of what is still open go with it. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill();
    await ended;
  }
}
