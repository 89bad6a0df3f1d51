/*
 * Copies a file into a volume and reads it back, comparing both.
 *
 *     npx tsx examples/copy-file.ts ./big.iso gluster://HOST/VOLUME iso/big.iso
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname } from 'node:path/posix';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect } from 'glfs';

async function digest(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(stream, hash);
  return hash.digest('hex');
}

const [source, url, target] = process.argv.slice(2);
if (source === undefined || url === undefined || target === undefined) {
  console.error('usage: copy-file.ts LOCAL-FILE gluster://HOST/VOLUME PATH');
  process.exit(2);
}

// `await using` closes the volume at the end of the block, whatever happens in it.
await using volume = await connect(url);
await volume.mkdir(dirname(target), { recursive: true });

// Several pieces travel at once; a slow brick holds the local reader back. `flush` fsyncs before the close.
await pipeline(createReadStream(source), volume.createWriteStream(target, { flush: true }));

const { size } = await volume.stat(target);
const [there, here] = await Promise.all([
  digest(volume.createReadStream(target)),
  digest(createReadStream(source)),
]);
console.log(`${target}: ${size} bytes, ${there === here ? 'identical' : 'DIFFERENT'}`);
process.exitCode = there === here ? 0 : 1;
