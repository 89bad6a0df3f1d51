import { describe, expect, it } from 'vitest';
import type { GraphEvent, TranslatorType } from '../../../../src/graph/index.ts';
import { Graph, readOptions, type Translator, toSubvolume } from '../../../../src/graph/index.ts';
import { S_IFDIR } from '../../../../src/protocol/iatt.ts';
import { distributeType } from '../../../../src/xlators/cluster/distribute/index.ts';
import type { DistributeOptions } from '../../../../src/xlators/cluster/distribute/options.ts';
import { nufaType } from '../../../../src/xlators/cluster/nufa/index.ts';
import { switchType } from '../../../../src/xlators/cluster/switch/index.ts';
import { isLinktoNode, MemoryBrick, MemoryCluster } from '../../../helpers/memory-brick.ts';
import { recordingEnvironment } from '../../../helpers/recording-child.ts';

function bricks(count: number): MemoryBrick[] {
  return Array.from({ length: count }, (_, index) => new MemoryBrick(`vol-client-${index}`));
}

function build(
  type: TranslatorType<DistributeOptions>,
  below: readonly MemoryBrick[],
  options: Record<string, string> = {},
): { translator: Translator<DistributeOptions>; events: GraphEvent[] } {
  const environment = recordingEnvironment();
  const rawOptions = new Map(Object.entries(options));
  const translator = type.create({
    name: 'vol-dht',
    type: type.type,
    children: below.map(({ subvolume }) => subvolume),
    options: readOptions(type.options, rawOptions, 'vol-dht', () => {}),
    rawOptions,
    environment,
  });
  const events: GraphEvent[] = [];
  translator.listen((event) => events.push(event));
  return { translator, events };
}

describe('events', () => {
  it('up when all have reported and one is up; down when none is, naming them', () => {
    const [a, b, c] = bricks(3) as [MemoryBrick, MemoryBrick, MemoryBrick];
    const { events } = build(distributeType, [a, b, c]);
    a.up();
    b.down();
    expect(events).toEqual([]);
    c.up();
    expect(events).toEqual([{ kind: 'child-up' }]);
    a.down();
    expect(events).toHaveLength(1);
    c.down();
    expect(events.at(-1)).toMatchObject({ kind: 'child-down', reason: { code: 'ENOTCONN' } });
    expect(String((events.at(-1) as { reason: Error }).reason)).toContain('vol-client-1');
    b.up();
    expect(events.at(-1)).toEqual({ kind: 'child-up' });
  });

  it('assert-no-child-down: one that goes down ends it', () => {
    const [a, b] = bricks(2) as [MemoryBrick, MemoryBrick];
    const { events } = build(distributeType, [a, b], { 'assert-no-child-down': 'on' });
    a.up();
    b.up();
    b.down();
    expect(events.map(({ kind }) => kind)).toEqual(['child-up', 'child-down']);
  });

  it('others pass', () => {
    const [a] = bricks(1) as [MemoryBrick];
    const { events } = build(distributeType, [a]);
    const event: GraphEvent = {
      kind: 'lease-recall',
      gfid: new Uint8Array(16),
      leaseId: new Uint8Array(16),
      type: 1,
    };
    (a as unknown as { emit(event: GraphEvent): void }).emit(event);
    expect(events).toEqual([event]);
  });
});

describe('options', () => {
  it('an unknown subvolume in decommissioned-bricks is refused', () => {
    expect(() => build(distributeType, bricks(2), { 'decommissioned-bricks': 'vol-client-9' })).toThrow(
      /no subvolume vol-client-9/,
    );
  });
});

describe('a volume of one brick', () => {
  it('has directories with the whole range, and otherwise the brick’s own operations', async () => {
    const cluster = new MemoryCluster(1);
    await cluster.mkdir('/dir');
    const { node } = cluster.brick(0).store.root.entries.get('dir')!;
    expect(Buffer.from(node.xattrs.get('trusted.glusterfs.dht')!).toString('hex')).toBe(
      '000000000000000000000000ffffffff',
    );
    await cluster.create('/dir/a', 'text');
    await cluster.rename('/dir/a', '/dir/b');
    expect(await cluster.read('/dir/b')).toBe('text');
    expect(cluster.brick(0).calls.some(({ fop }) => fop === 'inodelk' || fop === 'entrylk')).toBe(false);
    const rename = cluster.brick(0).calls.find(({ fop }) => fop === 'rename')!.request as {
      xdata: { bytes(name: string): Uint8Array };
    };
    // Lengths of both names with their NUL, behind the parents' gfids.
    const mark = Buffer.from(rename.xdata.bytes('changelog.rename-op'));
    expect([mark.length, mark.readInt32LE(32), mark.readInt32LE(36)]).toEqual([48, 2, 2]);
    expect(mark.toString('latin1', 40, 44)).toBe('a\0b\0');
  });
});

describe('attributes of directories', () => {
  it('that are pending on the metadata brick are brought to the others by a lookup', async () => {
    const cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const nodes = cluster.bricks.map((brick) => brick.store.root.entries.get('dir')!.node);
    const mds = nodes.find((node) => node.xattrs.has('trusted.glusterfs.dht.mds'))!;
    const others = nodes.filter((node) => node !== mds);
    // One change that came to the metadata brick only, and one attribute that was removed there.
    mds.xattrs.set('trusted.glusterfs.dht.mds', Uint8Array.of(255, 255, 255, 255));
    mds.xattrs.set('user.new', Buffer.from('1'));
    for (const node of others) node.xattrs.set('user.old', Buffer.from('0'));
    await cluster.resolve('/dir');
    await cluster.idle();
    for (const node of nodes) {
      expect(node.xattrs.get('user.new')).toEqual(Buffer.from('1'));
      expect(node.xattrs.has('user.old')).toBe(false);
    }
    expect([...mds.xattrs.get('trusted.glusterfs.dht.mds')!]).toEqual([0, 0, 0, 0]);
  });

  it('stay pending while a brick fails', async () => {
    const cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const holder = cluster.bricks.find((brick) =>
      brick.store.root.entries.get('dir')!.node.xattrs.has('trusted.glusterfs.dht.mds'),
    )!;
    const mds = holder.store.root.entries.get('dir')!.node;
    mds.xattrs.set('trusted.glusterfs.dht.mds', Uint8Array.of(255, 255, 255, 255));
    mds.xattrs.set('user.new', Buffer.from('1'));
    cluster.bricks.find((brick) => brick !== holder)!.fail('setxattr', 'EIO');
    await cluster.resolve('/dir');
    await cluster.idle();
    expect(mds.xattrs.get('trusted.glusterfs.dht.mds')![3]).toBe(255);
  });

  it('owner and mode that deviate are set to those of the metadata brick', async () => {
    const cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const nodes = cluster.bricks.map((brick) => brick.store.root.entries.get('dir')!.node);
    const other = nodes.find((node) => !node.xattrs.has('trusted.glusterfs.dht.mds'))!;
    Object.assign(other, { mode: S_IFDIR | 0o777, uid: 99 });
    await cluster.resolve('/dir');
    expect(other).toMatchObject({ mode: S_IFDIR | 0o755, uid: 0 });
  });

  it('a directory without metadata brick gets the mark where its name hashes to', async () => {
    const cluster = new MemoryCluster(3);
    await cluster.mkdir('/dir');
    const nodes = cluster.bricks.map((brick) => brick.store.root.entries.get('dir')!.node);
    const marked = nodes.findIndex((node) => node.xattrs.delete('trusted.glusterfs.dht.mds'));
    await cluster.resolve('/dir');
    expect(nodes.map((node) => node.xattrs.has('trusted.glusterfs.dht.mds'))).toEqual(
      nodes.map((_, index) => index === marked),
    );
  });
});

describe('placement', () => {
  async function placed(
    type: TranslatorType<DistributeOptions>,
    options: Record<string, string>,
    names: readonly string[],
  ): Promise<number[]> {
    const below = bricks(3);
    const { translator } = build(type, below, options);
    for (const brick of below) brick.up();
    const graph = new Graph(toSubvolume(translator as unknown as Translator), []);
    const cluster = new MemoryCluster(below);
    Object.defineProperty(cluster, 'top', { value: graph.top });
    await cluster.mkdir('/dir');
    for (const name of names) await cluster.create(`/dir/${name}`, name);
    for (const name of names) expect(await cluster.read(`/dir/${name}`)).toBe(name);
    return names.map((name) =>
      below.findIndex((brick) => {
        const node = brick.store.root.entries.get('dir')!.node.entries.get(name)?.node;
        return node !== undefined && !isLinktoNode(node);
      }),
    );
  }
  const names = Array.from({ length: 12 }, (_, index) => `${index}.jpg`);

  it('nufa puts new files on the local subvolume', async () => {
    expect(await placed(nufaType, { 'local-volume-name': 'vol-client-2' }, names)).toEqual(
      names.map(() => 2),
    );
  });

  it('nufa without a local subvolume is distribute', async () => {
    const found = await placed(nufaType, { 'local-volume-name': 'elsewhere' }, names);
    expect(found).toEqual(await placed(distributeType, {}, names));
  });

  it('switch puts them where their pattern says, and all others on the rest', async () => {
    const options = { 'pattern.switch.case': '*.jpg:vol-client-1;/dir/a*:vol-client-0' };
    expect(await placed(switchType, options, names)).toEqual(names.map(() => 1));
    expect(await placed(switchType, options, ['a1', 'a2', 'other', 'b'])).toEqual([0, 0, 2, 2]);
  });

  it.each(['*.jpg', '*.jpg:', '*.jpg:nobody', '*.jpg:vol-client-0,vol-client-1,vol-client-2'])(
    'switch refuses %s',
    (text) => {
      expect(() => build(switchType, bricks(3), { 'pattern.switch.case': text })).toThrow(
        /pattern.switch.case/,
      );
    },
  );
});
