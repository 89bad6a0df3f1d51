import { afterEach, describe, expect, test, vi } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import { dialect330 } from '../../../../src/protocol/dialect.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { type FopName, fopNames, fops } from '../../../../src/protocol/fops.ts';
import { newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { emptyIatt, type Iatt } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { XdrReader } from '../../../../src/xdr/index.ts';
import { FdTable } from '../../../../src/xlators/protocol/server/fd-table.ts';
import { failure } from '../../../rpc/calls.ts';
import { Served } from './served.ts';
import type { WireClient } from './wire-client.ts';

const NULL = new Uint8Array(16);
const unknown = Buffer.alloc(16, 0xab);

/** A request of any fop with zeros in all fields but those given. */
function fieldsOf(fop: FopName, given: Record<string, unknown>): Record<string, unknown> {
  const zeros = fops[fop].request.decode(new XdrReader(new Uint8Array(1024))) as Record<string, unknown>;
  const known = Object.entries(given).filter(([name]) => name in zeros);
  return { ...zeros, ...Object.fromEntries(known) };
}

describe('what a brick answers of files that are not there', () => {
  const byInode = fopNames.filter(
    (fop) => ['inode', 'open'].includes(fops[fop].target) && fop !== 'setactivelk',
  );

  test.each(byInode)('%s of an unknown gfid is ESTALE, of none EINVAL', async (fop) => {
    await using served = await Served.start();
    const client = await served.client();
    expect((await client.fop(fop, fieldsOf(fop, { gfid: unknown }))).error).toBe('ESTALE');
    expect((await client.fop(fop, fieldsOf(fop, { gfid: NULL }))).error).toBe('EINVAL');
    expect(served.seen(fop)).toEqual([]);
  });

  const byFd = fopNames.filter((fop) => fops[fop].target === 'fd' && !fop.startsWith('release'));
  test.each(byFd)('%s of an fd that nobody opened is EBADF', async (fop) => {
    await using served = await Served.start();
    const client = await served.client();
    expect((await client.fop(fop, fieldsOf(fop, { gfid: ROOT_GFID, fd: 5n }))).error).toBe('EBADF');
  });

  const entries = fopNames.filter((fop) => ['entry', 'create'].includes(fops[fop].target));
  test.each(entries)('%s in an unknown directory is ESTALE, in a file EPERM', async (fop) => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid } = await client.create('file');
    const before = served.seen(fop).length;
    expect((await client.fop(fop, fieldsOf(fop, { pargfid: unknown, bname: 'x' }))).error).toBe('ESTALE');
    expect((await client.fop(fop, fieldsOf(fop, { pargfid: gfid, bname: 'x' }))).error).toBe('EPERM');
    expect(served.seen(fop)).toHaveLength(before);
  });

  test('LOOKUP: unknown names, unknown gfids, unknown parents', async () => {
    await using served = await Served.start();
    const client = await served.client();
    expect((await client.lookup(ROOT_GFID, 'x')).error).toBe('ENOENT');
    served.brick.fail('lookup', 'ESTALE');
    expect((await client.byGfid(unknown)).error).toBe('ENOENT');
    expect((await client.lookup(unknown, 'x')).error).toBe('ESTALE');
    expect((await client.byGfid(NULL)).error).toBe('EINVAL');
  });

  test('a failed reply is all zeros behind its errno', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const reply = await client.fop('rename', {
      oldgfid: ROOT_GFID,
      newgfid: ROOT_GFID,
      oldbname: 'x',
      newbname: 'y',
    });
    expect(reply.error).toBe('ENOENT');
    expect(Object.values(reply.fields)).toEqual(Array.from({ length: 5 }, () => emptyIatt()));
  });
});

describe('names', () => {
  const bad: [string, string][] = [
    ['a/b', 'EPERM'],
    ['/', 'EPERM'],
    ['../x', 'EPERM'],
    ['..', 'EINVAL'],
    ['.', 'EINVAL'],
    ['.glusterfs', 'EPERM'],
  ];
  const entries = fopNames.filter((fop) => ['lookup', 'entry', 'create'].includes(fops[fop].target));

  test.each(entries)('%s takes none that leads elsewhere', async (fop) => {
    await using served = await Served.start();
    const client = await served.client();
    const before = served.brick.calls.length;
    for (const [bname, code] of bad) {
      if (fop === 'lookup' && code === 'EINVAL') continue;
      const reply = await client.fop(fop, fieldsOf(fop, { pargfid: ROOT_GFID, bname }));
      expect([bname, reply.error]).toEqual([bname, code]);
    }
    expect(served.brick.calls).toHaveLength(before);
  });

  test('LOOKUP of dots: the directory itself, and never above the root', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid } = await client.mkdir('d');
    const under = await served.client({ 'subdir-mount': '/d' });
    const asked: unknown[] = [];
    const { subvolume } = served.brick;
    const real = subvolume.lookup;
    Object.assign(subvolume, {
      lookup: async (...call: Parameters<typeof real>) => {
        const { parent, name } = call[0].loc;
        asked.push([parent?.gfid, name]);
        return real({ ...call[0], loc: { inode: parent! } }, call[1]);
      },
    });
    for (const name of ['.', '..']) {
      expect((await client.lookup(ROOT_GFID, name)).fields.stat).toMatchObject({ gfid: ROOT_GFID });
      expect((await under.lookup(ROOT_GFID, name)).fields.stat).toMatchObject({ gfid: ROOT_GFID });
    }
    expect(asked).toEqual([
      [ROOT_GFID, '.'],
      [gfid, '.'],
      [ROOT_GFID, '.'],
      [gfid, '.'],
    ]);
    await client.lookup(gfid, '..');
    expect(asked.at(-1)).toEqual([gfid, '..']);
  });

  test('LINK and RENAME neither', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid } = await client.create('f');
    for (const [name, code] of bad) {
      const link = { oldgfid: gfid, newgfid: ROOT_GFID, newbname: name };
      expect((await client.fop('link', link)).error).toBe(code);
      for (const [oldbname, newbname] of [
        ['f', name],
        [name, 'g'],
      ]) {
        const rename = { oldgfid: ROOT_GFID, newgfid: ROOT_GFID, oldbname, newbname };
        expect((await client.fop('rename', rename)).error).toBe(code);
      }
    }
    expect((await client.lookup(ROOT_GFID, 'f')).ret).toBe(0);
  });

  test('an empty one makes nothing; a NUL is no part of a name', async () => {
    await using served = await Served.start();
    const client = await served.client();
    expect((await client.fop('mkdir', fieldsOf('mkdir', { pargfid: ROOT_GFID, bname: '' }))).error).toBe(
      'EINVAL',
    );
    const layout = fops.lookup.request;
    expect(() => layout.encode({} as never, {} as never)).toThrow();
    // The schema of names writes none, so the byte is put there by hand.
    const { procedure } = fops.unlink;
    const body = Buffer.concat([
      ROOT_GFID,
      Buffer.from('00000003610062000000000000000000ffffffff00000000', 'hex'),
    ]);
    const answer = await client.raw({ program: 1298437, version: 400, procedure }, body, (reader) => [
      reader.i32(),
      reader.i32(),
    ]);
    expect(answer).toEqual([-1, 22]);
  });

  test('those of the brick’s own are free below the root', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid } = await client.mkdir('d');
    await client.mkdir('.glusterfs', gfid);
    expect((await client.lookup(gfid, '.glusterfs')).ret).toBe(0);
  });

  test('bytes that are no UTF-8 go down and come back as they are', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const name = 'caf\udce9';
    await client.mkdir(name);
    expect((await client.lookup(ROOT_GFID, name)).ret).toBe(0);
  });
});

describe('inodes', () => {
  const inodeOf = (served: Served, fop: string): object =>
    (served.seen(fop).at(-1)!.request as { loc: { inode: object } }).loc.inode;

  test('there is one object for a gfid, whoever asks and however', async () => {
    await using served = await Served.start();
    const [one, other] = [await served.client(), await served.client()];
    const { gfid, fd } = await one.create('f');
    await one.fop('stat', { gfid });
    const first = inodeOf(served, 'stat');
    await other.fop('stat', { gfid });
    expect(inodeOf(served, 'stat')).toBe(first);
    await other.lookup(ROOT_GFID, 'f');
    expect(inodeOf(served, 'lookup')).toBe(first);
    await one.fop('fstat', { gfid, fd });
    await one.fop('unlink', { pargfid: ROOT_GFID, bname: 'f', xflags: 0 });
    expect(inodeOf(served, 'unlink')).toBe(first);
  });

  test('a gfid that the server has not seen is looked up, by root and by gfid', async () => {
    const first = await Served.start();
    const before = await first.client();
    const { gfid } = await before.create('f');
    await first[Symbol.asyncDispose]();
    await using served = await Served.start(undefined, { brick: first.brick });
    const client = await served.client();
    client.identity = { ...client.identity, uid: 1000 };
    const looked = served.seen('lookup').length;
    expect((await client.fop('stat', { gfid })).ret).toBe(0);
    const { request, context } = served.seen('lookup')[looked]!;
    expect(request).toMatchObject({ loc: { inode: { gfid } } });
    expect(context).toMatchObject({ uid: 0 });
    expect(served.seen('stat')[0]!.context).toMatchObject({ uid: 1000 });
    await client.fop('stat', { gfid });
    expect(served.seen('lookup')).toHaveLength(looked + 1);
  });

  test('a name that leads to another file by now is found out', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const old = await client.create('f');
    // Behind the server's back.
    const { store } = served.brick;
    const directory = store.find(ROOT_GFID)!;
    store.drop(directory, 'f');
    const fresh = newGfid();
    store.put(directory, 'f', store.make(fresh, 0o100644, 0, 0));
    const reply = await client.lookup(ROOT_GFID, 'f');
    expect((reply.fields.stat as Iatt).gfid).toEqual(fresh);
    expect((reply.fields.stat as Iatt).gfid).not.toEqual(old.gfid);
    expect((await client.lookup(ROOT_GFID, 'f')).fields.stat).toMatchObject({ gfid: fresh });
  });

  test('rename, link and unlink are followed', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid } = await client.create('a');
    await client.fop('link', { oldgfid: gfid, newgfid: ROOT_GFID, newbname: 'b' });
    await client.fop('rename', { oldgfid: ROOT_GFID, newgfid: ROOT_GFID, oldbname: 'a', newbname: 'c' });
    expect((await client.lookup(ROOT_GFID, 'a')).error).toBe('ENOENT');
    for (const name of ['b', 'c']) {
      expect((await client.lookup(ROOT_GFID, name)).fields.stat).toMatchObject({ gfid });
      expect((await client.fop('unlink', { pargfid: ROOT_GFID, bname: name, xflags: 0 })).ret).toBe(0);
      expect((await client.fop('unlink', { pargfid: ROOT_GFID, bname: name, xflags: 0 })).error).toBe(
        'ENOENT',
      );
    }
  });
});

describe('data', () => {
  test('READ: the bytes, how many, and whether they touch the end', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { fd, gfid } = await client.create('f');
    expect((await client.write(gfid, fd, 'hello')).ret).toBe(5);
    const some = await client.read(gfid, fd, 3);
    expect([some.ret, some.errno, some.rest.toString(), some.fields.size]).toEqual([3, 0, 'hel', 3]);
    const all = await client.read(gfid, fd, 100);
    expect([all.ret, all.errno, all.rest.toString()]).toEqual([5, 2, 'hello']);
    const large = 'x'.repeat(300_001);
    await client.write(gfid, fd, large);
    expect((await client.read(gfid, fd, 1 << 20)).rest.toString()).toBe(large);
  });

  test('READ of more than anyone needs is EINVAL, and takes no memory', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { fd, gfid } = await client.create('f');
    expect((await client.read(gfid, fd, 0x7fff_ffff)).error).toBe('EINVAL');
    expect((await client.read(gfid, fd, 0xffff_ffff)).error).toBe('EINVAL');
    expect(served.seen('read')).toEqual([]);
  });

  test('WRITE: what came counts, not what was announced', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { fd, gfid } = await client.create('f');
    const fields = { gfid, fd, offset: 0, size: 1_000_000, flags: 0 };
    expect((await client.fop('write', fields, { payload: Buffer.from('abc') })).ret).toBe(3);
    expect((await client.fop('write', fields)).ret).toBe(0);
    expect((await client.read(gfid, fd)).rest.toString()).toBe('abc');
  });

  test('bytes behind any other request are garbage', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const error = await failure(client.fop('stat', { gfid: ROOT_GFID }, { payload: Buffer.from('more') }));
    expect(error).toMatchObject({ code: 'EPROTO' });
    expect(client.open).toBe(true);
  });

  test('a listing is no longer than 1 MiB', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { fields } = await client.fop('opendir', { gfid: ROOT_GFID });
    await client.fop('readdirp', { gfid: ROOT_GFID, fd: fields.remoteFd, offset: 0n, size: 0xffff_ffff });
    expect(served.seen('readdirp')[0]!.request).toMatchObject({ size: 1 << 20 });
  });

  test('attributes: their length, xdata both ways', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid } = await client.create('f');
    const dict = new Dict().setBytes('user.a', Buffer.from('value'));
    await client.fop('setxattr', { gfid, flags: 0, dict });
    const reply = await client.fop('getxattr', { gfid, namelen: 6, name: 'user.a' });
    expect([reply.ret, Buffer.from((reply.fields.dict as Dict).bytes('user.a')!).toString()]).toEqual([
      5,
      'value',
    ]);
  });
});

describe('what nobody answers', () => {
  test.each([
    ['icreate', 53, 'EOPNOTSUPP'],
    ['setactivelk', 52, 'EOPNOTSUPP'],
  ])('%s ends with %s %s', async (name, procedure, code) => {
    await using served = await Served.start();
    const client = await served.client();
    const answer = await client.raw(
      { program: 1298437, version: 400, procedure },
      Buffer.alloc(64),
      (reader) => [reader.i32(), reader.i32()],
    );
    expect([name, answer]).toEqual([name, [-1, -new GlfsError(code as 'EOPNOTSUPP').errno]]);
  });

  test.each([
    ['namelink', 54],
    ['put', 55],
    ['compound', 49],
  ])('%s is no procedure', async (_name, procedure) => {
    await using served = await Served.start();
    const client = await served.client();
    const error = await failure(
      client.raw({ program: 1298437, version: 400, procedure }, Buffer.alloc(64), () => 0),
    );
    expect(error).toMatchObject({ code: 'EPROTONOSUPPORT' });
  });

  test('NULL is answered', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const answer = await client.raw(
      { program: 1298437, version: 400, procedure: 0 },
      new Uint8Array(0),
      (reader) => [reader.i32(), reader.i32(), reader.remaining],
    );
    expect(answer).toEqual([0, 0, 4]);
  });
});

describe('errors', () => {
  test('of a translator go out with their number', async () => {
    await using served = await Served.start();
    const client = await served.client();
    for (const code of ['EACCES', 'ENOSPC', 'EDQUOT', 'ENOTEMPTY', 'EROFS', 'EIO'] as const) {
      served.brick.fail('stat', code);
      expect((await client.fop('stat', { gfid: ROOT_GFID })).error).toBe(code);
    }
    expect(served.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a bug is EIO and a line, and nobody else’s', async () => {
    await using served = await Served.start();
    const [client, other] = [await served.client(), await served.client()];
    served.brick.before = (fop) => {
      if (fop === 'stat') (undefined as unknown as { bug(): void }).bug();
    };
    expect((await client.fop('stat', { gfid: ROOT_GFID })).error).toBe('EIO');
    expect((await client.lookup(ROOT_GFID, 'x')).error).toBe('ENOENT');
    expect((await other.lookup(ROOT_GFID, 'x')).error).toBe('ENOENT');
    expect(served.lines).toContainEqual(expect.objectContaining({ level: 'error' }));
  });

  test('a reply that the wire can’t say is EIO', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid } = await client.create('f');
    const { store } = served.brick;
    store.find(gfid)!.uid = -(2 ** 40);
    expect(['EIO', 'EINVAL']).toContain((await client.fop('stat', { gfid })).error);
    expect((await client.lookup(ROOT_GFID, 'x')).error).toBe('ENOENT');
  });
});

describe('version 330', () => {
  async function old(served: Served): Promise<WireClient> {
    const client = await served.client();
    client.dialect = dialect330;
    return client;
  }

  test('serves the same files', async () => {
    await using served = await Served.start();
    const client = await old(served);
    const made = await client.fop(
      'create',
      { pargfid: ROOT_GFID, flags: 0o102, mode: 0o644, umask: 0, bname: 'f' },
      { xdata: new Dict().setBytes(keys.gfidRequest.name, newGfid()) },
    );
    const { gfid } = made.fields.stat as Iatt;
    const fd = made.fields.remoteFd as bigint;
    expect((await client.write(gfid, fd, 'old')).ret).toBe(3);
    expect((await client.read(gfid, fd)).rest.toString()).toBe('old');
    const current = await served.client();
    expect((await current.read(gfid, -2n)).rest.toString()).toBe('old');
    expect((await client.fop('fsetattr', { fd, stat: emptyIatt(), valid: 0 })).ret).toBe(0);
  });

  test('structures in xdata, which it can’t say, are left out', async () => {
    await using served = await Served.start();
    const client = await old(served);
    served.brick.before = () => {};
    const { subvolume } = served.brick;
    const real = subvolume.stat;
    Object.assign(subvolume, {
      stat: async (...call: Parameters<typeof real>) => ({
        ...(await real(...call)),
        xdata: new Dict().set(keys.preStat, emptyIatt()).set(keys.openFdCount, 3),
      }),
    });
    const reply = await client.fop('stat', { gfid: ROOT_GFID });
    expect([...reply.xdata!.names()]).toEqual([keys.openFdCount.name]);
    client.dialect = (await served.client()).dialect;
    const now = await client.fop('stat', { gfid: ROOT_GFID });
    expect([...now.xdata!.names()]).toEqual([keys.preStat.name, keys.openFdCount.name]);
  });
});

describe('a client that has too much open', () => {
  afterEach(() => void vi.restoreAllMocks());
  const full = (): never => {
    throw new GlfsError('EMFILE');
  };

  test('opens and makes nothing more: the brick does not hear of it', async () => {
    await using served = await Served.start();
    const client = await served.client();
    const { gfid } = await client.create('file');
    vi.spyOn(FdTable.prototype, 'requireRoom').mockImplementation(full);
    const counts = () => ['open', 'opendir', 'create'].map((fop) => served.seen(fop).length);
    const before = counts();
    expect((await client.fop('open', { gfid, flags: 0 })).error).toBe('EMFILE');
    expect((await client.fop('opendir', { gfid: ROOT_GFID })).error).toBe('EMFILE');
    const made = fieldsOf('create', { pargfid: ROOT_GFID, bname: 'more' });
    expect((await client.fop('create', made)).error).toBe('EMFILE');
    expect(counts()).toEqual(before);
  });

  test.each(['open', 'opendir'] as const)(
    '%s: what many at once opened beyond it is closed again',
    async (fop) => {
      await using served = await Served.start();
      const client = await served.client();
      const { gfid } = await client.create('file');
      const add = vi.spyOn(FdTable.prototype, 'add').mockImplementationOnce(full);
      const request = fop === 'open' ? { gfid, flags: 0 } : { gfid: ROOT_GFID };
      expect((await client.fop(fop, request)).error).toBe('EMFILE');
      expect(add).toHaveBeenCalledTimes(1);
      const closing = fop === 'open' ? 'release' : 'releasedir';
      const fdOf = (name: string): unknown => (served.seen(name).at(-1)!.request as { fd: unknown }).fd;
      expect(served.seen(closing)).toHaveLength(1);
      expect(fdOf(closing)).toBe(fdOf(fop));
      expect((await client.fop(fop, request)).error).toBeUndefined();
    },
  );
});
