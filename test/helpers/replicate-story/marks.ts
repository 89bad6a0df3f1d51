import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readXattrsOf } from '../xattr.ts';

/**
 * What bricks say of each other: by path and by brick the marks of a file, for instance `client-1 1 0 0` (data, metadata,
 * entry), `index` where the brick's index lists it and `names: a b` where the index tells the names that differ.
 */
export type Marks = Record<string, string[]>;

const PREFIX = 'trusted.afr.';

/** Reads an attribute's three counters; `0 0 0` stands for one that is there and clean. */
export function markOf(name: string, value: Uint8Array): string | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const view = Buffer.from(value);
  const counters = [0, 4, 8].map((at) => view.readInt32BE(at));
  return `${name.slice(PREFIX.length).replace(/^.*-(client-\d+)$/, '$1')} ${counters.join(' ')}`;
}

function walk(directory: string, below: string): string[] {
  return readdirSync(join(directory, below), { withFileTypes: true })
    .flatMap((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? [path, ...walk(directory, path)] : [path];
    })
    .sort();
}

function uuid(gfid: Uint8Array): string {
  return Buffer.from(gfid)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The marks below a directory of one brick whose attributes lie on its files. */
export async function marksOnDisk(brick: string, directory: string): Promise<Record<string, string>> {
  const top = join(brick, directory);
  const indices = join(brick, '.glusterfs/indices');
  const inIndex = new Set(listed(join(indices, 'xattrop')));
  const paths = ['', ...walk(top, '')];
  const attributes = await readXattrsOf(paths.map((path) => join(top, path)));
  const marks: Record<string, string> = {};
  for (const path of paths) {
    const own = attributes.get(join(top, path))!;
    const said = [...own].flatMap(([name, value]) => markOf(name, value) ?? []).sort();
    const gfid = own.get('trusted.gfid');
    if (gfid !== undefined && inIndex.has(uuid(gfid))) said.push('index');
    const names = gfid === undefined ? [] : listed(join(indices, 'entry-changes', uuid(gfid)));
    if (names.length > 0) said.push(`names: ${names.sort().join(' ')}`);
    const directoryOrNot = lstatSync(join(top, path)).isDirectory() ? `${path}/` : path;
    marks[directoryOrNot] = said.join(', ');
  }
  return marks;
}

/** One table of all bricks: files without any mark are left out, copies that lack a file say `-`. */
export function tabulate(bricks: readonly Record<string, string>[]): Marks {
  const paths = [...new Set(bricks.flatMap((marks) => Object.keys(marks)))].sort();
  const rows = paths.map((path): [string, string[]] => [path, bricks.map((marks) => marks[path] ?? '-')]);
  return Object.fromEntries(rows.filter(([, row]) => row.some((said) => said !== '')));
}
