import { fromBricks } from '../api/connect/index.ts';
import { BRICKS } from './bricks.ts';
import { CommandError, ExitCode, Interrupted, OutputError, UsageError } from './errors.ts';
import { connectOptionsOf, credentialsOf, type GlobalOptions, timeoutOf } from './global-options.ts';
import { Output, type Sink } from './output.ts';
import { parseCommandLine, type ToRun } from './program.ts';
import { Progress } from './progress.ts';
import { Report } from './report.ts';
import { Session } from './session.ts';
import { reasonOf } from './strerror.ts';
import { type Connect, Volumes } from './volumes.ts';

/** What surrounds the process; tests give their own. */
export interface World {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Sink;
  readonly stderr: (text: string) => void;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Columns of standard output, if that is a terminal. */
  readonly columns: number | undefined;
  /** Standard error, if that is a terminal. */
  readonly terminal: NodeJS.WritableStream | undefined;
  /** Aborted, with an Interrupted as reason, by signals. */
  readonly signal: AbortSignal;
  readonly umask: number;
  readonly connect: Connect;
}

/** Runs one command line; resolves to the exit code when all volumes are closed. */
export async function run(world: World): Promise<number> {
  const parsed = parseCommandLine(world.argv);
  if (parsed.kind === 'wrong') return wrongUsage(world, parsed.message, parsed.name);
  const isJson = parsed.kind === 'run' && parsed.globals.json === true;
  const report = new Report(world.stderr, isJson, () => world.signal.aborted);
  try {
    if (parsed.kind === 'text') await new Output(world.stdout, false).print(parsed.text);
    else await execute(parsed, sessionOf(world, parsed.globals, report));
  } catch (error) {
    const reason: unknown = world.signal.aborted ? world.signal.reason : error;
    if (reason instanceof Interrupted) return reason.status;
    if (error instanceof UsageError)
      return wrongUsage(world, error.message, parsed.kind === 'run' ? parsed.name : '');
    const { message, details } =
      error instanceof CommandError ? error : new CommandError(reasonOf(error), { cause: error });
    report.problem(message, details);
  }
  return report.status;
}

async function execute({ spec, operands, options }: ToRun, session: Session): Promise<void> {
  try {
    await spec.run(session, operands, options);
    await session.out.finish();
  } catch (error) {
    // What was printed before the failure is to be seen.
    const isMute = [Interrupted, UsageError, OutputError].some((kind) => error instanceof kind);
    if (!isMute) await session.out.finish();
    throw error;
  } finally {
    session.progress.hide();
    await session.report.attempt('cannot close the volume', () => session.volumes.close());
  }
}

function sessionOf(world: World, globals: GlobalOptions, report: Report): Session {
  const { env, signal, umask, stderr } = world;
  const progress = new Progress(globals.quiet || globals.json ? undefined : world.terminal);
  report.beforePrinting = progress.hide;
  const write = (text: string): void => {
    progress.hide();
    stderr(text);
  };
  const options = connectOptionsOf(globals, { env, signal, write });
  return new Session({
    out: new Output(world.stdout, globals.json === true, world.columns),
    report,
    volumes: new Volumes(connectBy(world, globals), options, credentialsOf(globals, umask)),
    progress,
    logger: options.logger,
    signal,
    stdin: world.stdin,
    umask,
    timeout: timeoutOf(globals),
  });
}

/** `bricks:` is the volume whose directories `--bricks` names; all else is connected to. */
function connectBy(world: World, { bricks = [], partial }: GlobalOptions): Connect {
  return (url, options) => {
    if (url !== BRICKS) return world.connect(url, options);
    if (bricks.length === 0) throw new UsageError(`${BRICKS} needs the option --bricks`);
    return fromBricks(bricks, { ...options, partial });
  };
}

function wrongUsage({ stderr }: World, message: string, name: string): number {
  stderr(`glfs: ${message}\nTry 'glfs ${name === '' ? '' : `${name} `}--help' for more information.\n`);
  return ExitCode.usage;
}
