import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { translatorTypes } from '../../src/graph/index.ts';
import '../../src/testing/faults/index.ts';
import '../../src/xlators/index.ts';
import { brickVolfile } from '../../src/testing/brick-volfile.ts';
import { clientVolfile } from '../../src/testing/client-volfile.ts';
import {
  checkVolumeOptions,
  performanceLayers,
  volumeOptionNames,
} from '../../src/testing/volume-options.ts';
import type { VolumePlan } from '../../src/testing/volume-plan.ts';
import { brickCount, customLayout, parseVolumeType } from '../../src/testing/volume-type.ts';
import { bricks, findNode, findNodes, parseVolfile, type Volfile } from '../../src/volfile/index.ts';

function planOf(type: string, changes: Partial<VolumePlan> = {}): VolumePlan {
  const layout = changes.layout ?? parseVolumeType(type);
  return {
    name: 'demo',
    id: '6f1d3c1e-14a1-4fd5-a1fc-2d6ffcaf7f2a',
    layout,
    options: {},
    username: 'user-1',
    password: 'secret-1',
    host: '127.0.0.1',
    managementPort: 40000,
    bricks: Array.from({ length: brickCount(layout) }, (_, index) => ({
      index,
      directory: `/srv/my bricks/demo/${index}`,
      port: 41000 + index,
    })),
    seed: 1,
    ...changes,
  };
}

/** Parses, and fails where GlusterFS's own parser would have warned. */
function parsed(text: string): Volfile {
  return parseVolfile(text, {
    onWarning: (problem) => {
      throw new Error(problem);
    },
  });
}
const client = (type: string, changes?: Partial<VolumePlan>): Volfile =>
  parsed(clientVolfile(planOf(type, changes)));
function brick(type: string, index: number, changes?: Partial<VolumePlan>): Volfile {
  const plan = planOf(type, changes);
  return parsed(brickVolfile(plan, plan.bricks[index]!));
}
const types = (volfile: Volfile): string[] => volfile.nodes.map((node) => node.type);
const optionsOf = (volfile: Volfile, name: string): Record<string, string> =>
  Object.fromEntries(findNode(volfile, name)!.options);

/** A volfile of a real glusterd with other names in it. */
function real(file: string): Volfile {
  return parsed(readFileSync(join(import.meta.dirname, '../vectors/volfiles', file), 'utf8'));
}

/** Cluster translators with options and subvolumes, the volume's name and id left out. */
function clusterOf(volfile: Volfile, volume: string): object[] {
  const anonymous = (text: string): string => text.replaceAll(`${volume}-`, 'V-');
  return volfile.nodes
    .filter(({ type }) => type.startsWith('cluster/') || type === 'features/utime')
    .map(({ name, type, options, subvolumes }) => ({
      name: anonymous(name),
      type,
      options: Object.fromEntries(
        [...options].filter(([key]) => key !== 'volume-id').map(([key, value]) => [key, anonymous(value)]),
      ),
      subvolumes: subvolumes.map(anonymous),
    }));
}

describe('client volfiles', () => {
  test.each([
    ['dist3', 'distribute 3'],
    ['rep3', 'replicate 3'],
    ['arb', 'replicate 3 arbiter 1'],
    ['distrep', 'replicate 3 x 2'],
    ['disp', 'disperse 2+1'],
    ['distdisp', 'disperse 2+1 x 2'],
  ])("%s: cluster translators are those of glusterd's volfile", (name, type) => {
    expect(clusterOf(client(type), 'demo')).toEqual(clusterOf(real(`trusted-${name}.tcp-fuse.vol`), name));
  });

  test('bricks have the options that glusterd gives them', () => {
    const theirs = findNodes(real('trusted-dist3.tcp-fuse.vol'), 'protocol/client')[0]!.options;
    const ours = findNodes(client('distribute 3'), 'protocol/client')[0]!.options;
    const kernel = /^transport\.(tcp-user-timeout|socket\.keepalive)/;
    for (const key of theirs.keys()) if (!kernel.test(key)) expect([...ours.keys()]).toContain(key);
  });

  test('clients attach to the directory, with a login', () => {
    expect(bricks(client('distribute 2'))[1]).toEqual({
      name: 'demo-client-1',
      host: '127.0.0.1',
      port: 41001,
      remoteSubvolume: '/srv/my bricks/demo/1',
      username: 'user-1',
      password: 'secret-1',
      transport: 'tcp',
      tls: false,
    });
  });

  test('ports are left to the portmapper where stock clients find it', () => {
    expect(bricks(client('distribute 2', { managementPort: 24007 })).map(({ port }) => port)).toEqual([
      undefined,
      undefined,
    ]);
  });

  test.each(['auth.allow', 'auth.reject'])(
    'with %s nobody gets a login that goes before addresses',
    (name) => {
      const [first] = bricks(client('distribute 1', { options: { [name]: '10.*' } }));
      expect([first!.username, first!.password]).toEqual([undefined, undefined]);
    },
  );

  test('options reach the translators that they are about', () => {
    const options = {
      'network.ping-timeout': '7',
      'cluster.lookup-optimize': 'off',
      'cluster.quorum-type': 'fixed',
      'cluster.quorum-count': '2',
      'ctime.noatime': 'off',
    };
    checkVolumeOptions(options);
    const volfile = client('replicate 3', { options });
    expect(optionsOf(volfile, 'demo-client-2')).toMatchObject({ 'ping-timeout': '7' });
    expect(optionsOf(volfile, 'demo-dht')).toMatchObject({ 'lookup-optimize': 'off' });
    expect(optionsOf(volfile, 'demo-replicate-0')).toMatchObject({
      'quorum-type': 'fixed',
      'quorum-count': '2',
    });
    expect(optionsOf(volfile, 'demo-utime')).toEqual({ noatime: 'off' });
  });

  test('performance translators are there where options say so, in glusterd’s order', () => {
    expect(types(client('distribute 1')).filter((type) => type.startsWith('performance/'))).toEqual([]);
    const all = Object.fromEntries(
      [
        'write-behind',
        'read-ahead',
        'io-cache',
        'open-behind',
        'quick-read',
        'nl-cache',
        'stat-prefetch',
        'client-io-threads',
      ].map((name) => [`performance.${name}`, 'on']),
    );
    const performance = (volfile: Volfile): string[] =>
      types(volfile).filter((type) => type.startsWith('performance/') && !type.endsWith('readdir-ahead'));
    expect(performance(client('distribute 1', { options: all }))).toEqual(
      performance(real('perfall.tcp-fuse.vol')),
    );
  });

  test('features.ctime off leaves out features/utime', () => {
    expect(types(client('distribute 1', { options: { 'features.ctime': 'off' } }))).not.toContain(
      'features/utime',
    );
  });

  test("places in a user's volfile are filled in", () => {
    const template = `volume c
      type protocol/client
      option remote-host @HOST@
      option remote-port @PORT1@
      option remote-subvolume "@BRICK1@"
      option something @else@
      end-volume`;
    const plan = planOf('', { layout: customLayout(2), template });
    expect(bricks(parsed(clientVolfile(plan)))[0]).toMatchObject({
      host: '127.0.0.1',
      port: 41001,
      remoteSubvolume: '/srv/my bricks/demo/1',
    });
    expect(optionsOf(parsed(clientVolfile(plan)), 'c')).toMatchObject({ something: '@else@' });
  });
});

describe('brick volfiles', () => {
  test("layers are in the order of glusterd's", () => {
    const options = {
      'features.read-only': 'on',
      'features.leases': 'on',
      'features.cache-invalidation': 'on',
    };
    const ours = types(brick('replicate 3 arbiter 1', 2, { options })).filter(
      (type) => type !== 'debug/faults' && type !== 'features/arbiter',
    );
    const theirs = types(real('misc.127.1.1.1.bricks-misc-1.vol'));
    expect(theirs.filter((type) => ours.includes(type))).toEqual(ours);
    expect(types(brick('replicate 3 arbiter 1', 2)).slice(0, 2)).toEqual([
      'storage/posix',
      'features/arbiter',
    ]);
  });

  test('arbiters are the last of each set, other bricks have none', () => {
    const arbiters = [0, 1, 2, 3, 4, 5].filter((index) =>
      types(brick('replicate 3 arbiter 1 x 2', index)).includes('features/arbiter'),
    );
    expect(arbiters).toEqual([2, 5]);
  });

  test('every layer is a chain, with faults right under the server', () => {
    const { nodes } = brick('distribute 1', 0);
    for (const [at, { subvolumes }] of nodes.entries())
      expect(subvolumes).toEqual(at === 0 ? [] : [nodes[at - 1]!.name]);
    expect(nodes.slice(-2).map(({ type }) => type)).toEqual(['debug/faults', 'protocol/server']);
  });

  test('the index watches what the kind of volume counts by', () => {
    const watched = (type: string): Record<string, string> => {
      const { 'index-base': base, ...others } = optionsOf(brick(type, 0), 'demo-index');
      expect(base).toBe('/srv/my bricks/demo/0/.glusterfs/indices');
      return others;
    };
    expect(watched('disperse 4+2')).toEqual({ 'xattrop64-watchlist': 'trusted.ec.dirty' });
    expect(watched('replicate 3')).toEqual({
      'xattrop-dirty-watchlist': 'trusted.afr.dirty',
      'xattrop-pending-watchlist': 'trusted.afr.demo-',
    });
  });

  test('the server knows who may come', () => {
    const options = {
      'auth.allow': '127.*',
      'auth.reject': '10.*',
      'server.root-squash': 'on',
      'server.anonuid': '4',
    };
    const tls = { ca: '/tls/ca', cert: '/tls/cert', key: '/tls/key' };
    expect(optionsOf(brick('distribute 1', 0, { options, tls }), 'demo-server')).toMatchObject({
      'transport.socket.bind-address': '127.0.0.1',
      'transport.socket.listen-port': '41000',
      'auth-path': '/srv/my bricks/demo/0',
      'auth.login./srv/my bricks/demo/0.allow': 'user-1',
      'auth.login.user-1.password': 'secret-1',
      'auth.addr./srv/my bricks/demo/0.allow': '127.*',
      'auth.addr./srv/my bricks/demo/0.reject': '10.*',
      'root-squash': 'on',
      anonuid: '4',
      'transport.socket.ssl-enabled': 'on',
      'transport.socket.ssl-own-cert': '/tls/cert',
    });
    expect(optionsOf(brick('distribute 1', 0), 'demo-server')).toMatchObject({
      'auth.addr./srv/my bricks/demo/0.allow': '*',
    });
  });

  test('each brick draws its faults from a stream of its own, by the seed', () => {
    const seedOf = (index: number, seed: number, name = 'demo'): string =>
      optionsOf(brick('distribute 3', index, { seed, name }), `${name}-faults`).seed!;
    expect(seedOf(0, 1)).toBe(seedOf(0, 1));
    expect(new Set([seedOf(0, 1), seedOf(1, 1), seedOf(0, 2), seedOf(0, 1, 'other')]).size).toBe(4);
  });
});

test('a brick consists of translators that are there, and gives them options that they know', () => {
  const options = {
    'features.read-only': 'on',
    'features.leases': 'on',
    'features.cache-invalidation': 'on',
  };
  const known = new Map(translatorTypes().map((type) => [type.type, type]));
  for (const { type, options: given } of brick('replicate 3 arbiter 1', 2, { options }).nodes) {
    expect([...known.keys()]).toContain(type);
    const schema = known.get(type)!.options;
    const names = new Set(Object.entries(schema).flatMap(([name, { aliases = [] }]) => [name, ...aliases]));
    const unknown = [...given.keys()].filter((key) => !names.has(key) && !/^auth\.(addr|login)\./.test(key));
    expect(unknown, type).toEqual([]);
  }
});

describe('options of volumes', () => {
  test('the docs name each, and no other', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/embedded-cluster.md'), 'utf8');
    const [, section] = /^### Volume options$(.*?)^##/ms.exec(docs)!;
    const rows = section!.split('\n').filter((line) => line.startsWith('|'));
    const named = rows.flatMap((row) =>
      [...row.split('|')[2]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    expect(named.sort()).toEqual([...volumeOptionNames]);
  });

  test('every one reaches some volfile', () => {
    const on = {
      'features.read-only': 'on',
      'features.leases': 'on',
      'features.cache-invalidation': 'on',
      'features.shard': 'on',
    };
    const performance = Object.fromEntries(performanceLayers.map(([name]) => [name, 'on']));
    const base: Record<string, string> = { ...performance, ...on };
    const values: Record<string, string> = {
      'cluster.quorum-type': 'none',
      'cluster.stripe-block-size': '*.img:1MB,64KB',
      'storage.attribute-store': 'sidecar',
    };
    for (const name of volumeOptionNames) {
      const value = values[name] ?? (name in base ? 'on' : '0');
      const text = (options: Record<string, string>): string =>
        ['distribute 1', 'replicate 3', 'disperse 2+1', 'stripe 2']
          .flatMap((type) => {
            const plan = planOf(type, { options });
            return [clientVolfile(plan), brickVolfile(plan, plan.bricks[0]!)];
          })
          .join();
      checkVolumeOptions({ [name]: value });
      expect(text({ ...base, [name]: value }), name).not.toBe(
        text(Object.fromEntries(Object.entries(base).filter(([key]) => key !== name))),
      );
    }
  });

  test.each([
    ['features.wrom', 'on', /features\.read-only/],
    ['nonsense', '1', /cluster\.\*/],
    ['constructor', '1', /no volume option 'constructor'/],
    ['features.read-only', 'maybe', /boolean/],
    ['network.ping-timeout', 'soon', /time/],
    ['cluster.quorum-type', 'most', /none, auto, fixed/],
    ['auth.allow', ' ', /value is expected/],
  ])('%s %s is refused', (name, value, reason) => {
    expect(() => checkVolumeOptions({ [name]: value })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => checkVolumeOptions({ [name]: value })).toThrow(reason);
  });
});
