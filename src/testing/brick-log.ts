import type { Logger } from '../logger.ts';

/** What the process of a brick has to say; data only, since it crosses a process boundary. */
export interface LogLine {
  readonly level: keyof Logger;
  readonly details: Readonly<Record<string, unknown>>;
  readonly message: string;
}

const levels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];

/** A logger whose lines are sent elsewhere. */
export function forwarding(send: (line: LogLine) => void): Logger {
  const logger: Partial<Record<keyof Logger, Logger['info']>> = {};
  for (const level of levels)
    logger[level] = (details, message) => send({ level, details: plain(details), message });
  return logger as Logger;
}

/** Errors lose their class on the way, and with it their code; functions and sockets would not get through. */
function plain(details: object): Record<string, unknown> {
  const entries = Object.entries(details).map(([key, value]: [string, unknown]) => [key, plainValue(value)]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function plainValue(value: unknown): unknown {
  if (value instanceof Error) {
    const { code } = value as { code?: unknown };
    return { type: value.name, code, message: value.message, stack: value.stack };
  }
  return typeof value === 'object' || typeof value === 'function' ? String(value) : value;
}
