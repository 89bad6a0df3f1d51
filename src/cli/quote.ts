import { encodeText } from '../xdr/index.ts';

/** Control characters, and lone surrogates: bytes that are no UTF-8 (see xdr/text.ts). */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
const escapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
};

/** A name in quotes that a shell reads back, as coreutils show names in messages ("shell-escape-always"). */
export function quote(text: string): string {
  if (UNPRINTABLE.test(text)) return escaped(text);
  if (!text.includes("'")) return `'${text}'`;
  if (!/["$`\\!]/.test(text)) return `"${text}"`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What a shell splits, expands or takes for syntax. Letters of any script are none of it. */
const SPECIAL = /[\s!"#$&'()*;<=>?[\\\]`{|}~]/;

/** As `quote`, but a name that a shell takes as it is stays bare: how `ls` shows names on a terminal. */
export function quoteIfNeeded(text: string): string {
  return text === '' || SPECIAL.test(text) || UNPRINTABLE.test(text) ? quote(text) : text;
}

/** `'a'$'\n''b'`: runs of plain text in quotes, runs of others in `$'…'`. */
function escaped(text: string): string {
  let result = '';
  let mode: 'plain' | 'escape' | undefined;
  for (const character of text) {
    const next = UNPRINTABLE.test(character) ? 'escape' : 'plain';
    if (next !== mode) result += mode === undefined ? '' : "'";
    if (next !== mode) result += next === 'escape' ? (mode === undefined ? "''$'" : "$'") : "'";
    mode = next;
    if (next === 'escape') result += escapeOf(character);
    else result += character === "'" ? "'\\''" : character;
  }
  return `${result}'`;
}

function escapeOf(character: string): string {
  const known = escapes[character];
  if (known !== undefined) return known;
  return [...encodeText(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
