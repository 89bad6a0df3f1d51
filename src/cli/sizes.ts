import { UsageError } from './errors.ts';

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** `1.5K`, `12M`: powers of 1024, rounded up, as `ls -h` and `df -h` show sizes. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return String(bytes);
  // Rounding up may reach the next unit: 1023.5K is 1.0M.
  const tenths = Math.ceil(value * 10) / 10;
  if (tenths < 10) return `${tenths.toFixed(1)}${UNITS[unit]}`;
  const whole = Math.ceil(value);
  return whole < 1024 || unit === UNITS.length - 1 ? `${whole}${UNITS[unit]}` : `1.0${UNITS[unit + 1]}`;
}

/** `1.2 GiB` for progress, rounded to nearest. */
export function roundSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit]}${unit === 0 ? 'B' : 'iB'}`;
}

/**
 * A number of bytes with a suffix: K, M, G … and KiB, MiB … are powers of 1024, KB, MB … of 1000.
 * @throws UsageError `Invalid number`
 */
export function parseSize(text: string): number {
  const match = /^(\d+)(?:([KMGTPE])(iB|B)?|(B))?$/i.exec(text);
  const [, digits = '', letter = '', kind = ''] = match ?? [];
  const power = letter === '' ? 0 : UNITS.indexOf(letter.toUpperCase());
  const value = Number(digits) * (kind.toUpperCase() === 'B' ? 1000 : 1024) ** power;
  if (match === null || !Number.isSafeInteger(value)) throw new UsageError(`Invalid number: '${text}'`);
  return value;
}

/** Operators of `truncate -s`, each giving the new size from the old one and the number. */
const operators: Readonly<Record<string, (old: number, number: number) => number>> = {
  '+': (old, number) => old + number,
  '-': (old, number) => Math.max(old - number, 0),
  '<': (old, number) => Math.min(old, number),
  '>': (old, number) => Math.max(old, number),
  '/': (old, number) => Math.floor(old / number) * number,
  '%': (old, number) => Math.ceil(old / number) * number,
};

/** What `truncate -s` is given, as a function from the old size to the new one. @throws UsageError */
export function parseResize(text: string): (old: number) => number {
  const [, operator = '', number = ''] = /^\s*([+\-<>/%]?)(.*)$/s.exec(text) ?? [];
  const size = parseSize(number);
  if (size === 0 && (operator === '/' || operator === '%')) throw new UsageError('division by zero');
  const apply = operators[operator];
  return apply === undefined ? () => size : (old) => apply(old, size);
}
