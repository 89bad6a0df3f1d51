import { i32, i64, opaque, struct, u32, u53, u64 } from '../xdr/index.ts';
import { dictSchema } from './dict-wire.ts';
import { row } from './fop-row.ts';
import { gfidSchema } from './gfid.ts';
import { iattSchema } from './iatt.ts';
import {
  activeLocksSchema,
  direntsPlusSchema,
  direntsSchema,
  flockSchema,
  leaseSchema,
  nameSchema,
  pathSchema,
  statfsSchema,
} from './messages.ts';

/** GlusterFS's file program (GLUSTER_FOP_PROGRAM), version 4. */
export const FOP_PROGRAM = 1298437;
export const FOP_VERSION = 400;

const gfid = gfidSchema;
const iatt = iattSchema;
const parentAndName = { pargfid: gfid, bname: nameSchema };

/* Replies that several procedures share; every reply starts with i32 op_ret, i32 op_errno, gfx_dict xdata. */
const nothing = struct({});
const oneStat = struct({ stat: iatt });
const preAndPost = struct({ prestat: iatt, poststat: iatt });
const parents = struct({ preparent: iatt, postparent: iatt });
const newEntry = struct({ stat: iatt, preparent: iatt, postparent: iatt });
const attributes = struct({ dict: dictSchema, prestat: iatt, poststat: iatt });
const openFd = struct({ remoteFd: i64 });

/**
 * THE table: every file operation once, with its procedure number, what it acts on, its traits and the layouts of its
 * request and reply (fields in wire order; xdata closes every request and opens every reply unless `xdataLast`).
 * Translator methods, pass-through, tracing, fault injection, counters, the client's calls and the server's dispatch
 * all derive from it.
 */
export const fops = {
  lookup: row(
    27,
    'lookup',
    {},
    struct({ gfid, pargfid: gfid, flags: u32, bname: nameSchema }),
    struct({ stat: iatt, postparent: iatt }),
  ),
  stat: row(1, 'inode', {}, struct({ gfid }), oneStat),
  fstat: row(25, 'fd', {}, struct({ gfid, fd: i64 }), oneStat),
  readlink: row(2, 'inode', {}, struct({ gfid, size: u32 }), struct({ stat: iatt, target: pathSchema })),
  access: row(22, 'inode', {}, struct({ gfid, mask: u32 }), nothing),
  statfs: row(14, 'inode', {}, struct({ gfid }), statfsSchema),

  mknod: row(
    3,
    'entry',
    { mutates: true, entry: true },
    struct({ pargfid: gfid, dev: u64, mode: u32, umask: u32, bname: nameSchema }),
    newEntry,
  ),
  mkdir: row(
    4,
    'entry',
    { mutates: true, entry: true },
    struct({ pargfid: gfid, mode: u32, umask: u32, bname: nameSchema }),
    newEntry,
  ),
  unlink: row(5, 'entry', { mutates: true, entry: true }, struct({ ...parentAndName, xflags: u32 }), parents),
  rmdir: row(
    6,
    'entry',
    { mutates: true, entry: true },
    struct({ pargfid: gfid, xflags: i32, bname: nameSchema }),
    parents,
  ),
  symlink: row(
    7,
    'entry',
    { mutates: true, entry: true },
    struct({ ...parentAndName, umask: u32, target: pathSchema }),
    newEntry,
  ),
  rename: row(
    8,
    'rename',
    { mutates: true, entry: true },
    struct({ oldgfid: gfid, newgfid: gfid, oldbname: nameSchema, newbname: nameSchema }),
    struct({ stat: iatt, preoldparent: iatt, postoldparent: iatt, prenewparent: iatt, postnewparent: iatt }),
  ),
  link: row(
    9,
    'link',
    { mutates: true, entry: true },
    struct({ oldgfid: gfid, newgfid: gfid, newbname: nameSchema }),
    newEntry,
  ),
  create: row(
    23,
    'create',
    { mutates: true, entry: true },
    struct({ pargfid: gfid, flags: u32, mode: u32, umask: u32, bname: nameSchema }),
    struct({ stat: iatt, remoteFd: i64, preparent: iatt, postparent: iatt }),
  ),

  open: row(11, 'open', {}, struct({ gfid, flags: u32 }), openFd),
  opendir: row(20, 'open', {}, struct({ gfid }), openFd),
  release: row(41, 'fd', { control: true }, struct({ gfid, fd: i64 }), nothing),
  releasedir: row(42, 'fd', { control: true }, struct({ gfid, fd: i64 }), nothing),

  read: row(
    12,
    'fd',
    { xdataLast: true },
    struct({ gfid, fd: i64, offset: u53, size: u32, flags: u32 }),
    struct({ stat: iatt, size: u32 }),
  ),
  write: row(
    13,
    'fd',
    { mutates: true },
    struct({ gfid, fd: i64, offset: u53, size: u32, flags: u32 }),
    preAndPost,
  ),
  flush: row(15, 'fd', {}, struct({ gfid, fd: i64 }), nothing),
  fsync: row(16, 'fd', {}, struct({ gfid, fd: i64, datasync: u32 }), preAndPost),
  fsyncdir: row(21, 'fd', {}, struct({ gfid, fd: i64, datasync: i32 }), nothing),
  truncate: row(10, 'inode', { mutates: true }, struct({ gfid, offset: u53 }), preAndPost),
  ftruncate: row(24, 'fd', { mutates: true }, struct({ gfid, fd: i64, offset: u53 }), preAndPost),
  fallocate: row(
    44,
    'fd',
    { mutates: true },
    struct({ gfid, fd: i64, flags: u32, offset: u53, size: u53 }),
    preAndPost,
  ),
  discard: row(45, 'fd', { mutates: true }, struct({ gfid, fd: i64, offset: u53, size: u53 }), preAndPost),
  zerofill: row(46, 'fd', { mutates: true }, struct({ gfid, fd: i64, offset: u53, size: u53 }), preAndPost),
  seek: row(48, 'fd', {}, struct({ gfid, fd: i64, offset: u53, what: i32 }), struct({ offset: u53 })),
  rchecksum: row(
    37,
    'fd',
    {},
    struct({ gfid, fd: i64, offset: u53, size: u32, flags: u32 }),
    struct({ flags: u32, weak: u32, strong: opaque(1024) }),
  ),
  copyFileRange: row(
    56,
    'copy',
    { mutates: true },
    struct({
      gfid1: gfid,
      gfid2: gfid,
      fdIn: i64,
      fdOut: i64,
      sourceOffset: u53,
      targetOffset: u53,
      size: u32,
      flags: u32,
    }),
    struct({ stat: iatt, prestat: iatt, poststat: iatt }),
  ),

  setattr: row(38, 'inode', { mutates: true }, struct({ gfid, stat: iatt, valid: i32 }), preAndPost),
  fsetattr: row(39, 'fd', { mutates: true }, struct({ gfid, fd: i64, stat: iatt, valid: i32 }), preAndPost),
  setxattr: row(17, 'inode', { mutates: true }, struct({ gfid, flags: u32, dict: dictSchema }), nothing),
  fsetxattr: row(
    36,
    'fd',
    { mutates: true },
    struct({ gfid, fd: i64, flags: u32, dict: dictSchema }),
    nothing,
  ),
  /** An empty name asks for all attributes. */
  getxattr: row(18, 'inode', {}, struct({ gfid, namelen: u32, name: nameSchema }), attributes),
  fgetxattr: row(35, 'fd', {}, struct({ gfid, fd: i64, namelen: u32, name: nameSchema }), attributes),
  removexattr: row(19, 'inode', { mutates: true }, struct({ gfid, name: nameSchema }), nothing),
  fremovexattr: row(43, 'fd', { mutates: true }, struct({ gfid, fd: i64, name: nameSchema }), nothing),
  xattrop: row(
    33,
    'inode',
    { mutates: true, control: true },
    struct({ gfid, operation: u32, dict: dictSchema }),
    attributes,
  ),
  fxattrop: row(
    34,
    'fd',
    { mutates: true, control: true },
    struct({ gfid, fd: i64, operation: u32, dict: dictSchema }),
    attributes,
  ),

  readdir: row(
    28,
    'fd',
    {},
    struct({ gfid, fd: i64, offset: u64, size: u32 }),
    struct({ entries: direntsSchema }),
  ),
  readdirp: row(
    40,
    'fd',
    {},
    struct({ gfid, fd: i64, offset: u64, size: u32 }),
    struct({ entries: direntsPlusSchema }),
  ),

  lk: row(
    26,
    'fd',
    { lock: true },
    struct({ gfid, fd: i64, command: u32, type: u32, flock: flockSchema }),
    struct({ flock: flockSchema }),
  ),
  inodelk: row(
    29,
    'inode',
    { lock: true },
    struct({ gfid, command: u32, type: u32, flock: flockSchema, domain: nameSchema }),
    nothing,
  ),
  finodelk: row(
    30,
    'fd',
    { lock: true },
    struct({ gfid, fd: i64, command: u32, type: u32, flock: flockSchema, domain: nameSchema }),
    nothing,
  ),
  /** `namelen` is a flag: 0 locks the whole directory, anything else the name. */
  entrylk: row(
    31,
    'inode',
    { lock: true },
    struct({ gfid, command: u32, type: u32, namelen: u53, name: nameSchema, domain: nameSchema }),
    nothing,
  ),
  fentrylk: row(
    32,
    'fd',
    { lock: true },
    struct({ gfid, fd: i64, command: u32, type: u32, namelen: u53, name: nameSchema, domain: nameSchema }),
    nothing,
  ),
  lease: row(
    50,
    'inode',
    { lock: true },
    struct({ gfid, lease: leaseSchema }),
    struct({ lease: leaseSchema }),
  ),
  getactivelk: row(51, 'inode', {}, struct({ gfid }), struct({ locks: activeLocksSchema })),
  setactivelk: row(52, 'inode', { mutates: true }, struct({ gfid, locks: activeLocksSchema }), nothing),
  ipc: row(47, 'none', {}, struct({ operation: i32 }), nothing),
} as const;

/**
 * Procedures of the program that stock bricks don't implement. They have a codec, so that captures can be read, and are
 * never sent.
 */
export const unsentFops = {
  icreate: row(53, 'inode', { mutates: true }, struct({ gfid, mode: u32 }), oneStat),
  namelink: row(54, 'entry', { mutates: true, entry: true }, struct({ ...parentAndName }), parents),
  put: row(
    55,
    'entry',
    { mutates: true, entry: true },
    struct({ ...parentAndName, mode: u32, umask: u32, flags: u32, offset: u53, size: u32, dict: dictSchema }),
    newEntry,
  ),
} as const;

export type Fops = typeof fops;
export type FopName = keyof Fops;
export const fopNames = Object.keys(fops) as FopName[];

/** Name of the operation of a procedure number, for tracing and for servers. */
export const fopByProcedure: ReadonlyMap<number, FopName> = new Map(
  fopNames.map((name) => [fops[name].procedure, name]),
);
