import { isGlfsError } from '../../src/errors.ts';
import {
  type CallContext,
  type Client,
  Fd,
  type GraphEvent,
  Inode,
  readOptions,
  rootContext,
  type Subvolume,
  toSubvolume,
} from '../../src/graph/index.ts';
import { newGfid } from '../../src/protocol/gfid.ts';
import {
  EntryLockCommand,
  EntryLockType,
  type Flock,
  LockCommand,
  LockType,
} from '../../src/protocol/messages.ts';
import { Locks, locksType } from '../../src/xlators/features/locks/index.ts';
import { RecordingChild, recordingEnvironment } from './recording-child.ts';

/** Who calls: an owner of locks at a client. */
export interface Caller {
  readonly client?: Client;
  readonly owner: number;
  readonly pid?: number;
  readonly signal?: AbortSignal;
}

export interface RangeLock {
  type?: keyof typeof LockType;
  start?: bigint;
  length?: bigint;
  wait?: boolean;
  domain?: string;
  fd?: Fd;
  mode?: number;
}

export interface NameLock {
  name?: string;
  type?: keyof typeof EntryLockType;
  wait?: boolean;
  unlock?: boolean;
  domain?: string;
}

export function newClient(id: string): Client {
  return { id, address: '127.0.0.1' };
}

export function contextOf({ client, owner, pid = 100, signal }: Caller): CallContext {
  return rootContext({ client, pid, signal, lkOwner: Uint8Array.of(0, 0, 0, owner) });
}

export function flockOf({ type = 'WRITE', start = 0n, length = 0n }: RangeLock, pid = 7): Flock {
  return { type: LockType[type], whence: 0, start, length, pid, owner: new Uint8Array(0) };
}

/** features/locks over a child that answers everything, with a clock that stands. */
export class LockBrick {
  readonly child = new RecordingChild();
  readonly environment = recordingEnvironment();
  readonly translator: Locks;
  readonly top: Subvolume;
  readonly events: GraphEvent[] = [];
  readonly inode = new Inode(newGfid(), 'file');
  readonly directory = new Inode(newGfid(), 'directory');
  readonly fd = new Fd(this.inode, 2);
  /** Milliseconds. */
  time = 0;

  constructor(options: Record<string, string> = {}) {
    const rawOptions = new Map(Object.entries(options));
    const given = readOptions(locksType.options, rawOptions, 'locks', (key) => {
      throw new Error(`unknown option ${key}`);
    });
    this.translator = new Locks(
      {
        name: 'locks',
        type: locksType.type,
        children: [this.child.subvolume],
        options: given,
        rawOptions,
        environment: this.environment,
      },
      () => this.time,
    );
    this.translator.listen((event) => this.events.push(event));
    this.top = toSubvolume(this.translator);
  }

  async inodelk(caller: Caller, lock: RangeLock = {}): Promise<void> {
    const { type = 'WRITE', wait = false, domain = 'd' } = lock;
    const command = wait ? LockCommand.SET_WAIT : LockCommand.SET;
    const request = {
      loc: { inode: this.inode },
      command,
      type: LockType[type],
      flock: flockOf(lock),
      domain,
    };
    await this.top.inodelk(request, contextOf(caller));
  }

  async entrylk(caller: Caller, lock: NameLock = {}): Promise<void> {
    const { name, type = 'WRITE', wait = false, unlock = false, domain = 'd' } = lock;
    const locking = wait ? EntryLockCommand.LOCK : EntryLockCommand.LOCK_NONBLOCKING;
    const command = unlock ? EntryLockCommand.UNLOCK : locking;
    const named = { namelen: name === undefined ? 0 : 1, name: name ?? '' };
    const request = { loc: { inode: this.directory }, command, type: EntryLockType[type], ...named, domain };
    await this.top.entrylk(request, contextOf(caller));
  }

  async lk(caller: Caller, lock: RangeLock = {}, get = false): Promise<Flock> {
    const { type = 'WRITE', wait = false, fd = this.fd } = lock;
    const command = get ? LockCommand.GET : wait ? LockCommand.SET_WAIT : LockCommand.SET;
    const request = { fd, command, type: LockType[type], flock: flockOf(lock) };
    return (await this.top.lk(request, contextOf(caller))).flock;
  }

  gone(client: Client): void {
    this.translator.clientGone(client);
  }

  /** Files that have locks or waiters, as the state dump has them. */
  get files(): { domains: object[]; posixlks: object[] }[] {
    return this.translator.dump().files as never;
  }

  get pins(): number {
    return this.inode.pins + this.directory.pins;
  }
}

/** How a call ended: `ok`, or its error's code. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    if (isGlfsError(error)) return error.code;
    throw error;
  }
}

/** A call under way, and whether it has ended. */
export function watch(call: Promise<unknown>): { readonly state: string; readonly ended: Promise<string> } {
  const watched = { state: 'waits', ended: outcome(call) };
  void watched.ended.then((code) => {
    watched.state = code;
  });
  return watched;
}

/** Lets everything run that can run without the world outside. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
