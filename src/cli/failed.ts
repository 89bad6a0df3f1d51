import { CommandError, Interrupted, UsageError } from './errors.ts';
import { reasonOf } from './strerror.ts';

/** An error whose message says what could not be done and why; one that says so already, or ends the run, stays. */
export function failed(message: string, error: unknown, status?: number): Error {
  if (error instanceof CommandError || error instanceof Interrupted || error instanceof UsageError)
    return error;
  return new CommandError(`${message}: ${reasonOf(error)}`, { cause: error, status });
}

/** Waits for something that has a message of its own if it fails. */
export async function orFail<T>(message: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw failed(message, error);
  }
}
