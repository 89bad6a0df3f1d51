import { GlfsError } from '../errors.ts';
import { decodeText, encodeText } from '../xdr/index.ts';
import type { Gfid } from './gfid.ts';
import type { Iatt } from './iatt.ts';

/** Times of a file as `trusted.glusterfs.mdata` holds them. */
export interface Mdata {
  atime: bigint;
  mtime: bigint;
  ctime: bigint;
  atimeNsec: number;
  mtimeNsec: number;
  ctimeNsec: number;
}

/**
 * One value of a dict with its type on the wire (gf_dict_data_type_t). `bytes` is GF_DATA_TYPE_PTR: opaque bytes,
 * which is also what every value of the old serialization arrives as.
 */
export type DictEntry =
  | { type: 'int'; value: bigint }
  | { type: 'uint'; value: bigint }
  | { type: 'double'; value: number }
  | { type: 'str'; value: string }
  | { type: 'bytes'; value: Uint8Array }
  | { type: 'gfuuid'; value: Gfid }
  | { type: 'iatt'; value: Iatt }
  | { type: 'mdata'; value: Mdata };

/** A key that the code knows, with the type of its value. See keys.ts. */
export interface Key<T> {
  readonly name: string;
  toEntry(value: T): DictEntry;
  /**
   * `undefined` where the peer's version of the program has no way to say it.
   * @throws GlfsError EPROTO where a peer sent something else.
   */
  fromEntry(entry: DictEntry): T | undefined;
}

/**
 * Extra data of a call (`xdata`) or a set of extended attributes: names to typed values, in order of insertion.
 * Known keys go through `get` and `set` with a `Key`; arbitrary attributes through `bytes` and `setBytes`.
 */
export class Dict {
  private readonly entries: Map<string, DictEntry>;

  constructor(entries?: Iterable<readonly [string, DictEntry]>) {
    this.entries = new Map(entries);
  }

  get size(): number {
    return this.entries.size;
  }

  has(key: Key<unknown> | string): boolean {
    return this.entries.has(nameOf(key));
  }

  get<T>(key: Key<T>): T | undefined {
    const entry = this.entries.get(key.name);
    return entry === undefined ? undefined : key.fromEntry(entry);
  }

  set<T>(key: Key<T>, value: T): this {
    this.entries.set(key.name, key.toEntry(value));
    return this;
  }

  delete(key: Key<unknown> | string): boolean {
    return this.entries.delete(nameOf(key));
  }

  entry(name: string): DictEntry | undefined {
    return this.entries.get(name);
  }

  setEntry(name: string, entry: DictEntry): this {
    this.entries.set(name, entry);
    return this;
  }

  /** The value of an extended attribute; text comes without its terminating NUL. */
  bytes(name: string): Uint8Array | undefined {
    const entry = this.entries.get(name);
    return entry === undefined ? undefined : entryBytes(entry);
  }

  setBytes(name: string, value: Uint8Array): this {
    this.entries.set(name, { type: 'bytes', value });
    return this;
  }

  /** Adds all entries of `other`; the newer value wins. */
  merge(other: Dict | undefined): this {
    if (other !== undefined) for (const [name, entry] of other.entries) this.entries.set(name, entry);
    return this;
  }

  clone(): Dict {
    return new Dict(this.entries);
  }

  names(): IterableIterator<string> {
    return this.entries.keys();
  }

  [Symbol.iterator](): IterableIterator<[string, DictEntry]> {
    return this.entries.entries();
  }
}

function nameOf(key: Key<unknown> | string): string {
  return typeof key === 'string' ? key : key.name;
}

/** The bytes that an entry stands for: numbers as decimal text, text as the bytes that it was decoded from. */
export function entryBytes(entry: DictEntry): Uint8Array {
  switch (entry.type) {
    case 'bytes':
    case 'gfuuid':
      return entry.value;
    case 'str':
      return encodeText(entry.value);
    case 'int':
    case 'uint':
    case 'double':
      return Buffer.from(String(entry.value), 'latin1');
    default:
      throw new GlfsError('EPROTO', `a value of type ${entry.type} where bytes were expected`);
  }
}

/** The text of an entry, up to the first NUL: what GlusterFS's string functions see of it. */
export function entryText(entry: DictEntry): string {
  if (entry.type === 'str') return entry.value;
  const bytes = entryBytes(entry);
  const end = bytes.indexOf(0);
  return decodeText(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The integer that an entry holds: natively, or as decimal text as the old serialization has it. */
export function entryInteger(entry: DictEntry): bigint {
  if (entry.type === 'int' || entry.type === 'uint') return entry.value;
  const text = entryText(entry).trim();
  if (!/^-?\d{1,20}$/.test(text))
    throw new GlfsError('EPROTO', `a number was expected, not '${text.slice(0, 40)}'`);
  return BigInt(text);
}

/** A copy of `dict`, or a new one, with one known key set: for translators that add to a request's xdata. */
export function withKey<T>(dict: Dict | undefined, key: Key<T>, value: T): Dict {
  return (dict === undefined ? new Dict() : dict.clone()).set(key, value);
}
