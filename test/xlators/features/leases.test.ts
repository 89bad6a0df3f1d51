import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GlfsError, toGlfsError } from '../../../src/errors.ts';
import {
  type CallContext,
  type Client,
  Fd,
  type GraphEvent,
  Inode,
  rootContext,
} from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { LeaseCommand, LeaseType, LockCommand, LockType, OpenFlag } from '../../../src/protocol/messages.ts';
import { leasesType } from '../../../src/xlators/features/leases/index.ts';
import { fileStat, RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const { READ, READ_WRITE, NONE } = LeaseType;
const alice: Client = { id: 'alice', address: '127.0.0.1:1' };
const bob: Client = { id: 'bob', address: '127.0.0.1:2' };
const id = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);
const by = (client: Client | undefined, overrides: Partial<CallContext> = {}): CallContext =>
  rootContext({ pid: 100, client, ...overrides });
const root = new Inode(ROOT_GFID, 'directory');

let child: RecordingChild;
let volume: ReturnType<typeof translatorOver>;
let events: GraphEvent[];
let file: Inode;

beforeEach(() => {
  file = new Inode(newGfid(), 'file');
  child = new RecordingChild()
    .answer('lookup', () => ({ stat: fileStat(file.gfid) }))
    .answer('create', () => ({ stat: fileStat(file.gfid) }));
  volume = translatorOver(leasesType, [child], { leases: 'on' });
  events = [];
  volume.translator.listen((event) => events.push(event));
});
afterEach(() => vi.useRealTimers());

const lease = (
  client: Client | undefined,
  command: number,
  type: number,
  lease = id(1),
  context: Partial<CallContext> = {},
) =>
  volume.lease({ loc: { inode: file }, lease: { command, type, id: lease, flags: 0 } }, by(client, context));
const set = (client: Client | undefined, type: number, lease_ = id(1)) =>
  code(lease(client, LeaseCommand.SET, type, lease_));
const unlock = (client: Client | undefined, type: number, lease_ = id(1)) =>
  code(lease(client, LeaseCommand.UNLOCK, type, lease_));
const held = async (): Promise<number> => (await lease(bob, LeaseCommand.GET, NONE)).lease.type;
const under = (lease_: Uint8Array): Dict => new Dict().set(keys.leaseId, lease_);

function write(
  client: Client | undefined,
  flags: number = OpenFlag.WRONLY,
  xdata?: Dict,
  context: Partial<CallContext> = {},
) {
  const fd = new Fd(file, flags);
  return volume.write(
    { fd, data: [Buffer.from('x')], offset: 0, size: 1, flags: 0, xdata },
    by(client, context),
  );
}
function read(client: Client | undefined, flags: number = OpenFlag.RDONLY, xdata?: Dict) {
  return volume.read({ fd: new Fd(file, flags), offset: 0, size: 1, flags: 0, xdata }, by(client));
}
function open(client: Client | undefined, flags: number, xdata?: Dict): Promise<Fd> {
  const fd = new Fd(file, flags);
  return volume.open({ loc: { inode: file }, fd, flags, xdata }, by(client)).then(() => fd);
}

async function code(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => 'ok',
    (error: unknown) => toGlfsError(error).code,
  );
}
/** Has it settled when everything that could happen has happened? */
async function state(act: Promise<unknown>): Promise<string> {
  const settled = code(act);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return Promise.race([settled, Promise.resolve('waits')]);
}
const recalls = () => events.map((event) => ('client' in event ? event.client?.id : undefined));

describe('features/leases', () => {
  it('is off by default: ENOSYS, and the calls are the child’s own', async () => {
    const off = translatorOver(leasesType, [child]);
    const request = { loc: { inode: file }, lease: { command: 2, type: 1, id: id(1), flags: 0 } };
    expect(await code(off.lease(request, by(alice)))).toBe('ENOSYS');
    expect(off.write).toBe(child.subvolume.write);
  });

  it.each([
    ['an id of zeros', LeaseCommand.SET, READ, id(0), {}, 'EINVAL'],
    ['an id that is too short', LeaseCommand.SET, READ, new Uint8Array(8).fill(1), {}, 'EINVAL'],
    ['no type', LeaseCommand.SET, NONE, id(1), {}, 'EINVAL'],
    ['no command', 9, READ, id(1), {}, 'EINVAL'],
    ['an internal caller', LeaseCommand.SET, READ, id(1), { pid: -6 }, 'ENOSYS'],
    ['giving back what nobody has', LeaseCommand.UNLOCK, READ, id(1), {}, 'ok'],
  ] as const)('%s: %o', async (_name, command, type, lease_, context, expected) => {
    expect(await code(lease(alice, command, type, lease_, context))).toBe(expected);
    expect(child.fops).toEqual([]);
  });

  it.each([
    [READ, READ, 'ok'],
    [READ, READ_WRITE, 'EPERM'],
    [READ_WRITE, READ, 'EPERM'],
    [READ_WRITE, READ_WRITE, 'EPERM'],
  ])('a lease %i of one and a lease %i of another: %s', async (first, second, expected) => {
    expect(await set(alice, first)).toBe('ok');
    expect(await set(bob, second, id(2))).toBe(expected);
    expect(await held()).toBe(first);
    expect(recalls()).toEqual(expected === 'ok' ? [] : ['alice']);
  });

  it('one id may hold both types, several times, and gives each back', async () => {
    for (const type of [READ, READ, READ_WRITE]) expect(await set(alice, type)).toBe('ok');
    expect(await held()).toBe(READ | READ_WRITE);
    expect(await unlock(alice, READ_WRITE)).toBe('ok');
    expect(await unlock(alice, READ_WRITE)).toBe('EINVAL');
    expect(await unlock(alice, READ)).toBe('ok');
    expect(await held()).toBe(READ);
    expect(await unlock(alice, READ)).toBe('ok');
    expect(await held()).toBe(NONE);
    expect(volume.translator.dump()).toMatchObject({ 'files-leased': 0, leases: 0 });
  });

  it.each([
    ['read', READ, OpenFlag.RDONLY, 'ok'],
    ['read', READ, OpenFlag.RDWR, 'EPERM'],
    ['read', READ_WRITE, OpenFlag.RDONLY, 'EPERM'],
  ])('another’s open fd (%s lease %i, flags %i): %s', async (_name, type, flags, expected) => {
    const fd = await open(bob, flags);
    expect(await set(alice, type)).toBe(expected);
    await volume.release({ fd }, by(bob));
    if (expected !== 'ok') expect(await set(alice, type)).toBe('ok');
  });

  it('one’s own open fds are no obstacle, nor are those of a failed open', async () => {
    await open(alice, OpenFlag.RDWR);
    await open(bob, OpenFlag.RDWR, under(id(1)));
    child.answer('open', () => {
      throw new GlfsError('EACCES');
    });
    expect(await code(open(bob, OpenFlag.RDWR))).toBe('EACCES');
    expect(await set(alice, READ_WRITE)).toBe('ok');
  });

  it('a file that another has just made is open', async () => {
    const loc = { inode: new Inode(), parent: root, name: 'new' };
    const fd = new Fd(loc.inode, OpenFlag.RDWR);
    await volume.create({ loc, fd, flags: OpenFlag.RDWR, mode: 0o644, umask: 0 }, by(bob));
    expect(await set(alice, READ)).toBe('EPERM');
  });

  it('what goes under the id of the lease passes', async () => {
    await set(alice, READ_WRITE);
    await read(alice, OpenFlag.RDONLY, under(id(1)));
    await write(bob, OpenFlag.WRONLY, under(id(1)));
    expect(child.fops).toEqual(['read', 'write']);
    expect(events).toEqual([]);
  });

  it('read leases stand against writing only', async () => {
    await set(alice, READ);
    await read(bob, OpenFlag.RDONLY, under(id(2)));
    expect(child.fops).toEqual(['read']);
    const writing = write(bob, OpenFlag.WRONLY, under(id(2)));
    expect(await state(writing)).toBe('waits');
    expect(await unlock(alice, READ)).toBe('ok');
    expect(await code(writing)).toBe('ok');
  });

  it('a call without an id waits, the lease is recalled once, and given back', async () => {
    await set(alice, READ_WRITE);
    const calls = [read(bob), write(bob), write(undefined)];
    expect(await Promise.all(calls.map(state))).toEqual(['waits', 'waits', 'waits']);
    expect(events).toEqual([
      { kind: 'lease-recall', gfid: file.gfid, leaseId: id(1), type: NONE, client: alice },
    ]);
    expect(await set(alice, READ)).toBe('EPERM');
    expect(child.fops).toEqual([]);
    await unlock(alice, READ_WRITE);
    await Promise.all(calls);
    expect(child.fops).toEqual(['read', 'write', 'write']);
    expect(await set(bob, READ)).toBe('ok');
  });

  it('all holders are told', async () => {
    await set(alice, READ);
    await set(bob, READ, id(2));
    await set(undefined, READ, id(3));
    const writing = write(alice, OpenFlag.WRONLY, under(id(1)));
    expect(await state(writing)).toBe('waits');
    expect(recalls()).toEqual(['alice', 'bob', undefined]);
    for (const one of [1, 2]) await unlock(alice, READ, id(one));
    expect(await state(writing)).toBe('waits');
    await unlock(undefined, READ, id(3));
    expect(await code(writing)).toBe('ok');
  });

  it.each([
    ['write', () => write(bob, OpenFlag.WRONLY | OpenFlag.NONBLOCK)],
    ['read', () => read(bob, OpenFlag.NONBLOCK)],
    ['open', () => open(bob, OpenFlag.RDWR | OpenFlag.NONBLOCK)],
    ['lk', () => lock(LockCommand.SET)],
  ])('those who don’t want to wait get EAGAIN: %s', async (_name, call) => {
    await set(alice, READ_WRITE);
    expect(await code(call())).toBe('EAGAIN');
    expect(recalls()).toEqual(['alice']);
    expect(child.fops).toEqual([]);
  });

  function lock(command: number) {
    const flock = { type: LockType.WRITE, whence: 0, start: 0n, length: 0n, pid: 1, owner: id(9) };
    return volume.lk({ fd: new Fd(file, 2), command, type: LockType.WRITE, flock }, by(bob));
  }

  it('a lock that waits waits for the lease, too', async () => {
    await set(alice, READ_WRITE);
    const locking = lock(LockCommand.SET_WAIT);
    expect(await state(locking)).toBe('waits');
    await unlock(alice, READ_WRITE);
    expect(await code(locking)).toBe('ok');
  });

  const named = { inode: new Inode(), parent: root, name: 'file' };
  it.each([
    ['unlink', () => volume.unlink({ loc: named, xflags: 0, xdata: under(id(1)) }, by(alice))],
    [
      'rename',
      () => volume.rename({ loc: named, newLoc: { ...named, name: 'b' }, xdata: under(id(1)) }, by(alice)),
    ],
  ])('%s goes against one’s own lease as well', async (fop, call) => {
    await set(alice, READ);
    const changing = call();
    expect(await state(changing)).toBe('waits');
    await unlock(alice, READ);
    expect(await code(changing)).toBe('ok');
    expect(child.last.fop).toBe(fop);
  });

  it('names are not followed where there are no leases', async () => {
    await volume.unlink({ loc: named, xflags: 0 }, by(alice));
    expect(child.fops).toEqual(['unlink']);
  });

  it.each([
    ['of heals', {}, { pid: -6 }],
    ['of translators', { xdata: new Dict().set(keys.internalFop, 1) }, {}],
  ])('calls %s pass', async (_name, { xdata }: { xdata?: Dict }, context) => {
    await set(alice, READ_WRITE);
    expect(await state(write(bob, OpenFlag.WRONLY, xdata, context))).toBe('ok');
    expect(events).toEqual([]);
  });

  it('takes what was not given back in time', async () => {
    vi.useFakeTimers();
    await set(alice, READ_WRITE);
    const writing = write(bob);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(await state(writing)).toBe('waits');
    await vi.advanceTimersByTimeAsync(1);
    expect(await code(writing)).toBe('ok');
    expect(await unlock(alice, READ_WRITE)).toBe('ok');
    expect(volume.lines.map(({ level }) => level)).toEqual(['warn']);
    expect(volume.translator.dump()).toMatchObject({ 'files-leased': 0 });
  });

  it('gives up a client’s leases and open fds with the client', async () => {
    await set(alice, READ_WRITE);
    const writing = write(bob);
    expect(await state(writing)).toBe('waits');
    await open(alice, OpenFlag.RDWR, under(id(1)));
    volume.translator.clientGone(bob);
    expect(await state(writing)).toBe('waits');
    volume.translator.clientGone(alice);
    expect(await code(writing)).toBe('ok');
    expect(await set(bob, READ_WRITE, id(2))).toBe('ok');
  });

  it('lets a caller go who no longer waits', async () => {
    await set(alice, READ_WRITE);
    const controller = new AbortController();
    const writing = write(bob, OpenFlag.WRONLY, undefined, { signal: controller.signal });
    expect(await state(writing)).toBe('waits');
    controller.abort();
    expect(await code(writing)).toBe('ECANCELED');
    expect(child.fops).toEqual([]);
    await unlock(alice, READ_WRITE);
    expect(await set(bob, READ)).toBe('ok');
  });

  it('ends with nobody waiting', async () => {
    await set(alice, READ_WRITE);
    const writing = write(bob);
    expect(await state(writing)).toBe('waits');
    await volume.translator.close();
    expect(await code(writing)).toBe('ok');
  });
});
