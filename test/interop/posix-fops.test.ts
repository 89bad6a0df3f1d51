import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toGlfsError } from '../../src/errors.ts';
import { Fd, type FopTable, Inode, rootContext } from '../../src/graph/index.ts';
import { Dict, type DictEntry, entryBytes } from '../../src/protocol/dict.ts';
import { ROOT_GFID } from '../../src/protocol/gfid.ts';
import type { Iatt } from '../../src/protocol/iatt.ts';
import { keys } from '../../src/protocol/keys.ts';
import { decodeMdata, encodeMdata, MDATA_KEY } from '../../src/xlators/storage/posix/mdata.ts';
import { attachPool } from '../helpers/attach.ts';
import { mountVolume } from '../helpers/mount.ts';
import {
  APPEND,
  type Brick,
  type Caller,
  type Case,
  cases,
  entryTypes,
  gfids,
} from '../helpers/posix-requests.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { readXattr } from '../helpers/xattr.ts';
import { ClientUnderTest } from '../xlators/protocol/client/scripted-brick.ts';
import { DataBrick, storeKinds } from '../xlators/storage/posix/data-brick.ts';

const pool = attachPool();

async function ours(store: string): Promise<Brick> {
  const data = await DataBrick.open(store, { 'fips-mode-rchecksum': 'on' });
  const make = (name: keyof typeof gfids) => data.make(name, entryTypes[name], gfids[name]);
  const files = { file: make('file'), directory: make('directory'), symlink: make('symlink') };
  const call: Caller = (fop, request, context) => data.call(fop as never, request as never, context);
  const [fd, reader, appender] = [
    await data.fd(files.file),
    await data.fd(files.file, 0),
    await data.fd(files.file, APPEND),
  ];
  return { call, files, fd, reader, appender, path: data.directory, close: () => data.close() };
}

async function theirs(volume: TestVolume): Promise<Brick> {
  const brick = volume.bricks[0]!;
  const client = await ClientUnderTest.start(brick, { 'remote-subvolume': brick.path });
  const fops: FopTable = client.fops;
  const parent = new Inode(ROOT_GFID, 'directory');
  const place = (name: keyof typeof gfids) => ({ inode: new Inode(), parent, name });
  const xdata = (name: keyof typeof gfids) => new Dict().set(keys.gfidRequest, gfids[name]);
  const fresh = new Fd(new Inode(), 2);
  const modes = { mode: 0o644, umask: 0 };
  await fops.create(
    { loc: place('file'), fd: fresh, flags: 0o102, ...modes, xdata: xdata('file') },
    rootContext(),
  );
  await fops.mkdir(
    { loc: place('directory'), mode: 0o755, umask: 0, xdata: xdata('directory') },
    rootContext(),
  );
  await fops.symlink(
    { loc: place('symlink'), umask: 0, target: 'to', xdata: xdata('symlink') },
    rootContext(),
  );
  const files = {
    file: new Inode(gfids.file, 'file'),
    directory: new Inode(gfids.directory, 'directory'),
    symlink: new Inode(gfids.symlink, 'symlink'),
  };
  await fops.release({ fd: fresh }, rootContext());
  const open = async (flags: number): Promise<Fd> => {
    const fd = new Fd(files.file, flags);
    await fops.open({ loc: { inode: files.file }, fd, flags }, rootContext());
    return fd;
  };
  const [fd, reader, appender] = [await open(2), await open(0), await open(APPEND)];
  const call: Caller = (fop, request, context) => fops[fop](request, context) as Promise<object>;
  return { call, files, fd, reader, appender, path: brick.path, close: () => client.close() };
}

/* ---- what is compared ---- */

type Plain = string | number | boolean | undefined | { [name: string]: Plain };

function isIatt(value: object): value is Iatt {
  return 'nlink' in value && 'mode' in value;
}

function plainIatt({ size, mode, nlink, uid, gid, mtime, ctime, flags, ino }: Iatt, times: boolean): Plain {
  const dated = times ? { mtime: String(mtime), ctime: String(ctime) } : {};
  return { size, mode, nlink, uid, gid, flags: String(flags), ino: String(ino), ...dated };
}

function plainEntry(entry: DictEntry, brick: Brick, times: boolean): Plain {
  if (entry.type === 'iatt') return plainIatt(entry.value, times);
  const bytes = Buffer.from(entryBytes(entry)).toString('latin1');
  const named = bytes.replaceAll(brick.path, 'BRICK').replaceAll(hostname(), 'HOST');
  return `${entry.type}:${/^[ -~]*$/.test(named) ? named : Buffer.from(bytes, 'latin1').toString('hex')}`;
}

function plain(value: unknown, brick: Brick, times: boolean): Plain {
  if (value instanceof Dict) {
    const pairs = [...value].map(([name, entry]) => [name, plainEntry(entry, brick, times)] as const);
    return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value !== 'object' || value === null) return value as Plain;
  if (isIatt(value)) return plainIatt(value, times);
  const known = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(known.map(([name, each]) => [name, plain(each, brick, times)]));
}

async function answer(
  brick: Brick,
  { fop, request, context = rootContext(), times = false }: Case,
): Promise<Plain> {
  try {
    return plain(await brick.call(fop, request(brick) as never, context), brick, times);
  } catch (error) {
    return { error: toGlfsError(error).code };
  }
}

describe.each(storeKinds())('data and attributes, kept as %s, against a brick of GlusterFS', (store) => {
  let volume: TestVolume;
  let real: Brick;
  let mine: Brick;
  beforeAll(async () => {
    volume = await pool.createVolume(`posix-fops-${store}`, { bricks: 1, nodes: [0] });
    real = await theirs(volume);
    mine = await ours(store);
  });
  afterAll(async () => {
    await real?.close();
    await mine?.close();
    await volume?.delete();
  });

  test.each(cases.map((each) => [each.what, each] as const))('%s', async (_what, each) => {
    const expected = await answer(real, each);
    expect(await answer(mine, each)).toEqual(expected);
  });

  test('times of its own clients lie on its disk as we write them', async () => {
    const mount = await mountVolume(pool, { volume: volume.name });
    try {
      writeFileSync(mount.at('dated'), 'x');
      utimesSync(mount.at('dated'), 123_456_789, 123_456_789.5);
      const bytes = (await readXattr(`${real.path}/dated`, MDATA_KEY))!;
      const { atimeNs, mtimeNs, ctimeNs } = statSync(mount.at('dated'), { bigint: true });
      const times = decodeMdata(bytes);
      expect(encodeMdata(times)).toEqual(bytes);
      expect([times.atime, times.mtime, times.ctime].map((seconds) => seconds * 1_000_000_000n)).toEqual(
        [atimeNs, mtimeNs, ctimeNs].map((time) => time - (time % 1_000_000_000n)),
      );
      expect([times.atimeNsec, times.mtimeNsec, times.ctimeNsec]).toEqual(
        [atimeNs, mtimeNs, ctimeNs].map((time) => Number(time % 1_000_000_000n)),
      );
    } finally {
      await mount.unmount();
    }
  });
});
