/*
 * Prints what other clients change, as the servers tell it. Servers tell a client about files that it has looked at, and
 * only where the volume says so:
 *
 *     gluster volume set VOLUME features.cache-invalidation on
 *     npx tsx examples/follow-upcalls.ts gluster://HOST/VOLUME FILE... [--count N]
 */
import { parseArgs } from 'node:util';
import { connect, UpcallFlag } from 'glfs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: 'Infinity' } },
});
const [url, ...paths] = positionals;
if (url === undefined || paths.length === 0) {
  console.error('usage: follow-upcalls.ts gluster://HOST/VOLUME FILE... [--count N]');
  process.exit(2);
}

await using volume = await connect(url);
const names = new Map<string, string>();
const upcalls = volume.upcalls();
for (const path of paths) {
  using handle = await volume.handle(path);
  // The lookup alone makes the brick remember this client.
  names.set(handle.gfid, path);
}
console.log('watching');

let left = Number(values.count);
for await (const upcall of upcalls) {
  if (upcall.kind === 'invalidation') {
    const what = Object.entries(UpcallFlag).filter(([, bit]) => (upcall.flags & bit) !== 0);
    const name = names.get(upcall.gfid) ?? upcall.gfid;
    console.log(
      `${name}: ${what.map(([flag]) => flag.toLowerCase()).join(', ')}; ${upcall.stats?.size ?? '?'} bytes`,
    );
  } else {
    console.log(upcall.kind);
  }
  if (--left <= 0) break;
}
