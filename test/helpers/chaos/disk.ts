import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gfidToString } from '../../../src/protocol/gfid.ts';
import { hostSyscalls } from '../../../src/syscalls.ts';
import { chooseStore } from '../../../src/xlators/storage/posix/store-choice.ts';

/** gfids of everything below a directory of a brick, and of itself, by path. */
export function gfidsBelow(brick: string, directory: string): Map<string, string> {
  const store = chooseStore({ root: brick, wanted: 'auto', readOnly: true, host: hostSyscalls() });
  const found = new Map<string, string>();
  const visit = (path: string, isDirectory: boolean): void => {
    const gfid = store.get(Buffer.from(join(brick, path)), 'trusted.gfid');
    if (gfid !== undefined) found.set(path, gfidToString(gfid));
    if (!isDirectory) return;
    for (const entry of readdirSync(join(brick, path), { withFileTypes: true }))
      visit(join(path, entry.name), entry.isDirectory());
  };
  visit(directory, true);
  return found;
}

/** Contents of all files below a directory of a brick, by path from there. */
export function contentsBelow(brick: string, directory: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const visit = (path: string): void => {
    for (const entry of readdirSync(join(brick, directory, path), { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if (entry.isDirectory()) visit(inner);
      else found.set(inner, readFileSync(join(brick, directory, inner)));
    }
  };
  visit('');
  return found;
}
