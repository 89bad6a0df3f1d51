import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { emptyIatt, type Iatt } from '../../../../src/protocol/iatt.ts';
import { syscalls } from '../../../../src/syscalls.ts';
import { Attacked, entryCalls, symlinkTo, withGfid } from './attacked.ts';
import type { WireClient } from './wire-client.ts';

const NO_GFID = new Uint8Array(16);
const bytes = (...pairs: readonly [string, Uint8Array | string][]): Dict =>
  pairs.reduce((dict, [name, value]) => dict.setBytes(name, Buffer.from(value)), new Dict());

let attacked: Attacked;
let attacker: WireClient;

beforeAll(async () => {
  attacked = await Attacked.start();
  attacker = await attacked.client();
});
afterEach(async () => {
  attacked.outsideIsUntouched();
  await attacked.stillServes();
});
afterAll(() => attacked[Symbol.asyncDispose]());

/** Attributes of a file on the brick's disk. */
function onDisk(path: string, name: string): Buffer | undefined {
  try {
    return syscalls()!.getxattr(Buffer.from(join(attacked.directory, path)), Buffer.from(name));
  } catch {
    return undefined;
  }
}

describe('names', () => {
  test.each([
    '../outside/x',
    '/etc/x',
    'a/b',
    '..',
    '.',
    '',
    '.glusterfs',
    '.glusterfs/00',
    './x',
    '../../outside/secret',
  ])('%j is none for any call', async (name) => {
    const file = await attacker.create(`named-${crypto.randomUUID()}`);
    for (const [call, make] of Object.entries(entryCalls(attacker, ROOT_GFID, name, file.gfid))) {
      // To look up dots is to look up the directory; to look up no name the gfid.
      if (call === 'lookup' && (name === '.' || name === '..')) continue;
      expect((await make()).error, call).toMatch(/^(EINVAL|EPERM|ENOENT)$/);
    }
    expect(existsSync(join(attacked.directory, '.glusterfs'))).toBe(true);
  });

  test('one of 256 bytes is too long', async () => {
    const { gfid } = await attacker.create(`long-${crypto.randomUUID()}`);
    for (const [call, make] of Object.entries(entryCalls(attacker, ROOT_GFID, 'n'.repeat(256), gfid)))
      expect((await make()).error, call).toMatch(/^(ENAMETOOLONG|ENOENT)$/);
  });

  test('the dots above the root are the root, and a listing tells nothing of what is above', async () => {
    expect(((await attacker.lookup(ROOT_GFID, '..')).fields.stat as Iatt).gfid).toEqual(ROOT_GFID);
    const fd = (await attacker.fop('opendir', { gfid: ROOT_GFID })).fields.remoteFd as bigint;
    const listed = await attacker.fop(
      'readdirp',
      { gfid: ROOT_GFID, fd, offset: 0n, size: 0xffff_ffff },
      { xdata: bytes(['list-xattr', '']) },
    );
    const entries = listed.fields.entries as { name: string; ino: bigint; stat: Iatt }[];
    expect(entries.map(({ name }) => name)).not.toContain('.glusterfs');
    const above = entries.find(({ name }) => name === '..')!;
    const host = lstatSync(join(attacked.directory, '..'), { bigint: true });
    expect(above.stat.gfid).toEqual(NO_GFID);
    expect(above.ino).not.toBe(host.ino);
  });
});

describe('symbolic links that lead out of the brick', () => {
  test('nothing goes through one: by gfid, by name, as a directory', async () => {
    const name = `out-${crypto.randomUUID()}`;
    const gfid = await symlinkTo(attacker, attacked.outside, name);
    const inside = await attacker.create(`in-${crypto.randomUUID()}`);
    for (const [call, make] of Object.entries(entryCalls(attacker, gfid, 'secret', inside.gfid)))
      expect((await make()).error, call).toBeDefined();
    for (const [call, make] of Object.entries(entryCalls(attacker, gfid, 'new', inside.gfid)))
      expect((await make()).error, call).toBeDefined();
    expect((await attacker.fop('opendir', { gfid })).error).toBeDefined();
  });

  test('its target is neither opened nor changed', async () => {
    const gfid = await symlinkTo(attacker, join(attacked.outside, 'secret'), `file-${crypto.randomUUID()}`);
    const before = lstatSync(join(attacked.outside, 'secret'), { bigint: true });
    for (const flags of [0, 1, 2, 0o1002, 0o10000000, 0o12000000, 0o20200002, 0o400000])
      expect((await attacker.fop('open', { gfid, flags })).error, flags.toString(8)).toBeDefined();
    expect((await attacker.read(gfid, -2n)).error).toBeDefined();
    expect((await attacker.write(gfid, -2n, 'bad')).error).toBeDefined();
    expect((await attacker.fop('truncate', { gfid, offset: 0 })).error).toBeDefined();
    const stat = { ...emptyIatt(), mode: 0o777, uid: 7, gid: 7, atime: 1n, mtime: 1n };
    for (const valid of [1, 2, 4, 0x10, 0x20, 0x37]) await attacker.fop('setattr', { gfid, stat, valid });
    await attacker.fop('setattr', { gfid, stat, valid: 0 });
    const named = ['user.x', 'trusted.x', 'security.x', 'system.posix_acl_access', 'glusterfs.posix.acl'];
    for (const name of named) {
      await attacker.fop('setxattr', { gfid, flags: 0, dict: bytes([name, 'x']) });
      await attacker.fop('xattrop', { gfid, operation: 4, dict: bytes([name, 'abcd']) });
      await attacker.fop('removexattr', { gfid, name });
    }
    const after = lstatSync(join(attacked.outside, 'secret'), { bigint: true });
    expect({ ...after, atimeNs: 0n, atimeMs: 0n }).toEqual({ ...before, atimeNs: 0n, atimeMs: 0n });
    expect(syscalls()!.listxattr(Buffer.from(join(attacked.outside, 'secret')))).toEqual([]);
  });

  test('what is behind it is not told', async () => {
    const gfid = await symlinkTo(attacker, attacked.outside, `told-${crypto.randomUUID()}`);
    const name = 'glusterfs.get_real_filename:SECRET';
    const asked = await attacker.fop('getxattr', { gfid, namelen: name.length, name });
    expect(asked.error).toBe('ENOTDIR');
    const proc = await symlinkTo(attacker, '/proc', `proc-${crypto.randomUUID()}`);
    const [there, here] = [
      await attacker.fop('statfs', { gfid: proc }),
      await attacker.fop('statfs', { gfid: ROOT_GFID }),
    ];
    expect(there.fields.blocks).toBe(here.fields.blocks);
    expect((await attacker.fop('access', { gfid, mask: 4 })).error).toBeUndefined();
    const content = await attacker.fop(
      'lookup',
      {
        gfid: await symlinkTo(attacker, join(attacked.outside, 'secret'), `c-${crypto.randomUUID()}`),
        pargfid: NO_GFID,
        bname: '',
        flags: 0,
      },
      { xdata: new Dict().setEntry('glusterfs.content', { type: 'int', value: 4096n }) },
    );
    expect(content.xdata?.has('glusterfs.content')).not.toBe(true);
  });

  test('a directory does not turn into one behind the server', async () => {
    const name = `dir-${crypto.randomUUID()}`;
    const { gfid } = await attacker.mkdir(name);
    await attacker.create('child', gfid);
    // Its identity can't be changed, by which the brick would look for it elsewhere from then on.
    for (const attribute of [
      'trusted.gfid',
      'trusted.glusterfs.volume-id',
      'trusted.gfid2path.0123456789abcdef',
    ]) {
      const value = newGfid();
      for (const operation of [0, 4, 5])
        await attacker.fop('xattrop', { gfid, operation, dict: bytes([attribute, value]) });
      await attacker.fop('setxattr', { gfid, flags: 0, dict: bytes([attribute, value]) });
      await attacker.fop('removexattr', { gfid, name: attribute });
      await attacker.fop('removexattr', { gfid, name: '' }, { xdata: bytes([attribute, '']) });
    }
    expect(onDisk(name, 'trusted.gfid')).toEqual(Buffer.from(gfid));
    expect(onDisk(name, 'trusted.gfid2path.0123456789abcdef')).toBeUndefined();
    await attacker.fop('rmdir', { pargfid: ROOT_GFID, bname: name, xflags: 1 });
    await symlinkTo(attacker, attacked.outside, name);
    expect((await attacker.lookup(gfid, 'secret')).error).toBe('ESTALE');
    const made = await attacker.fop(
      'create',
      { pargfid: gfid, bname: 'new', flags: 0o102, mode: 0o644, umask: 0 },
      { xdata: withGfid() },
    );
    expect(made.error).toBe('ESTALE');
  });

  test('nor does one that others swap on the disk', async () => {
    const name = `swap-${crypto.randomUUID()}`;
    const { gfid } = await attacker.mkdir(name);
    await attacker.create('child', gfid);
    const path = join(attacked.directory, name);
    rmSync(path, { recursive: true });
    const { symlinkSync } = await import('node:fs');
    symlinkSync(attacked.outside, path);
    const made = await attacker.fop(
      'create',
      { pargfid: gfid, bname: 'new', flags: 0o102, mode: 0o644, umask: 0 },
      { xdata: withGfid() },
    );
    expect(made.error).toBe('ESTALE');
    expect((await attacker.lookup(gfid, 'secret')).error).toBe('ESTALE');
    rmSync(path);
  });
});

describe('gfids that are forged', () => {
  test('all zeros is nobody', async () => {
    const file = await attacker.create(`zero-${crypto.randomUUID()}`);
    for (const [call, make] of Object.entries(entryCalls(attacker, NO_GFID, 'x', file.gfid)))
      expect((await make()).error, call).toBe('EINVAL');
    expect((await attacker.fop('open', { gfid: NO_GFID, flags: 2 })).error).toBe('EINVAL');
  });

  test('nobody makes a file with the gfid of the root', async () => {
    const before = lstatSync(
      join(attacked.directory, '.glusterfs/00/00/00000000-0000-0000-0000-000000000001'),
      { throwIfNoEntry: false },
    );
    const name = `root-${crypto.randomUUID()}`;
    const made = { pargfid: ROOT_GFID, bname: name, umask: 0, mode: 0o644 };
    const xdata = withGfid(ROOT_GFID);
    expect((await attacker.fop('create', { ...made, flags: 0o102 }, { xdata })).error).toBe('EEXIST');
    expect((await attacker.fop('mknod', { ...made, mode: 0o100644, dev: 0n }, { xdata })).error).toBe(
      'EEXIST',
    );
    expect((await attacker.fop('mkdir', made, { xdata })).error).toBe('EEXIST');
    expect(
      (await attacker.fop('symlink', { pargfid: ROOT_GFID, bname: name, umask: 0, target: 'x' }, { xdata }))
        .error,
    ).toBe('EEXIST');
    expect(existsSync(join(attacked.directory, name))).toBe(false);
    expect(
      lstatSync(join(attacked.directory, '.glusterfs/00/00/00000000-0000-0000-0000-000000000001'), {
        throwIfNoEntry: false,
      })?.ino,
    ).toBe(before?.ino);
  });

  test('nor with that of a directory of the index', async () => {
    const name = 'glusterfs.xattrop_index_gfid';
    const asked = await attacker.fop('getxattr', { gfid: ROOT_GFID, namelen: name.length, name });
    const virtual = (asked.fields.dict as Dict).bytes(name)!;
    const xdata = withGfid(new Uint8Array(virtual));
    const made = { pargfid: ROOT_GFID, bname: `index-${crypto.randomUUID()}`, umask: 0, mode: 0o644 };
    expect((await attacker.fop('create', { ...made, flags: 0o102 }, { xdata })).error).toBe('EEXIST');
    expect((await attacker.fop('mkdir', made, { xdata })).error).toBe('EEXIST');
    const inside = await attacker.create(`inside-${crypto.randomUUID()}`);
    for (const [call, make] of Object.entries(entryCalls(attacker, virtual, 'x', inside.gfid)))
      expect((await make()).error, call).toBeDefined();
    for (const [call, make] of Object.entries(
      entryCalls(attacker, virtual, '../../../../outside/secret', inside.gfid),
    ))
      expect((await make()).error, call).toBeDefined();
    const healer = await attacked.client();
    expect((await healer.fop('opendir', { gfid: virtual })).error).toBeUndefined();
  });

  test('names for the index stay in the index', async () => {
    const dirty = bytes(['trusted.afr.dirty', Buffer.alloc(12)]);
    for (const name of ['../../../../../outside/x', '..', 'a/b', 'x\0y', '']) {
      const { gfid } = await attacker.mkdir(`idx-${crypto.randomUUID()}`);
      for (const key of [
        'xattrop-entry-changes-add',
        'xattrop-entry-changes-del',
        'link-count',
        'entry-changes-add-name',
      ])
        await attacker.fop(
          'xattrop',
          { gfid, operation: 0, dict: dirty },
          { xdata: new Dict().setEntry(key, { type: 'str', value: name }) },
        );
    }
    expect(readdirSync(join(attacked.directory, '.glusterfs/indices')).sort()).toEqual(
      expect.not.arrayContaining(['x']),
    );
  });

  test('the gfid of a file that is there', async () => {
    const first = await attacker.create(`first-${crypto.randomUUID()}`);
    const made = { pargfid: ROOT_GFID, bname: `second-${crypto.randomUUID()}`, umask: 0, mode: 0o644 };
    expect(
      (await attacker.fop('create', { ...made, flags: 0o102 }, { xdata: withGfid(first.gfid) })).error,
    ).toBe('EEXIST');
    expect((await attacker.lookup(ROOT_GFID, made.bname)).error).toBe('ENOENT');
  });
});
