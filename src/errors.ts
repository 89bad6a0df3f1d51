import { descriptions, type ErrnoCode, errnoByCode, errnoToCode } from './errno.ts';

export type { ErrnoCode } from './errno.ts';
export { errnoByCode, errnoToCode } from './errno.ts';

/**
 * What is known of a call that failed:
 * - `failed`: the server answered with the error, or nothing was sent; the call had no effect beyond what its errno means;
 * - `unknown`: the connection broke, froze, or the caller stopped waiting after the call was sent: it may have been
 *   executed, may still be executed, or may never be.
 */
export type Outcome = 'failed' | 'unknown';

export interface GlfsErrorDetails {
  /** The operation as the caller named it, e.g. `open`. */
  syscall?: string;
  path?: string;
  dest?: string;
  /** The file operation of the wire that failed, e.g. `lookup`. */
  fop?: string;
  /** Name of the translator, as in the volfile, that failed. */
  translator?: string;
  /** `host:path` of the brick that answered. */
  brick?: string;
  /** UUID string of the file. */
  gfid?: string;
  outcome?: Outcome;
  cause?: unknown;
}

/**
 * The one error class of glfs, shaped as Node's system errors are: `code` ('ENOENT'), negative `errno`, `syscall`, `path`.
 * Match on `code`. Where several bricks failed, `cause` is an AggregateError of theirs.
 */
export class GlfsError extends Error {
  override readonly name: string = 'GlfsError';
  readonly code: ErrnoCode;
  /** Negative, as in Node: -2 for ENOENT. */
  readonly errno: number;
  syscall?: string;
  path?: string;
  dest?: string;
  fop?: string;
  translator?: string;
  brick?: string;
  gfid?: string;
  outcome: Outcome;
  /** The text without code, syscall and path. */
  readonly reason: string;

  constructor(code: ErrnoCode, reason?: string, details: GlfsErrorDetails = {}) {
    const text = reason ?? descriptions[code] ?? code;
    super(compose(code, text, details), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.errno = -errnoByCode[code];
    this.reason = text;
    this.outcome = details.outcome ?? 'failed';
    for (const key of ['syscall', 'path', 'dest', 'fop', 'translator', 'brick', 'gfid'] as const) {
      const value = details[key];
      if (value !== undefined) this[key] = value;
    }
  }

  /** The error for an errno that came with a reply. */
  static fromErrno(errno: number, details: GlfsErrorDetails = {}): GlfsError {
    const code = errnoToCode(errno);
    const known = errnoByCode[code] === errno;
    return new GlfsError(code, known ? undefined : `server answered with errno ${errno}`, details);
  }

  /** A copy that also bears `details`; the cause stays the root cause, the stack the place of the failure. */
  with(details: GlfsErrorDetails): GlfsError {
    const merged: GlfsErrorDetails = {
      syscall: this.syscall,
      path: this.path,
      dest: this.dest,
      fop: this.fop,
      translator: this.translator,
      brick: this.brick,
      gfid: this.gfid,
      outcome: this.outcome,
      cause: this.cause,
      ...details,
    };
    const copy = new GlfsError(this.code, this.reason, merged);
    if (this.stack !== undefined) copy.stack = this.stack.replace(this.message, copy.message);
    return copy;
  }
}

function compose(code: string, reason: string, details: GlfsErrorDetails): string {
  let text = `${code}: ${reason}`;
  if (details.syscall !== undefined) text += `, ${details.syscall}`;
  if (details.path !== undefined) text += ` '${details.path}'`;
  if (details.dest !== undefined) text += ` -> '${details.dest}'`;
  const origin = [details.fop, details.brick ?? details.translator].filter((part) => part !== undefined);
  if (origin.length > 0) text += ` (${origin.join(' on ')})`;
  return text;
}

/** Node's name for errno 95 is the other one of POSIX. */
function codeOf(code: string): ErrnoCode {
  if (code === 'ENOTSUP') return 'EOPNOTSUPP';
  return code in errnoByCode ? (code as ErrnoCode) : 'EIO';
}

/** Anything that was thrown, as a GlfsError: system errors of Node keep their code, unknown ones become EIO. */
export function toGlfsError(error: unknown, details: GlfsErrorDetails = {}): GlfsError {
  if (error instanceof GlfsError) return error;
  const code = (error as { code?: unknown } | null | undefined)?.code;
  const known = typeof code === 'string' ? codeOf(code) : 'EIO';
  const message = error instanceof Error ? error.message : String(error);
  return new GlfsError(known, message, { cause: error, ...details });
}

export function isGlfsError(error: unknown, ...codes: ErrnoCode[]): error is GlfsError {
  return error instanceof GlfsError && (codes.length === 0 || codes.includes(error.code));
}
