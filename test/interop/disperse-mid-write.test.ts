import { readFileSync } from 'node:fs';
import { open as openHere } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { gfidToString, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { attachPool } from '../helpers/attach.ts';
import { seededBytes } from '../helpers/disperse-vectors/stories.ts';
import { differencesOfFragments, wrongFragments } from '../helpers/fragment-checks.ts';
import { healByDaemon, type Listed, listedByGlfs, listedByGluster } from '../helpers/heal-info.ts';
import { mountVolume } from '../helpers/mount.ts';
import { plainVolume } from '../helpers/replicate-story/both.ts';
import { waitUntil } from '../helpers/wait.ts';

/*
 * GlusterFS's mount and glfs write to files of their own, unaligned, at the end and beyond, while bricks are killed under
 * their hands. Each reads what the other has written, both know what is to be healed, and the self-heal daemon heals it.
 */
const pool = attachPool();
const { 'cluster.self-heal-daemon': _, ...plain } = plainVolume;
const DAEMON = 'cluster.disperse-self-heal-daemon';
const CHANGES = 60;

type Change = { readonly bytes: Buffer; readonly at: number } | { readonly size: number };

/** Change number `step`: most write a few bytes or stripes anywhere, some at the end, some cut the file or make it longer. */
function changeOf(step: number, length: number): Change {
  const spread = (step * 7919) % 90_000;
  if (step % 10 === 9) return { size: spread };
  const size = step % 4 === 0 ? 8192 : 1 + ((step * 2371) % 12_000);
  const at = step % 5 === 3 ? length : step % 4 === 0 ? spread - (spread % 2048) : spread;
  return { bytes: seededBytes(`change ${step}`, size), at };
}

function applied(content: Buffer, change: Change): Buffer {
  const end = 'size' in change ? change.size : Math.max(content.length, change.at + change.bytes.length);
  const next = Buffer.alloc(end);
  content.copy(next);
  if ('at' in change) change.bytes.copy(next, change.at);
  return next;
}

interface Opened {
  pwrite(bytes: Buffer, at: number): Promise<unknown>;
  truncate(size: number): Promise<unknown>;
}

const make = (file: Opened, change: Change): Promise<unknown> =>
  'size' in change ? file.truncate(change.size) : file.pwrite(change.bytes, change.at);

/** GlusterFS's clients heal the root by themselves as soon as a brick is back: it may be listed, or not any more. */
function withoutRoot(listed: Listed): Listed {
  const root = gfidToString(ROOT_GFID);
  return Object.fromEntries(
    Object.entries(listed).map(([brick, gfids]) => [brick, gfids.filter((gfid) => gfid !== root)]),
  );
}

/** What is listed as paths, for those of one teller without the teller's own directory. */
async function pathsIn(listed: Listed, client: Volume, directory: string): Promise<Record<string, string[]>> {
  const names = new Map<string, string>();
  for (const name of ['', ...(await client.readdir(directory))]) {
    const { gfid } = await client.stat(`${directory}/${name}`);
    names.set(gfid, name);
  }
  return Object.fromEntries(
    Object.entries(listed).map(([brick, gfids]) => [
      brick,
      gfids.flatMap((gfid) => names.get(gfid) ?? []).sort(),
    ]),
  );
}

describe.each([
  { data: 4, redundancy: 2 },
  { data: 2, redundancy: 1 },
])('$data+$redundancy', ({ data, redundancy }) => {
  test('bricks are killed while both write', async () => {
    const count = data + redundancy;
    await using volume = await pool.createVolume(`disperse-mid-${count}`, {
      type: `disperse ${count} redundancy ${redundancy}`,
      bricks: count,
      options: { ...plain, [DAEMON]: 'off', 'disperse.background-heals': '0' },
    });
    await using mount = await mountVolume(pool, { volume: volume.name });
    await using client = await connect(volume.url, { entryTimeout: 0 });
    const directories = volume.bricks.map(({ path }) => path);
    const before = seededBytes('before', 70_001);
    {
      // When it is closed no lock of it is left.
      await using first = await connect(volume.url);
      for (const directory of ['/mount', '/glfs']) {
        await first.mkdir(directory);
        for (const name of ['written', 'idle']) await first.writeFile(`${directory}/${name}`, before);
      }
    }
    const theirs = await openHere(mount.at('mount/written'), 'r+');
    const ours = await client.open('/glfs/written', 'r+');
    const both: Opened[] = [
      ours,
      {
        pwrite: (bytes, at) => theirs.write(bytes, 0, bytes.length, at),
        truncate: (size) => theirs.truncate(size),
      },
    ];
    let content = before;
    const victims = Array.from({ length: redundancy }, (__, index) => (index * 3 + 1) % count);
    for (let step = 0; step < CHANGES; step++) {
      const change = changeOf(step, content.length);
      const changing = Promise.all(both.map((file) => make(file, change)));
      if (step % 20 === 10 && step < redundancy * 20) await volume.killBrick(victims[(step - 10) / 20]!);
      await changing;
      content = applied(content, change);
    }
    await client.writeFile('/glfs/new', content);
    await (await openHere(mount.at('mount/new'), 'w')).close();
    const late = await openHere(mount.at('mount/new'), 'r+');
    await late.write(content, 0, content.length, 0);
    await Promise.all([late.close(), theirs.close(), ours.close()]);

    const readBoth = async (path: string): Promise<Buffer[]> => {
      const file = await openHere(mount.at(path), 'r');
      const here = await file.readFile();
      await file.close();
      return [here, Buffer.from(await client.readFile(`/${path}`))];
    };
    const expectContents = async (): Promise<void> => {
      for (const teller of ['mount', 'glfs'])
        for (const [name, expected] of [
          ['written', content],
          ['new', content],
          ['idle', before],
        ] as const)
          for (const [index, found] of (await readBoth(`${teller}/${name}`)).entries())
            expect(
              found.equals(expected),
              `${teller}/${name} read by ${index === 0 ? 'mount' : 'glfs'}`,
            ).toBe(true);
    };
    await expectContents();

    for (const victim of victims) await volume.restartBrick(victim);
    const view = mount.at(`.meta/graphs/active/${volume.name}-disperse-0/private`);
    const isBack = (): boolean =>
      client
        .healer()
        .bricks()
        .every(({ up }) => up) &&
      Number(/^childs_up = (\d+)/m.exec(readFileSync(view, 'latin1'))?.[1]) === count;
    await waitUntil(isBack, { what: 'both to see all bricks', timeoutMs: 30_000, everyMs: 50 });
    const listed = withoutRoot(await listedByGluster(volume));
    expect(withoutRoot(await listedByGlfs(client))).toEqual(listed);
    const [byMount, byGlfs] = [
      await pathsIn(listed, client, '/mount'),
      await pathsIn(listed, client, '/glfs'),
    ];
    expect(byGlfs).toEqual(byMount);
    expect(Object.values(byGlfs).some((names) => names.includes('written'))).toBe(true);
    await expectContents();

    await healByDaemon(volume, DAEMON);
    expect(differencesOfFragments(directories, { mtimes: false })).toEqual([]);
    expect(await wrongFragments(client, directories, data)).toEqual({ files: 6, wrong: [] });
    await expectContents();
  });
});
