import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gfidToString } from '../../src/protocol/gfid.ts';
import { typeOfMode } from '../../src/protocol/iatt.ts';
import { hostSyscalls } from '../../src/syscalls.ts';
import { chooseStore } from '../../src/xlators/storage/posix/store-choice.ts';

const HIDDEN = '.glusterfs';
const ROOT = '00000000-0000-0000-0000-000000000001';

/** How exactly bricks are compared: names and what they lead to, or attributes and contents as well. */
export type Detail = 'names' | 'all';

/**
 * What a brick holds, one line for each name: type, gfid and links; with `all` also mode, owner, contents. A file whose handle is
 * missing, or leads elsewhere, says so. Directories that heals keep for themselves are left out, as are times.
 */
export function brickTree(brick: string, detail: Detail = 'all'): Record<string, string> {
  const store = chooseStore({ root: brick, wanted: 'auto', readOnly: true, host: hostSyscalls() });
  const lines: Record<string, string> = {};
  const walk = (below: string): void => {
    for (const name of readdirSync(join(brick, below)).sort()) {
      const path = below === '' ? name : `${below}/${name}`;
      if (path === HIDDEN || path.startsWith(`${HIDDEN}-anonymous-inode`)) continue;
      const place = join(brick, path);
      const stat = lstatSync(place);
      const type = typeOfMode(stat.mode);
      const gfid = store.get(Buffer.from(place), 'trusted.gfid');
      const id = gfid === undefined ? 'none' : gfidToString(gfid);
      const parts = [type, id, gfid === undefined ? '' : handle(brick, place, id)];
      if (type !== 'directory') parts.push(`links ${stat.nlink}`);
      if (type === 'symlink') parts.push(`to ${readlinkSync(place)}`);
      if (detail === 'all') {
        parts.push((stat.mode & 0o7777).toString(8), `${stat.uid}:${stat.gid}`);
        if (type === 'file') parts.push(JSON.stringify(readFileSync(place, 'latin1').slice(0, 200)));
      }
      lines[path] = parts.filter((part) => part !== '').join(' ');
      if (type === 'directory') walk(path);
    }
  };
  walk('');
  return lines;
}

/** Empty where the handle of a gfid is what it should be. */
function handle(brick: string, place: string, id: string): string {
  const path = join(brick, HIDDEN, id.slice(0, 2), id.slice(2, 4), id);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 'WITHOUT HANDLE';
  const stat = lstatSync(place);
  if (!stat.isDirectory()) return found.ino === stat.ino ? '' : 'HANDLE OF ANOTHER FILE';
  const target = lstatSync(`${path}/.`, { throwIfNoEntry: false });
  return target?.ino === stat.ino ? '' : 'HANDLE OF ANOTHER DIRECTORY';
}

/** What hangs in the directory of anonymous inodes. */
export function anonymousNames(brick: string): string[] {
  const found = readdirSync(brick).find((name) => name.startsWith(`${HIDDEN}-anonymous-inode`));
  return found === undefined ? [] : readdirSync(join(brick, found)).sort();
}

/**
 * What the index lists: files by gfid, and names that differ as DIRECTORY/NAME. Of files that are gone nothing is told: crawls take
 * them out, not heals.
 */
export function indexNames(brick: string): string[] {
  const known = new Set([
    ROOT,
    ...Object.values(brickTree(brick, 'names')).map((line) => line.split(' ')[1]!),
  ]);
  const indices = join(brick, HIDDEN, 'indices');
  const names = (path: string): string[] => {
    try {
      return readdirSync(path).filter((name) => !/^(xattrop|dirty|entry-changes)-/.test(name));
    } catch {
      return [];
    }
  };
  const files = [...names(join(indices, 'xattrop')), ...names(join(indices, 'dirty'))];
  const changes = names(join(indices, 'entry-changes'));
  const differing = changes.flatMap((id) =>
    names(join(indices, 'entry-changes', id)).map((name) => `${id}/${name}`),
  );
  return [...files, ...changes, ...differing].filter((line) => known.has(line.split('/')[0]!));
}

/** Files that a brick's index lists as accusing a copy. */
export function pendingGfids(brick: string): string[] {
  return readdirSync(join(brick, HIDDEN, 'indices/xattrop')).filter((name) => !name.startsWith('xattrop-'));
}

/** The marks that say anything: `PATH ATTRIBUTE COUNTERS`. */
export function brickMarks(brick: string): string[] {
  const store = chooseStore({ root: brick, wanted: 'auto', readOnly: true, host: hostSyscalls() });
  const paths = ['', ...Object.keys(brickTree(brick, 'names'))];
  return paths.flatMap((path) => {
    const place = Buffer.from(join(brick, path));
    return store
      .list(place)
      .filter((name) => name.startsWith('trusted.afr.'))
      .map((name) => [name, Buffer.from(store.get(place, name) ?? [])] as const)
      .filter(([, value]) => value.some((byte) => byte !== 0))
      .map(([name, value]) => `${path} ${name} ${value.toString('hex')}`);
  });
}
