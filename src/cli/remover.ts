import { Lanes } from './concurrency.ts';
import { CommandError } from './errors.ts';
import { failed } from './failed.ts';
import { baseName } from './locate.ts';
import { quote } from './quote.ts';
import type { Session } from './session.ts';
import type { Place } from './side.ts';
import { codeOf } from './strerror.ts';

export interface RemoveOptions {
  readonly recursive?: boolean;
  /** What isn't there is no failure. */
  readonly force?: boolean;
  /** Removes empty directories. */
  readonly dir?: boolean;
  readonly verbose?: boolean;
  /** Tells nothing of what it removes, for callers that do. */
  readonly silent?: boolean;
}

const PARALLEL = 16;

/** Removes files and trees as rm(1) does: what can't be removed is reported, the rest goes. */
export class Remover {
  constructor(
    private readonly session: Session,
    private readonly options: RemoveOptions,
  ) {}

  /** Failures are reported; false where something is left. */
  async remove(place: Place): Promise<boolean> {
    const result = await this.session.report.attempt(`cannot remove ${quote(place.shown)}`, () =>
      this.operand(place),
    );
    return result ?? false;
  }

  private async operand(place: Place): Promise<boolean> {
    const { recursive, dir, force } = this.options;
    const name = baseName(place.path);
    if (recursive && (name === '.' || name === '..'))
      throw new CommandError(`refusing to remove '.' or '..' directory: skipping ${quote(place.shown)}`);
    const attributes = await place.side.stat(place.path, false).catch((error: unknown) => {
      if (force && (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR')) return undefined;
      throw error;
    });
    if (attributes === undefined) return true;
    if (attributes.kind !== 'directory') return this.file(place);
    if (recursive && name === '')
      throw new CommandError(
        `it is dangerous to operate recursively on ${quote(place.shown)}: it is the whole volume`,
      );
    if (recursive) return this.tree(place);
    if (!dir) throw new CommandError(`cannot remove ${quote(place.shown)}: Is a directory`);
    await place.side.rmdir(place.path);
    await this.tell(place, 'directory');
    return true;
  }

  private async file(place: Place): Promise<boolean> {
    await place.side.unlink(place.path);
    await this.tell(place, 'file');
    return true;
  }

  /** Leaves a directory standing, without a word of its own, where something in it could not be removed. */
  private async tree(place: Place): Promise<boolean> {
    this.session.check();
    const entries = await place.side.entries(place.path);
    const lanes = new Lanes(PARALLEL);
    let complete = true;
    const guarded = async (child: Place, work: () => Promise<boolean>): Promise<void> => {
      const gone = await this.session.report.attempt(`cannot remove ${quote(child.shown)}`, work);
      if (gone !== true) complete = false;
    };
    try {
      for (const { name, isDirectory } of entries) {
        this.session.check();
        const child = place.child(name);
        if (isDirectory) await guarded(child, () => this.tree(child));
        else await lanes.start(() => guarded(child, () => this.leaf(child)));
      }
    } finally {
      await lanes.settle();
    }
    if (!complete) return false;
    await place.side.rmdir(place.path);
    await this.tell(place, 'directory');
    return true;
  }

  /** Listings don't tell all types: what turns out to be a directory is removed as one. */
  private async leaf(child: Place): Promise<boolean> {
    try {
      return await this.file(child);
    } catch (error) {
      // Somebody else was faster: it is gone, which is what was wanted.
      if (codeOf(error) === 'ENOENT') return true;
      if (codeOf(error) === 'EISDIR') return this.tree(child);
      throw failed(`cannot remove ${quote(child.shown)}`, error);
    }
  }

  private async tell(place: Place, type: string): Promise<void> {
    if (this.options.silent) return;
    const { out } = this.session;
    if (this.options.verbose)
      await out.line(`removed ${type === 'directory' ? 'directory ' : ''}${quote(place.shown)}`);
    await out.record({ removed: place.shown, type });
  }
}
