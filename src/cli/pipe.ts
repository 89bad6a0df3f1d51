import { CommandError, Interrupted } from './errors.ts';
import { failed } from './failed.ts';
import type { Session } from './session.ts';
import { reasonOf } from './strerror.ts';
import { gather, type Source, type Target, TransferError, transfer } from './transfer.ts';

/** Standard input as something to copy. */
export function standardInput(session: Session): Source {
  return { pieces: () => gather(session.stdin) };
}

/** Standard output as something to copy to: in order, and no faster than its reader. */
function standardOutput(session: Session): Target {
  return { ordered: true, write: (bytes) => session.out.raw(bytes) };
}

/**
 * Prints all of something; gives the number of bytes. `shown`: how messages name it.
 * @throws CommandError; Interrupted where nobody reads any more
 */
export async function printAll(session: Session, source: Source, shown: string): Promise<number> {
  try {
    const options = { check: () => session.check(), onBytes: session.progress.add };
    return (await transfer(source, standardOutput(session), options)).size;
  } catch (error) {
    if (!(error instanceof TransferError)) throw failed(shown, error);
    const { side, cause } = error;
    if (side === 'read') throw new CommandError(`${shown}: ${reasonOf(cause)}`, { cause });
    throw cause instanceof Interrupted ? cause : failed('write error', cause);
  }
}
