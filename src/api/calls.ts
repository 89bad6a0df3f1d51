import { GlfsError, type GlfsErrorDetails, toGlfsError } from '../errors.ts';
import {
  type CallContext,
  detached,
  type FopTable,
  type Reply,
  type Request,
  throwIfEnded,
} from '../graph/index.ts';
import { withKey } from '../protocol/dict.ts';
import { type FopName, fops } from '../protocol/fops.ts';
import { keys } from '../protocol/keys.ts';
import { decodeText } from '../xdr/index.ts';
import type { Scope } from './scope.ts';
import type { CallOptions, Path } from './types.ts';

/** One call of the application: a row of file operations under one context, with one end of the caller's patience. */
export class Call {
  /** The caller no longer waits: its buffers must not be touched any more. */
  ended = false;
  /** Operations under way that change something. */
  private changing = 0;
  private readonly endListeners: (() => void)[] = [];

  constructor(
    readonly scope: Scope,
    readonly context: CallContext,
    /** For messages: as the caller gave it. */
    readonly path?: string,
  ) {}

  /** The caller may stop waiting before the call is done. */
  get abortable(): boolean {
    return this.context.signal !== undefined || this.context.deadline !== undefined;
  }

  /** True while something that was sent may still change the volume. */
  get mayHaveEffect(): boolean {
    return this.changing > 0;
  }

  /** Calls `listener` when the caller stops waiting before the call is done. */
  onEnd(listener: () => void): void {
    this.endListeners.push(listener);
  }

  end(): void {
    this.ended = true;
    for (const listener of this.endListeners) listener();
  }

  /**
   * One file operation on the graph in force. One that changes something or takes a lock runs to its end, whatever
   * becomes of the caller: none is begun once the caller has stopped waiting.
   */
  fop<K extends FopName>(name: K, request: Request<K>): Promise<Reply<K>> {
    const { traits, target } = fops[name];
    const run = this.scope.mount.fops[name] as FopTable[K];
    const full = this.withLease(request);
    const start = (context: CallContext): Promise<Reply<K>> => run(full, context) as Promise<Reply<K>>;
    if (this.abortable) throwIfEnded(this.context);
    const context = this.abortable ? detached(this.context) : this.context;
    if (traits.mutates) return this.scope.changes.follow(() => this.toTheEnd(() => start(context)));
    if (traits.lock || traits.control) return this.toTheEnd(() => start(context));
    // What was opened must be known, or it could not be released.
    return start(target === 'open' ? context : this.context);
  }

  private async toTheEnd<T>(run: () => Promise<T>): Promise<T> {
    this.changing++;
    try {
      return await run();
    } finally {
      this.changing--;
    }
  }

  private withLease<K extends FopName>(request: Request<K>): Request<K> {
    const { leaseId } = this.scope.identity;
    if (leaseId === undefined) return request;
    const { xdata } = request as { xdata?: Parameters<typeof withKey>[0] };
    return { ...request, xdata: withKey(xdata, keys.leaseId, leaseId) };
  }
}

/** What an error of the call says of it. */
export interface CallName {
  readonly syscall: string;
  readonly path?: string;
  readonly dest?: string;
}

/**
 * Runs a call of the application. Whatever it throws is a GlfsError that names syscall and path; where `options` limit
 * the wait, the caller gets ECANCELED or ETIMEDOUT in time, and what was begun ends in the background.
 */
export async function runCall<T>(
  scope: Scope,
  name: CallName,
  options: CallOptions | undefined,
  body: (call: Call) => Promise<T>,
  context: CallContext = scope.context,
): Promise<T> {
  try {
    if (options === undefined || !isLimited(options)) return await body(new Call(scope, context, name.path));
    const call = new Call(scope, limited(context, options), name.path);
    throwIfEnded(call.context);
    return await whileAwaited(call, body(call));
  } catch (error) {
    throw named(error, name);
  }
}

export function named(error: unknown, { syscall, path, dest }: CallName): GlfsError {
  const details: GlfsErrorDetails = { syscall };
  if (path !== undefined) details.path = path;
  if (dest !== undefined) details.dest = dest;
  return toGlfsError(error).with(details);
}

export function isLimited({ signal, timeout, deadline }: CallOptions): boolean {
  return signal !== undefined || timeout !== undefined || deadline !== undefined;
}

/** @throws GlfsError EINVAL for a timeout that is no number of milliseconds. */
function limited(context: CallContext, { signal, timeout, deadline }: CallOptions): CallContext {
  if (timeout !== undefined && !(timeout >= 0)) throw new GlfsError('EINVAL', `not a timeout: ${timeout}`);
  const ends = [deadline, timeout === undefined ? undefined : performance.now() + timeout];
  const end = Math.min(...ends.filter((time) => time !== undefined));
  return { ...context, signal, deadline: Number.isFinite(end) ? end : undefined };
}

const LONGEST_TIMER = 2 ** 31 - 1;

/** Waits for the work, but not beyond the caller's signal and deadline. */
function whileAwaited<T>(call: Call, work: Promise<T>): Promise<T> {
  const { signal, deadline } = call.context;
  return new Promise<T>((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    const stop = (): void => {
      done();
      call.end();
      reject(endOf(call));
    };
    const timer =
      deadline === undefined
        ? undefined
        : setTimeout(stop, Math.min(Math.max(deadline - performance.now(), 0), LONGEST_TIMER));
    signal?.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(done);
  });
}

function endOf(call: Call): GlfsError {
  const outcome = call.mayHaveEffect ? 'unknown' : 'failed';
  const { signal } = call.context;
  if (signal?.aborted)
    return new GlfsError('ECANCELED', 'the call was aborted', { cause: signal.reason, outcome });
  return new GlfsError('ETIMEDOUT', 'the deadline of the call has passed', { outcome });
}

/** A path as messages show it. */
export function shown(path: Path): string {
  return typeof path === 'string' ? path : decodeText(path);
}
