import { GlfsError } from '../../errors.ts';
import type { Subvolume } from '../../graph/index.ts';
import type { Logger } from '../../logger.ts';

/** The subvolumes of a cluster translator: which of them are up, and what goes on among them that no caller waits for. */
export class Subvolumes {
  /** Grows whenever a subvolume comes up: layouts of before may lack it. */
  generation = 1;
  private readonly states = new Map<Subvolume, { up: boolean; since: number; reason?: GlfsError }>();
  private readonly unfinished = new Set<Promise<void>>();
  private ups = 0;

  constructor(
    /** Of the translator. */
    readonly name: string,
    /** In the order of the volfile. */
    readonly children: readonly Subvolume[],
    readonly log: Logger,
  ) {}

  markUp(child: Subvolume): void {
    this.states.set(child, { up: true, since: this.ups++ });
    this.generation++;
  }

  markDown(child: Subvolume, reason?: GlfsError): void {
    this.states.set(child, { up: false, since: 0, reason });
  }

  isUp(child: Subvolume): boolean {
    return this.states.get(child)?.up ?? false;
  }

  /** All subvolumes have said whether they are up. */
  get allReported(): boolean {
    return this.states.size === this.children.length;
  }

  get upChildren(): Subvolume[] {
    return this.children.filter((child) => this.isUp(child));
  }

  get allUp(): boolean {
    return this.upChildren.length === this.children.length;
  }

  /** The one that has been up for longest: where the root hashes to. */
  get firstUp(): Subvolume | undefined {
    const since = (child: Subvolume): number => this.states.get(child)!.since;
    return this.upChildren.reduce<Subvolume | undefined>(
      (first, child) => (first === undefined || since(child) < since(first) ? child : first),
      undefined,
    );
  }

  /** Of one that is down, what it said of that. */
  whyDown(child: Subvolume): GlfsError | undefined {
    return this.states.get(child)?.reason;
  }

  /** ENOTCONN that names the subvolume, and why it is down where that is known. */
  downError(child: Subvolume): GlfsError {
    const cause = this.whyDown(child);
    const text = `subvolume ${child.name} is down`;
    const reason = cause === undefined ? text : `${text}: ${cause.reason}`;
    return new GlfsError('ENOTCONN', reason, { translator: child.name, cause });
  }

  /** Runs work that may fail without harm; `close` of the translator waits for it. */
  background(what: string, work: () => Promise<unknown>): void {
    const running = work().then(
      () => undefined,
      (error: unknown) => this.log.debug({ translator: this.name, error }, `${what}: failed`),
    );
    const tracked = running.finally(() => this.unfinished.delete(tracked));
    this.unfinished.add(tracked);
  }

  /** All work in the background has ended. */
  async idle(): Promise<void> {
    while (this.unfinished.size > 0) await Promise.all(this.unfinished);
  }
}
