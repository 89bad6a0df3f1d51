import { GlfsError } from '../../../errors.ts';
import type { Environment, Inode, OptionValues, Subvolume } from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import {
  allChildren,
  type ChildSet,
  childSet,
  countOf,
  indicesOf,
  MOST_CHILDREN,
  NO_CHILDREN,
} from '../children.ts';
import { Subvolumes } from '../subvolumes.ts';
import { PENDING_PREFIX } from './changelog.ts';
import { type FileState, FileStates, type ReadKind } from './file-state.ts';
import type { Replicate } from './index.ts';
import type { ReplicateOptions } from './options.ts';
import { makeQuorum, type Quorum } from './quorum.ts';
import { FileLocks } from './transaction/file-locks.ts';

const FILES = 65_536;

interface Setup {
  /** The translator: key of what is kept on inodes and fds. */
  readonly owner: Replicate;
  readonly name: string;
  readonly children: readonly Subvolume[];
  readonly options: OptionValues<ReplicateOptions>;
  readonly environment: Environment;
}

/** What all operations of one replicate translator share. */
export class ReplicateState extends Subvolumes {
  readonly owner: Replicate;
  readonly options: OptionValues<ReplicateOptions>;
  readonly environment: Environment;
  /** All subvolumes. */
  readonly all: ChildSet;
  /** Position of the copy that has no data; undefined where all have. */
  readonly arbiter: number | undefined;
  readonly quorum: Quorum;
  /** By position: the attribute with which the others accuse it. */
  readonly pendingNames: readonly string[];
  readonly files = new FileStates(FILES);
  /** By position: how often it has gone. A lock that was granted before the last time is no longer held. */
  readonly departures: number[];
  readonly fileLocks = new FileLocks(this);
  /** Aborted when the translator is closed: heals end at their next step, and leave their marks. */
  readonly closing = new AbortController();
  private upSet: ChildSet = 0;
  private readonly positions: ReadonlyMap<Subvolume, number>;

  constructor({ owner, name, children, options, environment }: Setup) {
    super(name, children, environment.logger);
    this.owner = owner;
    this.options = options;
    this.environment = environment;
    if (options['thin-arbiter']) {
      throw new GlfsError('EOPNOTSUPP', 'volumes with a thin arbiter are not served', { translator: name });
    }
    if (children.length > MOST_CHILDREN) {
      throw new GlfsError('EINVAL', `more than ${MOST_CHILDREN} copies`, { translator: name });
    }
    this.positions = new Map(children.map((child, index) => [child, index]));
    this.all = allChildren(children.length);
    this.departures = children.map(() => 0);
    this.arbiter = options['arbiter-count'] === 1 ? children.length - 1 : undefined;
    this.quorum = makeQuorum({
      type: options['quorum-type'],
      count: options['quorum-count'],
      children: children.length,
    });
    const names = options['afr-pending-xattr']?.split(',') ?? children.map((child) => child.name);
    if (names.length < children.length) {
      throw new GlfsError('EINVAL', 'afr-pending-xattr names fewer subvolumes than there are', {
        translator: name,
      });
    }
    this.pendingNames = children.map((_, index) => PENDING_PREFIX + names[index]!.trim());
    if (options['halo-enabled']) {
      this.log.warn({ translator: name }, 'halo-enabled: not honoured, all copies take part in all writes');
    }
  }

  get dirtyName(): string {
    return this.options['afr-dirty-xattr'];
  }

  /** Domain of the locks that transactions take: the name of the translator, as with every client. */
  get domain(): string {
    return this.name;
  }

  /** Domain in which healers keep each other out. */
  get healDomain(): string {
    return `${this.name}:self-heal`;
  }

  /** Subvolumes that are up. */
  get up(): ChildSet {
    return this.upSet;
  }

  /** All but the arbiter: copies that data can be read from. */
  get withData(): ChildSet {
    return this.arbiter === undefined ? this.all : this.all & ~(1 << this.arbiter);
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
    this.fileLocks.membersChanged();
  }

  override markDown(child: Subvolume, reason?: GlfsError): void {
    super.markDown(child, reason);
    this.upSet &= ~(1 << this.indexOf(child));
    // Who is not there can't accuse: what is known must be asked for again.
    this.generation++;
    this.departures[this.indexOf(child)]!++;
    this.fileLocks.membersChanged();
  }

  /** Those of `children` that have not gone since `departures` was copied: what they granted then still stands. */
  stayed(children: ChildSet, departures: readonly number[]): ChildSet {
    let set = children;
    for (const index of indicesOf(children)) {
      if (this.departures[index] !== departures[index]) set &= ~(1 << index);
    }
    return set;
  }

  file(inode: Inode | Gfid): FileState {
    return this.files.of(inode instanceof Uint8Array ? inode : inode.gfid);
  }

  accuse(inode: Inode, kind: ReadKind, children: ChildSet): void {
    if (children === 0) return;
    this.file(inode).accuse(kind, children);
    const names = indicesOf(children).map((index) => this.children[index]!.name);
    this.log.debug({ translator: this.name, gfid: inode.toString(), kind, names }, 'copies are accused');
  }

  /** Enough copies are up for what needs all that can be had. @throws GlfsError ENOTCONN */
  requireQuorum(children: ChildSet = this.upSet): void {
    const { options } = this;
    if (options['consistent-io'] && !this.quorum.wanted && children !== this.all) throw this.tooFew(children);
    if (!this.quorum.met(children)) throw this.tooFew(children);
  }

  /** ENOTCONN that tells which copies are missing, and why. */
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
      `${some} of ${this.children.length} copies are there: ${named.join(', ')} missing`,
      {
        translator: this.name,
        cause: causes.length > 0 ? new AggregateError(causes, 'copies are down') : undefined,
      },
    );
  }

  /** Positions as a set; for tests and for what comes from the wire by subvolume. */
  setOf(children: Iterable<Subvolume>): ChildSet {
    return childSet([...children].map((child) => this.indexOf(child)));
  }
}
