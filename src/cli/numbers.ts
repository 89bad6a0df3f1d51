import { UsageError } from './errors.ts';

/** A whole number of an option. @throws UsageError */
export function parseCount(text: string, what: string, { min = 0, max = 2 ** 32 - 2 } = {}): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`invalid ${what}: '${text}'`);
  return value;
}

/** Seconds, with a fraction, as milliseconds. @throws UsageError */
export function parseSeconds(text: string, what: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= 1e6)) throw new UsageError(`invalid ${what}: '${text}'`);
  return value * 1000;
}
