import type { Inode } from '../../../graph/index.ts';
import { gfidKey } from '../../../protocol/gfid.ts';

/** Names whose place has changed, of which so many are remembered. */
const REMEMBERED = 10_000;

interface Name {
  readonly parent: Inode;
  readonly name: string;
}

/**
 * Orders this client's own changes of a name, as the kernel does for the processes of one mount: nothing of it goes over
 * the wire. GlusterFS's clients take no lock to unlink a name, and neither do we where its data are where it hashes to. So
 * an unlink must not hit a linkto file which a rename of our own has just put there.
 */
export class NameQueue {
  private readonly last = new Map<string, Promise<unknown>>();
  private readonly displaced = new Set<string>();

  /** Runs `body` when all earlier ones that have one of the names have ended. */
  async run<T>(names: readonly Name[], body: () => Promise<T>): Promise<T> {
    const keys = [...new Set(names.map(keyOf))];
    // Queued for all names at once: no two can wait for each other.
    const earlier = keys.map((key) => this.last.get(key)).filter((one) => one !== undefined);
    const turn = Promise.all(earlier).then(body);
    const ended = turn.then(nothing, nothing);
    for (const key of keys) this.last.set(key, ended);
    try {
      return await turn;
    } finally {
      for (const key of keys) if (this.last.get(key) === ended) this.last.delete(key);
    }
  }

  /** A linkto file stands where this name hashes to since now: what was looked up before says otherwise. */
  displace(name: Name): void {
    const key = keyOf(name);
    this.displaced.delete(key);
    this.displaced.add(key);
    if (this.displaced.size <= REMEMBERED) return;
    const [oldest] = this.displaced;
    this.displaced.delete(oldest!);
  }

  isDisplaced(name: Name): boolean {
    return this.displaced.has(keyOf(name));
  }
}

function keyOf({ parent, name }: Name): string {
  return gfidKey(parent.gfid) + name;
}

function nothing(): void {}
