import { Lanes } from './concurrency.ts';
import { copyRegular, copySpecial, type Leaf } from './copy-leaf.ts';
import { CommandError } from './errors.ts';
import { orFail } from './failed.ts';
import { quote } from './quote.ts';
import type { Session } from './session.ts';
import type { Attributes, Place } from './side.ts';
import { codeOf } from './strerror.ts';

export interface CopyOptions {
  readonly recursive?: boolean;
  /** Keeps mode, owner and times. */
  readonly preserve?: boolean;
  /** Removes a target that can't be opened. */
  readonly force?: boolean;
  /** Copies what symbolic links lead to, in trees too. */
  readonly dereference?: boolean;
  /** `false`: what exists is left alone. */
  readonly clobber?: boolean;
  readonly verbose?: boolean;
  readonly fsync?: boolean;
  /** Tells nothing of what it copies, for callers that do. */
  readonly silent?: boolean;
}

/** Something to copy, on the way through a tree. */
interface Step {
  readonly from: Place;
  readonly to: Place;
  /** The directory that `to` is in has just been made: nothing can be in the way. */
  readonly fresh: boolean;
  /** Identities of the directories of the source that lead here; none for an operand. */
  readonly above: readonly string[];
}

/** Files of one directory that are copied at once. */
const FILES_AT_ONCE = 8;

/** Copies files and trees from any side to any side, as cp(1) does: in place; one failure doesn't end the rest. */
export class Copier {
  /** What this run has written: a second source of the same name must not overwrite the first. */
  private readonly written = new Set<string>();
  private failures = 0;

  constructor(
    private readonly session: Session,
    private readonly options: CopyOptions,
    /** One file is copied, no more: its size is all there is to come. */
    private readonly single: boolean,
  ) {}

  /** Copies an operand. Failures are reported; false where there was one. */
  async copy(from: Place, to: Place): Promise<boolean> {
    const before = this.failures;
    await this.reported(from, async () => {
      const lanes = new Lanes(1);
      await this.one({ from, to, fresh: false, above: [] }, lanes);
      await lanes.settle();
    });
    return this.failures === before;
  }

  private async reported(from: Place, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failures++;
      this.session.report.failure({ message: `cannot copy ${quote(from.shown)}` }, error);
    }
  }

  /** In trees links are copied as links, as cp has it; `-L` follows them there, too. */
  private get follows(): boolean {
    return this.options.dereference === true || this.options.recursive !== true;
  }

  private async one({ from, to, fresh, above }: Step, lanes: Lanes): Promise<void> {
    this.session.check();
    const attributes = await orFail(
      `cannot stat ${quote(from.shown)}`,
      from.side.stat(from.path, this.follows),
    );
    if (attributes.kind === 'directory' && !this.options.recursive)
      throw new CommandError(`-r not specified; omitting directory ${quote(from.shown)}`);
    const existing = fresh ? undefined : await this.existing(to, attributes);
    if (existing !== undefined) this.checkReplacement({ from, to, existing }, attributes);
    if (attributes.kind === 'directory') {
      if (above.includes(attributes.identity))
        throw new CommandError(`cannot copy cyclic symbolic link ${quote(from.shown)}`);
      if (above.length === 0) await checkOutside(from, to, attributes);
      return this.directory({ from, to, existing }, attributes, [...above, attributes.identity]);
    }
    if (existing !== undefined && this.options.clobber === false) return;
    this.written.add(nameOf(to));
    await lanes.start(() => this.reported(from, () => this.leaf({ from, to, existing }, attributes)));
  }

  private existing(to: Place, { kind }: Attributes): Promise<Attributes | undefined> {
    const found = to.side.stat(to.path, kind === 'file' || kind === 'directory').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    return orFail(`cannot stat ${quote(to.shown)}`, found);
  }

  /** @throws CommandError where cp refuses to put the source in the place of what is there */
  private checkReplacement({ from, to, existing }: Leaf, source: Attributes): void {
    const [here, there] = [quote(from.shown), quote(to.shown)];
    if (source.identity === existing?.identity)
      throw new CommandError(`${here} and ${there} are the same file`);
    const [isTree, ontoTree] = [source.kind === 'directory', existing?.kind === 'directory'];
    if (isTree && !ontoTree)
      throw new CommandError(`cannot overwrite non-directory ${there} with directory ${here}`);
    if (!isTree && ontoTree) throw new CommandError(`cannot overwrite directory ${there} with non-directory`);
    if (!isTree && this.written.has(nameOf(to)))
      throw new CommandError(`will not overwrite just-created ${there} with ${here}`);
  }

  private async directory(
    { from, to, existing }: Leaf,
    attributes: Attributes,
    above: readonly string[],
  ): Promise<void> {
    const mode = attributes.mode & ~this.session.umask & 0o777;
    if (existing === undefined) {
      // Until it is full, we must be able to write to it.
      await orFail(`cannot create directory ${quote(to.shown)}`, to.side.mkdir(to.path, mode | 0o700));
      await this.tell({ from, to }, 'directory', 0);
    }
    const entries = await orFail(`cannot access ${quote(from.shown)}`, from.side.entries(from.path));
    const fresh = existing === undefined;
    const lanes = new Lanes(FILES_AT_ONCE);
    try {
      for (const { name } of entries) {
        const step = { from: from.child(name), to: to.child(name), fresh, above };
        await this.reported(step.from, () => this.one(step, lanes));
      }
    } finally {
      await lanes.settle();
    }
    const message = `preserving permissions for ${quote(to.shown)}`;
    if (this.options.preserve) await orFail(message, to.side.restore(to.path, attributes));
    else if (existing === undefined && (mode & 0o700) !== 0o700)
      await orFail(message, to.side.chmod(to.path, mode));
  }

  private async leaf(leaf: Leaf, attributes: Attributes): Promise<void> {
    const { force, fsync, recursive } = this.options;
    // A device or fifo that is named is read; in a tree it is made again.
    const regular = attributes.kind === 'file' || (recursive !== true && attributes.kind !== 'symlink');
    let size = 0;
    if (regular) size = await copyRegular(this.session, leaf, { force, fsync, single: this.single });
    else await copySpecial(this.session, leaf, attributes);
    const { to } = leaf;
    if (this.options.preserve)
      await orFail(`preserving times for ${quote(to.shown)}`, to.side.restore(to.path, attributes));
    await this.tell(leaf, attributes.kind, size);
  }

  private async tell({ from, to }: { from: Place; to: Place }, type: string, size: number): Promise<void> {
    if (this.options.silent) return;
    const { out } = this.session;
    if (this.options.verbose) await out.line(`${quote(from.shown)} -> ${quote(to.shown)}`);
    await out.record({ source: from.shown, target: to.shown, type, size });
  }
}

function nameOf({ side, path }: Place): string {
  return `${side.key} ${path.replace(/\/+/g, '/')}`;
}

/** A tree can't be copied into itself: it would never end. The way from the target up to the root is looked at. */
async function checkOutside(from: Place, to: Place, { identity }: Attributes): Promise<void> {
  if (from.side.key !== to.side.key) return;
  for (let path = parentOf(to.path); ; path = parentOf(path)) {
    const there = await to.side.stat(path, true).catch(() => undefined);
    if (there?.identity === identity)
      throw new CommandError(
        `cannot copy a directory, ${quote(from.shown)}, into itself, ${quote(to.shown)}`,
      );
    if (path === '/') return;
  }
}

/** Of an absolute path, as those of volumes are; two places on this machine are never copied to each other. */
function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  return trimmed.slice(0, trimmed.lastIndexOf('/')) || '/';
}
