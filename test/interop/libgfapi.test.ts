import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { attachPool } from '../helpers/attach.ts';
import type { TestVolume } from '../helpers/volume.ts';

const run = promisify(execFile);

/* QEMU's gluster driver rounds sizes to 512 bytes, so the image has a multiple of that. libgfapi takes 10 s to close. */
const SIZE = 3 * 1024 * 1024 + 512;

describe('libgfapi, through QEMU', () => {
  const pool = attachPool();
  let volume: TestVolume;
  let client: Volume;
  const local = pool.scratch('image');

  beforeAll(async () => {
    volume = await pool.createVolume('libgfapi', { bricks: 2 });
    client = await connect(volume.url);
    await writeFile(local, randomBytes(SIZE));
  });

  afterAll(async () => {
    await client?.close();
    await rm(local, { force: true });
    await volume?.delete();
  });

  test('reads byte for byte what glfs wrote, and the other way round', { timeout: 120_000 }, async () => {
    const bytes = await readFile(local);
    // QEMU takes one server only.
    const url = `gluster://${pool.hosts[0]}/${volume.name}`;
    await client.mkdir('/images');
    await client.writeFile('/images/ours', bytes);
    const [compared] = await Promise.all([
      run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', `${url}/images/ours`, local]),
      run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', local, `${url}/images/theirs`]),
    ]);
    expect(compared.stdout).toContain('Images are identical');
    expect((await client.readFile('/images/theirs')).equals(bytes)).toBe(true);
    expect((await client.stat('/images/theirs')).size).toBe(SIZE);
  });
});
