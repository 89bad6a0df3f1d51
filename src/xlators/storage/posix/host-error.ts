import { errnoToCode, GlfsError } from '../../../errors.ts';

/**
 * An error of the host as bricks answer it: its number is kept, because Node has no name for some (ESTALE, EDQUOT) and other
 * names for others (ENOTSUP).
 */
export function hostError(error: unknown): GlfsError {
  if (error instanceof GlfsError) return error;
  const { errno, message } = error as { errno?: unknown; message?: unknown };
  const code = typeof errno === 'number' && errno < 0 ? errnoToCode(-errno) : 'EIO';
  return new GlfsError(code, typeof message === 'string' ? message : String(error), { cause: error });
}

/** The errno (positive) of an error of the host. */
export function hostErrno(error: unknown): number {
  const errno = (error as { errno?: unknown } | null)?.errno;
  return typeof errno === 'number' ? Math.abs(errno) : 0;
}
