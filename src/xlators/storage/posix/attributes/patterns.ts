import { matchesShellPattern } from '../../../../protocol/shell-pattern.ts';

const SPECIAL = /[*?[\\]/;
/** No attribute has a longer name, so that none is looked for by a longer pattern. */
const LONGEST = 1024;

/** Whether an asked-for name stands for several (fnmatch(3)). */
export function isPattern(name: string): boolean {
  return SPECIAL.test(name);
}

/** fnmatch(3) without flags: `*` and `?` match dots and slashes, too. */
export function matcher(pattern: string): (name: string) => boolean {
  if (!isPattern(pattern)) return (name) => name === pattern;
  if (pattern.length > LONGEST) return () => false;
  return (name) => matchesShellPattern(pattern, name);
}
