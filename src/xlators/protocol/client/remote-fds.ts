import { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd } from '../../../graph/index.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import type { Link } from './link.ts';

/** A file descriptor at the brick. Its number means something on its own link only. */
export class RemoteFd {
  /** Calls that the brick may still be executing, those included whose caller has left. */
  outstanding = 0;
  private idle: (() => void)[] = [];

  constructor(
    readonly link: Link,
    readonly number: bigint,
  ) {}

  enter(): void {
    this.outstanding++;
  }

  readonly leave = (): void => {
    if (--this.outstanding > 0) return;
    const idle = this.idle;
    this.idle = [];
    for (const wake of idle) wake();
  };

  /** Resolves when no call uses the number any more. */
  async whenIdle(): Promise<void> {
    if (this.outstanding > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }
}

/** What the session knows of an fd. */
interface FdState {
  remote?: RemoteFd;
  opening?: { link: Link; done: Promise<RemoteFd> };
}

/** An fd that the brick does not keep open: READ, WRITE, FSYNC and their like go by gfid. */
const ANONYMOUS = -2n;

/** Opens a file on a link by gfid and returns the brick's number for it. */
export type OpenRemote = (link: Link, fd: Fd, flags: number, context: CallContext) => Promise<bigint>;

/** Flags that must not act again when a file is opened anew. */
const ONCE_ONLY = OpenFlag.CREAT | OpenFlag.EXCL | OpenFlag.TRUNC;

/** The fds of one brick session, by the graph's Fd. */
export class RemoteFds {
  private readonly states = new Map<Fd, FdState>();

  constructor(
    private readonly open: OpenRemote,
    /** Gives back a number that is one too many. */
    private readonly surplus: (remote: RemoteFd, fd: Fd, context: CallContext) => void,
  ) {}

  get size(): number {
    return this.states.size;
  }

  fds(): IterableIterator<Fd> {
    return this.states.keys();
  }

  /** The brick's fd where it is open on this link already: the hot path. */
  current(fd: Fd, link: Link): RemoteFd | undefined {
    const remote = this.states.get(fd)?.remote;
    return remote !== undefined && remote.link === link ? remote : undefined;
  }

  /** After OPEN, OPENDIR and CREATE. Returns the number that the fd had on this link before, which must be released. */
  opened(fd: Fd, link: Link, number: bigint): RemoteFd | undefined {
    const state = this.states.get(fd) ?? {};
    const before = this.current(fd, link);
    state.remote = new RemoteFd(link, number);
    this.states.set(fd, state);
    return before;
  }

  /**
   * The brick's fd on this link; a file that is not open here yet is opened by gfid.
   * @throws GlfsError what OPEN says: ENOENT or ESTALE where the file is gone.
   */
  async get(fd: Fd, link: Link, context: CallContext): Promise<RemoteFd> {
    if (fd.anonymous) return new RemoteFd(link, ANONYMOUS);
    const current = this.current(fd, link);
    if (current !== undefined) return current;
    if (fd.closed) throw new GlfsError('EBADF');
    const known = this.states.get(fd);
    if (known?.opening?.link === link) return known.opening.done;
    const state: FdState = known ?? {};
    const done = this.open(link, fd, fd.flags & ~(ONCE_ONLY | fd.withheld), context).then(
      (number) => {
        const opened = new RemoteFd(link, number);
        if (state.opening?.done === done) state.opening = undefined;
        if (state.remote?.link !== link) {
          state.remote = opened;
          return opened;
        }
        // An OPEN of the graph was answered first.
        this.surplus(opened, fd, context);
        return state.remote;
      },
      (error: unknown) => {
        if (state.opening?.done === done) state.opening = undefined;
        throw error;
      },
    );
    state.opening = { link, done };
    this.states.set(fd, state);
    return done;
  }

  /** Takes an fd out; what is returned must be released, if its link is still there. */
  async take(fd: Fd): Promise<RemoteFd | undefined> {
    const state = this.states.get(fd);
    if (state === undefined) return undefined;
    if (state.opening !== undefined) await state.opening.done.catch(() => {});
    this.states.delete(fd);
    return state.remote;
  }
}
