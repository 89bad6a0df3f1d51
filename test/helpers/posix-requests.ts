/** Requests on the data and attributes of files that must be answered alike by a brick of GlusterFS and by ours. */
import { type CallContext, type Fd, type Inode, type Request, rootContext } from '../../src/graph/index.ts';
/** Requests on the data and attributes of files that must be answered alike by a brick of GlusterFS and by ours. */
import { Dict } from '../../src/protocol/dict.ts';
import type { FopName } from '../../src/protocol/fops.ts';
import { newGfid } from '../../src/protocol/gfid.ts';
import { emptyIatt, type FileType } from '../../src/protocol/iatt.ts';
import { keys } from '../../src/protocol/keys.ts';
import { encodeMdata } from '../../src/xlators/storage/posix/mdata.ts';
import { stamping } from '../xlators/storage/posix/data-brick.ts';

export type Caller = <K extends FopName>(
  fop: K,
  request: Request<K>,
  context: CallContext,
) => Promise<object>;

/** The same files, by the same gfids, at a brick of GlusterFS or at ours. */
export interface Brick {
  readonly call: Caller;
  readonly files: Readonly<Record<'file' | 'directory' | 'symlink', Inode>>;
  readonly fd: Fd;
  readonly reader: Fd;
  readonly appender: Fd;
  readonly path: string;
  close(): Promise<void>;
}

/** O_RDWR | O_APPEND */
export const APPEND = 0o2002;

export const gfids = { file: newGfid(), directory: newGfid(), symlink: newGfid() };
export const entryTypes: Record<keyof typeof gfids, FileType> = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
};

export interface Case {
  readonly what: string;
  readonly fop: FopName;
  readonly request: (brick: Brick) => object;
  readonly context?: CallContext;
  /** Compare the times, too: the call bears a stamp. */
  readonly times?: boolean;
}

/* ---- the requests ---- */

type Kind = keyof typeof gfids;
const loc = (brick: Brick, kind: Kind) => ({ inode: brick.files[kind] });
const dict = (pairs: Record<string, Uint8Array | string>) =>
  new Dict(
    Object.entries(pairs).map(([name, value]) => [
      name,
      typeof value === 'string' ? { type: 'str', value } : { type: 'bytes', value },
    ]),
  );
const i32 = (...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeInt32BE(value, index * 4);
  return bytes;
};
const i64 = (...values: bigint[]) => {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) bytes.writeBigInt64BE(value, index * 8);
  return bytes;
};
const asking = (...names: string[]) =>
  new Dict(names.map((name) => [name, { type: 'uint', value: 0n } as const]));

const NEWER = {
  atime: 2_000_000_000n,
  mtime: 2_000_000_000n,
  ctime: 2_000_000_000n,
  atimeNsec: 1,
  mtimeNsec: 2,
  ctimeNsec: 3,
};

const internal = rootContext({ pid: -6 });

function set(what: string, pairs: Record<string, Uint8Array | string>, flags = 0, kind: Kind = 'file'): Case {
  return {
    what: `setxattr ${what}`,
    fop: 'setxattr',
    request: (brick) => ({ loc: loc(brick, kind), dict: dict(pairs), flags }),
  };
}
function get(name: string, kind: Kind = 'file', context?: CallContext): Case {
  const what = `getxattr ${name || 'all'} of the ${kind}${context === undefined ? '' : ', internal'}`;
  return { what, fop: 'getxattr', request: (brick) => ({ loc: loc(brick, kind), name }), context };
}
function fget(name: string): Case {
  return { what: `fgetxattr ${name || 'all'}`, fop: 'fgetxattr', request: ({ fd }) => ({ fd, name }) };
}
function remove(name: string, kind: Kind = 'file'): Case {
  return {
    what: `removexattr ${name}`,
    fop: 'removexattr',
    request: (brick) => ({ loc: loc(brick, kind), name }),
  };
}
function xattrop(what: string, operation: number, pairs: Record<string, Uint8Array>, xdata?: Dict): Case {
  return {
    what: `xattrop ${operation}: ${what}`,
    fop: 'xattrop',
    request: (brick) => ({ loc: loc(brick, 'file'), operation, dict: dict(pairs), xdata }),
  };
}
function stat(what: string, xdata: Dict, kind: Kind = 'file'): Case {
  return {
    what: `stat asking for ${what}`,
    fop: 'stat',
    request: (brick) => ({ loc: loc(brick, kind), xdata }),
  };
}
function write(
  what: string,
  text: string,
  offset: number,
  more: { xdata?: Dict; context?: CallContext } = {},
): Case {
  const data = Buffer.from(text);
  return {
    what: `write ${what}`,
    fop: 'write',
    request: ({ fd }) => ({ fd, offset, size: data.length, flags: 0, data: [data], xdata: more.xdata }),
    context: more.context,
    times: more.context !== undefined,
  };
}

const access = Buffer.from(
  '0200000001000600ffffffff02000400e803000004000400ffffffff10000600ffffffff20000400ffffffff',
  'hex',
);

export const cases: readonly Case[] = [
  write('in a fresh file', 'hello', 0),
  write('at the end, asked', 'world', 5, {
    xdata: asking('glusterfs.write-is-append', 'glusterfs.open-active-fd-count', 'glusterfs.open-fd-count'),
  }),
  write('over it, asked', 'W', 5, { xdata: asking('glusterfs.write-is-append') }),
  write('behind a hole', 'x', 8192),
  {
    what: 'write for appending, asked',
    fop: 'write',
    request: ({ appender }) => ({
      fd: appender,
      offset: 0,
      size: 3,
      flags: 0,
      data: [Buffer.from('end')],
      xdata: asking('glusterfs.write-is-append'),
    }),
  },
  {
    what: 'write by an fd for reading',
    fop: 'write',
    request: ({ reader }) => ({ fd: reader, offset: 0, size: 1, flags: 0, data: [Buffer.from('x')] }),
  },
  {
    what: 'ftruncate by an fd for reading',
    fop: 'ftruncate',
    request: ({ reader }) => ({ fd: reader, offset: 0 }),
  },
  { what: 'seek data', fop: 'seek', request: ({ fd }) => ({ fd, offset: 4096, what: 0 }) },
  { what: 'read', fop: 'read', request: ({ fd }) => ({ fd, offset: 0, size: 10, flags: 0 }) },
  {
    what: 'read over the end',
    fop: 'read',
    request: ({ fd }) => ({ fd, offset: 8190, size: 100, flags: 0 }),
  },
  {
    what: 'read behind the end',
    fop: 'read',
    request: ({ fd }) => ({ fd, offset: 1 << 20, size: 10, flags: 0 }),
  },
  { what: 'read nothing', fop: 'read', request: ({ fd }) => ({ fd, offset: 0, size: 0, flags: 0 }) },
  { what: 'rchecksum', fop: 'rchecksum', request: ({ fd }) => ({ fd, offset: 0, size: 4096, flags: 0 }) },
  {
    what: 'rchecksum of zeros',
    fop: 'rchecksum',
    request: ({ fd }) => ({ fd, offset: 4096, size: 100, flags: 0, xdata: asking('check-zero-filled') }),
  },
  { what: 'seek behind the end', fop: 'seek', request: ({ fd }) => ({ fd, offset: 1 << 20, what: 0 }) },
  { what: 'seek for something else', fop: 'seek', request: ({ fd }) => ({ fd, offset: 0, what: 7 }) },
  { what: 'truncate', fop: 'truncate', request: (brick) => ({ loc: loc(brick, 'file'), offset: 100 }) },
  {
    what: 'truncate a directory',
    fop: 'truncate',
    request: (brick) => ({ loc: loc(brick, 'directory'), offset: 1 }),
  },
  { what: 'ftruncate', fop: 'ftruncate', request: ({ fd }) => ({ fd, offset: 10 }) },
  { what: 'fallocate', fop: 'fallocate', request: ({ fd }) => ({ fd, flags: 0, offset: 0, size: 4096 }) },
  {
    what: 'fallocate nothing',
    fop: 'fallocate',
    request: ({ fd }) => ({ fd, flags: 0, offset: 0, size: 0 }),
  },
  { what: 'discard', fop: 'discard', request: ({ fd }) => ({ fd, offset: 1, size: 2 }) },
  { what: 'zerofill over the end', fop: 'zerofill', request: ({ fd }) => ({ fd, offset: 4000, size: 200 }) },
  { what: 'fsync', fop: 'fsync', request: ({ fd }) => ({ fd, datasync: 0 }) },
  { what: 'flush', fop: 'flush', request: ({ fd }) => ({ fd }) },

  set('two', { 'user.a': Buffer.from('A'), 'trusted.b': Buffer.from([0, 1, 255]) }),
  set('as text', { 'user.text': 'text' }),
  get('user.text'),
  get('user.a'),
  fget('user.a'),
  get('user.none'),
  get('trusted.gfid'),
  get('trusted.gfid2path.0123456789abcdef'),
  get('nonsense.x'),
  get('user.'),
  set('what is there', { 'user.a': Buffer.from('B') }, 1),
  set('what is not there', { 'user.none': Buffer.from('B') }, 2),
  set('the gfid', { 'trusted.gfid': Buffer.alloc(16, 7) }),
  set('a name of gfid2path', { 'trusted.gfid2path.x': Buffer.from('x') }),
  set('the pathinfo', { 'trusted.glusterfs.pathinfo': Buffer.from('x') }),
  set('an unknown namespace', { 'nonsense.x': Buffer.from('x') }),
  set('a value that is too long', { 'user.long': Buffer.alloc(65537) }),
  set('a name that is too long', { [`user.${'n'.repeat(251)}`]: Buffer.from('x') }),
  set('user.* on a symbolic link', { 'user.x': Buffer.from('x') }, 0, 'symlink'),
  set('trusted.* on a symbolic link', { 'trusted.x': Buffer.from('x') }, 0, 'symlink'),
  get('', 'symlink'),
  remove('user.none'),
  remove('trusted.gfid'),
  remove('trusted.glusterfs.volume-id'),
  remove('trusted.gfid2path.x'),
  remove('user.text'),
  set('an ACL', { 'system.posix_acl_access': access }),
  get('system.posix_acl_access'),
  get('glusterfs.posix.acl'),
  get('glusterfs.posix.default_acl', 'directory'),
  set('no ACL', { 'system.posix_acl_access': Buffer.from('nonsense') }),
  set('a default ACL of a file', { 'system.posix_acl_default': access }),
  set('a default ACL of a directory', { 'system.posix_acl_default': access }, 0, 'directory'),
  get('glusterfs.posix.default_acl', 'directory'),
  remove('system.posix_acl_access'),
  get('trusted.glusterfs.pathinfo', 'directory'),
  get('trusted.glusterfs.pathinfo'),
  get('glusterfs.gfidtopath', 'directory'),
  get('glusterfs.gfidtopath'),
  get('glusterfs.gfidtopath', 'symlink'),
  get('glusterfs.gfid2path', 'directory'),
  get('glusterfs.ancestry.path', 'directory'),
  get('glusterfs.ancestry.path'),
  get('glusterfs.open-fd-count'),
  get('glusterfs.get_real_filename:FILE', 'directory'),
  get('glusterfs.get_real_filename:x'),

  xattrop('zeros make nothing', 0, { 'trusted.afr.zero': i32(0, 0, 0) }),
  get('trusted.afr.zero'),
  xattrop('of what is missing', 0, { 'trusted.afr.dirty': i32(1, 0, -1) }),
  xattrop('once more', 0, { 'trusted.afr.dirty': i32(1, 2, 3), 'trusted.afr.zero': i32(0, 0, 0) }),
  xattrop('overflow', 0, { 'trusted.afr.dirty': i32(0x7fffffff, 0, 0) }),
  xattrop('longer', 0, { 'trusted.afr.dirty': i32(1, 1, 1, 1) }),
  xattrop('shorter than held', 0, { 'trusted.afr.dirty': i32(1) }),
  xattrop('64 bits', 1, { 'trusted.ec.version': i64(1n, -1n) }, asking('get-size')),
  xattrop('64 bits again', 1, { 'trusted.ec.version': i64(0x7fffffffffffffffn, 1n) }),
  xattrop('a length that is odd', 0, { 'trusted.odd': Buffer.from([0, 0, 0, 1, 9]) }),
  xattrop('or', 2, { 'trusted.or': i32(1) }),
  xattrop('or with zeros', 2, { 'trusted.or': i32(0) }),
  xattrop('and', 3, { 'trusted.and': i32(1) }),
  xattrop('get and set, new', 4, { 'trusted.gs': i32(5) }),
  xattrop('get and set, zeros', 4, { 'trusted.gs': i32(0) }),
  xattrop('get and set again', 4, { 'trusted.gs': i32(6) }),
  xattrop('with default, new', 5, { 'trusted.def': i32(1, 2, 10, 20) }),
  xattrop('with default, held', 5, { 'trusted.def': i32(1, -22, 10, 20) }),
  xattrop('with default, zero again', 5, { 'trusted.def': i32(0, 1, 10, 20) }),
  xattrop('with default, 64 bits', 6, { 'trusted.def64': i64(1n, 2n, 10n, 20n) }),
  xattrop('unknown', 9, { 'trusted.x': i32(1) }),
  xattrop('in an unknown namespace', 0, { 'nonsense.x': i32(1) }),
  xattrop(
    'asking for the mode',
    0,
    { 'trusted.afr.zero': i32(0) },
    asking('dht-get-mode-in-xattr', 'trusted.def'),
  ),
  {
    what: 'fxattrop',
    fop: 'fxattrop',
    request: ({ fd }) => ({
      fd,
      operation: 0,
      dict: dict({ 'trusted.f': i32(3) }),
      xdata: asking('get-size'),
    }),
  },
  get(''),
  get('', 'file', internal),
  fget(''),
  stat('attributes by name', asking('trusted.def', 'trusted.none', 'trusted.gfid', 'user.a')),
  stat('attributes by pattern', asking('trusted.afr.*', 'user.?')),
  stat('all of them', asking('list-xattr', 'trusted.def')),
  stat('the size', asking('get-size', 'gf_request_link_count')),
  stat('open fds', asking('glusterfs.open-fd-count', 'glusterfs.open-active-fd-count')),
  stat('the text of an ACL', asking('glusterfs.posix.acl', 'glusterfs.posix.default_acl')),
  stat('attributes of a link', asking('list-xattr', 'glusterfs.posix.acl'), 'symlink'),
  stat('ancestry', asking('glusterfs.ancestry.path', 'list-xattr'), 'directory'),
  stat('the content', new Dict([['glusterfs.content', { type: 'uint', value: 8192n }]])),
  stat('too much content', new Dict([['glusterfs.content', { type: 'uint', value: 3n }]])),
  {
    what: 'setattr of mode and owner',
    fop: 'setattr',
    request: (brick) => ({
      loc: loc(brick, 'file'),
      stat: { ...emptyIatt(), mode: 0o106711, uid: 1, gid: 2 },
      valid: 7,
    }),
  },
  {
    what: 'setattr of an owner takes setuid',
    fop: 'setattr',
    request: (brick) => ({ loc: loc(brick, 'file'), stat: { ...emptyIatt(), uid: 3, gid: 9 }, valid: 2 }),
  },
  {
    what: 'setattr of the mode of a link',
    fop: 'setattr',
    request: (brick) => ({ loc: loc(brick, 'symlink'), stat: { ...emptyIatt(), mode: 0o600 }, valid: 1 }),
  },
  {
    what: 'fsetattr of nothing',
    fop: 'fsetattr',
    request: ({ fd }) => ({ fd, stat: emptyIatt(), valid: 0 }),
  },
  write('stamped', 'z', 0, { context: stamping(3, 1_500_000_000, 7) }),
  write('stamped earlier', 'z', 0, { context: stamping(3, 1_400_000_000) }),
  {
    what: 'setattr of times, stamped',
    fop: 'setattr',
    request: (brick) => ({
      loc: loc(brick, 'file'),
      stat: { ...emptyIatt(), atime: 11n, mtime: 12n, mtimeNsec: 5 },
      valid: 0x30,
    }),
    context: stamping(1, 1_600_000_000),
    times: true,
  },
  {
    what: 'stat of the times',
    fop: 'fstat',
    request: ({ fd }) => ({ fd, xdata: asking('trusted.glusterfs.mdata') }),
    times: true,
  },
  set('times of another copy', { 'trusted.glusterfs.mdata': encodeMdata({ ...NEWER, ctime: 5n }) }),
  {
    what: 'setxattr of times for a file without, which has some',
    fop: 'setxattr',
    request: (brick) => ({
      loc: loc(brick, 'file'),
      dict: new Dict().set(keys.setMdata, { ...NEWER, mtime: 2_000_000_001n }),
      flags: 0,
    }),
  },
  {
    what: 'removexattr of several',
    fop: 'removexattr',
    request: (brick) => ({
      loc: loc(brick, 'file'),
      name: '',
      xdata: asking('user.a', 'trusted.none', 'trusted.b'),
    }),
  },
  {
    what: 'removexattr of several, one of which may not go',
    fop: 'removexattr',
    request: (brick) => ({ loc: loc(brick, 'file'), name: '', xdata: asking('trusted.odd', 'trusted.gfid') }),
  },
  stat('what is left', asking('user.*', 'trusted.b', 'trusted.odd', 'trusted.glusterfs.mdata')),
  get('trusted.glusterfs.mdata'),
  get('trusted.glusterfs.mdata', 'file', internal),
];
