import type { GlfsError } from '../errors.ts';
import { type FopName, fopNames, fops } from '../protocol/fops.ts';
import { EntryLockCommand, LockType } from '../protocol/messages.ts';
import { copyBytes } from '../xdr/index.ts';
import { type CallContext, detached } from './context.ts';
import type { FopTable, Request } from './fop-types.ts';
import { whenEnded } from './patience.ts';

type AnyFop = (request: object, context: CallContext) => Promise<unknown>;

/**
 * The operations of `top`, whose callers may stop waiting (RULE 4 and 5): an abort or a deadline ends the wait, never what
 * is under way. Whatever changes something runs on to its end with a context of its own, keeps its place in the order of
 * its file until then, and holds bytes of its own, so that the caller's buffer is free at once. What such a call then
 * brings (an open fd, a lock) is given back. Calls that only read are abandoned as they are.
 */
export function patient(top: FopTable): FopTable {
  const table: FopTable = { ...top };
  for (const fop of fopNames) {
    if (!needsCare(fop)) continue;
    Object.assign(table, { [fop]: careful(fop, top) });
  }
  return table;
}

const acquires: ReadonlySet<FopName> = new Set(['open', 'opendir', 'create']);

function needsCare(fop: FopName): boolean {
  const { mutates, lock, control } = fops[fop].traits;
  return mutates === true || lock === true || control === true || acquires.has(fop);
}

function careful(fop: FopName, top: FopTable): AnyFop {
  const next = top[fop] as unknown as AnyFop;
  return (request, context) => {
    if (context.signal === undefined && context.deadline === undefined) return next(request, context);
    const own = fop === 'write' ? withOwnBytes(request as Request<'write'>) : request;
    const lasting = detached(context);
    return new Promise((resolve, reject) => {
      let left = false;
      const leave = (error: GlfsError): void => {
        left = true;
        reject(error.with({ outcome: 'unknown', fop }));
      };
      if (context.signal?.aborted) {
        // Nothing was begun: the checks below say so with outcome `failed`.
        next(own, context).then(resolve, reject);
        return;
      }
      const stop = whenEnded(context, leave);
      next(own, lasting).then(
        (reply) => {
          stop();
          if (left) giveBack(fop, top, request, lasting);
          else resolve(reply);
        },
        (error) => {
          stop();
          reject(error);
        },
      );
    });
  };
}

function withOwnBytes(request: Request<'write'>): Request<'write'> {
  return { ...request, data: request.data.map(copyBytes) };
}

/** Returns what an abandoned call has brought after all. Whether that succeeds nobody waits to hear. */
function giveBack(fop: FopName, top: FopTable, request: object, context: CallContext): void {
  const back = giveBacks[fop];
  back?.(top, request, context).catch(() => {});
}

const giveBacks: Partial<
  Record<FopName, (top: FopTable, request: object, context: CallContext) => Promise<unknown>>
> = {
  open: (top, request, context) => top.release({ fd: (request as Request<'open'>).fd }, context),
  create: (top, request, context) => top.release({ fd: (request as Request<'create'>).fd }, context),
  opendir: (top, request, context) => top.releasedir({ fd: (request as Request<'opendir'>).fd }, context),
  lk: async (top, request, context) => {
    const lk = request as Request<'lk'>;
    if (lk.type !== LockType.UNLOCK && lk.command !== 0)
      await top.lk({ ...lk, command: 1, type: LockType.UNLOCK }, context);
  },
  inodelk: (top, request, context) => unlock(top.inodelk, request as Request<'inodelk'>, context),
  finodelk: (top, request, context) => unlock(top.finodelk, request as Request<'finodelk'>, context),
  entrylk: (top, request, context) =>
    top.entrylk({ ...(request as Request<'entrylk'>), command: EntryLockCommand.UNLOCK }, context),
  fentrylk: (top, request, context) =>
    top.fentrylk({ ...(request as Request<'fentrylk'>), command: EntryLockCommand.UNLOCK }, context),
};

async function unlock<R extends Request<'inodelk'> | Request<'finodelk'>>(
  call: (request: R, context: CallContext) => Promise<unknown>,
  request: R,
  context: CallContext,
): Promise<void> {
  if (request.type !== LockType.UNLOCK)
    await call({ ...request, command: 1, type: LockType.UNLOCK }, context);
}
