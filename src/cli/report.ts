import { CommandError, ExitCode, OutputError } from './errors.ts';
import { failed } from './failed.ts';
import { codeOf } from './strerror.ts';

export interface Attempt {
  /** What could not be done: `cannot access 'x'`; the reason follows behind a colon. */
  readonly message: string;
  /** Exit code for a failure (default 1). */
  readonly status?: number;
}

/** Says what went wrong on standard error, and remembers that something did: one failure doesn't end a command. */
export class Report {
  private worst: number = ExitCode.success;
  /** Called before something is printed: a progress bar must get out of the way. */
  beforePrinting: (() => void) | undefined;

  constructor(
    private readonly write: (text: string) => void,
    private readonly json: boolean,
    /** True as soon as failures are only the consequence of a signal. */
    private readonly isInterrupted: () => boolean = () => false,
  ) {}

  get status(): number {
    return this.worst;
  }

  /** A failure whose message is complete. */
  problem(
    message: string,
    { cause, status = ExitCode.failure }: { cause?: unknown; status?: number } = {},
  ): void {
    this.worst = Math.max(this.worst, status);
    this.print(message, cause);
  }

  /** A failure that nothing is to be said about. */
  silentProblem(): void {
    this.worst = Math.max(this.worst, ExitCode.failure);
  }

  /** Something that the user should know, but that doesn't change the exit code. */
  note(message: string): void {
    this.print(message, undefined);
  }

  /** A failure with its reason behind a colon. @throws the error itself where it ends the run: a signal, wrong usage */
  failure({ message, status }: Attempt, error: unknown): void {
    const told = failed(message, error, status);
    if (!(told instanceof CommandError) || told instanceof OutputError || this.isInterrupted()) throw error;
    this.problem(told.message, { cause: told.details.cause, status: told.details.status ?? status });
  }

  /** Does something; a failure is reported, and undefined comes back. */
  async attempt<T>(attempt: Attempt | string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.failure(typeof attempt === 'string' ? { message: attempt } : attempt, error);
      return undefined;
    }
  }

  private print(message: string, cause: unknown): void {
    this.beforePrinting?.();
    if (!this.json) {
      this.write(`glfs: ${message}\n`);
      return;
    }
    const { syscall, path, outcome } = (cause ?? {}) as Record<string, unknown>;
    const error = { message, code: codeOf(cause), syscall, path, outcome };
    this.write(`${JSON.stringify({ error })}\n`);
  }
}
