import { GlfsError } from '../errors.ts';
import { list, struct, u32, u53, u64, type Xdr } from '../xdr/index.ts';
import type { Dict } from './dict.ts';
import { serializedDictSchema } from './dict-serialized.ts';
import { dictSchema } from './dict-wire.ts';
import { type FopName, fops, unsentFops } from './fops.ts';
import { gfidSchema } from './gfid.ts';
import { emptyIatt, type Iatt, iattSchema } from './iatt.ts';
import { direntsPlusSchema, nameSchema } from './messages.ts';

/** One operation as one version of the program lays it out. */
export interface Layout {
  readonly procedure: number;
  readonly request: Xdr<Record<string, unknown>>;
  readonly reply: Xdr<Record<string, unknown>>;
  /** The reply's xdata stand behind its other fields. */
  readonly xdataLast: boolean;
}

/** One version of the file program. */
export interface Dialect {
  readonly version: number;
  readonly iattBytes: number;
  readonly dict: Xdr<Dict | undefined>;
  /** `undefined` where this version has no such operation. */
  layout(fop: FopName | keyof typeof unsentFops): Layout | undefined;
}

/*
 * gf_iatt of version 330, 100 bytes: opaque gfid[16]; u64 ino, dev; u32 mode, nlink, uid, gid; u64 rdev, size; u32 blksize;
 * u64 blocks; u32 atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec
 */
const oldIattFields = struct({
  gfid: gfidSchema,
  ino: u64,
  dev: u64,
  mode: u32,
  nlink: u32,
  uid: u32,
  gid: u32,
  rdev: u64,
  size: u53,
  blksize: u32,
  blocks: u53,
  atime: u32,
  atimeNsec: u32,
  mtime: u32,
  mtimeNsec: u32,
  ctime: u32,
  ctimeNsec: u32,
});
/** TYPE to BLOCKS and GFID: all but the time of birth. */
const OLD_IATT_FLAGS = 0x17ffn;

/** `gf_iatt` of version 330; bricks also use it in their callbacks. */
export const oldIattSchema: Xdr<Iatt> = {
  minimum: 100,
  encode: (writer, value) =>
    oldIattFields.encode(writer, {
      ...value,
      atime: Number(value.atime),
      mtime: Number(value.mtime),
      ctime: Number(value.ctime),
    }),
  decode: (reader) => {
    const fields = oldIattFields.decode(reader);
    return {
      ...emptyIatt(),
      ...fields,
      flags: OLD_IATT_FLAGS,
      atime: BigInt(fields.atime),
      mtime: BigInt(fields.mtime),
      ctime: BigInt(fields.ctime),
    };
  },
};

const oldDirentsPlus = list(
  struct({
    ino: u64,
    offset: u64,
    length: u32,
    type: u32,
    name: nameSchema,
    stat: oldIattSchema,
    xdata: serializedDictSchema,
  }),
  1 << 20,
);

/** What stands in version 330 where version 4 has something else. */
const oldSchemas = new Map<Xdr<never>, Xdr<unknown>>([
  [dictSchema as unknown as Xdr<never>, serializedDictSchema as Xdr<unknown>],
  [iattSchema as unknown as Xdr<never>, oldIattSchema as Xdr<unknown>],
  [direntsPlusSchema as unknown as Xdr<never>, oldDirentsPlus as Xdr<unknown>],
]);

/** Fields that version 330 leaves out. */
const oldOmissions: Partial<Record<FopName, { request?: readonly string[]; reply?: readonly string[] }>> = {
  rchecksum: { request: ['gfid', 'flags'], reply: ['flags'] },
  fsetattr: { request: ['gfid'] },
  getxattr: { reply: ['prestat', 'poststat'] },
  fgetxattr: { reply: ['prestat', 'poststat'] },
  xattrop: { reply: ['prestat', 'poststat'] },
  fxattrop: { reply: ['prestat', 'poststat'] },
};

type Fields = Record<string, Xdr<unknown>>;

function oldFields(fields: Fields, omitted: readonly string[] = []): Fields {
  const kept = Object.entries(fields).filter(([name]) => !omitted.includes(name));
  return Object.fromEntries(
    kept.map(([name, schema]) => [name, oldSchemas.get(schema as unknown as Xdr<never>) ?? schema]),
  );
}

type AnyLayout = Xdr<Record<string, unknown>>;
const all = { ...fops, ...unsentFops };

/** GlusterFS 6 and later. */
export const dialect400: Dialect = {
  version: 400,
  iattBytes: 148,
  dict: dictSchema,
  layout: (fop) => {
    const { procedure, request, reply, traits } = all[fop];
    return {
      procedure,
      request: request as unknown as AnyLayout,
      reply: reply as unknown as AnyLayout,
      xdataLast: traits.xdataLast === true,
    };
  },
};

const LAST_OLD_PROCEDURE = 52;
const oldLayouts = new Map<string, Layout>();
for (const fop of Object.keys(fops) as FopName[]) {
  const { procedure, request, reply } = fops[fop];
  if (procedure > LAST_OLD_PROCEDURE) continue;
  const omitted = oldOmissions[fop];
  oldLayouts.set(fop, {
    procedure,
    request: struct(oldFields(request.fields, omitted?.request)) as AnyLayout,
    reply: struct(oldFields(reply.fields, omitted?.reply)) as AnyLayout,
    xdataLast: true,
  });
}

/** The program of GlusterFS 3.3 and later, which servers up to 11 still offer. */
export const dialect330: Dialect = {
  version: 330,
  iattBytes: 100,
  dict: serializedDictSchema,
  layout: (fop) => oldLayouts.get(fop),
};

/** The best version that both sides have, up to `highest`. @throws GlfsError EPROTONOSUPPORT where there is none. */
export function chooseDialect(offered: readonly number[], highest = dialect400.version): Dialect {
  const found = [dialect400, dialect330].find(
    (dialect) => dialect.version <= highest && offered.includes(dialect.version),
  );
  if (found === undefined) {
    throw new GlfsError(
      'EPROTONOSUPPORT',
      `the brick offers no file program that glfs speaks (${offered.join(', ') || 'none'})`,
    );
  }
  return found;
}
