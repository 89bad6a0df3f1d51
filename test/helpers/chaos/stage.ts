import type { GlfsError, Volume } from '../../../src/index.ts';
import { isGlfsError } from '../../../src/index.ts';
import { waitUntil } from '../wait.ts';
import type { Weather } from './weather.ts';

/** Lines of what happened, of which the last ones are shown where something went wrong. */
const REMEMBERED = 120;

/** Where the actors of one round meet: it counts what they do, stops them, and keeps what they found wrong. */
export class Stage {
  /** Operations that have ended, by what they are. */
  readonly done = new Map<string, number>();
  readonly refused = new Map<string, number>();
  readonly violations: string[] = [];
  private readonly lines: string[] = [];
  private readonly underWay = new Set<{ what: string }>();
  private count = 0;
  private ended = false;
  private closed = false;
  private actors = 0;
  private parked: (() => void)[] = [];

  constructor(
    /** The client that writes and renames. */
    readonly volume: Volume,
    /** Another one, that only looks. */
    readonly other: Volume,
    readonly directory: string,
    readonly weather: Weather,
    /**
     * Whether the other client, too, knows of all that bricks miss. A client that notices a brick's return before the writer
     * does may read from it what the writer is about to blame it for: so it is with every client of such volumes.
     */
    public otherHears: boolean,
  ) {}

  get operations(): number {
    return this.count;
  }

  get stopped(): boolean {
    return this.ended || this.violations.length > 0;
  }

  log(line: string): void {
    this.lines.push(`${this.count}: ${line}`);
    if (this.lines.length > REMEMBERED) this.lines.shift();
  }

  violate(line: string): void {
    this.log(`WRONG: ${line}`);
    this.violations.push(line);
  }

  story(): string {
    const open = [...this.underWay].map(({ what }) => `still under way: ${what}`);
    return [...this.lines, ...open].join('\n');
  }

  /** Runs actors until the end of the round. */
  async run(
    actors: readonly ((stage: Stage) => Promise<void>)[],
    direct: () => Promise<void>,
  ): Promise<void> {
    const running = actors.map(async (actor) => {
      this.actors++;
      try {
        await actor(this);
      } catch (error) {
        this.violate(`an actor fell: ${(error as Error).stack}`);
      } finally {
        this.actors--;
      }
    });
    try {
      await direct();
    } finally {
      this.ended = true;
      this.open();
      await withEnd(Promise.all(running), 'an operation');
    }
  }

  /**
   * One operation of an actor. What it throws is looked at: undefined is the result where it failed and may have done so.
   * Whether it was made is unknown then.
   */
  async attempt<T>(what: string, act: () => Promise<T>): Promise<{ value: T } | undefined> {
    const begun = this.weather.begin();
    const entry = { what };
    this.underWay.add(entry);
    try {
      const value = await act();
      this.done.set(kindOf(what), (this.done.get(kindOf(what)) ?? 0) + 1);
      return { value };
    } catch (error) {
      this.refused.set(kindOf(what), (this.refused.get(kindOf(what)) ?? 0) + 1);
      if (this.ended) return undefined;
      const code = isGlfsError(error) ? error.code : undefined;
      // In the dark all is refused, over and over: it would drive out of the story how that came about.
      if (!(this.weather.bad && code === 'ENOTCONN' && (error as GlfsError).outcome === 'failed'))
        this.log(`${what}: ${(error as Error).message}`);
      if (!this.weather.mayFail(begun, code))
        this.violate(`${what} failed while enough bricks had all: ${describe(error)}`);
      // Refusals come at once: they must not keep this process from all else.
      await new Promise((resolve) => setTimeout(resolve, 1));
      return undefined;
    } finally {
      this.underWay.delete(entry);
      this.count++;
    }
  }

  /** Actors come by before every step: here they are held while the director wants quiet. */
  async pass(): Promise<boolean> {
    while (this.closed && !this.stopped) await new Promise<void>((resolve) => this.parked.push(resolve));
    return !this.stopped;
  }

  /** Holds all actors, and waits until they are. */
  async quiet(): Promise<void> {
    this.closed = true;
    await waitUntil(() => this.parked.length >= this.actors || this.stopped, {
      what: 'the actors to pause',
      timeoutMs: PATIENCE,
      everyMs: 2,
    });
  }

  open(): void {
    this.closed = false;
    for (const go of this.parked.splice(0)) go();
  }

  /** Waits for so many more operations, or until nothing moves any more: `stalled`. */
  async more(count: number): Promise<'done' | 'stalled'> {
    const target = this.count + count;
    let last = this.count;
    let still = 0;
    while (this.count < target && !this.stopped) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      still = this.count === last ? still + 1 : 0;
      last = this.count;
      if (still >= STALLED) return 'stalled';
    }
    return 'done';
  }
}

/** So many looks of two milliseconds without an operation that ended: everybody waits for something. */
const STALLED = 100;

/** Nothing takes so long, not even a brick that is given up. */
const PATIENCE = 12_000;

/** What hangs shall be told as that, with its story. */
export async function withEnd<T>(work: Promise<T>, what: string, patience = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} does not come to its end`)), patience);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function kindOf(what: string): string {
  return what.split(' ', 1)[0]!;
}

function describe(error: unknown): string {
  const { stack, cause } = error as Error;
  return `${stack}${cause === undefined ? '' : `\n  because of ${(cause as Error).stack ?? String(cause)}`}`;
}
