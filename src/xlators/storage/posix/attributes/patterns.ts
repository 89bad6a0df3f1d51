const SPECIAL = /[*?[\\]/;

/** Whether an asked-for name stands for several (fnmatch(3)). */
export function isPattern(name: string): boolean {
  return SPECIAL.test(name);
}

/** fnmatch(3) without flags: `*` and `?` match dots and slashes, too. */
export function matcher(pattern: string): (name: string) => boolean {
  if (!isPattern(pattern)) return (name) => name === pattern;
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    const end = char === '[' ? pattern.indexOf(']', at + 2) : -1;
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (end > 0) {
      source += bracket(pattern.slice(at + 1, end));
      at = end;
    } else if (char === '\\' && at + 1 < pattern.length) source += escaped(pattern[++at]!);
    else source += escaped(char);
  }
  try {
    const expression = new RegExp(`^${source}$`, 's');
    return (name) => expression.test(name);
  } catch {
    // A range that ends before it begins matches nothing.
    return () => false;
  }
}

function bracket(content: string): string {
  const negated = /^[!^]/.test(content);
  const set = (negated ? content.slice(1) : content).replace(/[\\[\]^]/g, '\\$&');
  return `[${negated ? '^' : ''}${set}]`;
}

function escaped(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
