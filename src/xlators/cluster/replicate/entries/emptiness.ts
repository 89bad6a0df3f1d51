import type { GlfsError } from '../../../../errors.ts';
import type { FopName } from '../../../../protocol/fops.ts';
import type { OperationOutcome } from '../operation.ts';

/**
 * A directory that is not empty on one copy may hold what the others lack: it must not be accused for that, since its heal
 * would remove what is in it.
 */
export function isNotEmpty({ code }: GlfsError): boolean {
  return code === 'ENOTEMPTY';
}

/**
 * The others have removed it, where all copies were to do so: a lookup puts it back, with what is in it, so it isn't gone.
 * @throws GlfsError ENOTEMPTY
 */
export function requireEmpty<K extends FopName>({ answers }: OperationOutcome<K>): void {
  const refusal = answers.find((answer) => answer?.error !== undefined && isNotEmpty(answer.error))?.error;
  if (refusal !== undefined) throw refusal.with({ outcome: 'unknown' });
}
