import { readFileSync } from 'node:fs';
import { open as openHere } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect, type File } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import { mountVolume } from '../helpers/mount.ts';
import { fragmentsOf } from '../helpers/stored-fragments.ts';
import { waitUntil } from '../helpers/wait.ts';

/* One file that glfs and GlusterFS's own client change in turn, at any offset, on real bricks. */

const pool = attachPool();
const SIZE = 60_000;

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

/** The file as one of the two has it open. */
interface Opened {
  write(bytes: Uint8Array, offset: number): Promise<unknown>;
  append(bytes: Uint8Array): Promise<unknown>;
  truncate(size: number): Promise<unknown>;
  read(): Promise<Uint8Array>;
  close(): Promise<unknown>;
}

function byGlfs(file: File, log: File): Opened {
  return {
    write: (bytes, offset) => file.pwrite(bytes, offset),
    append: (bytes) => log.write(bytes),
    truncate: (size) => file.truncate(size),
    read: async () => {
      const { buffer, bytesRead } = await file.pread(new Uint8Array(2 * SIZE), 0);
      return buffer.subarray(0, bytesRead);
    },
    close: () => Promise.all([file.close(), log.close()]),
  };
}

async function byMount(path: string): Promise<Opened> {
  const file = await openHere(path, 'r+');
  const log = await openHere(path, 'a');
  return {
    write: (bytes, offset) => file.write(bytes, 0, bytes.length, offset),
    append: (bytes) => log.write(bytes),
    truncate: (size) => file.truncate(size),
    read: async () => {
      const { buffer, bytesRead } = await file.read(new Uint8Array(2 * SIZE), 0, 2 * SIZE, 0);
      return buffer.subarray(0, bytesRead);
    },
    close: () => Promise.all([file.close(), log.close()]),
  };
}

describe.each([
  { data: 4, redundancy: 2 },
  { data: 2, redundancy: 1 },
])('$data+$redundancy', ({ data, redundancy }) => {
  test('a file that both write is the same to both, with bricks away, too', async () => {
    const count = data + redundancy;
    await using volume = await pool.createVolume(`disperse-data-${count}`, {
      type: `disperse ${count} redundancy ${redundancy}`,
      bricks: count,
      options: { 'cluster.disperse-self-heal-daemon': 'off', 'disperse.background-heals': '0' },
    });
    await using mount = await mountVolume(pool, { volume: volume.name });
    await using client = await connect(volume.url, { entryTimeout: 0 });
    await client.writeFile('/file', new Uint8Array(SIZE));
    const theirs = await byMount(mount.at('file'));
    const ours = byGlfs(await client.open('/file', 'r+'), await client.open('/file', 'a'));
    const both = [ours, theirs];
    let model: Buffer = Buffer.alloc(SIZE);
    const random = randomFrom(4711 + count);

    const change = async (step: number): Promise<void> => {
      const one = both[random(2)]!;
      const kind = random(8);
      const bytes = Buffer.alloc(1 + random(5000), step + 1);
      if (kind === 0) {
        const size = random(SIZE);
        await one.truncate(size);
        model = Buffer.concat([model.subarray(0, size), Buffer.alloc(Math.max(0, size - model.length))]);
      } else if (kind === 1) {
        await one.append(bytes);
        model = Buffer.concat([model, bytes]);
      } else {
        const offset = random(SIZE);
        await one.write(bytes, offset);
        model = Buffer.concat([model, Buffer.alloc(Math.max(0, offset + bytes.length - model.length))]);
        bytes.copy(model, offset);
      }
      for (const each of both) expect(Buffer.compare(await each.read(), model), `after step ${step}`).toBe(0);
    };

    for (let step = 0; step < 40; step++) await change(step);
    await ours.truncate(SIZE);
    model = Buffer.concat([model, Buffer.alloc(SIZE)]).subarray(0, SIZE);
    const file = await client.open('/file', 'r+');
    for (const [offset, length] of [
      [1000, 9000],
      [30_000, 100],
    ] as const) {
      await file.discard(offset, length);
      model.fill(0, offset, offset + length);
      await file.zerofill(offset + 12_000, length);
      model.fill(0, offset + 12_000, offset + 12_000 + length);
    }
    await file.close();
    for (const each of both) expect(Buffer.compare(await each.read(), model)).toBe(0);

    // Flushed, and no lock left: what the bricks hold is the whole.
    const whole = fragmentsOf(model, { data, redundancy });
    for (const [index, { path }] of volume.bricks.entries()) {
      expect(Buffer.compare(readFileSync(join(path, 'file')), whole[index]!), `brick ${index}`).toBe(0);
    }

    for (let index = 0; index < redundancy; index++) await volume.killBrick((index * 2 + 1) % count);
    await waitUntil(
      () =>
        ours
          .read()
          .then(() => theirs.read())
          .then(() => true),
      { what: 'both to read on' },
    );
    for (let step = 40; step < 70; step++) await change(step);
    await Promise.all(both.map((each) => each.close()));
  });
});
