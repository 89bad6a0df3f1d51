/*
 * Lists a tree with sizes. Attributes come with the entries (readdirplus), so that no file is asked for one by one, and
 * directories are reached by handles, so that a rename on the way up changes nothing.
 *
 *     npx tsx examples/list-tree.ts gluster://HOST/VOLUME [DIRECTORY]
 */
import { connect, type Handle } from 'glfs';

const [url, start = '/'] = process.argv.slice(2);
if (url === undefined) {
  console.error('usage: list-tree.ts gluster://HOST/VOLUME [DIRECTORY]');
  process.exit(2);
}

/** Prints what lies below a directory; returns the bytes of its files. */
async function list(directory: Handle, indent: string): Promise<number> {
  let sum = 0;
  await using entries = await directory.opendir();
  for await (const entry of entries.entriesPlus()) {
    const size = entry.isFile() ? (entry.stats?.size ?? 0) : 0;
    sum += size;
    console.log(`${indent}${entry.name}${entry.isDirectory() ? '/' : `  ${size}`}`);
    if (!entry.isDirectory()) continue;
    const child = entry.handle();
    if (child === undefined) continue;
    sum += await list(child, `${indent}  `);
    child.close();
  }
  return sum;
}

await using volume = await connect(url);
const root = await volume.handle(start);
console.log(`${await list(root, '')} bytes in all`);
root.close();
