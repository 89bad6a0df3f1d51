import { GlfsError } from '../errors.ts';
import { detached, type Reply } from '../graph/index.ts';
import { Dict } from '../protocol/dict.ts';
import { keys } from '../protocol/keys.ts';
import { type Flock, LockCommand, LockType } from '../protocol/messages.ts';
import { statOf } from './attributes.ts';
import type { Call } from './calls.ts';
import type { OpenFile } from './open-file.ts';
import type { LockInfo, LockRange } from './types.ts';

export type LockKind = 'read' | 'write';

/** Bytes from `start`, `length` of them; 0 reaches to the end of the file for ever. */
export interface Range {
  readonly start: bigint;
  readonly length: bigint;
}

const MAX_OFFSET = 2n ** 63n - 1n;
/** What bricks know as GLFS_LK_MANDATORY. */
const MANDATORY = 1;

/**
 * The range in bytes from the start of the file, as fcntl(2) reads `l_whence`, `l_start` and `l_len`.
 * @throws GlfsError EINVAL where it begins before the file, EOVERFLOW where it ends beyond 2^63-1.
 */
export async function absoluteRange(
  call: Call,
  file: OpenFile,
  { start = 0, length = 0, whence = 'start' }: LockRange,
  position: number,
): Promise<Range> {
  const base =
    whence === 'start' ? 0 : whence === 'current' ? position : (await statOf(call, { fd: file.fd })).size;
  let from = BigInt(base) + toBigInt(start);
  let bytes = toBigInt(length);
  if (bytes < 0n) {
    from += bytes;
    bytes = -bytes;
  }
  if (from < 0n) throw new GlfsError('EINVAL', 'the range begins before the file');
  if (from > MAX_OFFSET || from + bytes - 1n > MAX_OFFSET) throw new GlfsError('EOVERFLOW');
  return { start: from, length: bytes };
}

function toBigInt(value: number | bigint): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new GlfsError('EINVAL', `not an offset: ${value}`);
  return BigInt(value);
}

/** F_SETLK or F_SETLKW. @throws GlfsError EAGAIN where another owner has it and `wait` is false. */
export async function acquire(
  call: Call,
  file: OpenFile,
  kind: LockKind,
  range: Range,
  { wait, mandatory }: { wait: boolean; mandatory: boolean },
): Promise<void> {
  const command = wait ? LockCommand.SET_WAIT : LockCommand.SET;
  const type = kind === 'read' ? LockType.READ : LockType.WRITE;
  const granted = send(call, file, command, type, range, mandatory);
  // There is no call to take back a request that waits: if it is granted to a caller who has left, it is given up.
  const settled = granted.then(async () => {
    if (call.ended) await unlockQuietly(call, file, range);
  });
  call.onEnd(() => file.abandon(settled));
  await settled;
}

export async function release(call: Call, file: OpenFile, range: Range): Promise<void> {
  await send(call, file, LockCommand.SET, LockType.UNLOCK, range);
}

/** F_GETLK: the first lock that would be in the way. */
export async function probe(
  call: Call,
  file: OpenFile,
  kind: LockKind,
  range: Range,
): Promise<LockInfo | undefined> {
  const type = kind === 'read' ? LockType.READ : LockType.WRITE;
  const { flock } = await send(call, file, LockCommand.GET, type, range);
  if (flock.type === LockType.UNLOCK) return undefined;
  return {
    type: flock.type === LockType.READ ? 'read' : 'write',
    start: flock.start,
    length: flock.length,
    pid: flock.pid | 0,
    owner: flock.owner,
  };
}

function send(
  call: Call,
  { fd }: OpenFile,
  command: number,
  type: number,
  range: Range,
  mandatory = false,
): Promise<Reply<'lk'>> {
  const xdata = mandatory ? new Dict().set(keys.lockMode, MANDATORY) : undefined;
  return call.fop('lk', { fd, command, type, flock: flockOf(call, type, range), xdata });
}

function flockOf({ context }: Call, type: number, { start, length }: Range): Flock {
  return { type, whence: 0, start, length, pid: context.pid >>> 0, owner: context.lkOwner };
}

async function unlockQuietly(call: Call, { fd, scope }: OpenFile, range: Range): Promise<void> {
  const { UNLOCK } = LockType;
  const request = { fd, command: LockCommand.SET, type: UNLOCK, flock: flockOf(call, UNLOCK, range) };
  try {
    await scope.mount.fops.lk(request, detached(call.context));
  } catch (error) {
    scope.mount.logger.warn(
      { error, gfid: fd.inode.toString() },
      'a lock that nobody waits for stays until the close',
    );
  }
}

/** A lock that is held. Giving it up unlocks its range: `await using lock = await file.lock('write')`. */
export class Lock implements AsyncDisposable {
  private unlocked: Promise<void> | undefined;

  constructor(
    readonly type: LockKind,
    readonly range: Range,
    private readonly unlock: (range: Range) => Promise<void>,
  ) {}

  /** Idempotent. @throws GlfsError of the unlock; EBADF where the file is closed already. */
  release(): Promise<void> {
    this.unlocked ??= this.unlock(this.range);
    return this.unlocked;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
