import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type FopFunction,
  type FopName,
  option,
  registerTranslator,
  Translator,
  type Volume,
} from '../../src/index.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../../src/testing/index.ts';

const options = { label: option.string('', { help: 'whose it is' }) };
/** What came by, and where: `LABEL FOP`. */
const seen: string[] = [];

class Witness extends Translator<typeof options> {
  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    return (request, context) => {
      seen.push(`${this.options.label} ${fop}`);
      return next(request, context);
    };
  }
}

registerTranslator({
  type: 'user/witness',
  summary: 'Says what came by.',
  options,
  create: (setup) => new Witness(setup),
});

const node = (name: string, type: string, below = '', more = ''): string =>
  `volume ${name}\n type ${type}\n${more}${below && ` subvolumes ${below}\n`}end-volume\n`;
const store = node('store', 'storage/posix');
const locks = node('locks', 'features/locks', 'store');
const witness = node('witness', 'user/witness', 'locks', ' option label "@VOLUME@ @INDEX@ @NAME@ @PORT@"\n');
const server = (below: string, more = ''): string => node('server', 'protocol/server', below, more);

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  seen.length = 0;
});

async function started(brickVolfile: string, more: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await startCluster({ volumes: { demo: { type: 'distribute 2', brickVolfile } }, ...more });
  stops.push(() => cluster.stop());
  return cluster;
}

async function connected(cluster: Cluster): Promise<Volume> {
  const volume = await cluster.connect('demo');
  stops.push(() => volume.close());
  return volume;
}

test("translators of the user's own stand below the server, and faults above them", async () => {
  const cluster = await started(store + locks + witness + server('witness'));
  const volume = await connected(cluster);
  const bricks = cluster.bricks('demo');
  await volume.mkdir('/both');
  const labels = bricks.map(({ index, port }) => `demo ${index} demo-${index} ${port}`);
  // A port is told from the second start on: the first takes what is free.
  expect(seen.filter((line) => line.endsWith(' mkdir')).sort()).toEqual(
    labels.map((label) => `${label.replace(/\d+$/, '0')} mkdir`),
  );
  expect(bricks.every(({ directory }) => existsSync(join(directory, 'both')))).toBe(true);
  await bricks[0]!.restart();
  seen.length = 0;
  const fault = await bricks[0]!.fault({ fop: 'mkdir', action: 'fail', errno: 'EDQUOT' });
  const failed = await volume.mkdir('/failed').catch((error: { code: string }) => error.code);
  expect([failed, await fault.acted()]).toEqual(['EDQUOT', 1]);
  expect(seen.filter((line) => line.startsWith(labels[0]!) && line.endsWith(' mkdir'))).toEqual([]);
  await volume.stat('/both');
  expect(seen.some((line) => line.startsWith(labels[0]!))).toBe(true);
});

test.each(['process', 'workers'] as const)(
  'options that are set reach the translators that there are (bricks in %s)',
  async (bricks) => {
    const readOnly = node('ro', 'features/read-only', 'locks', ' option read-only off\n');
    const cluster = await started(store + locks + readOnly + server('ro'), { bricks });
    const volume = await connected(cluster);
    await volume.writeFile('/before', 'x');
    await cluster.set('demo', { 'features.read-only': 'on' });
    await expect(volume.writeFile('/after', 'x')).rejects.toMatchObject({ code: 'EROFS' });
    expect((await volume.readFile('/before')).toString()).toBe('x');
  },
);

test('a worker has the translators of glfs, and no other', async () => {
  await expect(
    started(store + locks + witness + server('witness'), { bricks: 'workers' }),
  ).rejects.toMatchObject({
    code: 'EOPNOTSUPP',
    reason: expect.stringMatching(/needs the translator user\/witness/),
  });
});

test('where a brick listens is not for its volfile to say', async () => {
  const open = ' option transport.socket.bind-address 0.0.0.0\n option transport.socket.listen-port 1\n';
  const cluster = await started(store + locks + server('locks', open));
  expect(cluster.bricks('demo').every(({ port }) => port > 1)).toBe(true);
  await (await connected(cluster)).writeFile('/here', 'x');
});

describe('what is no brick is refused', () => {
  test.each([
    ['no volfile', 'volume', /brick volfile of demo/],
    ['nothing at all', '', /brick volfile of demo/],
    ['no server', store + locks, /one protocol\/server is expected, at the top/],
    [
      'a server that is not at the top',
      store + server('store') + node('top', 'features/locks', 'server'),
      /top/,
    ],
    ['two bricks below a server', store + locks + server('store locks'), /one subvolume/],
    ['no store', node('a', 'features/locks') + server('a'), /one storage\/posix/],
    ['faults', store + node('f', 'debug/faults', 'store') + server('f'), /debug\/faults/],
  ])('%s', async (_, text, reason) => {
    await expect(started(text)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringMatching(reason),
    });
  });

  test('bricks that are to be of two kinds', async () => {
    const volumes = { demo: { type: 'replicate 3 arbiter 1', brickVolfile: store + server('store') } };
    await expect(started('', { volumes })).rejects.toMatchObject({ code: 'EINVAL' });
  });
});
