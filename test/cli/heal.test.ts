import { afterEach, expect, test } from 'vitest';
import { connect, type Volume } from '../../src/index.ts';
import { type Cluster, startCluster, type TestBrick } from '../../src/testing/index.ts';
import { differencesOfBricks } from '../helpers/bricks-identical.ts';
import { noticed, upForVolume } from '../helpers/replicate-story/both.ts';
import { leftToSource, makeWhole, resolutions, tear, tearApart, tornFiles } from '../helpers/split-brain.ts';
import { MemoryWorld } from './world.ts';

let cluster: Cluster;
let volume: Volume | undefined;
let bricks: readonly TestBrick[];
const world = new MemoryWorld();
afterEach(async () => {
  await volume?.close();
  volume = undefined;
  await cluster?.stop();
});

async function start(type: string): Promise<Volume> {
  cluster = await startCluster({ volumes: { v: { type } } });
  bricks = cluster.bricks('v');
  volume = await cluster.connect('v', { entryTimeout: 0 });
  return volume;
}

function heal(...words: string[]) {
  return world.glfs(['heal', cluster.url('v'), ...words], { connect });
}

const addressOf = (index: number): string => `${cluster.host}:${bricks[index]!.directory}`;

/** Lines of each brick, by its position. */
function blocks(stdout: string): string[][] {
  const found = stdout.trimEnd().split('\n\n');
  expect(found.map((block) => block.split('\n')[0])).toEqual(
    bricks.map((_, index) => `Brick ${addressOf(index)}`),
  );
  return found.map((block) => block.split('\n').slice(1));
}

async function missedBy(index: number): Promise<void> {
  await volume!.mkdir('/d');
  await bricks[index]!.kill();
  await noticed(
    bricks.map((_, at) => at !== index),
    () => upForVolume(volume!),
  );
  await volume!.writeFile('/d/a file', 'x');
}

test('info says what gluster volume heal info says', async () => {
  await start('replicate 3');
  await missedBy(1);
  const pending = ['/d', '/d/a file', 'Number of entries: 2', 'Status: Connected'];
  const info = await heal('info');
  expect({ ...info, stdout: '', bytes: '' }).toEqual({ code: 0, stdout: '', bytes: '', stderr: '' });
  expect(blocks(info.stdout).map((lines) => lines.sort())).toEqual([
    pending,
    ['Number of entries: -', 'Status: Transport endpoint is not connected'],
    pending,
  ]);
  expect((await heal()).stdout).toBe(info.stdout);
  await bricks[1]!.restart();
  const none = [
    'Status: Connected',
    'Total Number of entries: 0',
    'Number of entries in heal pending: 0',
    'Number of entries in split-brain: 0',
    'Number of entries possibly healing: 0',
  ];
  const two = none.with(1, 'Total Number of entries: 2').with(2, 'Number of entries in heal pending: 2');
  expect(blocks((await heal('info', 'summary')).stdout)).toEqual([two, none, two]);
  const unsplit = ['Status: Connected', 'Number of entries in split-brain: 0'];
  expect(blocks((await heal('info', 'split-brain')).stdout)).toEqual([unsplit, unsplit, unsplit]);
});

test('start heals, tells of it, and is a failure as long as something is left', async () => {
  await start('replicate 3');
  await missedBy(1);
  const early = await heal('start');
  expect(early.code).toBe(1);
  expect(early.stdout).toBe('Number of healed entries: 0\nNumber of entries that still need healing: 2\n');
  const complaints = early.stderr.trimEnd().split('\n').sort();
  expect(complaints).toHaveLength(3);
  expect(complaints[0]).toMatch(/^glfs: \/d - Still to be healed/);
  expect(complaints[1]).toMatch(/^glfs: \/d\/a file - Still to be healed/);
  expect(complaints[2]).toContain(`glfs: ${addressOf(1)}: Transport endpoint is not connected`);
  await bricks[1]!.restart();
  const late = await heal('start');
  expect({ code: late.code, stderr: late.stderr }).toEqual({ code: 0, stderr: '' });
  const lines = late.stdout.trimEnd().split('\n');
  expect(new Set(lines.slice(0, -1))).toEqual(
    new Set([`/d - healed on ${addressOf(1)}`, `/d/a file - healed on ${addressOf(1)}`]),
  );
  expect(lines.at(-1)).toMatch(/^Number of healed entries: [2-4]$/);
  expect((await heal('start', 'full')).stdout).toBe('Number of healed entries: 0\n');
  expect(differencesOfBricks(bricks.map(({ directory }) => directory))).toEqual([]);
});

test('--json gives one object for each brick, and for each file that was healed', async () => {
  await start('replicate 2');
  await missedBy(1);
  await bricks[1]!.restart();
  const info = JSON.parse((await heal('info', '--json')).stdout);
  const { gfid } = await volume!.handle('/d/a file');
  expect(info).toHaveLength(2);
  expect(info[0]).toMatchObject({ brick: addressOf(0), set: 'v-replicate-0', status: 'connected' });
  expect(info[0].entries).toContainEqual({
    gfid,
    path: '/d/a file',
    state: 'pending',
    kinds: expect.arrayContaining(['data']),
  });
  expect(info[1]).toEqual({ brick: addressOf(1), set: 'v-replicate-0', status: 'connected', entries: [] });
  const [summary] = JSON.parse((await heal('info', 'summary', '--json')).stdout);
  expect(summary).toEqual({
    brick: addressOf(0),
    set: 'v-replicate-0',
    status: 'connected',
    total: 2,
    pending: 2,
    splitBrain: 0,
    healing: 0,
  });
  const outcomes = JSON.parse((await heal('start', '--json')).stdout);
  expect(outcomes).toContainEqual({ status: 'healed', gfid, path: '/d/a file', bricks: [addressOf(1)] });
});

test('split-brain is shown, left alone by start, and resolved as ordered', async () => {
  const own = await start('replicate 2');
  const author = {
    writeFile: (name: string, text: string) => own.writeFile(`/${name}`, text),
    chmod: (name: string, mode: number) => own.chmod(`/${name}`, mode),
    mkdir: (name: string) => own.mkdir(`/${name}`),
  };
  await makeWhole(author);
  const set = {
    kill: (index: number) => bricks[index]!.kill(),
    restart: (index: number) => bricks[index]!.restart(),
    views: [() => upForVolume(own)],
  };
  await tearApart(
    set,
    () => tear(author, 0),
    () => tear(author, 1),
  );
  const inSplitBrain = tornFiles.filter((name) => !name.startsWith('gfid/')).map((name) => `/${name}`);
  const expected = [...inSplitBrain, '/gfid', 'Status: Connected'].sort();
  for (const lines of blocks((await heal('info', 'split-brain')).stdout))
    expect(lines.slice(0, -1).sort()).toEqual(expected);
  for (const name of tornFiles.filter((file) => !file.startsWith('mode')))
    await expect(own.readFile(`/${name}`)).rejects.toMatchObject({ code: 'EIO' });
  const started = await heal('start');
  expect(started.code).toBe(1);
  for (const name of [...inSplitBrain, '/gfid'])
    expect(started.stderr).toContain(`glfs: ${name} - Is in split-brain\n`);
  for (const { words, file, text, mode } of resolutions) {
    const concrete = words.map((word) => (word === 'BRICK' ? addressOf(0) : word));
    const { code, stdout, stderr } = await heal('split-brain', ...concrete, `/${file}`);
    const isRefused = text === undefined && mode === undefined;
    const said = isRefused ? refusals[file] : `Healed /${file}.\n`;
    expect({ words, file, code, said: stdout + stderr }).toEqual({
      words,
      file,
      code: isRefused ? 1 : 0,
      said,
    });
    if (text !== undefined)
      expect({ file, text: await own.readFile(`/${file}`, 'utf8') }).toEqual({ file, text });
    if (mode !== undefined) expect((await own.stat(`/${file}`)).mode & 0o7777).toBe(mode);
  }
  const rest = await heal('split-brain', 'source-brick', addressOf(0));
  expect({ code: rest.code, stderr: rest.stderr }).toEqual({ code: 0, stderr: '' });
  for (const file of leftToSource) expect(rest.stdout).toContain(`/${file} - healed on ${addressOf(1)}\n`);
  expect((await heal('start')).code).toBe(0);
  expect(differencesOfBricks(bricks.map(({ directory }) => directory))).toEqual([]);
});

const refusals: Readonly<Record<string, string>> = {
  well: 'glfs: Healing /well failed: File not in split-brain.\n',
  'data-equal': 'glfs: Healing /data-equal failed: No bigger file.\n',
  mode: 'glfs: Healing /mode failed: Use source-brick option to heal metadata split-brain.\n',
};

test('words that make no sense are wrong usage', async () => {
  await start('replicate 2');
  const wrong: readonly (readonly [words: string[], complaint: string])[] = [
    [['infos'], "heal: info, start or split-brain is expected, not 'infos'"],
    [['toString'], "heal: info, start or split-brain is expected, not 'toString'"],
    [['info', 'all'], "heal info: summary or split-brain is expected, not 'all'"],
    [['start', 'fully'], "heal start: full is expected, not 'fully'"],
    [['start', 'full', 'x'], "heal: 'x' is one word too many"],
    [['split-brain'], "heal split-brain: latest-mtime, bigger-file or source-brick is expected, not ''"],
    [['split-brain', 'latest-mtime'], 'latest-mtime: the path of a file is missing'],
    [['split-brain', 'source-brick'], 'source-brick: HOST:BRICK is missing'],
    [
      ['split-brain', 'bigger-file', 'x'],
      "bigger-file: a path from the root of the volume or gfid:UUID is expected, not 'x'",
    ],
  ];
  for (const [words, complaint] of wrong) {
    const { code, stderr } = await heal(...words);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `glfs: ${complaint}\nTry 'glfs heal --help' for more information.\n`,
    });
  }
  const inside = await world.glfs(['heal', `${cluster.url('v')}/dir`], { connect });
  expect(inside.code).toBe(2);
  expect((await heal('split-brain', 'source-brick', 'nowhere:/b')).stderr).toContain('no such brick');
});

test('a volume without copies has nothing to heal', async () => {
  await start('distribute 2');
  for (const words of [['info'], ['start']]) {
    const { code, stderr } = await heal(...words);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'Operation not supported (only volumes with replicas or fragments can be healed, and v has none)',
    );
  }
});
