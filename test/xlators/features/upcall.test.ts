import { describe, expect, it } from 'vitest';
import {
  type Client,
  Fd,
  type GraphEvent,
  Inode,
  type OptionSchema,
  type Reply,
  rootContext,
  type Translator,
  type TranslatorType,
} from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { serializeDict } from '../../../src/protocol/dict-serialized.ts';
import { type FopName, fopNames } from '../../../src/protocol/fops.ts';
import { newGfid } from '../../../src/protocol/gfid.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { matchesShellPattern } from '../../../src/protocol/shell-pattern.ts';
import { Upcall, upcallType } from '../../../src/xlators/features/upcall/index.ts';
import type { options } from '../../../src/xlators/features/upcall/options.ts';
import { callbackOf } from '../../../src/xlators/protocol/server/callbacks.ts';
import { directoryStat, fileStat, RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const ann: Client = { id: 'ann', address: '192.0.2.1:1' };
const ben: Client = { id: 'ben', address: '192.0.2.2:1' };
const cid: Client = { id: 'cid', address: '192.0.2.3:1' };
const by = (client?: Client) => rootContext({ client });

/* The UP_* bits as libglusterfs/src/glusterfs/upcall-utils.h of 10.3 has them. */
const UP_TIMES = 0x10;
const UP_FORGET = 0x100;
const UP_WRITE_FLAGS = 0x18;
const UP_ATTR_FLAGS = 0x5e;
const UP_LINK_FLAGS = 0x1 | 0x10 | 0x200;
const UP_RENAME_FLAGS = 0x80 | 0x200;
const UP_XATTR = 0x400;
const UP_XATTR_RM = 0x800;

const file = new Inode(newGfid(), 'file');
const other = new Inode(newGfid(), 'file');
const directory = new Inode(newGfid(), 'directory');
const target = new Inode(newGfid(), 'directory');
const fd = new Fd(file, 2);
const otherFd = new Fd(other, 2);
const directoryFd = new Fd(directory, 0);
const prestat = fileStat(file.gfid, { size: 1 });
const poststat = fileStat(file.gfid, { size: 2 });
const stat = fileStat(file.gfid, { size: 3 });
const made = fileStat(newGfid());
const postparent = directoryStat(directory.gfid, { size: 4 });
const postoldparent = directoryStat(directory.gfid, { size: 5 });
const postnewparent = directoryStat(target.gfid, { size: 6 });
const loc = { inode: file, parent: directory, name: 'name' };

/** Enough of a request for every fop that is about one file, and of any reply. */
const request = { loc, fd, dict: new Dict(), name: 'user.x', operation: 0, entries: [], offset: 0, size: 1 };
const answers: { [K in FopName]?: Partial<Reply<K>> } = {
  lookup: { stat, postparent },
  readdir: { entries: [] },
  readdirp: { entries: [] },
  write: { prestat, poststat },
  truncate: { prestat, poststat },
  ftruncate: { prestat, poststat },
  fallocate: { prestat, poststat },
  discard: { prestat, poststat },
  zerofill: { prestat, poststat },
  copyFileRange: { stat, prestat, poststat },
  setattr: { prestat, poststat },
  fsetattr: { prestat, poststat },
  create: { stat: made, preparent: postparent, postparent },
  mknod: { stat: made, preparent: postparent, postparent },
  mkdir: { stat: made, preparent: postparent, postparent },
  symlink: { stat: made, preparent: postparent, postparent },
  unlink: { preparent: postparent, postparent },
  rmdir: { preparent: postparent, postparent },
  link: { stat, preparent: postparent, postparent },
  rename: { stat, postoldparent, postnewparent },
};

type Invalidation = Extract<GraphEvent, { kind: 'cache-invalidation' }>;

function setUp(given: Record<string, string> = {}, mostFiles?: number) {
  const child = new RecordingChild();
  for (const [fop, reply] of Object.entries(answers)) child.answer(fop as FopName, () => reply);
  const clock = { now: 1000 };
  const type: TranslatorType<typeof options> = {
    ...upcallType,
    create: (setup) => new Upcall(setup, () => clock.now, mostFiles),
  };
  const raw = { 'cache-invalidation': 'on', ...given };
  const volume = translatorOver(type as unknown as TranslatorType<OptionSchema>, [child], raw);
  const events: Invalidation[] = [];
  volume.translator.listen((event) => events.push(event as Invalidation));
  /** What has been told since the last time, as `[whom, of what, flags]`. */
  const told = () =>
    events.splice(0).map(({ client, gfid, flags }) => [client?.id, Buffer.from(gfid), flags] as const);
  const call = (fop: FopName, client: Client | undefined, over: object = {}): Promise<unknown> =>
    (volume as unknown as Record<FopName, (request: object, context: object) => Promise<unknown>>)[fop](
      { ...request, ...over },
      by(client),
    );
  return { child, volume, translator: volume.translator as Translator, clock, events, told, call };
}

const accesses: FopName[] = [
  'lookup',
  'open',
  'stat',
  'fstat',
  'statfs',
  'access',
  'readlink',
  'read',
  'seek',
  'lk',
  'getxattr',
  'fgetxattr',
];

/** Fops that change a file, and what they tell of it. */
const changes: [FopName, Partial<Invalidation>][] = [
  ['write', { flags: UP_WRITE_FLAGS, stat: poststat }],
  ['truncate', { flags: UP_WRITE_FLAGS, stat: poststat }],
  ['ftruncate', { flags: UP_WRITE_FLAGS, stat: poststat }],
  ['fallocate', { flags: UP_WRITE_FLAGS, stat: poststat }],
  ['discard', { flags: UP_WRITE_FLAGS, stat: poststat }],
  ['zerofill', { flags: UP_WRITE_FLAGS, stat: poststat }],
  ['setattr', { flags: UP_ATTR_FLAGS, stat: poststat }],
  ['fsetattr', { flags: UP_ATTR_FLAGS, stat: poststat }],
  ['unlink', { flags: UP_LINK_FLAGS, parent: postparent }],
  ['rmdir', { flags: UP_LINK_FLAGS, parent: postparent }],
];
const making: FopName[] = ['create', 'mknod', 'mkdir', 'symlink'];
const quiet: FopName[] = [
  'flush',
  'fsync',
  'fsyncdir',
  'release',
  'releasedir',
  'rchecksum',
  'inodelk',
  'finodelk',
  'entrylk',
  'fentrylk',
  'lease',
  'getactivelk',
  'setactivelk',
];

describe('features/upcall', () => {
  it('leaves no fop unjudged', () => {
    const judged = [...accesses, ...changes.map(([fop]) => fop), ...making, ...quiet];
    judged.push('opendir', 'readdir', 'readdirp', 'copyFileRange', 'link', 'rename', 'ipc');
    judged.push('setxattr', 'fsetxattr', 'removexattr', 'fremovexattr', 'xattrop', 'fxattrop');
    expect(judged.sort()).toEqual([...fopNames].sort());
  });

  it.each(accesses)('%s makes a client one that is told, and tells nobody', async (fop) => {
    const { told, call } = setUp();
    await call(fop, ann);
    await call(fop, ben);
    await call('write', ben);
    expect(told()).toEqual([['ann', Buffer.from(file.gfid), UP_WRITE_FLAGS]]);
    await call('write', ann);
    expect(told()).toEqual([['ben', Buffer.from(file.gfid), UP_WRITE_FLAGS]]);
  });

  it.each(quiet)('%s is no access: the function of the child', (fop) => {
    const { child, volume } = setUp();
    expect(volume[fop]).toBe(child.subvolume[fop]);
  });

  it.each(['opendir', 'readdir', 'readdirp'] as const)('%s is an access to the directory', async (fop) => {
    const { told, call } = setUp();
    const over = { fd: directoryFd, loc: { inode: directory } };
    await call(fop, ann, over);
    await call('create', ben);
    expect(told()).toEqual([['ann', Buffer.from(directory.gfid), UP_TIMES]]);
  });

  it('readdirp is an access to every file that it brings attributes of', async () => {
    const { child, told, call } = setUp();
    const entry = { type: 'file', ino: 1n, offset: 1n } as const;
    child.answer('readdirp', () => ({
      entries: [
        { ...entry, name: '.', stat: directoryStat(target.gfid) },
        { ...entry, name: 'a', stat },
        { ...entry, name: 'b' },
      ],
    }));
    await call('readdirp', ann, { fd: directoryFd });
    await call('write', ben);
    expect(told()).toEqual([['ann', Buffer.from(file.gfid), UP_WRITE_FLAGS]]);
    await call('create', ben, { loc: { inode: new Inode(), parent: target, name: 'x' } });
    expect(told()).toEqual([]);
  });

  it.each(changes)('%s tells all others, with what the file is like now', async (fop, expected) => {
    const { events, call } = setUp();
    for (const client of [ann, ben, cid]) await call('lookup', client);
    await call(fop, ben);
    const event = {
      kind: 'cache-invalidation',
      gfid: file.gfid,
      expiresIn: 60,
      ...expected,
    };
    expect(events).toEqual([
      { ...event, client: ann },
      { ...event, client: cid },
    ]);
  });

  it.each(changes)('%s is an access by itself', async (fop) => {
    const { told, call } = setUp();
    await call(fop, ann);
    expect(told()).toEqual([]);
    await call('write', ben);
    expect(told()).toEqual([['ann', Buffer.from(file.gfid), UP_WRITE_FLAGS]]);
  });

  it.each(['setattr', 'fsetattr'] as const)('%s of permissions makes attributes untrue, too', async (fop) => {
    const { child, told, call } = setUp();
    child.answer(fop, () => ({ prestat, poststat: { ...poststat, mode: poststat.mode ^ 0o022 } }));
    await call('lookup', ann);
    await call(fop, ben);
    expect(told()).toEqual([['ann', Buffer.from(file.gfid), UP_ATTR_FLAGS | UP_XATTR]]);
  });

  it.each(making)('%s tells of the directory, and makes its caller one who knows the file', async (fop) => {
    const { events, told, call } = setUp();
    const making = { loc: { inode: new Inode(), parent: directory, name: 'new' } };
    await call('opendir', ann, { loc: { inode: directory } });
    await call(fop, ben, making);
    expect(events).toEqual([
      {
        kind: 'cache-invalidation',
        client: ann,
        gfid: directory.gfid,
        flags: UP_TIMES,
        expiresIn: 60,
        stat: postparent,
      },
    ]);
    told();
    await call('write', ann, { fd: new Fd(new Inode(made.gfid, 'file'), 2) });
    expect(told()).toEqual([['ben', Buffer.from(made.gfid), UP_WRITE_FLAGS]]);
  });

  it('unlink and link are accesses to the directory', async () => {
    const { told, call } = setUp();
    await call('unlink', ann);
    await call('link', cid, { newLoc: { inode: file, parent: target, name: 'second' } });
    expect(told()).toEqual([['ann', Buffer.from(file.gfid), UP_LINK_FLAGS]]);
    await call('create', ben);
    expect(told()).toEqual([['ann', Buffer.from(directory.gfid), UP_TIMES]]);
    await call('create', ben, { loc: { inode: new Inode(), parent: target, name: 'new' } });
    expect(told()).toEqual([['cid', Buffer.from(target.gfid), UP_TIMES]]);
  });

  it('link tells with the file and the directory of the new name', async () => {
    const { events, call } = setUp();
    await call('lookup', ann);
    await call('link', ben, { newLoc: { inode: file, parent: target, name: 'second' } });
    expect(events).toEqual([
      {
        kind: 'cache-invalidation',
        client: ann,
        gfid: file.gfid,
        flags: UP_LINK_FLAGS,
        expiresIn: 60,
        stat,
        parent: postparent,
      },
    ]);
  });

  it('rename tells with both directories, and that a file was replaced', async () => {
    const { events, told, call } = setUp();
    await call('lookup', ann);
    await call('write', cid, { fd: otherFd });
    await call('rename', ben, { newLoc: { inode: other, parent: target, name: 'new' } });
    expect(events[0]).toEqual({
      kind: 'cache-invalidation',
      client: ann,
      gfid: file.gfid,
      flags: UP_RENAME_FLAGS,
      expiresIn: 60,
      stat,
      parent: postnewparent,
      oldParent: postoldparent,
    });
    expect(told().slice(1)).toEqual([['cid', Buffer.from(other.gfid), UP_FORGET]]);
    for (const parent of [directory, target]) {
      await call('create', ann, { loc: { inode: new Inode(), parent, name: 'x' } });
      expect(told()).toEqual([['ben', Buffer.from(parent.gfid), UP_TIMES]]);
    }
  });

  it('rename to a name that was free, or to another name of the same file', async () => {
    const { told, call } = setUp();
    await call('lookup', ann);
    await call('rename', ben, { newLoc: { inode: new Inode(), parent: target, name: 'new' } });
    await call('rename', ben, { newLoc: { inode: file, parent: target, name: 'new' } });
    const event = ['ann', Buffer.from(file.gfid), UP_RENAME_FLAGS];
    expect(told()).toEqual([event, event]);
  });

  it('copyFileRange reads one file and writes the other', async () => {
    const { told, call } = setUp();
    await call('fstat', ann);
    await call('fstat', ben, { fd: otherFd });
    await call('copyFileRange', cid, { source: otherFd, target: fd });
    expect(told()).toEqual([['ann', Buffer.from(file.gfid), UP_WRITE_FLAGS]]);
    await call('write', ben, { fd: otherFd });
    expect(told()).toEqual([['cid', Buffer.from(other.gfid), UP_WRITE_FLAGS]]);
  });

  it('what fails is neither an access nor told', async () => {
    const { child, told, call } = setUp();
    const fail = () => Promise.reject(new Error('no'));
    child.answer('write', fail).answer('open', fail);
    await call('lookup', ann);
    await expect(call('write', ben)).rejects.toThrow('no');
    await expect(call('open', ben)).rejects.toThrow('no');
    expect(told()).toEqual([]);
    await call('truncate', ann);
    expect(told()).toEqual([]);
  });

  it('others are told before the caller has its answer', async () => {
    const { child, volume, events, call } = setUp();
    await call('lookup', ann);
    let before = -1;
    child.answer('write', () => {
      before = events.length;
      return { prestat, poststat };
    });
    const reply = await volume.write({ fd, offset: 0, size: 1, flags: 0, data: [Buffer.alloc(1)] }, by(ben));
    expect(reply.poststat).toBe(poststat);
    expect([before, events.length]).toEqual([0, 1]);
  });

  describe('extended attributes', () => {
    const register = (volume: ReturnType<typeof setUp>, ...names: string[]) => {
      const xdata = new Dict();
      for (const name of names) xdata.setBytes(name, Buffer.alloc(1));
      return volume.call('ipc', cid, { operation: 2, xdata });
    };
    const value = (name: string, text = 'value') => new Dict().setBytes(name, Buffer.from(text));

    it.each([
      ['setxattr', UP_XATTR],
      ['fsetxattr', UP_XATTR],
      ['removexattr', UP_XATTR_RM],
      ['fremovexattr', UP_XATTR_RM],
    ] as const)('%s is told where a client asked for the name', async (fop, flags) => {
      const volume = setUp();
      const { child, events, told, call } = volume;
      await call('lookup', ann);
      await call(fop, ben, { dict: value('user.a'), name: 'user.a' });
      expect(told()).toEqual([]);
      await register(volume, 'security.*', 'system.posix_acl_access');
      await call(fop, ben, { dict: value('user.a'), name: 'user.a' });
      expect(told()).toEqual([]);
      await register(volume, 'user.*');
      const dict = value('user.a').setBytes('trusted.b', Buffer.from('b'));
      await call(fop, ben, { dict, name: 'user.a' });
      expect(events).toMatchObject([{ client: ann, gfid: file.gfid, flags, stat: undefined }]);
      expect([...events[0]!.xattrs!.names()]).toEqual(['user.a']);
      if (flags === UP_XATTR) expect(String(events[0]!.xattrs!.bytes('user.a'))).toBe('value');
      told();
      child.answer(fop, () => ({ xdata: new Dict().set(keys.postStat, poststat) }));
      await call(fop, ben, { dict, name: 'user.a' });
      expect(events).toMatchObject([{ client: ann, flags: flags | UP_TIMES, stat: poststat }]);
    });

    it.each(['xattrop', 'fxattrop'] as const)('%s is told when a heal becomes pending', async (fop) => {
      const volume = setUp();
      const { child, told, call } = volume;
      const counter = (byte: number) => new Dict().setBytes('trusted.afr.v-client-0', Buffer.alloc(12, byte));
      await register(volume, 'trusted.afr.*');
      await call('lookup', ann);
      child.answer(fop, () => ({ dict: counter(0) }));
      await call(fop, ben, { dict: counter(0) });
      expect(told()).toEqual([]);
      child.answer(fop, () => ({ dict: counter(1) }));
      await call(fop, ben, { dict: counter(1) });
      expect(told()).toEqual([['ann', Buffer.from(file.gfid), UP_XATTR]]);
      child.answer(fop, () => ({ dict: counter(2) }));
      await call(fop, ben, { dict: counter(1) });
      expect(told()).toEqual([]);
      child.answer(fop, () => ({ dict: undefined }));
      await call(fop, ben, { dict: counter(1) });
      await call(fop, ben, { dict: undefined });
      expect(told()).toEqual([]);
    });

    it('commands to the brick in the guise of attributes are not told', async () => {
      const volume = setUp();
      await register(volume, '*');
      await volume.call('lookup', ann);
      const { atime, mtime, ctime, atimeNsec, mtimeNsec, ctimeNsec } = stat;
      const times = { atime, mtime, ctime, atimeNsec, mtimeNsec, ctimeNsec };
      await volume.call('setxattr', ben, { dict: new Dict().set(keys.setMdata, times) });
      expect(volume.told()).toEqual([]);
    });

    it('go over the wire with what they are now', async () => {
      const volume = setUp();
      await register(volume, 'user.*');
      await volume.call('lookup', ann);
      const dict = value('user.a', 'value');
      await volume.call('setxattr', ben, { dict });
      await volume.call('write', ben);
      const [set, written] = volume.events.map((event) => Buffer.from(callbackOf(event)!.encoded));
      // As md-cache of 10.3 takes them: an opaque at the end, in the older serialization.
      const serialized = Buffer.from(serializeDict(dict));
      expect(serialized.length % 4).toBe(0);
      expect(set!.subarray(-serialized.length)).toEqual(serialized);
      expect(set!.readUInt32BE(set!.length - serialized.length - 4)).toBe(serialized.length);
      expect(written!.length).toBe(set!.length - serialized.length);
      expect(written!.readUInt32BE(written!.length - 4)).toBe(0);
    });

    it('other messages go on to the child', async () => {
      const { child, call } = setUp();
      await call('ipc', ann, { operation: 2 });
      expect(child.calls).toEqual([]);
      await call('ipc', ann, { operation: 1 });
      expect(child.fops).toEqual(['ipc']);
    });

    it('more names than anyone caches by: every attribute is told', async () => {
      const volume = setUp();
      const { told, call } = volume;
      await register(volume, ...Array.from({ length: 2000 }, (_, index) => `user.${index}`));
      await call('lookup', ann);
      await call('setxattr', ben, { dict: value('trusted.else') });
      expect(told()).toHaveLength(1);
    });
  });

  it('an access counts for the timeout, and again from the next one', async () => {
    const { clock, events, told, call, translator } = setUp({ 'cache-invalidation-timeout': '10' });
    await call('lookup', ann);
    clock.now += 9;
    await call('write', ben);
    expect(events).toMatchObject([{ client: ann, expiresIn: 10 }]);
    told();
    clock.now += 1;
    await call('write', ben);
    expect(told()).toEqual([]);
    await call('read', ann);
    clock.now += 9;
    await call('write', ben);
    expect(told()).toHaveLength(1);
    clock.now += 100;
    await call('write', cid, { fd: otherFd });
    expect(told()).toEqual([]);
    expect(translator.dump()).toMatchObject({ files: 1 });
  });

  it('a timeout of zero: nobody is told', async () => {
    const { told, call, translator } = setUp({ 'cache-invalidation-timeout': '0' });
    await call('lookup', ann);
    await call('write', ben);
    expect(told()).toEqual([]);
    expect(translator.dump()).toMatchObject({ files: 0 });
  });

  it('a client that is gone is told nothing', async () => {
    const { told, call, translator } = setUp();
    await call('lookup', ann);
    await call('lookup', ben);
    await call('lookup', ann, { loc: { inode: directory } });
    translator.clientGone(ann);
    await call('write', cid);
    expect(told()).toEqual([['ben', Buffer.from(file.gfid), UP_WRITE_FLAGS]]);
    translator.clientGone(ben);
    translator.clientGone(cid);
    expect(translator.dump()).toMatchObject({ files: 0 });
  });

  it('calls without a client, as the brick itself makes them, change nothing', async () => {
    const { told, call, translator } = setUp();
    await call('lookup', ann);
    await call('write', undefined);
    await call('open', undefined, { fd: otherFd });
    expect(told()).toEqual([]);
    expect(translator.dump()).toMatchObject({ files: 1 });
  });

  it('files beyond the limit: the clients of the one that was left alone the longest forget it', async () => {
    const { events, told, call, translator } = setUp({}, 2);
    await call('fstat', ann);
    await call('fstat', ben, { fd: otherFd });
    await call('fstat', cid);
    expect(told()).toEqual([]);
    await call('fstat', cid, { fd: directoryFd });
    expect(events).toMatchObject([{ client: ben, gfid: other.gfid, flags: UP_FORGET, expiresIn: 60 }]);
    expect(translator.dump()).toMatchObject({ files: 2 });
    told();
    await call('write', cid);
    expect(told()).toEqual([['ann', Buffer.from(file.gfid), UP_WRITE_FLAGS]]);
  });

  it('off, which is the default: nothing stands between the fops and the child', async () => {
    const { child, volume, call } = setUp({ 'cache-invalidation': 'off' });
    for (const fop of fopNames.filter((name) => name !== 'ipc'))
      expect(volume[fop]).toBe(child.subvolume[fop]);
    expect(await call('ipc', ann, { operation: 2, xdata: new Dict() })).toEqual({});
    expect(upcallType.options['cache-invalidation'].default).toBe(false);
    expect(upcallType.options['cache-invalidation-timeout'].default).toBe(60);
  });
});

describe('shell patterns', () => {
  it.each([
    ['user.*', 'user.', true],
    ['user.*', 'user', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['*.selinux', 'security.selinux', true],
    ['*.*.*', 'a.b.c.d', true],
    ['a*b*c', 'aXbYbZ', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]]x', ']x', true],
    ['[a-]x', '-x', true],
    ['[ax', '[ax', true],
    ['\\*x', '*x', true],
    ['\\*x', 'ax', false],
    ['a\\', 'a\\', true],
    ['a*', 'a/b\nc', true],
    ['(a|b)+', 'aa', false],
  ])('%j and %j: %s', (pattern, text, expected) => {
    expect(matchesShellPattern(pattern, text)).toBe(expected);
  });

  it('many stars take no time', () => {
    expect(matchesShellPattern(`${'*a'.repeat(200)}b`, 'a'.repeat(5000))).toBe(false);
  });
});
