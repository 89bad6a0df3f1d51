/** A line of a list of checksums: of which file, and which. */
export interface ChecksumLine {
  readonly name: string;
  /** In hexadecimal, lower case. */
  readonly hex: string;
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };
const meanings: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r' };

/** As sha256sum prints it: a backslash in front says that there are escapes in the name. */
export function printChecksum({ name, hex }: ChecksumLine): string {
  const escaped = escapeName(name);
  return `${escaped === name ? '' : '\\'}${hex}  ${escaped}`;
}

/** A name in front of a verdict, marked in the same way. */
export function printName(name: string): string {
  const escaped = escapeName(name);
  return escaped === name ? name : `\\${escaped}`;
}

/** What would end the line, or be taken for an escape. */
function escapeName(name: string): string {
  return name.replace(/[\\\n\r]/g, (character) => escapes[character]!);
}

/** Reads such a line, with either mark (two blanks, or a blank and `*`) and hexadecimal digits of either case. */
export function parseChecksum(line: string, bytes: number): ChecksumLine | undefined {
  const match = /^(\\?)([0-9a-f]+) [ *]([^\0]+)$/i.exec(line);
  if (match === null || match[2]!.length !== 2 * bytes) return undefined;
  const [, escaped, hex, shown] = match as unknown as [string, string, string, string];
  const name = escaped === '' ? shown : unescapeName(shown);
  return name === undefined ? undefined : { name, hex: hex.toLowerCase() };
}

function unescapeName(shown: string): string | undefined {
  if (/\\(?![\\nr])/.test(shown.replaceAll('\\\\', ''))) return undefined;
  return shown.replace(/\\[\\nr]/g, (pair) => meanings[pair]!);
}
