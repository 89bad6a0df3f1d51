import { type DigestName, startDigest } from './digests.ts';
import { CommandError } from './errors.ts';
import { baseName } from './locate.ts';
import { standardInput } from './pipe.ts';
import type { Session } from './session.ts';
import { placeOf } from './targets.ts';
import { type Source, TransferError } from './transfer.ts';

const STDIN = '-';

/** Checksum of a file of a volume, of this machine, or of standard input (`-`). @throws CommandError, GlfsError, Error */
export async function checksumOf(session: Session, operand: string, algorithm: DigestName): Promise<string> {
  const digest = await startDigest(algorithm);
  await readOperand(session, operand, digest.update);
  return digest.hex();
}

/** Reads all of an operand, a piece at a time. @throws CommandError, GlfsError, Error */
export async function readOperand(
  session: Session,
  operand: string,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  if (operand === STDIN) return readSource(session, standardInput(session), take);
  const place = await placeOf(session, operand);
  // open(2) opens directories, and it is the read that fails.
  if ((await place.side.stat(place.path, true)).kind === 'directory')
    throw new CommandError(`${operand}: Is a directory`);
  const source = await place.side.openSource(place.path);
  try {
    session.progress.file(baseName(place.path), source.attributes.size, true);
    await readSource(session, source, take);
  } finally {
    await source.close();
  }
}

async function readSource(
  session: Session,
  source: Source,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  try {
    for await (const { bytes } of source.pieces()) {
      session.check();
      take(bytes);
      session.progress.add(bytes.length);
    }
  } catch (error) {
    throw error instanceof TransferError ? error.cause : error;
  }
}
