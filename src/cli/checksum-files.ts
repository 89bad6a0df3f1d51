import { blockDigestOf } from './block-digest.ts';
import { type DigestName, startDigest } from './digests.ts';
import { CommandError } from './errors.ts';
import { baseName } from './locate.ts';
import { standardInput } from './pipe.ts';
import type { Session } from './session.ts';
import type { OpenSource } from './side.ts';
import { placeOf } from './targets.ts';
import { type Source, TransferError } from './transfer.ts';
import { VolumeSide } from './volume-side.ts';

const STDIN = '-';

/** Checksum of a file of a volume, of this machine, or of standard input (`-`). @throws CommandError, GlfsError, Error */
export async function checksumOf(session: Session, operand: string, algorithm: DigestName): Promise<string> {
  const compute = async (source: Source): Promise<string> => {
    const digest = await startDigest(algorithm);
    await read(session, source, digest.update);
    return digest.hex();
  };
  if (operand === STDIN) return compute(standardInput(session));
  return withFile(session, operand, (source) => {
    const file = algorithm === 'rchecksum' ? VolumeSide.fileOf(source) : undefined;
    if (file === undefined) return compute(source);
    return blockDigestOf(session, file, source.attributes.size, operand);
  });
}

/** All of an operand, for what is small. @throws CommandError, GlfsError, Error */
export async function contentOf(session: Session, operand: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const collect = (source: Source): Promise<void> => read(session, source, (bytes) => parts.push(bytes));
  if (operand === STDIN) await collect(standardInput(session));
  else await withFile(session, operand, collect);
  return Buffer.concat(parts);
}

async function withFile<T>(
  session: Session,
  operand: string,
  work: (source: OpenSource) => Promise<T>,
): Promise<T> {
  const place = await placeOf(session, operand);
  // open(2) opens directories, and it is the read that fails.
  if ((await place.side.stat(place.path, true)).kind === 'directory')
    throw new CommandError(`${operand}: Is a directory`);
  const source = await place.side.openSource(place.path);
  try {
    session.progress.file(baseName(place.path), source.attributes.size, true);
    return await work(source);
  } finally {
    await source.close();
  }
}

async function read(session: Session, source: Source, take: (bytes: Uint8Array) => void): Promise<void> {
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
