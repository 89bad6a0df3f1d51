import { descriptions, type ErrnoCode, errnoByCode } from '../errno.ts';
import { GlfsError } from '../errors.ts';

/** glibc's wording where it differs from the table of errors.ts by more than the capital letter, or is not there. */
const glibc: Partial<Record<ErrnoCode, string>> = {
  ESRCH: 'No such process',
  EINTR: 'Interrupted system call',
  ENXIO: 'No such device or address',
  E2BIG: 'Argument list too long',
  ENOEXEC: 'Exec format error',
  ECHILD: 'No child processes',
  ENOMEM: 'Cannot allocate memory',
  EFAULT: 'Bad address',
  ENOTBLK: 'Block device required',
  EXDEV: 'Invalid cross-device link',
  ENODEV: 'No such device',
  ENFILE: 'Too many open files in system',
  EMFILE: 'Too many open files',
  ENOTTY: 'Inappropriate ioctl for device',
  ETXTBSY: 'Text file busy',
  ESPIPE: 'Illegal seek',
  EPIPE: 'Broken pipe',
  EDOM: 'Numerical argument out of domain',
  ERANGE: 'Numerical result out of range',
  EDEADLK: 'Resource deadlock avoided',
  ENOLCK: 'No locks available',
  ENOSYS: 'Function not implemented',
  ETIME: 'Timer expired',
  EREMOTE: 'Object is remote',
  EBADMSG: 'Bad message',
  EOVERFLOW: 'Value too large for defined data type',
  EILSEQ: 'Invalid or incomplete multibyte or wide character',
  EUSERS: 'Too many users',
  EMSGSIZE: 'Message too long',
  EPROTONOSUPPORT: 'Protocol not supported',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENETDOWN: 'Network is down',
  ENETUNREACH: 'Network is unreachable',
  ECONNABORTED: 'Software caused connection abort',
  ENOBUFS: 'No buffer space available',
  EISCONN: 'Transport endpoint is already connected',
  ESHUTDOWN: 'Cannot send after transport endpoint shutdown',
  ETIMEDOUT: 'Connection timed out',
  EHOSTDOWN: 'Host is down',
  EHOSTUNREACH: 'No route to host',
  EALREADY: 'Operation already in progress',
  EINPROGRESS: 'Operation now in progress',
};

/** What `strerror` says in the C locale. */
export function strerror(code: ErrnoCode): string {
  const text = glibc[code] ?? descriptions[code] ?? code;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Codes whose place in the cluster an administrator wants to see. */
const telling: ReadonlySet<ErrnoCode> = new Set(['ENOTCONN', 'EIO', 'ETIMEDOUT', 'EROFS', 'ESTALE']);

/**
 * Why something failed, as coreutils say it: the system's words, and behind them, in brackets, what glfs knows beyond
 * that: a reason of its own, the brick, and whether the call may have been carried out nevertheless.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof GlfsError)) return foreign(error);
  const more: string[] = [];
  const standard = error.reason === descriptions[error.code] || error.reason === error.code;
  if (!standard) more.push(error.reason);
  const place = error.brick ?? error.translator;
  if (place !== undefined && telling.has(error.code) && !error.reason.includes(place))
    more.push(`on ${place}`);
  if (error.outcome === 'unknown') more.push('it may have been carried out all the same');
  const text = strerror(error.code);
  return more.length === 0 ? text : `${text} (${more.join('; ')})`;
}

/** Errors of node:fs and of programming. */
function foreign(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && code in errnoByCode) return strerror(code as ErrnoCode);
  return error instanceof Error ? error.message : String(error);
}

/** The code of any system error, of glfs or of Node; undefined for others. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
