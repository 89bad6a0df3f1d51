import { UsageError } from './errors.ts';

const CLAUSE = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/;
const BITS: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111, X: 0o111 };
const WHO: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 };
const SHIFT: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

/**
 * Permissions as chmod(1) takes them, `0755` or `u=rwx,g+s,o-w`, applied to those of a new directory.
 * @throws UsageError `invalid mode`
 */
export function parseMode(text: string, { base, umask }: { base: number; umask: number }): number {
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  return text.split(',').reduce((mode, clause) => {
    const match = CLAUSE.exec(clause);
    if (match === null) throw new UsageError(`invalid mode '${text}'`);
    const [, who = '', actions = ''] = match;
    // Without a letter of whom, the umask keeps its bits.
    const scope = who === '' ? 0o7777 & ~umask : [...who].reduce((sum, letter) => sum | WHO[letter]!, 0);
    return actions.match(/[-+=][^-+=]*/g)!.reduce((current, action) => applied(current, action, scope), mode);
  }, base);
}

function applied(mode: number, action: string, scope: number): number {
  const bits = bitsOf(mode, action.slice(1)) & scope;
  if (action.startsWith('+')) return mode | bits;
  if (action.startsWith('-')) return mode & ~bits;
  return (mode & ~scope) | bits;
}

function bitsOf(mode: number, letters: string): number {
  const copied = SHIFT[letters];
  if (copied !== undefined) return ((mode >> copied) & 7) * 0o111;
  return [...letters].reduce(
    (sum, letter) => sum | (letter === 's' ? 0o6000 : letter === 't' ? 0o1000 : BITS[letter]!),
    0,
  );
}
