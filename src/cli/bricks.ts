import { UsageError } from './errors.ts';
import { encodeName } from './locate.ts';

/** URL of files that are read from brick directories: `bricks:/path`. */
export const BRICKS = 'bricks:';

/** Which operands of a command are files of the volume: those become `bricks:` URLs with `--bricks`. */
export type OfflineOperands = 'all' | 'sources';

/**
 * Takes `--bricks DIR…` out of a command line: all words up to the command (or the next option) are directories, or `-` for one
 * that is missing.
 * @throws UsageError where no directory follows
 */
export function splitBricks(
  argv: readonly string[],
  isCommand: (word: string) => boolean,
): { argv: readonly string[]; bricks: readonly string[] } {
  const at = argv.findIndex((word) => word === '--bricks' || word.startsWith('--bricks='));
  if (at < 0) return { argv, bricks: [] };
  const first = argv[at] === '--bricks' ? [] : [argv[at]!.slice('--bricks='.length)];
  let end = at + 1;
  const isPlace = (word: string): boolean => word === '-' || !(word.startsWith('-') || isCommand(word));
  while (end < argv.length && isPlace(argv[end]!)) end++;
  const bricks = [...first, ...argv.slice(at + 1, end)];
  const rest = splitBricks([...argv.slice(0, at), ...argv.slice(end)], isCommand);
  if (bricks.length === 0 || bricks.includes('')) throw new UsageError('--bricks needs directories');
  return { argv: rest.argv, bricks: [...bricks, ...rest.bricks] };
}

/** Paths of a command line as `bricks:` URLs. No path means the root, where every operand is one. */
export function brickOperands(operands: readonly string[], which: OfflineOperands): readonly string[] {
  if (which === 'sources') return [...operands.slice(0, -1).map(toUrl), ...operands.slice(-1)];
  return operands.length === 0 ? [`${BRICKS}/`] : operands.map(toUrl);
}

function toUrl(path: string): string {
  if (path.startsWith(`${BRICKS}/`)) return path;
  // A path is a path: what looks like an escape in it is none.
  const encoded = path.split('/').map(encodeName).join('/');
  return `${BRICKS}${encoded.startsWith('/') ? '' : '/'}${encoded}`;
}
