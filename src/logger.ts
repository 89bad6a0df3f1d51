/** What pino, and most loggers, look like. Silent by default: a library writes nothing unasked. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

const nothing = (): void => {};
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
