import { Command, CommanderError, Option } from 'commander';
import { brickOperands, splitBricks } from './bricks.ts';
import type { CommandSpec, OptionSpec } from './command.ts';
import { commands } from './commands/index.ts';
import { ExitCode, UsageError } from './errors.ts';
import { type GlobalOptions, globalOptions } from './global-options.ts';
import { version } from './version.ts';

/** A command that makes sense as far as options go. */
export interface ToRun {
  readonly kind: 'run';
  /** With the names of the commands that it is in: `xattr get`. */
  readonly name: string;
  readonly spec: CommandSpec;
  readonly operands: readonly string[];
  readonly options: object;
  readonly globals: GlobalOptions;
}

/** What the command line asks for. */
export type Parsed =
  | ToRun
  /** Help or the version: text for standard output. */
  | { readonly kind: 'text'; readonly text: string }
  /** Wrong usage. */
  | { readonly kind: 'wrong'; readonly message: string; readonly name: string };

/** Reads the command line: arguments without `node` and the script. Nothing is done yet. */
export function parseCommandLine(line: readonly string[]): Parsed {
  try {
    const { argv, bricks } = splitBricks(line, (word) => commands.some(({ name }) => name === word));
    return parse(argv, bricks);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { kind: 'wrong', message: error.message, name: nameOf(line) };
  }
}

/** @throws UsageError */
function parse(argv: readonly string[], bricks: readonly string[]): Parsed {
  let parsed: Parsed | undefined;
  let text = '';
  const program = buildProgram({
    chosen: (name, spec, operands, options) => {
      const globals = { ...program.opts<GlobalOptions>(), bricks };
      parsed = {
        kind: 'run',
        name,
        spec,
        operands: onBricks(name, spec, operands, bricks),
        options,
        globals,
      };
    },
    print: (part) => {
      text += part;
    },
  });
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === ExitCode.success) return { kind: 'text', text };
    if (error.code === 'commander.help') return { kind: 'text', text: program.helpInformation() };
    const message = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
    return { kind: 'wrong', message, name: nameOf(argv) };
  }
  return parsed ?? { kind: 'text', text };
}

/** @throws UsageError for a command that needs servers */
function onBricks(
  name: string,
  { offline }: CommandSpec,
  operands: readonly string[],
  bricks: readonly string[],
): readonly string[] {
  if (bricks.length === 0) return operands;
  if (offline === undefined) throw new UsageError(`${name} does not go with --bricks`);
  return brickOperands(operands, offline);
}

interface Hooks {
  chosen(name: string, spec: CommandSpec, operands: readonly string[], options: object): void;
  print(text: string): void;
}

function buildProgram(hooks: Hooks): Command {
  const program = new Command('glfs')
    .description(
      'Files of GlusterFS volumes, without a mount. URL: gluster://HOST[:PORT][,HOST2]/VOLUME/PATH',
    )
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({ writeOut: hooks.print, writeErr: () => {}, outputError: () => {} })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nHelp with examples: glfs COMMAND --help. Exit codes: 0, 1 for failures, 2 for wrong usage.',
    );
  for (const spec of globalOptions) program.addOption(optionOf(spec));
  for (const spec of commands) addCommand(program, spec, hooks);
  program.configureHelp({
    subcommandTerm: (command) => `${command.name()} ${command.usage()}`.replace('[options] ', ''),
  });
  return program;
}

function addCommand(parent: Command, spec: CommandSpec, hooks: Hooks, path = ''): void {
  const name = `${path}${spec.name}`;
  const command = parent.command(spec.name).summary(spec.summary).description(describe(spec));
  if (spec.subcommands === undefined) command.usage(`[options] ${spec.operands}`.trimEnd());
  for (const option of spec.options) command.addOption(optionOf(option));
  command.addHelpText('after', helpTail(spec, name));
  for (const inner of spec.subcommands ?? []) addCommand(command, inner, hooks, `${name} `);
  command.argument('[operands...]').action((operands: string[], options: object) => {
    hooks.chosen(name, spec, operands, options);
  });
  // The usage line tells the operands already.
  command.configureHelp({ visibleArguments: () => [] });
}

function describe({ summary, description }: CommandSpec): string {
  const first = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  return description === undefined ? first : `${first} ${description}`;
}

function helpTail({ examples }: CommandSpec, name: string): string {
  const lines = examples.flatMap(([line, meaning]) => [
    `  glfs ${line}`,
    ...(meaning === '' ? [] : [`      ${meaning}`]),
  ]);
  const shown = lines.length === 0 ? '' : `\nExamples of glfs ${name}:\n${lines.join('\n')}\n`;
  return `${shown}\nOptions of all commands (--json, --user, --tls-ca …): glfs --help`;
}

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.help);
  if (spec.choices !== undefined) option.choices([...spec.choices]);
  if (spec.default !== undefined) option.default(spec.default);
  if (spec.repeated)
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** The command for the hint at its help, as far as it can be told from a command line that makes no sense. */
function nameOf(argv: readonly string[]): string {
  return argv.find((word) => commands.some(({ name }) => name === word)) ?? '';
}
