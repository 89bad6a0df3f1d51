import { type ErrnoCode, GlfsError } from '../../../errors.ts';
import type { CallContext, Inode, Loc } from '../../../graph/index.ts';
import type { FopName } from '../../../protocol/fops.ts';
import type { Knowledge } from './knowledge.ts';
import { type Facts, permits, Want } from './permits.ts';

const S_ISVTX = 0o1000;

/** One call of a caller without privileges, on its way through the checks. */
export class Gate {
  constructor(
    private readonly knowledge: Knowledge,
    readonly fop: FopName,
    readonly context: CallContext,
    private readonly translator: string,
  ) {}

  of(inode: Inode): Promise<Facts> {
    return this.knowledge.of(inode, this.context);
  }

  named(loc: Loc): Promise<Facts | undefined> {
    return this.knowledge.named(loc, this.context);
  }

  refuse(code: ErrnoCode, why: string): never {
    throw new GlfsError(code, why, { fop: this.fop, translator: this.translator });
  }

  owns(facts: Facts): boolean {
    return facts.uid === this.context.uid;
  }

  may(facts: Facts, want: number): boolean {
    return permits(facts, this.context, want);
  }

  /** @throws GlfsError EACCES */
  need(facts: Facts, want: number): void {
    if (!this.may(facts, want)) this.refuse('EACCES', 'permission denied');
  }

  async needOn(inode: Inode, want: number): Promise<void> {
    this.need(await this.of(inode), want);
  }

  /** For changes of what a directory lists. @throws GlfsError EACCES */
  async needEntries({ parent }: Loc): Promise<Facts> {
    if (parent === undefined) this.refuse('EACCES', 'an entry without a directory');
    const facts = await this.of(parent);
    this.need(facts, Want.WRITE | Want.EXECUTE);
    return facts;
  }

  /**
   * In a sticky directory a file may go only by its owner or the directory's. GlusterFS says EACCES where the kernel says
   * EPERM. The file is the one that has the name now, not the one that somebody remembers.
   */
  async needUnstuck(parent: Facts, loc: Loc): Promise<void> {
    if ((parent.mode & S_ISVTX) === 0 || this.owns(parent)) return;
    const facts = await this.named(loc);
    if (facts !== undefined) this.needMine(facts);
  }

  needMine(facts: Facts): void {
    if (!this.owns(facts)) this.refuse('EACCES', 'the directory is sticky, and the file is not the caller’s');
  }

  isStuck(parent: Facts): boolean {
    return (parent.mode & S_ISVTX) !== 0 && !this.owns(parent);
  }
}
