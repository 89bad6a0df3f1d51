import type { Infer, Xdr } from '../xdr/index.ts';

/**
 * What an operation acts on. It decides how a translator names the file (a `Loc`, an `Fd`, two of them) and which fields
 * of the wire's request stand for it.
 */
export type Target =
  | 'lookup'
  | 'inode'
  | 'fd'
  | 'entry'
  | 'open'
  | 'create'
  | 'link'
  | 'rename'
  | 'copy'
  | 'none';

export interface Traits {
  /** Changes what bricks store: never replayed when its outcome is unknown. */
  mutates?: boolean;
  /** Changes the entries of a directory. */
  entry?: boolean;
  /** Takes or drops a lock or lease: may block at the server, and doesn't count among the calls outstanding. */
  lock?: boolean;
  /** Unlocks, post-ops, releases: never queue behind data. */
  control?: boolean;
  /** The reply has its xdata behind the other fields (READ: raw data follows). */
  xdataLast?: boolean;
}

type Struct = Xdr<object> & { readonly fields: Record<string, Xdr<unknown>> };

export interface FopRow<
  T extends Target = Target,
  Q extends Xdr<unknown> = Struct,
  P extends Xdr<unknown> = Struct,
> {
  readonly procedure: number;
  readonly target: T;
  readonly traits: Traits;
  readonly request: Q;
  readonly reply: P;
}

export function row<T extends Target, Q extends Xdr<unknown>, P extends Xdr<unknown>>(
  procedure: number,
  target: T,
  traits: Traits,
  request: Q,
  reply: P,
): FopRow<T, Q, P> {
  return { procedure, target, traits, request, reply };
}

/** Fields of the wire's request that stand for the target, and are filled in from `loc` and `fd`. */
export const targetFields = {
  lookup: ['gfid', 'pargfid', 'bname'],
  inode: ['gfid'],
  fd: ['gfid', 'fd'],
  entry: ['pargfid', 'bname'],
  open: ['gfid'],
  create: ['pargfid', 'bname'],
  link: ['oldgfid', 'newgfid', 'newbname'],
  rename: ['oldgfid', 'newgfid', 'oldbname', 'newbname'],
  copy: ['gfid1', 'gfid2', 'fdIn', 'fdOut'],
  none: [],
} as const satisfies Record<Target, readonly string[]>;

/** Fields of a request beyond its target, as TypeScript sees them. */
export type Arguments<R extends FopRow<Target, Xdr<unknown>, Xdr<unknown>>> = Omit<
  Infer<R['request']>,
  (typeof targetFields)[R['target']][number]
>;

/** Fields of a reply, without the numbers of a brick's file descriptors. */
export type Results<R extends FopRow<Target, Xdr<unknown>, Xdr<unknown>>> = Omit<
  Infer<R['reply']>,
  'remoteFd'
>;
