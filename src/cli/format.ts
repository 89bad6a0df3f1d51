import type { AnyStats } from '../api/types.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '../protocol/iatt.ts';

const types: Readonly<Record<number, { letter: string; name: string; long: string }>> = {
  [S_IFREG]: { letter: '-', name: 'file', long: 'regular file' },
  [S_IFDIR]: { letter: 'd', name: 'directory', long: 'directory' },
  [S_IFLNK]: { letter: 'l', name: 'symlink', long: 'symbolic link' },
  [S_IFIFO]: { letter: 'p', name: 'fifo', long: 'fifo' },
  [S_IFSOCK]: { letter: 's', name: 'socket', long: 'socket' },
  [S_IFBLK]: { letter: 'b', name: 'block', long: 'block special file' },
  [S_IFCHR]: { letter: 'c', name: 'character', long: 'character special file' },
};
const unknown = { letter: '?', name: 'unknown', long: 'weird file' };

/** Type of a mode: the letter of ls, our name of it, the words of stat(1). */
export function typeOf(mode: number): { letter: string; name: string; long: string } {
  return types[mode & S_IFMT] ?? unknown;
}

/** `-rwsr-xr-t`, as ls shows type and permissions. */
export function modeText(mode: number): string {
  const bits = [6, 3, 0].map((shift, index) => {
    const three = (mode >> shift) & 7;
    const special = (mode & (0o4000 >> index)) !== 0;
    const [plain, both, only] = index === 2 ? ['x', 't', 'T'] : ['x', 's', 'S'];
    const execute = (three & 1) !== 0 ? (special ? both : plain) : special ? only : '-';
    return `${(three & 4) !== 0 ? 'r' : '-'}${(three & 2) !== 0 ? 'w' : '-'}${execute}`;
  });
  return typeOf(mode).letter + bits.join('');
}

export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

/** Major and minor number of a Linux dev_t. */
export function deviceNumbers(rdev: number | bigint): { major: number; minor: number } {
  const bits = BigInt(rdev);
  return {
    major: Number(((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n)),
    minor: Number((bits & 0xffn) | ((bits >> 12n) & 0xffffff00n)),
  };
}

export function isDevice(stats: AnyStats): boolean {
  return stats.isBlockDevice() || stats.isCharacterDevice();
}

export type Alignment = 'left' | 'right';

/** Rows of cells, each column as wide as its widest cell, one blank between; the last column is not filled up. */
export function alignRows(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell));
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const blanks = ' '.repeat(widths[index]! - width(cell));
        if (alignments[index] === 'right') return blanks + cell;
        return index === row.length - 1 ? cell : cell + blanks;
      })
      .join(' '),
  );
}

/** Names in as few lines as fit, down the columns first: ls on a terminal. */
export function inColumns(names: readonly string[], lineWidth: number): string[] {
  const widths = names.map(width);
  const narrowest = widths.reduce((least, value) => Math.min(least, value), lineWidth);
  const mostColumns = Math.floor(lineWidth / (narrowest + 2)) + 1;
  for (let lines = Math.ceil(names.length / mostColumns); lines < names.length; lines++) {
    const columns = Math.ceil(names.length / lines);
    const wide = Array.from({ length: columns }, (_, column) =>
      widths.slice(column * lines, (column + 1) * lines).reduce((most, value) => Math.max(most, value), 0),
    );
    if (wide.reduce((sum, value) => sum + value + 2, -2) > lineWidth) continue;
    return Array.from({ length: lines }, (_, line) =>
      wide
        .map((columnWidth, column) => {
          const index = column * lines + line;
          const name = names[index] ?? '';
          const last = index + lines >= names.length;
          return last ? name : name + ' '.repeat(columnWidth + 2 - width(name));
        })
        .join(''),
    );
  }
  return [...names];
}

/** East Asian wide characters and emoji, roughly: they take two columns of a terminal. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const COMBINING = /\p{Mark}/u;

/** Columns of a terminal that a text takes. */
export function width(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}
