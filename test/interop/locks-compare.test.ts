import { afterAll, beforeAll, expect, test } from 'vitest';
import { isGlfsError } from '../../src/errors.ts';
import {
  buildGraph,
  type CallContext,
  type Client,
  Fd,
  type GraphEvent,
  Inode,
  newLkOwner,
  rootContext,
  type Subvolume,
} from '../../src/graph/index.ts';
import { Dict, entryInteger } from '../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { emptyIatt } from '../../src/protocol/iatt.ts';
import { keys } from '../../src/protocol/keys.ts';
import { LockCommand, LockType } from '../../src/protocol/messages.ts';
import { parseVolfile } from '../../src/volfile/index.ts';
import '../../src/xlators/index.ts';
import { seededRandom } from '../../src/xlators/debug/random.ts';
import { attachPool } from '../helpers/attach.ts';
import { LockBrick, newClient, watch } from '../helpers/lock-brick.ts';
import { fileStat, recordingEnvironment } from '../helpers/recording-child.ts';
import type { TestVolume } from '../helpers/volume.ts';
import { waitUntil } from '../helpers/wait.ts';

/** The same calls go to a brick of GlusterFS, through protocol/client, and to features/locks in this process. */
interface Side {
  /** As the clients 0 and 1 see it. */
  readonly tops: readonly Subvolume[];
  readonly fds: readonly Fd[];
  readonly file: Inode;
  readonly directory: Inode;
  readonly clients: readonly (Client | undefined)[];
}

const pool = attachPool();
const root = new Inode(ROOT_GFID, 'directory');
/** Ends the connection of a client. */
const disconnects: (() => Promise<void>)[] = [];
let volume: TestVolume;
let theirs: Side;
let ours: Side;
let mine: LockBrick;

async function connectBrick(): Promise<Subvolume> {
  const { host, path } = volume.brick(0);
  const text = `volume b type protocol/client option remote-host ${host} option remote-subvolume ${path} end-volume`;
  const shared: { close(): Promise<void> }[] = [];
  const share = <T extends { close(): Promise<void> }>(_key: string, create: () => T): T => {
    const made = create();
    shared.push(made);
    return made;
  };
  const graph = buildGraph(parseVolfile(text), { ...recordingEnvironment(), share });
  disconnects.push(async () => {
    await graph.close();
    for (const each of shared.splice(0)) await each.close();
  });
  await graph.start();
  return graph.top;
}

beforeAll(async () => {
  volume = await pool.createVolume('locks-compare', { bricks: 1, nodes: [0] });
  const tops = [await connectBrick(), await connectBrick()];
  const context = rootContext();
  const file = new Inode(newGfid(), 'file');
  const directory = new Inode(newGfid(), 'directory');
  const made = { mode: 0o600, umask: 0, flags: 2 };
  const fds = tops.map(() => new Fd(file, 2));
  const named = (inode: Inode, parent: Inode, name: string) => ({
    loc: { inode, parent, name },
    xdata: new Dict().set(keys.gfidRequest, inode.gfid),
  });
  await tops[0]!.mkdir({ ...named(directory, root, 'd'), ...made }, context);
  await tops[0]!.create({ ...named(file, directory, 'a'), ...made, fd: fds[0]! }, context);
  await tops[1]!.open({ loc: { inode: file }, fd: fds[1]!, flags: 2 }, context);
  theirs = { tops, fds, file, directory, clients: [undefined, undefined] };
  mine = new LockBrick();
  mine.child.answer('lookup', ({ loc: { name } }) => ({
    stat: fileStat((name === undefined ? mine.directory : mine.inode).gfid),
    postparent: emptyIatt(),
  }));
  ours = {
    tops: [mine.top, mine.top],
    fds: tops.map(() => new Fd(mine.inode, 2)),
    file: mine.inode,
    directory: mine.directory,
    clients: [newClient('zero'), newClient('one')],
  };
});

afterAll(async () => {
  for (const disconnect of disconnects) await disconnect();
  await volume?.delete();
});

/** Owners 0 to 2 of either client have the same bytes at both. */
const owners = [newLkOwner(), newLkOwner(), newLkOwner()];

const wishes = [
  keys.inodelkCount.name,
  keys.inodelkDomainCount.name,
  keys.entrylkCount.name,
  keys.posixlkCount.name,
  keys.parentEntrylk.name,
  'glusterfs.multi-dom-lk-cnt-req',
  'glusterfs.inodelk-dom-prefix:x',
  'glusterfs.inodelk-dom-prefix:y',
];

interface Step {
  readonly client: number;
  readonly owner: number;
  readonly what: string;
  run(side: Side, context: CallContext): Promise<string>;
}

async function play(side: Side, step: Step): Promise<string> {
  const client = side.clients[step.client];
  const context = rootContext({ client, pid: 100 + step.owner, lkOwner: owners[step.owner]! });
  try {
    return await step.run(side, context);
  } catch (error) {
    if (isGlfsError(error)) return error.code;
    throw error;
  }
}

async function playBoth(step: Step, index: number): Promise<string> {
  const [expected, actual] = [await play(theirs, step), await play(ours, step)];
  expect(actual, `step ${index}: ${step.what} by ${step.client}/${step.owner}`).toBe(expected);
  return expected;
}

/** Steps from a seed. A story that ends differently can be told again. */
function storyteller(seed: number) {
  const random = seededRandom(seed);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const range = () => {
    const start = pick(0n, 10n, 20n, 30n, (1n << 63n) - 2n);
    const length = pick(0n, 5n, 10n, 25n);
    // Beyond the last offset bricks reckon with what their compiler makes of an overflow.
    return { start, length: start > 30n ? 0n : length };
  };
  const flock = (type: number, where: { start: bigint; length: bigint }) => ({
    type,
    whence: 0,
    ...where,
    pid: 1,
    owner: new Uint8Array(0),
  });
  const who = () => ({ client: pick(0, 1), owner: pick(0, 1, 2) });
  const type = () => pick(LockType.READ, LockType.WRITE, LockType.UNLOCK, LockType.UNLOCK);

  const inodelk = (): Step[] => {
    const [kind, where, domain, byFd] = [type(), range(), pick('x', 'y'), pick(true, false)];
    const { client, owner } = who();
    const request = { command: LockCommand.SET, type: kind, flock: flock(kind, where), domain };
    const what = `inodelk ${kind} ${where.start}+${where.length} ${domain}`;
    const run = async (side: Side, context: CallContext): Promise<string> => {
      const top = side.tops[client]!;
      if (byFd) await top.finodelk({ ...request, fd: side.fds[client]! }, context);
      else await top.inodelk({ ...request, loc: { inode: side.file } }, context);
      return 'ok';
    };
    return [{ client, owner, what, run }];
  };

  const entrylk = (): Step[] => {
    const { client, owner } = who();
    const [command, kind, name, domain] = [
      pick(1, 2),
      pick(0, 1, 1),
      pick(undefined, 'a', 'b'),
      pick('x', 'y'),
    ];
    const named = { namelen: name === undefined ? 0 : 1, name: name ?? '' };
    const run = async (side: Side, context: CallContext): Promise<string> => {
      const loc = { inode: side.directory };
      await side.tops[client]!.entrylk({ loc, command, type: kind, ...named, domain }, context);
      return 'ok';
    };
    return [{ client, owner, what: `entrylk ${command} ${kind} ${name} ${domain}`, run }];
  };

  const lk = (): Step[] => {
    const { client, owner } = who();
    const [kind, command, where] = [type(), pick(LockCommand.GET, LockCommand.SET, LockCommand.SET), range()];
    const one = (how: number, asked: number): Step => ({
      client,
      owner,
      what: `lk ${how} ${asked} ${where.start}+${where.length}`,
      run: async (side, context) => {
        const request = { command: how, type: asked, flock: flock(asked, where) };
        const reply = await side.tops[client]!.lk({ ...request, fd: side.fds[client]! }, context);
        // Which of several blockers is told depends on the order of a list; that there is one doesn't.
        if (how === LockCommand.GET) return reply.flock.type === LockType.UNLOCK ? 'free' : 'taken';
        const { type: answered, start, length } = reply.flock;
        return `${answered} ${start}+${length}`;
      },
    });
    // A brick of 10.3 that turns a write lock into a read lock beside another's read lock forgets to take the write lock away.
    const steps = [one(command, kind)];
    if (command === LockCommand.SET && kind === LockType.READ) steps.unshift(one(command, LockType.UNLOCK));
    return steps;
  };

  const flush = (): Step[] => {
    const { client, owner } = who();
    const run = async (side: Side, context: CallContext): Promise<string> => {
      await side.tops[client]!.flush({ fd: side.fds[client]! }, context);
      return 'ok';
    };
    return [{ client, owner, what: 'flush', run }];
  };

  /** What replies tell of the locks: of the file by name and by fd, and of the directory by gfid. */
  const counts = (): Step[] => {
    const { client, owner } = who();
    const [how, asked] = [pick('name', 'fd', 'gfid'), wishes.filter(() => random() < 0.4)];
    const xdata = (): Dict =>
      new Dict(
        asked.map((name) =>
          name === keys.inodelkDomainCount.name
            ? [name, { type: 'str', value: 'x' }]
            : [name, { type: 'int', value: 1n }],
        ),
      );
    const run = async (side: Side, context: CallContext): Promise<string> => {
      const top = side.tops[client]!;
      const loc =
        how === 'name'
          ? { inode: new Inode(), parent: side.directory, name: 'a' }
          : { inode: side.directory };
      const reply =
        how === 'fd'
          ? await top.fstat({ fd: side.fds[client]!, xdata: xdata() }, context)
          : await top.lookup({ loc, flags: 0, xdata: xdata() }, context);
      const told = wishes.flatMap((name) => {
        const entry = reply.xdata?.entry(name);
        return entry === undefined ? [] : [`${name}=${entryInteger(entry)}`];
      });
      return `0 ${told.join(' ')}`;
    };
    return [{ client, owner, what: `counts by ${how} of ${asked}`, run }];
  };

  return { next: () => pick(counts, counts, inodelk, inodelk, entrylk, entrylk, lk, lk, lk, flush)() };
}

test.each([1, 2, 3])('300 random steps end as they do at a brick of GlusterFS (seed %i)', async (seed) => {
  const story = storyteller(seed);
  const seen = new Map<string, number>();
  for (let index = 0; index < 300; ) {
    for (const step of story.next()) {
      const end = await playBoth(step, index++);
      const known = /=[1-9]/.test(end) ? 'count' : /^\d/.test(end) ? 'answer' : end;
      seen.set(known, (seen.get(known) ?? 0) + 1);
    }
  }
  // A story in which everything is refused, or nothing, would tell little.
  for (const end of ['ok', 'EAGAIN', 'EINVAL', 'answer', 'count', 'free', 'taken'])
    expect(seen.get(end) ?? 0, end).toBeGreaterThan(1);
});

test.each(['theirs', 'ours'])(
  'a removal waits for the lock of another client, which is told at once (%s)',
  async (which) => {
    // A file of its own: the stories leave locks behind.
    const fresh = new LockBrick();
    const side = which === 'ours' ? { ...ours, tops: [fresh.top, fresh.top] } : theirs;
    const [holder, remover] = side.tops;
    const events: GraphEvent[] = [];
    // Here both clients have one translator above them, and its events bear the client that they are for.
    holder!.translator.listen((event) => {
      if (event.kind === 'inodelk-contention' && event.client === side.clients[0]) events.push(event);
    });
    const context = (client: number) =>
      rootContext({ client: side.clients[client], pid: 100, lkOwner: owners[0]! });
    const inode = which === 'ours' ? fresh.inode : new Inode(newGfid(), 'file');
    const loc = { inode, parent: root, name: 'removed' };
    const xdata = new Dict().set(keys.gfidRequest, inode.gfid);
    if (which === 'theirs')
      await holder!.mknod({ loc, mode: 0o100600, umask: 0, dev: 0n, xdata }, context(0));
    const inodelk = (type: number) => {
      const flock = { type, whence: 0, start: 3n, length: 4n, pid: 1, owner: new Uint8Array(0) };
      const request = { loc: { inode }, command: LockCommand.SET, type, flock, domain: 'removal' };
      return holder!.inodelk(request, context(0));
    };
    await inodelk(LockType.WRITE);
    const removal = watch(remover!.unlink({ loc, xflags: 0 }, context(1)));
    await waitUntil(() => events.length > 0, { what: 'the notice to the holder', timeoutMs: 10_000 });
    expect(events).toMatchObject([{ gfid: inode.gfid, domain: 'removal', flock: { start: 3n, length: 4n } }]);
    expect(removal.state).toBe('waits');
    await inodelk(LockType.UNLOCK);
    expect(await removal.ended).toBe('ok');
  },
);

test('what a client held is free when it has gone', async () => {
  const lock = (client: number, type: number): Step => ({
    client,
    owner: 0,
    what: `inodelk ${type}`,
    run: async (side, context) => {
      const flock = { type, whence: 0, start: 0n, length: 0n, pid: 1, owner: new Uint8Array(0) };
      const request = { command: LockCommand.SET, type, flock, domain: 'last' };
      await side.tops[client]!.inodelk({ ...request, loc: { inode: side.file } }, context);
      return 'ok';
    },
  });
  expect(await playBoth(lock(0, LockType.WRITE), 0)).toBe('ok');
  expect(await playBoth(lock(1, LockType.WRITE), 1)).toBe('EAGAIN');
  await disconnects[0]!();
  mine.gone(ours.clients[0]!);
  await waitUntil(async () => (await play(theirs, lock(1, LockType.WRITE))) === 'ok', {
    what: 'the locks of the client that has gone',
  });
  expect(await play(ours, lock(1, LockType.WRITE))).toBe('ok');
  const story = storyteller(4);
  for (let index = 0; index < 200; )
    for (const step of story.next())
      if (step.client === 1) await playBoth(step, index++);
      else index++;
});
