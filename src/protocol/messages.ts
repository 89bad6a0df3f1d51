import { fixed, type Infer, list, opaque, string, struct, u32, u53, u64 } from '../xdr/index.ts';
import { dictSchema } from './dict-wire.ts';
import { iattSchema } from './iatt.ts';

/** Parts that several messages of the file program share. Limits are those of the servers, or generous where they have none. */

/** NAME_MAX is 255; some virtual names (gfid access, get_real_filename) are longer. */
export const nameSchema = string(4096);
export const pathSchema = string(65536);
const MAX_ENTRIES = 1 << 20;

/* gf_proto_flock: u32 type, whence; u64 start, len (0: to the end of the file); u32 pid; opaque lk_owner<1023> */
export const flockSchema = struct({
  type: u32,
  whence: u32,
  start: u64,
  length: u64,
  pid: u32,
  owner: opaque(1024),
});
export type Flock = Infer<typeof flockSchema>;

/** Numbers of lock commands and types on the wire (GF_LK_*), not those of the host's fcntl. */
export const LockCommand = { GET: 0, SET: 1, SET_WAIT: 2 } as const;
export const LockType = { READ: 0, WRITE: 1, UNLOCK: 2 } as const;
export const EntryLockCommand = { LOCK: 0, UNLOCK: 1, LOCK_NONBLOCKING: 2 } as const;
export const EntryLockType = { READ: 0, WRITE: 1 } as const;

/* gf_proto_lease: u32 cmd, u32 lease_type, opaque lease_id[16], u32 lease_flags (0 in both directions) */
export const leaseSchema = struct({ command: u32, type: u32, id: fixed(16), flags: u32 });
export type Lease = Infer<typeof leaseSchema>;
export const LeaseCommand = { GET: 1, SET: 2, UNLOCK: 3 } as const;
export const LeaseType = { NONE: 0, READ: 1, READ_WRITE: 2 } as const;

/* gfs3_locklist: flock, string client_uid, u32 lk_flags */
export const activeLocksSchema = list(
  struct({ flock: flockSchema, client: string(4096), flags: u32 }),
  MAX_ENTRIES,
);

/* gfx_dirlist: u64 d_ino, d_off; u32 d_len, d_type; string name */
export const direntsSchema = list(
  struct({ ino: u64, offset: u64, length: u32, type: u32, name: nameSchema }),
  MAX_ENTRIES,
);
/* gfx_dirplist: as gfx_dirlist, then iatt, dict */
export const direntsPlusSchema = list(
  struct({
    ino: u64,
    offset: u64,
    length: u32,
    type: u32,
    name: nameSchema,
    stat: iattSchema,
    xdata: dictSchema,
  }),
  MAX_ENTRIES,
);

/** Sizes in units of `frsize` bytes. */
export const statfsSchema = struct({
  bsize: u53,
  frsize: u53,
  blocks: u53,
  bfree: u53,
  bavail: u53,
  files: u53,
  ffree: u53,
  favail: u53,
  fsid: u64,
  flag: u64,
  namemax: u53,
});
export type Statfs = Infer<typeof statfsSchema>;

/** `valid` of SETATTR. */
export const SetattrValid = {
  MODE: 1,
  UID: 2,
  GID: 4,
  SIZE: 8,
  ATIME: 0x10,
  MTIME: 0x20,
  CTIME: 0x40,
  ATIME_NOW: 0x80,
  MTIME_NOW: 0x100,
} as const;

/** Flags of SETXATTR: Linux's. */
export const XattrFlag = { CREATE: 1, REPLACE: 2 } as const;

/** Operations of XATTROP on arrays of big-endian integers. */
export const XattropFlag = {
  ADD_ARRAY: 0,
  ADD_ARRAY64: 1,
  OR_ARRAY: 2,
  AND_ARRAY: 3,
  GET_AND_SET: 4,
  ADD_ARRAY_WITH_DEFAULT: 5,
  ADD_ARRAY64_WITH_DEFAULT: 6,
} as const;

export const SeekWhat = { DATA: 0, HOLE: 1 } as const;

/** Open flags on the wire: Linux's, whatever the host. */
export const OpenFlag = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  ACCMODE: 3,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  SYNC: 0o10000,
  DIRECT: 0o40000,
  LARGEFILE: 0o100000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOATIME: 0o1000000,
} as const;
