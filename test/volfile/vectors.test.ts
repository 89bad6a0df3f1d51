import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bricks,
  findNode,
  findNodes,
  parseVolfile,
  printVolfile,
  servers,
  type Volfile,
  VolfileError,
} from '../../src/volfile/index.ts';

const directory = new URL('../vectors/volfiles/', import.meta.url);
const files = readdirSync(directory).filter((name) => name.endsWith('.vol'));
const HOSTS = ['127.1.1.1', '127.1.1.2', '127.1.1.3'];

function read(name: string): string {
  return readFileSync(new URL(name, directory), 'utf8');
}

function parse(name: string): Volfile {
  return parseVolfile(read(name), {
    source: name,
    onWarning: (problem, at) => {
      throw new Error(`${at.source}:${at.line}: unexpected warning: ${problem}`);
    },
  });
}

/** Types from the top down, following first subvolumes. */
function stack(volfile: Volfile): string[] {
  const types: string[] = [];
  for (let node = findNode(volfile, volfile.top); node; node = findNode(volfile, node.subvolumes[0] ?? '')) {
    types.push(node.type);
  }
  return types;
}

describe('volfiles from a real glusterd', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it.each(files)('%s prints as glusterd wrote it, and parses again to the same model', (name) => {
    const text = read(name);
    const volfile = parse(name);
    expect(printVolfile(volfile)).toBe(text);
    expect(parseVolfile(printVolfile(volfile))).toEqual(volfile);
    expect(volfile.nodes.length).toBe(text.match(/^volume /gm)!.length);
  });

  // bricks as glusterd was told them: brick i lies on host i modulo 3
  it.each([
    ['dist1', 1, HOSTS.slice(0, 1)],
    ['dist3', 3, HOSTS],
    ['rep3', 3, HOSTS],
    ['arb', 3, HOSTS],
    ['disp', 3, HOSTS],
    ['distrep', 6, HOSTS],
    ['distdisp', 6, HOSTS],
    ['ro', 2, HOSTS.slice(0, 2)],
  ])('%s: %i bricks', (volume, count, hosts) => {
    for (const prefix of ['', 'trusted-']) {
      const volfile = parse(`${prefix}${volume}.tcp-fuse.vol`);
      const list = bricks(volfile);
      expect(volfile.top).toBe(volume);
      expect(
        list.map(({ name, host, port, remoteSubvolume, tls }) => ({
          name,
          host,
          port,
          remoteSubvolume,
          tls,
        })),
      ).toEqual(
        Array.from({ length: count }, (_, i) => ({
          name: `${volume}-client-${i}`,
          host: HOSTS[i % 3],
          port: undefined,
          remoteSubvolume: `/bricks/${volume}-${i}`,
          tls: false,
        })),
      );
      expect(servers(volfile)).toEqual(hosts);
      for (const { username, password } of list) {
        expect(username !== undefined && password !== undefined).toBe(prefix === 'trusted-');
      }
    }
  });

  it('name the translators that the options of the volumes bring in', () => {
    const performance = ['io-threads', 'md-cache', 'quick-read', 'open-behind', 'write-behind'];
    const usual = ['debug/io-stats', ...performance.map((name) => `performance/${name}`), 'features/utime'];
    expect(stack(parse('dist3.tcp-fuse.vol'))).toEqual([...usual, 'cluster/distribute', 'protocol/client']);
    expect(stack(parse('perfnone.tcp-fuse.vol'))).toEqual([
      'debug/io-stats',
      'cluster/distribute',
      'protocol/client',
    ]);
    expect(stack(parse('nufa.tcp-fuse.vol'))).toContain('cluster/nufa');
    expect(stack(parse('switch.tcp-fuse.vol'))).toContain('cluster/switch');
    expect(stack(parse('shard.tcp-fuse.vol'))).toContain('features/shard');
    expect(stack(parse('distrep.tcp-fuse.vol'))).toContain('cluster/replicate');
    expect(stack(parse('distdisp.tcp-fuse.vol'))).toContain('cluster/disperse');
    expect(stack(parse('features.tcp-fuse.vol'))).toEqual(
      expect.arrayContaining(['features/cloudsync', 'features/cdc']),
    );
    expect(stack(parse('perfall.tcp-fuse.vol')).slice(-2)).toEqual([
      'performance/readdir-ahead',
      'protocol/client',
    ]);
    // options that only change bricks
    for (const name of ['ro', 'worm', 'quota']) {
      expect(stack(parse(`${name}.tcp-fuse.vol`))).toEqual([
        ...usual,
        'cluster/distribute',
        'protocol/client',
      ]);
    }
  });

  it('carry the options', () => {
    const dht = findNode(parse('dhtopts.tcp-fuse.vol'), 'dhtopts-dht')!;
    expect(dht.options.get('rsync-hash-regex')).toBe('^.(.+).[^.]+$');
    expect(dht.options.get('extra-hash-regex')).toBe('^(.+)~$');
    expect(findNode(parse('decom.tcp-fuse.vol'), 'decom-dht')!.options.get('decommissioned-bricks')).toBe(
      'decom-client-2',
    );
    const pattern = findNode(parse('switch.tcp-fuse.vol'), 'switch-dht')!.options;
    expect([...pattern.values()]).toContain('*.avi:switch-client-0');
    expect(bricks(parse('tls.tcp-fuse.vol')).every((brick) => brick.tls)).toBe(true);
  });

  it('leave out the host of the snapshot daemon and of gfproxy', () => {
    const uss = parse('uss.tcp-fuse.vol');
    expect(bricks(uss).at(-1)).toMatchObject({
      name: 'uss-snapd-client',
      host: undefined,
      remoteSubvolume: 'snapd-uss',
    });
    expect(findNodes(uss, 'features/snapview-client')[0]!.subvolumes).toEqual([
      'uss-io-threads',
      'uss-snapd-client',
    ]);
    expect(servers(uss)).toEqual(HOSTS);
    const proxy = parse('trusted-gfproxy.tcp-gfproxy-fuse.vol');
    expect(bricks(proxy)).toMatchObject([{ host: undefined, remoteSubvolume: 'gfproxyd-gfproxy' }]);
    expect(servers(proxy)).toEqual([]);
  });

  // line and text: as the glusterfs binary reports them for these files
  it.each([
    ['debug-three-times', /:\d+:8: volume 'debug-trace' is defined again/],
    [
      'regex-with-backslash',
      /:\d+:\d+: volume 'regex-dht': expected .* found '\.\(\.\+\)' \(a value with blanks or backslashes must be quoted\)/,
    ],
  ])('%s is refused, as GlusterFS refuses it', (name, message) => {
    const file = `refused/${name}.tcp-fuse.vol`;
    expect(() => parseVolfile(read(file), { source: file })).toThrow(VolfileError);
    expect(() => parseVolfile(read(file), { source: file })).toThrow(message);
  });
});
