import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fromBricks, Volume } from '../../../../src/index.ts';
import { type Cluster, startCluster } from '../../../../src/testing/index.ts';

/* Client volfiles as they were when the type was in use. */

let cluster: Cluster | undefined;
afterEach(() => cluster?.stop());

const BLOCK = 128 * 1024;
const bytes = Buffer.from(Array.from({ length: 5 * BLOCK + 3 }, (_, at) => (at * 13 + (at >> 10)) & 0xff));

function client(index: number, lines: readonly string[]): string {
  return `volume client${index}\n    type protocol/client\n${lines.map((line) => `    ${line}\n`).join('')}end-volume\n`;
}

describe('a volfile written by hand, as in the examples of GlusterFS 2', () => {
  const volfile = [0, 1, 2]
    .map((index) =>
      client(index, [
        'option transport-type tcp     # for TCP/IP transport',
        'option remote-host @HOST@',
        `option transport.socket.remote-port @PORT${index}@   # default server port is 6996`,
        `option remote-subvolume @BRICK${index}@`,
        'option username @USERNAME@',
        'option password @PASSWORD@',
      ]),
    )
    .concat(
      'volume stripe\n  type cluster/stripe\n  subvolumes client0 client1 client2\n  option block-size *.img:1MB,128KB\nend-volume',
      'volume wb\n  type performance/write-behind\n  option cache-size 3MB\n  subvolumes stripe\nend-volume',
      'volume ra\n  type performance/read-ahead\n  option page-count 2\n  subvolumes wb\nend-volume',
    )
    .join('\n');

  test('works, and names attributes by its own names', async () => {
    cluster = await startCluster({ volumes: { old: { volfile, bricks: 3 } } });
    // As it was started then: from a file, with nobody to ask for ports.
    const volume = await Volume.fromVolfile(cluster.volfile('old'));
    await volume.mkdir('/dir');
    await volume.writeFile('/dir/disk.img', bytes);
    await volume.writeFile('/dir/other', bytes);
    expect((await volume.readFile('/dir/disk.img')).equals(bytes)).toBe(true);
    expect((await volume.readFile('/dir/other')).equals(bytes)).toBe(true);
    expect(String(await volume.getxattr('/dir/disk.img', 'glusterfs.pathinfo'))).toContain(
      '<STRIPE:stripe:[1048576]>',
    );
    expect(String(await volume.getxattr('/dir/other', 'glusterfs.pathinfo'))).toContain(
      '<STRIPE:stripe:[131072]>',
    );
    await volume.close();
  });
});

test('bricks of a striped volume are not taken for those of a distributed one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'glfs-stripe-'));
  try {
    cluster = await startCluster({ volumes: { s: { type: 'stripe 2' } }, directory });
    const volume = await cluster.connect('s');
    await volume.writeFile('/file', bytes);
    await volume.close();
    const bricks = cluster.bricks('s').map((brick) => brick.directory);
    await cluster.stop();
    await expect(fromBricks([bricks[0]!], { partial: true })).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
    await expect(fromBricks(bricks)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

describe("glusterd 3.12's volfile of a distributed striped volume", () => {
  const login = ['option username @USERNAME@', 'option password @PASSWORD@'];
  const layers = [
    ['write-behind', 'performance/write-behind'],
    ['read-ahead', 'performance/read-ahead'],
    ['readdir-ahead', 'performance/readdir-ahead'],
    ['io-cache', 'performance/io-cache'],
    ['quick-read', 'performance/quick-read'],
    ['open-behind', 'performance/open-behind'],
    ['md-cache', 'performance/md-cache'],
    ['io-threads', 'performance/io-threads'],
  ];
  const volfile = [0, 1, 2, 3]
    .map((index) =>
      client(index, [
        'option ping-timeout 42',
        'option remote-host @HOST@',
        `option remote-port @PORT${index}@`,
        `option remote-subvolume @BRICK${index}@`,
        'option transport-type socket',
        'option transport.address-family inet',
        ...login,
        'option transport.tcp-user-timeout 0',
        'option transport.socket.keepalive-time 20',
        'option send-gids true',
      ]),
    )
    .concat(
      [0, 1].map(
        (set) =>
          `volume vol-stripe-${set}\n    type cluster/stripe\n    option block-size 128KB\n    option coalesce on\n    subvolumes client${2 * set} client${2 * set + 1}\nend-volume`,
      ),
      'volume vol-dht\n    type cluster/distribute\n    option lock-migration off\n    subvolumes vol-stripe-0 vol-stripe-1\nend-volume',
      layers.map(
        ([name, type], at) =>
          `volume vol-${name}\n    type ${type}\n    subvolumes ${at === 0 ? 'vol-dht' : `vol-${layers[at - 1]![0]}`}\nend-volume`,
      ),
      'volume vol\n    type debug/io-stats\n    option log-level INFO\n    option latency-measurement off\n    subvolumes vol-io-threads\nend-volume',
    )
    .join('\n');

  test('works', async () => {
    cluster = await startCluster({ volumes: { vol: { volfile, bricks: 4 } } });
    const volume = await cluster.connect('vol');
    for (const name of ['/a', '/b', '/c', '/d', '/e']) await volume.writeFile(name, bytes);
    for (const name of ['/a', '/b', '/c', '/d', '/e'])
      expect((await volume.readFile(name)).equals(bytes)).toBe(true);
    await volume.close();
  });
});
