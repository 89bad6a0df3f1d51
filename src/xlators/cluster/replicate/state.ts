import { GlfsError } from '../../../errors.ts';
import type { Environment, Inode, OptionValues, Subvolume } from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { type ChildSet, indicesOf } from '../children.ts';
import { MemberSet } from '../member-set.ts';
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
export class ReplicateState extends MemberSet {
  readonly owner: Replicate;
  readonly options: OptionValues<ReplicateOptions>;
  readonly environment: Environment;
  /** Position of the copy that has no data; undefined where all have. */
  readonly arbiter: number | undefined;
  readonly quorum: Quorum;
  /** By position: the attribute with which the others accuse it. */
  readonly pendingNames: readonly string[];
  readonly files = new FileStates(FILES);
  readonly fileLocks = new FileLocks(this);
  /** Aborted when the translator is closed: heals end at their next step, and leave their marks. */
  readonly closing = new AbortController();

  constructor({ owner, name, children, options, environment }: Setup) {
    super({ name, children, log: environment.logger, parts: 'copies' });
    this.owner = owner;
    this.options = options;
    this.environment = environment;
    if (options['thin-arbiter']) {
      throw new GlfsError('EOPNOTSUPP', 'volumes with a thin arbiter are not served', { translator: name });
    }
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

  get volumeId(): string | undefined {
    return this.options['volume-id'];
  }

  /** All but the arbiter: copies that data can be read from. */
  get withData(): ChildSet {
    return this.arbiter === undefined ? this.all : this.all & ~(1 << this.arbiter);
  }

  override enough(children: ChildSet): boolean {
    return this.quorum.met(children);
  }

  protected override membersChanged(): void {
    this.fileLocks.membersChanged();
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
  override requireQuorum(children: ChildSet = this.up): void {
    const { options } = this;
    if (options['consistent-io'] && !this.quorum.wanted && children !== this.all) throw this.tooFew(children);
    super.requireQuorum(children);
  }
}
