/**
 * Does `text` match `pattern`, as fnmatch(3) without flags has it? `*` any run, `?` one character, `[a-z]`, `[!a-z]`, `\` the next
 * character itself. Clients choose the patterns: a regular expression of many stars would never come back, this takes at
 * most the product of both lengths.
 */
export function matchesShellPattern(pattern: string, text: string): boolean {
  let at = 0;
  let next = 0;
  /** Behind the last star, and how far into the text that star reaches. */
  let star = -1;
  let reach = 0;
  while (next < text.length) {
    if (pattern[at] === '*') {
      star = ++at;
      reach = next;
      continue;
    }
    const length = matchOne(pattern, at, text[next]!);
    if (length > 0) {
      at += length;
      next++;
    } else if (star >= 0) {
      at = star;
      next = ++reach;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at >= pattern.length;
}

/** Length of the piece of the pattern at `at`, where it stands for `char`; 0 where it doesn't. */
function matchOne(pattern: string, at: number, char: string): number {
  switch (pattern[at]) {
    case undefined:
      return 0;
    case '?':
      return 1;
    case '\\':
      if (at + 1 < pattern.length) return pattern[at + 1] === char ? 2 : 0;
      break;
    case '[': {
      const set = setAt(pattern, at);
      if (set !== undefined) return set.has(char) ? set.length : 0;
    }
  }
  return pattern[at] === char ? 1 : 0;
}

/** A set in brackets; undefined where the bracket is never closed, and stands for itself. */
function setAt(pattern: string, at: number): { length: number; has(char: string): boolean } | undefined {
  const negated = pattern[at + 1] === '!' || pattern[at + 1] === '^';
  const first = at + (negated ? 2 : 1);
  // A bracket right at the front belongs to the set.
  const end = pattern.indexOf(']', first + 1);
  if (end < 0) return undefined;
  const has = (char: string): boolean => {
    for (let index = first; index < end; index++) {
      const low = pattern[index]!;
      const isRange = pattern[index + 1] === '-' && index + 2 < end;
      const high = isRange ? pattern[index + 2]! : low;
      if (char >= low && char <= high) return !negated;
      if (isRange) index += 2;
    }
    return negated;
  };
  return { length: end + 1 - at, has };
}
