import type { Logger } from '../logger.ts';
import { reasonOf } from './strerror.ts';

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';
export const logLevels: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];

/** Lines of text on standard error: time, level, message, details. */
export function stderrLogger(level: LogLevel, write: (text: string) => void, now = () => new Date()): Logger {
  const threshold = logLevels.indexOf(level);
  const at = (own: Exclude<LogLevel, 'silent'>) => (details: object, message: string) => {
    if (logLevels.indexOf(own) <= threshold)
      write(`${now().toISOString()} ${own} ${message}${shown(details)}\n`);
  };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

function shown(details: object): string {
  return Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => (key === 'err' ? `: ${reasonOf(value)}` : ` ${key}=${plain(value)}`))
    .join('');
}

function plain(value: unknown): string {
  if (typeof value === 'string') return /\s/.test(value) ? JSON.stringify(value) : value;
  return (
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ??
    String(value)
  );
}
