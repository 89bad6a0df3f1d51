import { GlfsError, toGlfsError } from '../errors.ts';
import { type FopName, fopNames, fops } from '../protocol/fops.ts';
import { OpenFlag } from '../protocol/messages.ts';
import { encodeText } from '../xdr/index.ts';
import type { CallContext } from './context.ts';
import { throwIfEnded } from './context.ts';
import type { Fd } from './fd.ts';
import type { FopTable, Request } from './fop-types.ts';
import type { Loc } from './inode.ts';
import { rangeCheck } from './range-checks.ts';
import { attributeCheck } from './xattr-checks.ts';

/** NAME_MAX of every file system below. */
export const NAME_BYTES = 255;

type AnyFop = (request: object, context: CallContext) => Promise<unknown>;
type Check = (request: object, context: CallContext) => void;

/**
 * The operations of `top` with the checks that hold for every hop made once: fds that can be used, names, ranges, internal
 * attributes (RULE 6), a caller who still waits. Translators below may rely on them. Whatever fails, fails with a
 * GlfsError that names its fop.
 */
export function checked(top: FopTable): FopTable {
  const table: FopTable = { ...top };
  for (const fop of fopNames) Object.assign(table, { [fop]: wrap(fop, top[fop] as unknown as AnyFop) });
  return table;
}

function wrap(fop: FopName, next: AnyFop): AnyFop {
  const checks = checksOf(fop);
  return async (request, context) => {
    try {
      throwIfEnded(context);
      for (const check of checks) check(request, context);
      return await next(request, context);
    } catch (error) {
      throw named(error, fop);
    }
  };
}

function named(error: unknown, fop: FopName): GlfsError {
  if (error instanceof GlfsError && error.fop !== undefined) return error;
  return toGlfsError(error).with({ fop });
}

function checksOf(fop: FopName): readonly Check[] {
  const checks: Check[] = [];
  // A release must get through whatever became of the fd.
  if (fop !== 'release' && fop !== 'releasedir') checks.push(...fdChecks(fop));
  checks.push(...nameChecks(fop));
  for (const check of [rangeCheck(fop), attributeCheck(fop)]) if (check !== undefined) checks.push(check);
  return checks;
}

/* ---- fds ---- */

/** What the access mode of an fd must allow, and what Linux answers where it doesn't. */
const needed: Partial<Record<FopName, { access: 'read' | 'write'; code: 'EBADF' | 'EINVAL' }>> = {
  read: { access: 'read', code: 'EBADF' },
  write: { access: 'write', code: 'EBADF' },
  ftruncate: { access: 'write', code: 'EINVAL' },
  fallocate: { access: 'write', code: 'EBADF' },
  discard: { access: 'write', code: 'EBADF' },
  zerofill: { access: 'write', code: 'EBADF' },
};

function fdChecks(fop: FopName): Check[] {
  const { target } = fops[fop];
  if (target === 'copy') return [checkCopyFds];
  if (target !== 'fd') return [];
  const need = needed[fop];
  const directory = fop === 'readdir' || fop === 'readdirp' || fop === 'fsyncdir';
  return [
    (request) => {
      const { fd } = request as { fd: Fd };
      checkUsable(fd);
      if (need !== undefined && !allows(fd, need.access)) {
        throw new GlfsError(
          need.code,
          `the file is not open for ${need.access === 'read' ? 'reading' : 'writing'}`,
        );
      }
      if (need !== undefined && fd.isDirectory) throw new GlfsError('EISDIR');
      if (directory && fd.inode.type !== 'directory' && fd.inode.type !== 'unknown')
        throw new GlfsError('ENOTDIR');
    },
  ];
}

function checkCopyFds(request: object): void {
  const { source, target } = request as Request<'copyFileRange'>;
  checkUsable(source);
  checkUsable(target);
  if (!allows(source, 'read')) throw new GlfsError('EBADF', 'the source is not open for reading');
  if (!allows(target, 'write')) throw new GlfsError('EBADF', 'the target is not open for writing');
  if ((target.flags & OpenFlag.APPEND) !== 0)
    throw new GlfsError('EBADF', 'the target is open for appending');
  if (source.isDirectory || target.isDirectory) throw new GlfsError('EISDIR');
}

function checkUsable(fd: Fd): void {
  if (fd.closed) throw new GlfsError('EBADF', 'the file is closed already');
  if (fd.poisoned !== undefined) {
    throw new GlfsError('EBADFD', `the open file can't be trusted any more: ${fd.poisoned.message}`, {
      cause: fd.poisoned,
    });
  }
}

function allows(fd: Fd, access: 'read' | 'write'): boolean {
  if (fd.anonymous) return true;
  const mode = fd.flags & OpenFlag.ACCMODE;
  return mode === OpenFlag.RDWR || mode === (access === 'read' ? OpenFlag.RDONLY : OpenFlag.WRONLY);
}

/* ---- names ---- */

function nameChecks(fop: FopName): Check[] {
  switch (fops[fop].target) {
    case 'lookup':
      return [(request) => checkLookup((request as Request<'lookup'>).loc)];
    case 'entry':
    case 'create': {
      const makes = fop !== 'unlink' && fop !== 'rmdir';
      return [(request) => checkEntry((request as Request<'unlink'>).loc, makes)];
    }
    case 'link':
      return [(request) => checkEntry((request as Request<'link'>).newLoc, true)];
    case 'rename':
      return [
        (request) => checkEntry((request as Request<'rename'>).loc, false),
        (request) => checkEntry((request as Request<'rename'>).newLoc, false),
      ];
    default:
      return [];
  }
}

function checkLookup(loc: Loc): void {
  if (loc.name === undefined) {
    if (!loc.inode.known) throw new GlfsError('EINVAL', 'a lookup needs a name or a gfid');
    return;
  }
  checkEntry(loc, false);
}

function checkEntry(loc: Loc, makes: boolean): void {
  if (loc.name === undefined || loc.parent === undefined) {
    throw new GlfsError('EINVAL', 'the call needs a parent directory and a name');
  }
  if (!loc.parent.known) throw new GlfsError('EINVAL', 'the parent directory has not been looked up');
  checkName(loc.name, makes);
  if (loc.parent.type !== 'directory' && loc.parent.type !== 'unknown') throw new GlfsError('ENOTDIR');
}

/**
 * A name as it may go over the wire: bricks join it to a path of theirs.
 * @throws GlfsError EINVAL, ENAMETOOLONG; EEXIST for `.` and `..` where the call `makes` an entry.
 */
export function checkName(name: string, makes = false): void {
  if (name === '') throw new GlfsError('EINVAL', 'a name must not be empty');
  if (name.includes('/') || name.includes('\0')) {
    throw new GlfsError('EINVAL', `not a name: '${name.replaceAll('\0', '\\0')}'`);
  }
  if (name === '.' || name === '..')
    throw new GlfsError(makes ? 'EEXIST' : 'EINVAL', `not an entry: '${name}'`);
  // Names hold lone surrogates for bytes that are not UTF-8: never more bytes than three a unit.
  if (name.length * 3 > NAME_BYTES && encodeText(name).length > NAME_BYTES) {
    throw new GlfsError('ENAMETOOLONG', `a name of more than ${NAME_BYTES} bytes`);
  }
}
