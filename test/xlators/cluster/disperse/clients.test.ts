import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '../../../../src/index.ts';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';
import { FragmentBricks } from '../../../helpers/fragment-bricks.ts';
import { fragmentsOf } from '../../../helpers/stored-fragments.ts';

/* Two clients with files open at the same time, on the embedded cluster: what one has kept of a stripe the other has changed. */

/** xorshift32: the same for a seed on every machine. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const SIZE = 20_000;

describe.each(['disperse 2+1', 'disperse 3+2'])('two clients of %s', (type) => {
  test('see each byte that the other has written, in the same stripes', async () => {
    await using cluster: Cluster = await startCluster({ volumes: { d: { type } } });
    await using one = await connect(cluster.url('d'));
    await using other = await connect(cluster.url('d'));
    await one.writeFile('/file', new Uint8Array(SIZE));
    const files = [await one.open('/file', 'r+'), await other.open('/file', 'r+')];
    const model = new Uint8Array(SIZE);
    const random = randomFrom(77);
    for (let step = 0; step < 25; step++) {
      const offset = random(SIZE - 3000);
      const bytes = new Uint8Array(1 + random(3000)).fill(step + 1);
      await files[random(2)]!.pwrite(bytes, offset);
      model.set(bytes, offset);
      if (random(5) > 0) continue;
      const { buffer, bytesRead } = await files[random(2)]!.pread(Buffer.alloc(SIZE), 0);
      expect(bytesRead).toBe(SIZE);
      expect(Buffer.compare(buffer, model)).toBe(0);
    }
    for (const file of files) await file.close();
  });

  test('append without losing anything of each other', async () => {
    await using cluster: Cluster = await startCluster({ volumes: { d: { type } } });
    await using one = await connect(cluster.url('d'));
    await using other = await connect(cluster.url('d'));
    await one.writeFile('/log', '');
    const files = await Promise.all([one, other].map((volume) => volume.open('/log', 'a')));
    const lines = files.flatMap((file, client) =>
      Array.from({ length: 15 }, (_, line) => ({
        file,
        text: `client ${client} line ${line} ${'x'.repeat(line * 60)}\n`,
      })),
    );
    await Promise.all(
      files.map(async (file) => {
        for (const line of lines) if (line.file === file) await file.write(line.text);
      }),
    );
    for (const file of files) await file.close();
    const found = (await one.readFile('/log', 'utf8')).split('\n').slice(0, -1);
    expect(found.sort()).toEqual(lines.map(({ text }) => text.slice(0, -1)).sort());
  });
});

describe('an open file', () => {
  test('is read, written and appended to after it was removed, while bricks come and go', async () => {
    await using cluster: Cluster = await startCluster({ volumes: { d: { type: 'disperse 2+1' } } });
    await using volume = await connect(cluster.url('d'));
    await volume.writeFile('/gone', Buffer.alloc(3000, 1));
    const file = await volume.open('/gone', 'r+');
    const log = await volume.open('/gone', 'a');
    await volume.unlink('/gone');
    await file.pwrite(Buffer.alloc(10, 2), 1500);
    await log.write(Buffer.alloc(10, 3));
    const { bytesRead, buffer } = await file.pread(Buffer.alloc(4000), 0);
    const expected = Buffer.alloc(3010, 1).fill(2, 1500, 1510).fill(3, 3000);
    expect(buffer.subarray(0, bytesRead)).toEqual(expected);
    await cluster.bricks('d')[1]!.kill();
    await log.write(Buffer.alloc(10, 4));
    const again = await file.pread(Buffer.alloc(4000), 0);
    expect(again.buffer.subarray(0, again.bytesRead)).toEqual(Buffer.concat([expected, Buffer.alloc(10, 4)]));
    await log.close();
    await file.close();
  });

  test('for appending is not opened so on a brick that comes back: its fragment would grow behind its end', async () => {
    await using set = await FragmentBricks.start('disperse 2+1');
    await using volume = await set.connect();
    await using other = await set.connect();
    const log = await volume.open('/log', 'a');
    await log.write('one ');
    // Whoever reads it has waited for its counters: nothing is missing where bricks were away.
    expect(await other.readFile('/log', 'utf8')).toBe('one ');
    await set.without(volume, [0, 1], async () => {});
    await log.write('two ');
    await log.write('three');
    await log.close();
    expect(await volume.readFile('/log', 'utf8')).toBe('one two three');
    const whole = fragmentsOf(Buffer.from('one two three'), { data: 2, redundancy: 1 });
    const found = set.directories.map((directory) => readFileSync(join(directory, 'log')));
    expect(found).toEqual(whole.map((fragment) => Buffer.from(fragment)));
  });
});
