/** A case that ends otherwise on some stacks than on a Linux file system, and is to. */
export interface Difference {
  /** Name of the case. */
  readonly name: string;
  /** Names of stacks, or traits of theirs. */
  readonly on: readonly string[];
  /** Part of the failed case's message: what is there instead. */
  readonly shows: string;
  /** Why it is accepted. */
  readonly reason: string;
}

type Row = readonly [name: string, shows: string];

/** Several cases that differ for one reason. */
function because(on: readonly string[], reason: string, rows: readonly Row[]): Difference[] {
  return rows.map(([name, shows]) => ({ name, on, shows, reason }));
}

/** Real bricks, by way of glfs (`glusterd`) and of GlusterFS's own client (`FUSE mount`). */
const GLUSTERFS = 'glusterfs';

/**
 * The accepted differences. Each is checked at every run: a case that no longer differs on a stack that is listed, or that
 * differs in another way, fails. Whatever is listed for our own stacks is listed for real bricks as well, unless the reason
 * says why it is not. Where a FUSE mount is not listed beside them, the kernel above GlusterFS makes the difference.
 */
export const differences: readonly Difference[] = [
  ...because(['volume'], 'libgfapi knows no longest path: the limit is that of the kernel’s system calls', [
    ['deep paths: a path beyond 4,096 bytes is ENAMETOOLONG', "expected 'success' to be 'ENAMETOOLONG'"],
  ]),
  ...because(['volume', GLUSTERFS], 'bricks allow a hundred names of a file (option max-hardlinks)', [
    ['links: a hundred and one names of one file', "expected 'EMLINK' to be 'success'"],
  ]),
  ...because(
    ['volume', GLUSTERFS],
    'bricks show no more blocks than the size takes, because XFS sets room aside by itself',
    [['fallocate: with the size kept', 'to be greater than or equal to 2048']],
  ),
  ...because(
    [GLUSTERFS, 'access-control'],
    'features/access-control lets root do everything, and executing is part of it',
    [
      [
        'permissions: access(2) for root: everything but executing what nobody may',
        "expected 'success' to be 'EACCES'",
      ],
    ],
  ),
  ...because(
    [GLUSTERFS, 'access-control'],
    'features/access-control refuses with EACCES what the sticky bit forbids',
    [
      ['sticky directories: unlink is for the owner of the file', "expected 'EACCES' to be 'EPERM'"],
      ['sticky directories: rmdir is for the owner', "expected 'EACCES' to be 'EPERM'"],
      ['sticky directories: rename away is for the owner', "expected 'EACCES' to be 'EPERM'"],
      [
        'sticky directories: rename over is for the owner of what is replaced',
        "expected 'EACCES' to be 'EPERM'",
      ],
      ['sticky directories: the bit is set and taken', "expected 'EACCES' to be 'EPERM'"],
    ],
  ),
  ...because([GLUSTERFS, 'access-control'], 'bricks write as root, whose writes leave setuid and setgid', [
    [
      'ownership by users: a write by its owner clears setuid and setgid of a program',
      "expected '6777' to be '777'",
    ],
    ['ownership by users: a write by another user clears setuid', "expected '4777' to be '777'"],
  ]),
  ...because(['glusterd', 'access-control'], 'bricks cut as root, who leaves setuid', [
    ['ownership by users: truncate by its owner clears setuid', "expected '4777' to be '777'"],
  ]),
  ...because([GLUSTERFS], 'bricks of GlusterFS do not check it; ours do', [
    [
      'permissions: a directory that moves to another one must be writable itself',
      "expected 'success' to be 'EACCES'",
    ],
    ['permissions: utimes to times of one’s choice is for the owner', "expected 'success' to be 'EPERM'"],
  ]),
  ...because(['glusterd'], 'bricks of GlusterFS do not check it; ours do', [
    ['special files: users make no devices: EPERM', "expected 'success' to be 'EPERM'"],
  ]),
  ...because(
    [GLUSTERFS],
    'bricks of GlusterFS give a new file to its owner by chown(2), which clears setuid and setgid; ours keep what was asked for',
    [['open flags: O_CREAT keeps the bits beyond rwx', "expected [ '755', '1644' ] to deeply equal"]],
  ),
  ...because([GLUSTERFS, 'locks'], 'features/locks joins locks that overlap, not neighbours', [
    ['locks: ask: neighbours that were joined are one', 'to deeply equal'],
  ]),
  ...because(['glusterd', 'locks'], 'features/locks does not ask how the file was opened', [
    ['locks: for reading need a file that is open for reading', "expected 'success' to be 'EBADF'"],
  ]),
  ...because(
    [GLUSTERFS, 'utime'],
    'ctimes are the clients’, who stamp what they rename and not what is replaced',
    [
      [
        'times: rename over a name of two: ctime of what was replaced',
        "expected [ '-' ] to deeply equal [ 'c' ]",
      ],
    ],
  ),
  ...because(
    [GLUSTERFS, 'utime'],
    'times that clients stamp only move forward, so that all bricks keep the same whoever comes first',
    [['times: set ahead of the clock come back with the next write', 'expected false to be true']],
  ),
  ...because([GLUSTERFS], 'bricks of GlusterFS ignore the stamp of SETXATTR; ours heed it', [
    ['times: setting and removing an attribute: ctime', "expected [ '-' ] to deeply equal [ 'c' ]"],
  ]),
  ...because(['posix, sidecar store, without the addon'], 'node:fs sets times to the microsecond', [
    ['times: are set to the nanosecond', 'to match object'],
    ['times: are set of open files', 'to match object'],
    ['times: far ahead and long ago', 'expected 4102444800000000000n to be 4102444800000000001n'],
    ['times: set ahead of the clock come back with the next write', '000n to be '],
    ['times: stay through rename, link and reading', 'expected 3000000000n to be 3000000003n'],
    ['unlinked open files: get other times', 'expected 2000000000n to be 2000000002n'],
  ]),
  ...because(
    ['FUSE mount'],
    "the kernel's SETATTR of times names no open file, and GlusterFS's mount then finds none that has no name",
    [['unlinked open files: get other times', 'ESTALE']],
  ),
  ...because(['client and server, version 3.3'], 'version 3.3 has 32 bits for seconds, none of them a sign', [
    ['times: before 1970', 'to match object'],
  ]),
];
