import { runOk } from './processes.ts';

/** Extended attributes of one file, raw. */
export type Xattrs = Map<string, Buffer>;

/** Paths that are handed to one getfattr process at a time. */
const batch = 400;

/**
 * Reads all extended attributes, trusted.* included (as root), of many files on a brick or a mount; symlinks
 * themselves, not their targets. Files without attributes have an empty map.
 */
export async function readXattrsOf(paths: readonly string[]): Promise<Map<string, Xattrs>> {
  const all = new Map<string, Xattrs>(paths.map((path) => [path, new Map()]));
  for (let from = 0; from < paths.length; from += batch) {
    const words = ['-d', '-m', '-', '-e', 'hex', '-h', '--absolute-names', '--'];
    parseInto(all, await runOk('getfattr', [...words, ...paths.slice(from, from + batch)]));
  }
  return all;
}

/** All extended attributes of one file. */
export async function readXattrs(path: string): Promise<Xattrs> {
  return (await readXattrsOf([path])).get(path) ?? new Map();
}

/** One attribute, undefined when the file has none of that name. */
export async function readXattr(path: string, name: string): Promise<Buffer | undefined> {
  return (await readXattrs(path)).get(name);
}

/** Sets one attribute to raw bytes. */
export async function setXattr(path: string, name: string, value: Uint8Array): Promise<void> {
  const hex = `0x${Buffer.from(value).toString('hex')}`;
  await runOk('setfattr', ['-h', '-n', name, '-v', hex, '--', path]);
}

/** Removes one attribute. */
export async function removeXattr(path: string, name: string): Promise<void> {
  await runOk('setfattr', ['-h', '-x', name, '--', path]);
}

/** getfattr prints `# file: <path>` with backslash-octal escapes, then `name=0x…` lines, then an empty line. */
function parseInto(all: Map<string, Xattrs>, text: string): void {
  let current: Xattrs | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('# file: ')) {
      const path = unescapeOctal(line.slice('# file: '.length));
      current = all.get(path) ?? new Map();
      all.set(path, current);
    } else if (line) {
      const split = line.indexOf('=');
      const name = unescapeOctal(split < 0 ? line : line.slice(0, split));
      const value = split < 0 ? '' : line.slice(split + 1);
      current?.set(name, Buffer.from(value.replace(/^0x/, ''), 'hex'));
    }
  }
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** A directory's range of hashes on one brick, as `trusted.glusterfs.dht` holds it. */
export interface DhtLayout {
  /** 0, or the hash of the volume's commit that the layout was made for. */
  commitHash: number;
  /** 0 for a layout of Davies-Meyer hashes. */
  type: number;
  /** First and last hash, both included; both 0 where the brick gets no new files of the directory. */
  start: number;
  stop: number;
}

/** Reads a directory's layout on a brick; undefined when it has none. Four big-endian 32-bit words. */
export async function readDhtLayout(directory: string): Promise<DhtLayout | undefined> {
  const value = await readXattr(directory, 'trusted.glusterfs.dht');
  if (value?.length !== 16) return undefined;
  const [commitHash = 0, type = 0, start = 0, stop = 0] = [0, 4, 8, 12].map((at) => value.readUInt32BE(at));
  return { commitHash, type, start, stop };
}
