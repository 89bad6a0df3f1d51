import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../src/protocol/iatt.ts';
import { hostSyscalls } from '../../src/syscalls.ts';
import { decodeText } from '../../src/xdr/index.ts';
import type { AttributeStore } from '../../src/xlators/storage/posix/attribute-store.ts';
import { decodeMdata, MDATA_KEY } from '../../src/xlators/storage/posix/mdata.ts';
import { chooseStore } from '../../src/xlators/storage/posix/store-choice.ts';

/** What is compared, beyond what always is: names, kinds, gfids, modes, owners, attributes, links and bytes. */
export interface CompareBricks {
  /** Position of the brick that has no data: of its files names and metadata count. */
  readonly arbiter?: number;
  /** Modification times of files (default true); those of directories only with `'all'`. */
  readonly mtimes?: boolean | 'all';
  /** Attributes that may differ, beside those that belong to one brick alone. */
  readonly ignore?: readonly RegExp[];
}

/** One file of a brick, as it is compared: by path, one text for each property. */
type Properties = Readonly<Record<string, string>>;
type Tree = ReadonlyMap<string, Properties>;

const CHANGELOG = /^trusted\.afr\./;
/** Of the times that clients have stamped only those of modification are compared, as `mtime`. */
const ALWAYS_IGNORED = [/^trusted\.glusterfs\.mdata$/, /^security\./];
/** Where heals put aside what has lost its name. The directory may be missing where nothing ever was. */
const ANONYMOUS = /^\.glusterfs-anonymous-inode-/;
const SLASH = Buffer.from('/');
/** What an arbiter has no part in: writes are not made there, and so don't stamp its files. */
const OF_DATA = ['bytes', 'size', 'mtime'];
const CHUNK = 1 << 20;

/**
 * Differences between bricks that ought to be copies of each other, in words; none where they are. An attribute
 * trusted.afr.* that is not zero is a difference, wherever it is; zeros count as absent. Works on bricks of glusterfsd and
 * of glfs, running or not.
 */
export function differencesOfBricks(directories: readonly string[], options: CompareBricks = {}): string[] {
  const trees = directories.map((directory) => treeOf(directory));
  const differences = trees.flatMap((tree, index) =>
    [...tree].flatMap(([path, properties]) =>
      Object.entries(properties)
        .filter(([name]) => CHANGELOG.test(name))
        .map(([name, value]) => `brick ${index}: ${path}: ${name} is ${value}`),
    ),
  );
  const paths = [...new Set(trees.flatMap((tree) => [...tree.keys()]))].sort();
  for (const path of paths) differences.push(...differencesAt(path, trees, options));
  return differences;
}

function differencesAt(path: string, trees: readonly Tree[], options: CompareBricks): string[] {
  const first = trees.findIndex((tree) => tree.has(path));
  const there = trees[first]!.get(path)!;
  return trees.flatMap((tree, index) => {
    if (index === first) return [];
    const here = tree.get(path);
    if (here === undefined) return [`${path}: on brick ${first}, not on brick ${index}`];
    const names = [...new Set([...Object.keys(there), ...Object.keys(here)])];
    const involved = [first, index];
    return names
      .filter((name) => there[name] !== here[name] && counts(name, there, involved, options))
      .map(
        (name) =>
          `${path}: ${name} is ${there[name] ?? 'absent'} on brick ${first}, ${here[name] ?? 'absent'} on brick ${index}`,
      );
  });
}

function counts(
  name: string,
  properties: Properties,
  involved: readonly number[],
  { arbiter, mtimes = true, ignore = [] }: CompareBricks,
): boolean {
  if (CHANGELOG.test(name)) return false;
  if (name === 'mtime' && (mtimes === false || (mtimes !== 'all' && properties.kind === 'directory')))
    return false;
  if (OF_DATA.includes(name) && arbiter !== undefined && involved.includes(arbiter)) return false;
  return ![...ALWAYS_IGNORED, ...ignore].some((pattern) => pattern.test(name));
}

/** Everything on a brick but its .glusterfs, by path from its root. */
function treeOf(directory: string): Tree {
  const store = chooseStore({ root: directory, wanted: 'auto', readOnly: true, host: hostSyscalls() });
  const tree = new Map<string, Properties>();
  const visit = (place: Buffer, path: string): void => {
    const stat = store.stat(place);
    if (!ANONYMOUS.test(path.slice(1))) tree.set(path === '' ? '/' : path, propertiesOf(store, place, stat));
    if (Number(stat.mode & BigInt(S_IFMT)) !== S_IFDIR) return;
    for (const name of readdirSync(place, { encoding: 'buffer' })) {
      if (path === '' && name.toString() === '.glusterfs') continue;
      visit(Buffer.concat([place, SLASH, name]), `${path}/${decodeText(name)}`);
    }
  };
  visit(Buffer.from(directory), '');
  return tree;
}

function propertiesOf(store: AttributeStore, place: Buffer, stat: BigIntStats): Properties {
  const format = Number(stat.mode & BigInt(S_IFMT));
  const attributes = store.list(place).flatMap((name): [string, string][] => {
    const value = store.get(place, name)?.toString('hex') ?? '';
    return CHANGELOG.test(name) && /^0*$/.test(value) ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(attributes),
    kind: kindOf(format),
    mode: `0${(Number(stat.mode) & 0o7777).toString(8)}`,
    owner: `${stat.uid}:${stat.gid}`,
    ...(format === S_IFLNK ? { target: decodeText(readlinkSync(place, { encoding: 'buffer' })) } : {}),
    ...(format === S_IFDIR ? {} : { links: String(lstatSync(place).nlink), device: String(stat.rdev) }),
    ...(format === S_IFLNK ? {} : { mtime: mtimeOf(store, place, stat) }),
    ...(format === S_IFREG ? { size: String(stat.size), bytes: digestOf(place) } : {}),
  };
}

/** With features.ctime what the client stamped; without it the host's. */
function mtimeOf(store: AttributeStore, place: Buffer, stat: BigIntStats): string {
  const stamped = store.get(place, MDATA_KEY);
  if (stamped === undefined) return String(stat.mtimeNs);
  const { mtime, mtimeNsec } = decodeMdata(stamped);
  return String(mtime * 1_000_000_000n + BigInt(mtimeNsec));
}

function kindOf(format: number): string {
  if (format === S_IFDIR) return 'directory';
  return format === S_IFREG ? 'file' : `0${format.toString(8)}`;
}

function digestOf(place: Buffer): string {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK);
  const descriptor = openSync(place, 'r');
  try {
    for (let got = readSync(descriptor, chunk); got > 0; got = readSync(descriptor, chunk))
      hash.update(chunk.subarray(0, got));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Files that a brick's index holds, by gfid: what is waiting to be healed, or is under way. */
export function indexedOn(
  directory: string,
  kind: 'xattrop' | 'dirty' | 'entry-changes' = 'xattrop',
): string[] {
  return readdirSync(`${directory}/.glusterfs/indices/${kind}`)
    .filter((name) => !name.startsWith(`${kind}-`))
    .sort();
}
