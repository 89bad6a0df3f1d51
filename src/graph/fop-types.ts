import type { Dict } from '../protocol/dict.ts';
import type { Arguments, FopRow, Results, Target } from '../protocol/fop-row.ts';
import type { FopName, Fops } from '../protocol/fops.ts';
import type { FileType, Iatt } from '../protocol/iatt.ts';
import type { Xdr } from '../xdr/index.ts';
import type { CallContext } from './context.ts';
import type { Fd } from './fd.ts';
import type { Inode, Loc } from './inode.ts';

/** How a request names what it acts on, by the target of its row in the fop table. */
interface Targets {
  lookup: { loc: Loc };
  inode: { loc: Loc };
  entry: { loc: Loc };
  fd: { fd: Fd };
  open: { loc: Loc; fd: Fd };
  create: { loc: Loc; fd: Fd };
  /** `loc` is the file that exists, `newLoc` the parent and name to be. */
  link: { loc: Loc; newLoc: Loc };
  rename: { loc: Loc; newLoc: Loc };
  copy: { source: Fd; target: Fd };
  none: object;
}

/** What travels beside the layouts of the table, because payloads never pass through the codec. */
interface ExtraArguments {
  /** Where the bytes shall go; a new buffer where it is absent. `size` never exceeds its length. */
  read: { into?: Uint8Array };
  /** The bytes, in order; together `size` long. They must not change until the call has settled. */
  write: { data: readonly Uint8Array[] };
}
interface ExtraResults {
  /** `data` holds the bytes read: the front of `into` where that was given. `eof`: the read touched the end of the file. */
  read: { data: Uint8Array; eof: boolean };
  /** `count`: bytes that were taken, where the server said so; it may take fewer than it was given (a full disk). */
  write: { count?: number };
  copyFileRange: { count?: number };
  /** `eof`: there is nothing behind these entries; absent where the server did not say. */
  readdir: { entries: DirectoryEntry[]; eof?: boolean };
  readdirp: { entries: DirectoryEntry[]; eof?: boolean };
}
/** Fields of the layouts that a translator neither gives nor gets: they follow from others. */
interface HiddenArguments {
  getxattr: 'namelen';
  fgetxattr: 'namelen';
}
interface HiddenResults {
  read: 'size';
  readdir: 'entries';
  readdirp: 'entries';
}

export interface DirectoryEntry {
  name: string;
  type: FileType;
  ino: bigint;
  /** Where a listing goes on behind this entry: 63 bits. */
  offset: bigint;
  /** READDIRP only, and absent where the brick could not tell. */
  stat?: Iatt;
  xdata?: Dict;
  /** Carries what translators learnt of the file on the way up. */
  inode?: Inode;
}

type Hidden<H, K> = K extends keyof H ? H[K] & string : never;
type Extra<E, K> = K extends keyof E ? E[K] : unknown;
type Row<K extends FopName> =
  Fops[K] extends FopRow<infer T extends Target, infer Q extends Xdr<unknown>, infer P extends Xdr<unknown>>
    ? FopRow<T, Q, P>
    : never;
type Flatten<T> = { [K in keyof T]: T[K] };

/** The request of a fop as translators see it. */
export type Request<K extends FopName> = Flatten<
  Targets[Fops[K]['target']] &
    Omit<Arguments<Row<K>>, Hidden<HiddenArguments, K>> &
    Extra<ExtraArguments, K> & { xdata?: Dict }
>;

/** The reply of a fop as translators see it. */
export type Reply<K extends FopName> = Flatten<
  Omit<Results<Row<K>>, Hidden<HiddenResults, K>> & Extra<ExtraResults, K> & { xdata?: Dict }
>;

/** One operation: it fails by throwing GlfsError. */
export type FopFunction<K extends FopName> = (request: Request<K>, context: CallContext) => Promise<Reply<K>>;

/** A full set of operations: what a translator calls its children by. */
export type FopTable = { [K in FopName]: FopFunction<K> };
