import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gfidToString } from '../../../src/protocol/gfid.ts';
import { hostSyscalls } from '../../../src/syscalls.ts';
import { chooseStore } from '../../../src/xlators/storage/posix/store-choice.ts';
import { waitUntil } from '../wait.ts';

/**
 * What bricks say of each other: by path and by brick the marks of a file, for instance `client-1 1 0 0` (data, metadata,
 * entry), `index` where the brick's index lists it and `names: a b` where the index tells the names that differ.
 */
export type Marks = Record<string, string[]>;

const PREFIX = 'trusted.afr.';

/** Reads an attribute's three counters; `0 0 0` stands for one that is there and clean. */
export function markOf(name: string, value: Uint8Array): string | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const view = Buffer.alloc(12);
  view.set(value.subarray(0, 12));
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

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The marks below a directory of a brick, of glusterfsd or of glfs, running or not. */
export function marksOnDisk(brick: string, directory: string, tell = markOf): Record<string, string> {
  const top = join(brick, directory);
  const indices = join(brick, '.glusterfs/indices');
  const store = chooseStore({ root: brick, wanted: 'auto', readOnly: true, host: hostSyscalls() });
  const inIndex = new Set(listed(join(indices, 'xattrop')));
  const marks: Record<string, string> = {};
  for (const path of ['', ...walk(top, '')]) {
    const place = Buffer.from(join(top, path));
    const said = store
      .list(place)
      .flatMap((name) => tell(name, store.get(place, name) ?? new Uint8Array()) ?? [])
      .sort();
    const gfid = store.get(place, 'trusted.gfid');
    const id = gfid === undefined ? '' : gfidToString(gfid);
    if (inIndex.has(id)) said.push('index');
    const names = id === '' ? [] : listed(join(indices, 'entry-changes', id));
    if (names.length > 0) said.push(`names: ${names.sort().join(' ')}`);
    marks[lstatSync(place).isDirectory() ? `${path}/` : path] = said.join(', ');
  }
  return marks;
}

/** One table of all bricks: files without any mark are left out, copies that lack a file say `-`. */
export function tabulate(bricks: readonly Record<string, string>[]): Marks {
  const paths = [...new Set(bricks.flatMap((marks) => Object.keys(marks)))].sort();
  const rows = paths.map((path): [string, string[]] => [path, bricks.map((marks) => marks[path] ?? '-')]);
  return Object.fromEntries(rows.filter(([, row]) => row.some((said) => said !== '')));
}

/** Reads marks until they stay as they are for longer than a client keeps its locks, and the marks that go with them. */
export async function settledMarks(read: () => Marks): Promise<Marks> {
  let last = read();
  let since = Date.now();
  return waitUntil(
    () => {
      const now = read();
      if (JSON.stringify(now) !== JSON.stringify(last)) since = Date.now();
      last = now;
      return Date.now() - since > 1200 && now;
    },
    { what: 'the marks to settle', everyMs: 50 },
  );
}
