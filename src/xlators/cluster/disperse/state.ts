import { GlfsError } from '../../../errors.ts';
import { ErasureCode } from '../../../gf8/index.ts';
import type { Environment, Inode, OptionValues, Subvolume } from '../../../graph/index.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { type ChildSet, countOf } from '../children.ts';
import { MemberSet } from '../member-set.ts';
import { type FileState, FileStates } from './file-state.ts';
import type { Disperse } from './index.ts';
import { InodeLocks } from './lock/inode-locks.ts';
import type { DisperseOptions } from './options.ts';
import { readMask } from './read-mask.ts';

const FILES = 65_536;

interface Setup {
  /** The translator: key of what is kept on inodes and fds. */
  readonly owner: Disperse;
  readonly name: string;
  readonly children: readonly Subvolume[];
  readonly options: OptionValues<DisperseOptions>;
  readonly environment: Environment;
}

/** What all operations of one disperse translator share. Subvolume i holds fragment i of every regular file. */
export class DisperseState extends MemberSet {
  readonly owner: Disperse;
  readonly options: OptionValues<DisperseOptions>;
  readonly environment: Environment;
  /** Fragments that it takes to read. */
  readonly data: number;
  /** Fragments that may be missing. */
  readonly redundancy: number;
  readonly code: ErasureCode;
  /** Subvolumes that may be read (`ec-read-mask`). */
  readonly readable: ChildSet;
  readonly files = new FileStates(FILES);
  readonly locks = new InodeLocks(this);
  /** Aborted when the translator is closed: heals end at their next step, and leave their marks. */
  readonly closing = new AbortController();

  /** @throws GlfsError EINVAL for a geometry that is none */
  constructor({ owner, name, children, options, environment }: Setup) {
    super({ name, children, log: environment.logger, parts: 'fragments' });
    this.owner = owner;
    this.options = options;
    this.environment = environment;
    this.redundancy = options.redundancy;
    this.data = children.length - options.redundancy;
    if (this.redundancy >= this.data) {
      throw new GlfsError(
        'EINVAL',
        `redundancy ${this.redundancy} of ${children.length} subvolumes is too much`,
        {
          translator: name,
        },
      );
    }
    this.code = ErasureCode.of(this.data, children.length);
    this.readable = readMask(options['ec-read-mask'], this);
  }

  /** Bytes of a file that one row of chunks holds. */
  get stripe(): number {
    return this.code.stripe;
  }

  /** How many must make a change: what it takes to read it, or `quorum-count` where that is more. */
  get writeQuorum(): number {
    return Math.max(this.data, this.options['quorum-count']);
  }

  override enough(children: ChildSet): boolean {
    return countOf(children) >= this.writeQuorum;
  }

  /** Enough to read. */
  readableWith(children: ChildSet): boolean {
    return countOf(children) >= this.data;
  }

  file(inode: Inode | Gfid): FileState {
    return this.files.of(inode instanceof Uint8Array ? inode : inode.gfid);
  }

  protected override membersChanged(): void {
    this.locks.membersChanged();
  }
}
