import { existsSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Inode, rootContext, StampFlag } from '../../../../src/graph/index.ts';
import { Dict, type DictEntry, entryText } from '../../../../src/protocol/dict.ts';
import { emptyIatt, type FileType } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { SetattrValid, XattrFlag } from '../../../../src/protocol/messages.ts';
import { ACL_NO_ID, type Ace, AclTag, encodeAces } from '../../../../src/protocol/posix-acl.ts';
import { MDATA_KEY } from '../../../../src/xlators/storage/posix/mdata.ts';
import { DataBrick, stamping, storeKinds } from './data-brick.ts';

const { MODE, UID, GID, ATIME, MTIME, CTIME, MTIME_NOW } = SetattrValid;
const isRoot = process.getuid?.() === 0;

const dict = (pairs: Record<string, string | Uint8Array>) =>
  new Dict(
    Object.entries(pairs).map(([name, value]) => [
      name,
      { type: 'bytes', value: Buffer.from(value as string) },
    ]),
  );
const asking = (...names: string[]) =>
  new Dict(names.map((name) => [name, { type: 'uint', value: 0n } as const]));
const text = (found: Dict, name: string) => {
  const entry = found.entry(name);
  return entry === undefined ? undefined : entryText(entry);
};

describe.each(storeKinds())("attributes of a brick's files, kept as %s", (store) => {
  let data: DataBrick;
  let count = 0;
  beforeAll(async () => {
    data = await DataBrick.open(store, {
      hostname: 'here',
      'glusterd-uuid': '11111111-2222-3333-4444-555555555555',
    });
  });
  afterAll(() => data.close());

  const fresh = (type?: FileType) => {
    const name = `Attr-${count++}`;
    return { name, inode: data.make(name, type) };
  };
  const set = (inode: Inode, pairs: Parameters<typeof dict>[0], flags = 0) =>
    data.call('setxattr', { loc: { inode }, dict: dict(pairs), flags });
  const get = async (inode: Inode, name: string, context = rootContext()) =>
    (await data.call('getxattr', { loc: { inode }, name }, context)).dict!;
  const setattr = (inode: Inode, valid: number, stat: Partial<ReturnType<typeof emptyIatt>>) =>
    data.call('setattr', { loc: { inode }, stat: { ...emptyIatt(), ...stat }, valid });

  describe('setattr', () => {
    test('permissions; a symbolic link has none to set', async () => {
      const { inode } = fresh();
      const { prestat, poststat } = await setattr(inode, MODE, { mode: 0o101751 });
      expect([prestat.mode, poststat.mode]).toEqual([0o100644, 0o101751]);
      expect((await setattr(fresh('symlink').inode, MODE, { mode: 0o600 })).poststat.mode).toBe(0o120777);
    });

    test.runIf(isRoot)('owners; what is not given, or -1, stays; setuid goes', async () => {
      const { inode } = fresh();
      await setattr(inode, MODE | UID | GID, { mode: 0o6755, uid: 11, gid: 12 });
      expect((await setattr(inode, 0, {})).poststat.mode).toBe(0o100755);
      await setattr(inode, MODE, { mode: 0o6755 });
      const { poststat } = await setattr(inode, UID | GID, { uid: 13, gid: 0xffff_ffff });
      expect(poststat).toMatchObject({ uid: 13, gid: 12, mode: 0o100755 });
    });

    test('times to the nanosecond, each alone', async () => {
      const { name, inode } = fresh();
      const before = statSync(data.path(name), { bigint: true });
      await setattr(inode, MTIME, { mtime: 12n, mtimeNsec: 345_678_901 });
      await setattr(inode, ATIME, { atime: -5n, atimeNsec: 1 });
      const after = statSync(data.path(name), { bigint: true });
      expect(after.mtimeNs).toBe(12_345_678_901n);
      expect(after.atimeNs).toBe(-4_999_999_999n);
      expect(after.ctimeNs).toBeGreaterThanOrEqual(before.ctimeNs);
      const { poststat } = await setattr(inode, MTIME_NOW, {});
      expect(Math.abs(Number(poststat.mtime) - Date.now() / 1000)).toBeLessThan(60);
    });

    test('ctime is set where the file has times of clients, and only forward', async () => {
      const { inode } = fresh();
      await set(inode, { 'user.x': 'x' });
      await data.call('truncate', { loc: { inode }, offset: 0 }, stamping(StampFlag.CTIME, 100));
      expect((await setattr(inode, CTIME, { ctime: 200n })).poststat.ctime).toBe(200n);
      expect((await setattr(inode, CTIME, { ctime: 150n })).poststat.ctime).toBe(200n);
    });

    test('by fd, and with what xdata asks for', async () => {
      const { inode } = fresh();
      const fd = await data.fd(inode);
      const stat = { ...emptyIatt(), mode: 0o600 };
      const reply = await data.call('fsetattr', { fd, stat, valid: MODE, xdata: asking('trusted.gfid') });
      expect(reply.poststat.mode).toBe(0o100600);
      expect(reply.xdata!.bytes('trusted.gfid')).toEqual(Buffer.from(inode.gfid));
    });
  });

  describe('setxattr', () => {
    test('flags; nothing is set where one of several may not be', async () => {
      const { inode } = fresh();
      await set(inode, { 'user.a': '1' }, XattrFlag.CREATE);
      await expect(set(inode, { 'user.b': '2', 'user.a': '2' }, XattrFlag.CREATE)).rejects.toMatchObject({
        code: 'EEXIST',
      });
      await expect(set(inode, { 'user.a': '2', 'user.b': '2' }, XattrFlag.REPLACE)).rejects.toMatchObject({
        code: 'ENODATA',
      });
      await expect(set(inode, { 'user.a': '3', 'nonsense.x': '3' })).rejects.toMatchObject({
        code: 'EOPNOTSUPP',
      });
      await set(inode, { 'user.a': '4' }, XattrFlag.REPLACE);
      expect([text(await get(inode, 'user.a'), 'user.a'), (await get(inode, '')).size]).toEqual(['4', 1]);
    });

    test('the attributes before and after come along, by three names', async () => {
      const { inode } = fresh();
      const { xdata } = await set(inode, { 'user.a': '1' });
      for (const key of [keys.preStat, keys.postStat, keys.statForDistribute])
        expect(xdata!.get(key)!.gfid).toEqual(inode.gfid);
    });

    test('text is stored with its NUL, bytes as they are', async () => {
      const { inode } = fresh();
      const both = new Dict([
        ['trusted.text', { type: 'str', value: 'to' }],
        ['trusted.number', { type: 'int', value: -7n }],
        ['trusted.bytes', { type: 'bytes', value: Buffer.from('to') }],
      ] as [string, DictEntry][]);
      await data.call('setxattr', { loc: { inode }, dict: both, flags: 0 });
      const found = await get(inode, '');
      expect(
        [...found]
          .map(([name, { value }]) => `${name}=${Buffer.from(value as Uint8Array).toString('latin1')}`)
          .sort(),
      ).toEqual(['trusted.bytes=to', 'trusted.number=-7\0', 'trusted.text=to\0']);
    });

    test("limits are Linux's", async () => {
      const { inode } = fresh();
      const name = (length: number) => `user.${'n'.repeat(length - 5)}`;
      await set(inode, { [name(255)]: 'x' });
      await expect(set(inode, { [name(256)]: 'x' })).rejects.toMatchObject({ code: 'ERANGE' });
      await expect(set(inode, { 'user.long': Buffer.alloc(65537) })).rejects.toMatchObject({ code: 'E2BIG' });
      for (const bad of ['user.', 'system.'])
        await expect(set(inode, { [bad]: 'x' })).rejects.toMatchObject({
          code: expect.stringMatching(/EINVAL|EOPNOTSUPP/),
        });
    });

    test('user.* is for files and directories', async () => {
      for (const type of ['symlink', 'fifo'] as const)
        await expect(set(fresh(type).inode, { 'user.x': 'x' })).rejects.toMatchObject({ code: 'EPERM' });
      await set(fresh('directory').inode, { 'user.x': 'x' });
      const { inode } = fresh('symlink');
      await set(inode, { 'trusted.x': 'x' });
      expect(text(await get(inode, ''), 'trusted.x')).toBe('x');
    });

    test('what a file is stays: gfid, volume and dump requests are passed over', async () => {
      const { inode } = fresh();
      await set(inode, {
        'trusted.gfid': Buffer.alloc(16),
        'trusted.io-stats-dump': '/tmp/x',
        'user.kept': 'x',
      });
      expect(
        (await data.call('stat', { loc: { inode }, xdata: asking('trusted.gfid') })).xdata!.bytes(
          'trusted.gfid',
        ),
      ).toEqual(Buffer.from(inode.gfid));
      expect([...(await get(inode, '')).names()]).toEqual(['user.kept']);
      expect(existsSync('/tmp/x')).toBe(false);
    });

    test('a copy of a directory is made like the best one: user.* that it lacks goes', async () => {
      const { inode } = fresh('directory');
      await set(inode, { 'user.old': '1', 'user.both': '1', 'trusted.kept': '1' });
      const xdata = new Dict([['sync_backend_xattrs', { type: 'int', value: 1n }]]);
      await data.call('setxattr', {
        loc: { inode },
        dict: dict({ 'user.both': '2', 'user.new': '2' }),
        flags: 0,
        xdata,
      });
      const found = await get(inode, '');
      expect([...found.names()].sort()).toEqual(['trusted.kept', 'user.both', 'user.new']);
      expect(text(found, 'user.both')).toBe('2');
    });

    test('changes the ctime of the stamp, by name and by fd', async () => {
      const { inode } = fresh();
      const fd = await data.fd(inode);
      const pairs = { dict: dict({ 'user.x': 'x' }), flags: 0 };
      const ctime = (reply: { xdata?: Dict }) => reply.xdata!.get(keys.postStat)!.ctime;
      expect(ctime(await data.call('setxattr', { loc: { inode }, ...pairs }, stamping(1, 100)))).toBe(100n);
      expect(
        ctime(
          await data.call(
            'fsetxattr',
            { fd, ...pairs, xdata: asking('trusted.glusterfs.durable-op') },
            stamping(1, 200),
          ),
        ),
      ).toBe(200n);
      expect(ctime(await data.call('fremovexattr', { fd, name: 'user.x' }, stamping(1, 300)))).toBe(300n);
    });
  });

  describe('removexattr', () => {
    test('one, or by xdata several of which some may be missing', async () => {
      const { inode } = fresh();
      await set(inode, { 'user.a': '1', 'user.b': '1', 'user.c': '1' });
      const remove = (name: string, xdata?: Dict) =>
        data.call('removexattr', { loc: { inode }, name, xdata });
      await remove('user.a');
      await expect(remove('user.a')).rejects.toMatchObject({ code: 'ENODATA' });
      await expect(remove('')).rejects.toMatchObject({ code: 'ERANGE' });
      await remove('', asking('user.b', 'user.none'));
      await expect(remove('', asking('user.c', 'trusted.gfid'))).rejects.toMatchObject({ code: 'EPERM' });
      expect([...(await get(inode, '')).names()]).toEqual(['user.c']);
    });
  });

  describe('getxattr', () => {
    test("all: without what is the brick's own; times for internal callers", async () => {
      const { inode } = fresh();
      await set(inode, {
        'user.a': '1',
        'trusted.glusterfs.11111111-2222-3333-4444-555555555555.xtime': '1',
      });
      await data.call('truncate', { loc: { inode }, offset: 0 }, stamping(1, 1));
      expect([...(await get(inode, '')).names()]).toEqual(['user.a']);
      const internal = await get(inode, '', rootContext({ pid: -6 }));
      expect([...internal.names()].sort()).toEqual([MDATA_KEY, 'user.a']);
      const gsyncd = await get(inode, '', rootContext({ pid: -1 }));
      expect(gsyncd.size).toBe(3);
    });

    test('where a file lies, and how it is named', async () => {
      const { name, inode } = fresh();
      const root = data.brick.root.toString();
      expect(text(await get(inode, 'trusted.glusterfs.pathinfo'), 'trusted.glusterfs.pathinfo')).toBe(
        `<POSIX(${root}):here:${root}/${name}>`,
      );
      expect(text(await get(inode, 'trusted.glusterfs.node-uuid'), 'trusted.glusterfs.node-uuid')).toBe(
        '11111111-2222-3333-4444-555555555555',
      );
      expect(text(await get(inode, 'glusterfs.gfidtopath'), 'glusterfs.gfidtopath')).toBe(`/${name}`);
      expect(text(await get(inode, 'glusterfs.gfid2path'), 'glusterfs.gfid2path')).toBe(`/${name}`);
      await expect(get(inode, 'glusterfs.ancestry.path')).rejects.toMatchObject({ code: 'ENODATA' });
      const directory = fresh('directory');
      expect(text(await get(directory.inode, 'glusterfs.ancestry.path'), 'glusterfs.ancestry.path')).toBe(
        `/${directory.name}`,
      );
    });

    test('the real name of an entry, in whatever case it is asked for', async () => {
      const { name } = fresh();
      const root = fresh().inode;
      root.gfid = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
      const key = `glusterfs.get_real_filename:${name.toUpperCase()}`;
      expect(text(await get(root, key), key)).toBe(name);
      await expect(get(root, 'glusterfs.get_real_filename:none')).rejects.toMatchObject({ code: 'ENODATA' });
    });

    test('whether it is open', async () => {
      const { inode } = fresh();
      const key = keys.openFdCount.name;
      expect(text(await get(inode, key), key)).toBe('0');
      const fd = await data.fd(inode);
      expect(text(await get(inode, key), key)).toBe('1');
      expect(text((await data.call('fgetxattr', { fd, name: key })).dict!, key)).toBe('1');
    });
  });

  describe('ACLs', () => {
    const ace = (tag: number, permissions: number, id = ACL_NO_ID): Ace => ({ tag, permissions, id });
    const extended = encodeAces([
      ace(AclTag.USER_OBJ, 6),
      ace(AclTag.USER, 7, 1000),
      ace(AclTag.GROUP_OBJ, 4),
      ace(AclTag.MASK, 5),
      ace(AclTag.OTHER, 1),
    ]);
    const minimal = encodeAces([ace(AclTag.USER_OBJ, 7), ace(AclTag.GROUP_OBJ, 5), ace(AclTag.OTHER, 0)]);
    const access = 'system.posix_acl_access';
    const virtual = 'glusterfs.posix.acl';
    const mode = async (inode: Inode) => (await data.call('stat', { loc: { inode } })).stat.mode & 0o7777;

    test('set the permissions that they imply, and follow those that are set', async () => {
      const { inode } = fresh();
      await set(inode, { [access]: extended });
      expect(await mode(inode)).toBe(0o651);
      expect((await get(inode, access)).bytes(access)).toEqual(extended);
      await setattr(inode, MODE, { mode: 0o740 });
      expect(text(await get(inode, virtual), virtual)).toBe('u::rwx,u:1000:rwx,g::r--,m::r--,o::---');
      await set(inode, { [access]: minimal });
      expect(await mode(inode)).toBe(0o750);
      await expect(get(inode, access)).rejects.toMatchObject({ code: 'ENODATA' });
      expect(text(await get(inode, virtual), virtual)).toBe('u::rwx,g::r-x,o::---');
    });

    test('are set by their text, too, and come back as the kernel has them', async () => {
      const { inode } = fresh();
      const { xdata } = await set(inode, {
        [virtual]: 'user::rw-,user:1000:rwx,group::r--,mask::r-x,other::--x',
      });
      expect(xdata!.bytes(access)).toEqual(extended);
      await expect(set(inode, { [virtual]: 'nonsense' })).rejects.toMatchObject({ code: 'EINVAL' });
      const { inode: directory } = fresh('directory');
      const name = 'glusterfs.posix.default_acl';
      await set(directory, { [name]: 'u::rwx,g::---,o::---' });
      expect(text(await get(directory, name), name)).toBe('u::rwx,g::---,o::---');
    });

    test("that are none, or of what can't have them", async () => {
      const { inode } = fresh();
      const wrong = encodeAces([
        ace(AclTag.USER_OBJ, 6),
        ace(AclTag.USER, 7, 1),
        ace(AclTag.GROUP_OBJ, 4),
        ace(AclTag.OTHER, 1),
      ]);
      await expect(set(inode, { [access]: wrong })).rejects.toMatchObject({ code: 'EINVAL' });
      await expect(set(inode, { 'system.posix_acl_default': extended })).rejects.toMatchObject({
        code: 'EACCES',
      });
      await expect(set(fresh('symlink').inode, { [access]: extended })).rejects.toMatchObject({
        code: 'EOPNOTSUPP',
      });
    });
  });

  describe('what lookups bring along', () => {
    const lookup = async (inode: Inode, xdata: Dict) =>
      (await data.call('stat', { loc: { inode }, xdata })).xdata!;

    test('nothing that is not asked for', async () => {
      const { inode } = fresh();
      expect((await data.call('stat', { loc: { inode } })).xdata).toBe(undefined);
      const none = asking('trusted.none', 'gfid-req', 'glusterfs.inodelk-count', keys.internalFop.name);
      expect((await lookup(inode, none)).size).toBe(0);
    });

    test('attributes by name and pattern', async () => {
      const { inode } = fresh();
      await set(inode, { 'trusted.afr.v-client-0': 'a', 'trusted.afr.v-client-1': 'b', 'user.x': 'c' });
      const found = await lookup(inode, asking('trusted.afr.*', 'user.[xy]', 'security.?'));
      expect([...found.names()].sort()).toEqual([
        'trusted.afr.v-client-0',
        'trusted.afr.v-client-1',
        'user.x',
      ]);
    });

    test("all of them, but for the brick's own", async () => {
      const { inode } = fresh();
      await set(inode, { 'trusted.a': 'a', 'user.x': 'c', 'trusted.glusterfs.quota.size': '1' });
      expect([...(await lookup(inode, asking('list-xattr'))).names()].sort()).toEqual([
        'trusted.a',
        'user.x',
      ]);
    });

    test('the content of a small file, whole or not at all', async () => {
      const { inode } = fresh();
      await data.write(await data.fd(inode), 'content');
      const content = async (most: bigint) =>
        text(
          await lookup(inode, new Dict([[keys.content.name, { type: 'uint', value: most }]])),
          keys.content.name,
        );
      expect([await content(6n), await content(7n), await content(1n << 60n)]).toEqual([
        undefined,
        'content',
        'content',
      ]);
      expect((await lookup(fresh('directory').inode, asking(keys.content.name))).size).toBe(0);
    });
  });
});
