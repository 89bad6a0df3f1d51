import { GlfsError } from '../../errors.ts';
import type { Subvolume } from '../../graph/index.ts';
import type { Logger } from '../../logger.ts';
import {
  allChildren,
  type ChildSet,
  childSet,
  countOf,
  indicesOf,
  MOST_CHILDREN,
  NO_CHILDREN,
} from './children.ts';
import { Subvolumes } from './subvolumes.ts';

interface Naming {
  /** Of the translator. */
  readonly name: string;
  /** In the order of the volfile. */
  readonly children: readonly Subvolume[];
  readonly log: Logger;
  /** What the subvolumes hold of a file, for errors: `copies`, `fragments`. */
  readonly parts: string;
}

/**
 * Subvolumes that hold the same files together, each a copy or a fragment: operations run on sets of them, and need enough
 * of them.
 */
export abstract class MemberSet extends Subvolumes {
  /** All subvolumes. */
  readonly all: ChildSet;
  /** By position: how often it has gone. A lock that was granted before the last time is no longer held. */
  readonly departures: number[];
  private readonly parts: string;
  private readonly positions: ReadonlyMap<Subvolume, number>;
  private upSet: ChildSet = NO_CHILDREN;

  constructor({ name, children, log, parts }: Naming) {
    super(name, children, log);
    if (children.length > MOST_CHILDREN) {
      throw new GlfsError('EINVAL', `more than ${MOST_CHILDREN} ${parts}`, { translator: name });
    }
    this.parts = parts;
    this.positions = new Map(children.map((child, index) => [child, index]));
    this.all = allChildren(children.length);
    this.departures = children.map(() => 0);
  }

  /** Whether so many are enough to change things. */
  abstract enough(children: ChildSet): boolean;

  /** @throws GlfsError ENOTCONN where they are too few to change things */
  requireQuorum(children: ChildSet = this.up): void {
    if (!this.enough(children)) throw this.tooFew(children);
  }

  /** Subvolumes that are up. */
  get up(): ChildSet {
    return this.upSet;
  }

  /** Domain of the locks that transactions take: the name of the translator, as with every client. */
  get domain(): string {
    return this.name;
  }

  /** Domain in which healers keep each other out. */
  get healDomain(): string {
    return `${this.name}:self-heal`;
  }

  indexOf(child: Subvolume): number {
    return this.positions.get(child)!;
  }

  childrenOf(set: ChildSet): Subvolume[] {
    return indicesOf(set).map((index) => this.children[index]!);
  }

  override markUp(child: Subvolume): void {
    super.markUp(child);
    this.upSet |= 1 << this.indexOf(child);
    this.membersChanged();
  }

  override markDown(child: Subvolume, reason?: GlfsError): void {
    super.markDown(child, reason);
    this.upSet &= ~(1 << this.indexOf(child));
    // Who is not there can't accuse: what is known must be asked for again.
    this.generation++;
    this.departures[this.indexOf(child)]!++;
    this.membersChanged();
  }

  /** A subvolume has come or gone. */
  protected abstract membersChanged(): void;

  /** Those of `children` that have not gone since `departures` was copied: what they granted then still stands. */
  stayed(children: ChildSet, departures: readonly number[]): ChildSet {
    let set = children;
    for (const index of indicesOf(children)) {
      if (this.departures[index] !== departures[index]) set &= ~(1 << index);
    }
    return set;
  }

  /** ENOTCONN that tells which are missing, and why. */
  tooFew(children: ChildSet): GlfsError {
    const missing = indicesOf(this.all & ~children).map((index) => this.children[index]!);
    const causes = missing.filter((child) => !this.isUp(child)).map((child) => this.downError(child));
    const named = missing.map((child) => {
      const why = this.isUp(child) ? undefined : this.whyDown(child);
      return why === undefined ? child.name : `${child.name} (${why.reason})`;
    });
    const some = children === NO_CHILDREN ? 'none' : `only ${countOf(children)}`;
    return new GlfsError(
      'ENOTCONN',
      `${some} of ${this.children.length} ${this.parts} are there: ${named.join(', ')} missing`,
      {
        translator: this.name,
        cause: causes.length > 0 ? new AggregateError(causes, `${this.parts} are down`) : undefined,
      },
    );
  }

  /** Positions as a set. */
  setOf(children: Iterable<Subvolume>): ChildSet {
    return childSet([...children].map((child) => this.indexOf(child)));
  }
}
