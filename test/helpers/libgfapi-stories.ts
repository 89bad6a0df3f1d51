import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Volume } from '../../src/index.ts';
import { runOk } from './processes.ts';

/** Where a story of QEMU or fio happens. */
export interface Studio {
  /** The volume `demo`. */
  readonly volume: Volume;
  /** Its server, which has port 24007. */
  readonly host: string;
  /** A directory of this machine, for the story alone. */
  readonly scratch: string;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const qemu = (command: string, ...args: string[]): Promise<string> => runOk('qemu-img', [command, ...args]);

/** Random, with a hole of a MiB. QEMU's gluster driver rounds sizes to 512 bytes. */
async function newImage({ scratch }: Studio): Promise<{ local: string; bytes: Buffer }> {
  const [before, after] = [randomBytes(1 << 20), randomBytes((1 << 20) + 512)];
  const bytes = Buffer.concat([before, Buffer.alloc(1 << 20), after]);
  mkdirSync(scratch, { recursive: true });
  const local = join(scratch, 'image');
  await writeFile(local, bytes);
  return { local, bytes };
}

/** Programs that open a volume by libgfapi. Each takes 10 s to close it, so that stories are best told all at once. */
export const libgfapiStories: Readonly<Record<string, (studio: Studio) => Promise<void>>> = {
  async 'qemu-img converts to qcow2 and back, checks, compares and maps'(studio) {
    const { local, bytes } = await newImage(studio);
    const url = `gluster://${studio.host}/demo/converted.qcow2`;
    await qemu('convert', '-f', 'raw', '-O', 'qcow2', local, url);
    const [, checked, compared, mapped] = await Promise.all([
      qemu('convert', '-f', 'qcow2', '-O', 'raw', url, `${local}.back`),
      qemu('check', '--output=json', url),
      qemu('compare', '-f', 'raw', '-F', 'qcow2', local, url),
      qemu('map', '--output=json', url),
    ]);
    expect(sha256(await readFile(`${local}.back`))).toBe(sha256(bytes));
    const found = JSON.parse(checked);
    expect([found['check-errors'], found.corruptions, found.leaks]).toEqual([0, undefined, undefined]);
    expect(compared).toContain('Images are identical');
    const zeros = (JSON.parse(mapped) as { zero: boolean; length: number }[]).filter(({ zero }) => zero);
    expect(zeros.map(({ length }) => length)).toEqual([1 << 20]);
  },

  async 'what qemu-img writes glfs reads, and the other way round'(studio) {
    const { local, bytes } = await newImage(studio);
    const url = `gluster://${studio.host}/demo`;
    await studio.volume.writeFile('/ours.raw', bytes);
    const [compared] = await Promise.all([
      qemu('compare', '-f', 'raw', '-F', 'raw', `${url}/ours.raw`, local),
      qemu('convert', '-f', 'raw', '-O', 'raw', local, `${url}/theirs.raw`),
    ]);
    expect(compared).toContain('Images are identical');
    expect(sha256(await studio.volume.readFile('/theirs.raw'))).toBe(sha256(bytes));
  },

  async 'qemu-img makes an image, and a snapshot in it'({ host }) {
    const url = `gluster://${host}/demo/new.qcow2`;
    await qemu('create', '-f', 'qcow2', url, '10G');
    await qemu('snapshot', '-c', 'one', url);
    const info = JSON.parse(await qemu('info', '--output=json', url));
    expect([info['virtual-size'], info.snapshots[0].name]).toEqual([10 * 2 ** 30, 'one']);
  },

  async 'qemu-img makes a raw image and changes its size'({ volume, host }) {
    const url = `gluster://${host}/demo/sized.raw`;
    await qemu('create', '-f', 'raw', url, '8M');
    expect((await volume.stat('/sized.raw')).size).toBe(8 << 20);
    await qemu('resize', '-f', 'raw', url, '13M');
    expect((await volume.stat('/sized.raw')).size).toBe(13 << 20);
  },

  async 'fio verifies what it has written'({ volume, host, scratch }) {
    const job = (name: string, engine: string, rest: string): string =>
      `[${name}]\nfilename=${name}\nioengine=${engine}\nvolume=demo\nbrick=${host}\n${rest}\n`;
    mkdirSync(scratch, { recursive: true });
    const file = join(scratch, 'jobs.fio');
    await writeFile(
      file,
      '[global]\nsize=1m\nbs=4k\nverify=crc32c\nverify_fatal=1\nverify_state_save=0\n' +
        job('random', 'gfapi', 'rw=randwrite') +
        job('random-async', 'gfapi_async', 'rw=randwrite\niodepth=16') +
        job('sequential', 'gfapi', 'rw=write\nbs=128k\nsize=4m') +
        job('mixed-async', 'gfapi_async', 'rw=randrw\niodepth=8\nbs=4k-64k\nfsync=16'),
    );
    const out = await runOk('fio', ['--output-format=json', file]);
    const { jobs } = JSON.parse(out.slice(out.indexOf('{\n'))) as {
      jobs: { jobname: string; error: number; write: { total_ios: number } }[];
    };
    const told = jobs.map(({ jobname, error }) => [jobname, error]);
    expect(told).toEqual(['random', 'random-async', 'sequential', 'mixed-async'].map((name) => [name, 0]));
    expect(jobs.map(({ write }) => write.total_ios).slice(0, 3)).toEqual([256, 256, 32]);
    expect((await volume.stat('/random')).size).toBe(1 << 20);
  },
};
