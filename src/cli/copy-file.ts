import { CommandError, Interrupted } from './errors.ts';
import { failed } from './failed.ts';
import { quote } from './quote.ts';
import type { Session } from './session.ts';
import type { OpenSource, OpenTarget, Place } from './side.ts';
import { reasonOf } from './strerror.ts';
import { TransferError, transfer } from './transfer.ts';
import { VolumeSide } from './volume-side.ts';

/** Bytes that one request to copy within a volume is for, so that progress is seen. */
const RANGE_BYTES = 64 * 1024 * 1024;

export interface CopyFileOptions {
  readonly fsync: boolean;
}

/** Names of both sides, for messages. */
interface Names {
  readonly from: string;
  readonly to: string;
}

/**
 * Copies the bytes from one open file to another that is empty, and checks that as many arrived as left. Within one
 * volume the servers are asked to copy.
 * @throws CommandError; what was written until then stays, and the message says how much
 */
export async function copyContents(
  session: Session,
  from: { place: Place; source: OpenSource },
  to: { place: Place; target: OpenTarget },
  { fsync }: CopyFileOptions,
): Promise<number> {
  const names: Names = { from: from.place.shown, to: to.place.shown };
  const { size, blocks, kind } = from.source.attributes;
  try {
    const copied =
      (await copyOnServers(session, from, to)) ??
      (await transfer(from.source, to.target, {
        check: () => session.check(),
        onBytes: session.progress.add,
        holes: kind === 'file' && blocks * 512 < size,
      }));
    // A hole at the end was not written.
    if (copied.written < copied.size) await to.target.truncate(copied.size);
    await verify(copied.size, from, to);
    if (fsync) await to.target.sync();
    return copied.size;
  } catch (error) {
    throw described(error, names);
  }
}

async function copyOnServers(
  session: Session,
  from: { place: Place; source: OpenSource },
  to: { place: Place; target: OpenTarget },
): Promise<{ size: number; written: number } | undefined> {
  const { side } = from.place;
  if (!(side instanceof VolumeSide) || side.key !== to.place.side.key) return undefined;
  const [source, target] = [VolumeSide.fileOf(from.source), VolumeSide.fileOf(to.target)];
  if (source === undefined || target === undefined) return undefined;
  let offset = 0;
  for (;;) {
    session.check();
    const range = { offset, targetOffset: offset, length: RANGE_BYTES, ...session.calls };
    const copied = await source.copyFileRange(target, range).catch((error: unknown) => {
      throw new TransferError('write', error, offset);
    });
    offset += copied;
    session.progress.add(copied);
    if (copied < RANGE_BYTES) return { size: offset, written: offset };
  }
}

/** What the target has must be what was read, and what was read must be what the source has. */
async function verify(
  size: number,
  { place, source }: { place: Place; source: OpenSource },
  to: { place: Place; target: OpenTarget },
): Promise<void> {
  if (size < source.attributes.size && source.attributes.kind === 'file') {
    const now = await place.side.stat(place.path, true);
    if (now.identity === source.attributes.identity && now.size > size)
      throw new CommandError(`error reading ${quote(place.shown)}: ${size} of ${now.size} bytes came`);
  }
  const arrived = await to.target.size();
  if (arrived !== size)
    throw new CommandError(
      `error writing ${quote(to.place.shown)}: ${size} bytes were written, but it has ${arrived}`,
    );
}

/** Says which side failed, and what is left behind. */
function described(error: unknown, { from, to }: Names): Error {
  if (!(error instanceof TransferError)) return failed(`error writing ${quote(to)}`, error);
  const what = error.side === 'read' ? `error reading ${quote(from)}` : `error writing ${quote(to)}`;
  if (error.cause instanceof Interrupted) return error.cause;
  const left = `; ${quote(to)} is incomplete (${error.written} bytes were written)`;
  return new CommandError(`${what}: ${reasonOf(error.cause)}${left}`, { cause: error.cause });
}
