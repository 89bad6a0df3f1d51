import { GlfsError } from '../errors.ts';

interface Waiting {
  readonly bytes: number;
  readonly enter: (leave: () => void) => void;
  readonly refuse: (error: GlfsError) => void;
}

/**
 * Bounds the memory of a connection's large replies, from before they are made until the peer has taken them. First come,
 * first served; one reply alone may be larger than all the room.
 */
export class ReplyRoom {
  private taken = 0;
  private users = 0;
  private waiting: Waiting[] = [];
  private closed = false;

  constructor(
    private readonly limit: number,
    /** Whether the peer has taken what was sent to it before. */
    private readonly keepsUp: () => boolean,
  ) {}

  /**
   * Resolves when there is room for a reply; what it returns gives the room back, when the reply is handed over.
   * @throws GlfsError ENOTCONN where the connection ends before
   */
  async enter(bytes: number): Promise<() => void> {
    if (this.closed) throw new GlfsError('ENOTCONN', 'the connection has ended');
    return new Promise((enter, refuse) => {
      this.waiting.push({ bytes, enter, refuse });
      this.wake();
    });
  }

  /** The peer may have taken something. */
  wake(): void {
    while (this.waiting.length > 0) {
      const { bytes, enter } = this.waiting[0]!;
      if (this.users > 0 && this.taken + bytes > this.limit) return;
      if (!this.keepsUp()) return;
      this.waiting.shift();
      this.take(bytes, enter);
    }
  }

  private take(bytes: number, enter: Waiting['enter']): void {
    this.taken += bytes;
    this.users++;
    let left = false;
    enter(() => {
      if (left) return;
      left = true;
      // Not before the reply is where `keepsUp` sees it.
      setImmediate(() => {
        this.taken -= bytes;
        this.users--;
        this.wake();
      });
    });
  }

  /** The connection has ended: replies that are not made yet go to nobody. */
  close(): void {
    this.closed = true;
    for (const { refuse } of this.waiting.splice(0))
      refuse(new GlfsError('ENOTCONN', 'the connection has ended'));
  }
}
