/** How the process ends. coreutils' numbers, but for wrong usage, which is 2 everywhere here. */
export const ExitCode = {
  success: 0,
  failure: 1,
  usage: 2,
  /** 128 + SIGINT, SIGPIPE, SIGTERM, as a shell shows a process that died of them. */
  interrupted: 130,
  brokenPipe: 141,
  terminated: 143,
} as const;

/** The command line makes no sense: exit code 2, and a hint at `--help`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A failure whose message is complete: printed behind `glfs: ` as it is. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    message: string,
    readonly details: { cause?: unknown; status?: number } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
  }
}

/** Nothing can be printed any more: that ends the command, unlike a failure with one of its files. */
export class OutputError extends CommandError {}

/** The user, or the reader of our output, has had enough: nothing is said about it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(readonly status: number = ExitCode.interrupted) {
    super('interrupted');
  }
}
