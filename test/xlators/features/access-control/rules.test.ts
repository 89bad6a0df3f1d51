import { beforeEach, describe, expect, it } from 'vitest';
import { GlfsError, toGlfsError } from '../../../../src/errors.ts';
import {
  type CallContext,
  Fd,
  Inode,
  type Reply,
  type Request,
  rootContext,
} from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { gfidKey, newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { emptyIatt, type Iatt, S_IFCHR, S_IFDIR, S_IFREG } from '../../../../src/protocol/iatt.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { SetattrValid } from '../../../../src/protocol/messages.ts';
import { AclTag, aclAttributes, decodeAces, encodeAces } from '../../../../src/protocol/posix-acl.ts';
import { inherit } from '../../../../src/xlators/features/access-control/acl.ts';
import { accessControlType, posixAclType } from '../../../../src/xlators/features/access-control/index.ts';
import { ace, acl } from '../../../helpers/acl-entries.ts';
import { RecordingChild, translatorOver } from '../../../helpers/recording-child.ts';

const { USER_OBJ, GROUP_OBJ, OTHER } = AclTag;

const directory = new Inode(ROOT_GFID, 'directory');
const file = new Inode(newGfid(), 'file');
const caller = (uid: number, overrides: Partial<CallContext> = {}): CallContext =>
  rootContext({ uid, gid: uid, pid: 100, ...overrides });

let child: RecordingChild;
let volume: ReturnType<typeof translatorOver>;
/** What lookups say. */
let stats: Map<string, Iatt>;
let attributes: Dict;

beforeEach(() => {
  stats = new Map([
    [gfidKey(ROOT_GFID), { ...emptyIatt(), gfid: ROOT_GFID, mode: S_IFDIR | 0o755, uid: 1000, gid: 1000 }],
    [gfidKey(file.gfid), { ...emptyIatt(), gfid: file.gfid, mode: S_IFREG | 0o640, uid: 1000, gid: 1000 }],
  ]);
  attributes = new Dict();
  child = new RecordingChild().answer('lookup', ({ loc }): Partial<Reply<'lookup'>> => {
    const stat = stats.get(gfidKey((loc.name === undefined ? loc.inode : file).gfid));
    if (stat === undefined) throw new GlfsError('ESTALE');
    return { stat, postparent: emptyIatt(), xdata: attributes };
  });
  volume = translatorOver(accessControlType, [child]);
});

async function verdict(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => 'allowed',
    (error: unknown) => toGlfsError(error).code,
  );
}
const forwarded = (): string[] => child.fops.filter((fop) => fop !== 'lookup');
const open = (uid: number, flags = 0) =>
  verdict(volume.open({ loc: { inode: file }, fd: new Fd(file, flags), flags }, caller(uid)));
const change = (valid: number, values: Partial<Iatt>): Request<'setattr'> => ({
  loc: { inode: file },
  stat: { ...emptyIatt(), ...values },
  valid,
});

describe('features/access-control', () => {
  it('has the older name, too', () => {
    expect(posixAclType.type).toBe('system/posix-acl');
  });

  describe('what isn’t known of a file', () => {
    it('is asked for as root, with both ACLs, and once', async () => {
      expect(await open(1000)).toBe('allowed');
      expect(await open(1001)).toBe('EACCES');
      const lookups = child.calls.filter(({ fop }) => fop === 'lookup');
      expect(lookups).toHaveLength(1);
      expect(lookups[0]!.context).toMatchObject({ uid: 0, gid: 0, groups: [] });
      const { xdata } = lookups[0]!.request as Request<'lookup'>;
      expect([...xdata!.names()]).toEqual(Object.values(aclAttributes));
    });

    it('fails with what the lookup fails with: nothing passes', async () => {
      stats.clear();
      expect(await open(1001)).toBe('ESTALE');
      expect(forwarded()).toEqual([]);
    });

    it('is learnt from callers’ lookups', async () => {
      const inode = new Inode();
      await volume.lookup({ loc: { inode, parent: directory, name: 'file' }, flags: 0 }, caller(0));
      expect(await open(1000)).toBe('allowed');
      expect(child.fops).toEqual(['lookup', 'open']);
    });

    it('is not kept where it was read while somebody changed it', async () => {
      let goOn = (): void => {};
      const gate = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      child.answer('setattr', async () => {
        await gate;
        stats.set(gfidKey(file.gfid), { ...stats.get(gfidKey(file.gfid))!, mode: S_IFREG | 0o600 });
        return {};
      });
      const changing = volume.setattr(change(SetattrValid.MODE, { mode: 0o600 }), caller(0));
      expect(
        await verdict(
          volume.open({ loc: { inode: file }, fd: new Fd(file, 0), flags: 0 }, caller(9, { groups: [1000] })),
        ),
      ).toBe('allowed');
      goOn();
      await changing;
      expect(
        await verdict(
          volume.open({ loc: { inode: file }, fd: new Fd(file, 0), flags: 0 }, caller(9, { groups: [1000] })),
        ),
      ).toBe('EACCES');
    });
  });

  it.each([
    ['root', caller(0)],
    ['an internal caller', caller(1001, { pid: -6 })],
  ])('%s may do everything', async (_name, context) => {
    stats.get(gfidKey(file.gfid))!.mode = S_IFREG;
    await volume.open({ loc: { inode: file }, fd: new Fd(file, 2), flags: 2 }, context);
    await volume.setattr(change(SetattrValid.UID, { uid: 7 }), context);
    await volume.unlink({ loc: { inode: file, parent: directory, name: 'file' }, xflags: 0 }, context);
    expect(forwarded()).toEqual(['open', 'setattr', 'unlink']);
  });

  it('so may the user of super-uid', async () => {
    volume = translatorOver(accessControlType, [child], { 'super-uid': '1001' });
    expect(await open(1001, 2)).toBe('allowed');
  });

  it.each([
    [1000, 'allowed'],
    [1001, 'EACCES'],
    [0, 'allowed'],
  ])('truncate of a file of mode 0640 by %i: %s', async (uid, expected) => {
    expect(await verdict(volume.truncate({ loc: { inode: file }, offset: 0 }, caller(uid)))).toBe(expected);
  });

  it('NFS’s owner may truncate what he may not write', async () => {
    stats.get(gfidKey(file.gfid))!.mode = S_IFREG | 0o400;
    const truncate = (pid: number) =>
      verdict(volume.truncate({ loc: { inode: file }, offset: 0 }, caller(1000, { pid })));
    expect(await truncate(100)).toBe('EACCES');
    expect(await truncate(1)).toBe('allowed');
  });

  it.each([
    [4, 1000, 'allowed'],
    [6, 1000, 'allowed'],
    [1, 1000, 'EACCES'],
    [1, 0, 'allowed'],
    [4, 1001, 'EACCES'],
    [0, 1001, 'allowed'],
    [8, 1000, 'EINVAL'],
  ])('access %i by %i is %s, and answered here', async (mask, uid, expected) => {
    expect(await verdict(volume.access({ loc: { inode: file }, mask }, caller(uid)))).toBe(expected);
    expect(forwarded()).toEqual([]);
  });

  it.each([
    ['user.a', 1000, undefined, 'allowed'],
    ['user.a', 1001, undefined, 'EACCES'],
    ['trusted.a', 1000, undefined, 'EPERM'],
    ['trusted.a', 1000, new Dict().set(keys.internalFop, 1), 'allowed'],
    ['trusted.a', 0, undefined, 'allowed'],
    [aclAttributes.access, 1000, undefined, 'allowed'],
    [aclAttributes.access, 1001, undefined, 'EPERM'],
    ['glusterfs.posix.default_acl', 1001, undefined, 'EPERM'],
  ] as const)('setting and removing %s by %i (xdata %o): %s', async (name, uid, xdata, expected) => {
    const fd = new Fd(file, 2);
    const dict = new Dict().setBytes(name, Buffer.from('x'));
    const context = caller(uid);
    expect([
      await verdict(volume.setxattr({ loc: { inode: file }, dict, flags: 0, xdata }, context)),
      await verdict(volume.fsetxattr({ fd, dict, flags: 0, xdata }, context)),
      await verdict(volume.removexattr({ loc: { inode: file }, name, xdata }, context)),
      await verdict(volume.fremovexattr({ fd, name, xdata }, context)),
    ]).toEqual([expected, expected, expected, expected]);
  });

  it('ACLs are read by everyone, other attributes by who may read the file', async () => {
    const get = (name: string) => verdict(volume.getxattr({ loc: { inode: file }, name }, caller(1001)));
    expect(await get(aclAttributes.access)).toBe('allowed');
    expect(await get('user.a')).toBe('EACCES');
  });

  it('devices are root’s to make, fifos are not', async () => {
    const make = (mode: number) =>
      verdict(
        volume.mknod(
          { loc: { inode: new Inode(), parent: directory, name: 'device' }, mode, dev: 0n, umask: 0 },
          caller(1000),
        ),
      );
    expect(await make(S_IFCHR | 0o644)).toBe('EPERM');
    expect(await make(0o010644)).toBe('allowed');
  });

  it('the time is everyone’s to set to now who may write, to another the owner’s', async () => {
    stats.get(gfidKey(file.gfid))!.mode = S_IFREG | 0o666;
    const { MTIME, MTIME_NOW } = SetattrValid;
    expect(await verdict(volume.setattr(change(MTIME | MTIME_NOW, {}), caller(1001)))).toBe('allowed');
    expect(await verdict(volume.setattr(change(MTIME, {}), caller(1001)))).toBe('EPERM');
    expect(await verdict(volume.setattr(change(MTIME, {}), caller(1000)))).toBe('allowed');
  });

  it.each([
    [1000, 0o2755],
    [50, 0o0755],
  ])('a set-group-ID bit for a file of gid %i by the group 1000: %o', async (gid, mode) => {
    stats.get(gfidKey(file.gfid))!.gid = gid;
    const fd = new Fd(file, 2);
    const { stat: wanted } = change(SetattrValid.MODE, { mode: 0o2755 });
    await volume.fsetattr({ fd, stat: wanted, valid: SetattrValid.MODE }, caller(1000));
    expect((child.last.request as Request<'fsetattr'>).stat.mode).toBe(mode);
  });

  it('calls on fds that were opened pass, anonymous ones are checked, but for the owner', async () => {
    stats.get(gfidKey(file.gfid))!.mode = S_IFREG | 0o000;
    const read = (fd: Fd, uid: number) =>
      verdict(volume.read({ fd, offset: 0, size: 1, flags: 0 }, caller(uid)));
    expect(await read(new Fd(file, 0), 1001)).toBe('allowed');
    expect(await read(new Fd(file, 0, true), 1001)).toBe('EACCES');
    expect(await read(new Fd(file, 0, true), 1000)).toBe('allowed');
  });

  describe('an access ACL', () => {
    beforeEach(() => {
      attributes.setBytes(aclAttributes.access, encodeAces(acl(6, 6, 0, 6, 0)));
      stats.get(gfidKey(file.gfid))!.mode = S_IFREG | 0o660;
    });

    it('lets named users in', async () => {
      expect(await open(2000, 2)).toBe('allowed');
      expect(await open(2001)).toBe('EACCES');
    });

    it('is narrowed by chmod at once', async () => {
      expect(await open(2000, 2)).toBe('allowed');
      await volume.setattr(change(SetattrValid.MODE, { mode: 0o640 }), caller(1000));
      stats.get(gfidKey(file.gfid))!.mode = S_IFREG | 0o640;
      expect(await open(2000, 2)).toBe('EACCES');
      expect(await open(2000, 0)).toBe('allowed');
    });

    it('is asked for again after it was set or removed', async () => {
      expect(await open(2000)).toBe('allowed');
      const dict = new Dict().setBytes(aclAttributes.access, encodeAces(acl(6, 0, 0, 6, 0)));
      await volume.setxattr({ loc: { inode: file }, dict, flags: 0 }, caller(1000));
      attributes.setBytes(aclAttributes.access, encodeAces(acl(6, 0, 0, 6, 0)));
      expect(await open(2000)).toBe('EACCES');
    });
  });

  describe('what is made', () => {
    const make = async (fop: 'create' | 'mknod' | 'mkdir', mode: number, umask: number, xdata?: Dict) => {
      const loc = { inode: new Inode(), parent: directory, name: 'new' };
      const call = volume[fop] as (request: object, context: CallContext) => Promise<unknown>;
      await call({ loc, mode, umask, fd: new Fd(loc.inode, 2), flags: 0o302, xdata }, caller(1000));
      return child.last.request as Request<'mkdir'>;
    };

    it.each(['create', 'mknod', 'mkdir'] as const)('by %s gets its mode by the umask', async (fop) => {
      expect(await make(fop, 0o2777, 0o027)).toMatchObject({ mode: 0o2750, umask: 0, xdata: undefined });
    });

    it('by old clients, by the mode and umask of the xdata, which go no further', async () => {
      const xdata = new Dict()
        .setEntry('umask', { type: 'int', value: 0o022n })
        .setEntry('mode', { type: 'int', value: 0o666n })
        .setBytes('gfid-req', file.gfid);
      const request = await make('mknod', 0o600, 0, xdata);
      expect(request.mode).toBe(0o644);
      expect([...request.xdata!.names()]).toEqual(['gfid-req']);
    });

    it('inherits the default ACL of its directory instead; a directory passes it on', async () => {
      const given = acl(7, 7, 5, 7, 5);
      attributes.setBytes(aclAttributes.default, encodeAces(given));
      const made = await make('create', 0o640, 0o077);
      expect(made).toMatchObject({ mode: 0o640, umask: 0 });
      expect(decodeAces(made.xdata!.bytes(aclAttributes.access)!)).toEqual(acl(6, 7, 5, 4, 0));
      expect(made.xdata!.has(aclAttributes.default)).toBe(false);
      const below = await make('mkdir', 0o777, 0o077);
      expect(below.mode).toBe(0o775);
      expect(decodeAces(below.xdata!.bytes(aclAttributes.default)!)).toEqual(given);
    });
  });
});

describe('inherited ACLs', () => {
  it.each([
    [[ace(USER_OBJ, 7), ace(GROUP_OBJ, 5), ace(OTHER, 0)], 0o100666, 0o100640],
    [[ace(USER_OBJ, 6), ace(GROUP_OBJ, 7), ace(OTHER, 7)], 0o4751, 0o4651],
    [acl(7, 7, 0, 7, 0), 0o777, 0o770],
  ])('%o with mode %o', (entries, mode, expected) => {
    const inherited = inherit(entries, mode);
    expect(inherited.mode).toBe(expected);
  });
});
