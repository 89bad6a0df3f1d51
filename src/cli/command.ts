import type { OfflineOperands } from './bricks.ts';
import { UsageError } from './errors.ts';
import { isVolumeUrl, locate } from './locate.ts';
import type { Session } from './session.ts';

/** An option, as commander describes it: `-s, --size <size>`. */
export interface OptionSpec {
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
  readonly default?: string;
  /** May be given several times: its value is an array. */
  readonly repeated?: boolean;
}

/** One command of the command line; `commands/index.ts` lists them. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** What the help says beyond the summary. */
  readonly description?: string;
  /** Operands for the usage line: `URL...`. */
  readonly operands: string;
  readonly options: readonly OptionSpec[];
  /** Command lines without `glfs`, and what they do. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Which operands name files of the volume; absent where the command can't do without servers. */
  readonly offline?: OfflineOperands;
  readonly subcommands?: readonly CommandSpec[];
  /** Failures that end the command are thrown, others reported. */
  run(session: Session, operands: readonly string[], options: object): Promise<void>;
}

interface TypedSpec<O extends object> extends Omit<CommandSpec, 'run'> {
  run(session: Session, operands: readonly string[], options: O): Promise<void>;
}

/** Describes a command whose parsed options are an O: commander gives them by the long names, in camel case. */
export function command<O extends object>(spec: TypedSpec<O>): CommandSpec {
  return { ...spec, run: (session, operands, options) => spec.run(session, operands, options as O) };
}

/** @throws UsageError where there is no operand, or one is no volume URL: before anything is done */
export function requireUrls(operands: readonly string[]): void {
  if (operands.length === 0) throw new UsageError('missing operand');
  for (const operand of operands) locate(operand);
}

/** @throws UsageError for something that begins like a volume URL and is none */
export function checkOperands(operands: readonly string[]): void {
  for (const operand of operands) if (isVolumeUrl(operand)) locate(operand);
}
