import { GlfsError, isGlfsError } from '../../../../errors.ts';
import type { CallContext, Subvolume } from '../../../../graph/index.ts';
import { Dict } from '../../../../protocol/dict.ts';
import { keys } from '../../../../protocol/keys.ts';
import { XattropFlag } from '../../../../protocol/messages.ts';
import { type ChildSet, childSet, has, indicesOf, NO_CHILDREN } from '../../children.ts';
import { type FileTarget, openFd } from '../../locking/lockees.ts';
import type { Locks } from '../../locking/locks.ts';
import { wind } from '../../wind.ts';
import { agreement, type PartAnswer } from '../answers.ts';
import type { DisperseState } from '../state.ts';
import {
  CONFIG,
  type Counters,
  configOf,
  DIRTY,
  encodeNumbers,
  isHealing,
  readCounters,
  SIZE,
  VERSION,
} from './counters.ts';
import type { LockTarget } from './held.ts';
import { DATA, type Kind, kindsOf, METADATA } from './turns.ts';

type Numbers = [data: number, metadata: number];

const KINDS: readonly Kind[] = [DATA, METADATA];

interface Told extends Counters {
  /** Bytes of the fragment. */
  readonly length: number | undefined;
}

/** What must be done before an operation may begin. */
interface Needs {
  readonly query: boolean;
  readonly marks: readonly Kind[];
  readonly lends: readonly Kind[];
  /** It will change those that are being healed, too. */
  readonly heals: boolean;
}

/**
 * What happens to the counters of one inode while its lock is held once:
 * - pre-op, before the first operation that needs it, in one call: who is behind and how large the file is; dirty + 1 for
 *   what will change, unless all are there and it is names or attributes (optimistic-change-log);
 * - post-op, before the lock is given back: where all have all changes dirty - 1, and versions stay as they are; else
 *   versions + 1 for each change on those that have it, and dirty stays, or is set now.
 * Other than GlusterFS's clients, for which a client that dies between a change and the post-op makes those that missed it
 * look as good as the rest: where somebody is not there the first + 1 of a version is lent by the pre-op, and where somebody
 * fails callers wait for the post-op. What is on the bricks in the end is the same.
 */
export class Span {
  /** Who has been given up since: by its counters, or because it failed. */
  private out: ChildSet = NO_CHILDREN;
  private underHeal: ChildSet = NO_CHILDREN;
  /** By kind: those whose version shows that they lack changes. */
  private readonly behind: Numbers = [NO_CHILDREN, NO_CHILDREN];
  /** Those under heal that attributes were changed without. */
  private spared: ChildSet = NO_CHILDREN;
  private readonly marked: [boolean, boolean] = [false, false];
  /** Changes that versions don't count yet. */
  private readonly due: Numbers = [0, 0];
  /** What versions count already of changes to come. */
  private readonly lent: Numbers = [0, 0];
  /** Somebody may have got what was lent, and did not say so. */
  private kept = false;
  private readonly uncertain: [boolean, boolean] = [false, false];
  private version: Counters['version'];
  private known = false;
  private wanted = false;
  private sizeBefore = 0n;
  private sizeNow: number | undefined;
  private preparing: Promise<void> | undefined;

  constructor(
    private readonly state: DisperseState,
    private readonly file: FileTarget,
    private readonly locks: Locks,
    private readonly context: CallContext,
  ) {}

  /** Those that hold the lock and have all changes, as far as is known. */
  get good(): ChildSet {
    return this.locks.held & ~this.out;
  }

  get healing(): ChildSet {
    return this.locks.held & this.underHeal;
  }

  /** Some that are up do not take part: they are to be healed. */
  get partial(): boolean {
    return (this.state.up & ~this.good) !== NO_CHILDREN;
  }

  /** @throws GlfsError EIO where the operation has not asked for the counters */
  get size(): number {
    if (this.sizeNow === undefined)
      throw new GlfsError('EIO', 'the size of the file was not asked for', { translator: this.state.name });
    return this.sizeNow;
  }

  set size(bytes: number) {
    this.sizeNow = bytes;
    this.state.file(this.file.inode).size = bytes;
  }

  private get regular(): boolean {
    const { type } = this.file.inode;
    return type === 'file' || type === 'unknown';
  }

  /**
   * Does what must be done before an operation on `target` begins; undefined where that is nothing. Rejects with ENOTCONN
   * where too few are there, EIO where too few agree, EINVAL where the file is of another geometry.
   */
  prepare(target: LockTarget): Promise<void> | undefined {
    this.wanted ||= target.query ?? !changesNames(target);
    if (this.preparing === undefined && this.needs(target) === undefined) {
      const refusal = this.refusal(target);
      return refusal === undefined ? undefined : Promise.reject(refusal);
    }
    const before = this.preparing;
    const preparing = (async () => {
      await before?.catch(() => {});
      for (let needs = this.needs(target); needs !== undefined; needs = this.needs(target)) {
        await this.preOp(needs);
      }
      const refusal = this.refusal(target);
      if (refusal !== undefined) throw refusal;
    })();
    const done = (): void => {
      if (this.preparing === preparing) this.preparing = undefined;
    };
    this.preparing = preparing;
    preparing.then(done, done);
    return preparing;
  }

  private refusal({ changes }: LockTarget): GlfsError | undefined {
    const { state, good } = this;
    const enough = changes === undefined ? state.readableWith(good) : state.enough(good);
    return enough ? undefined : state.tooFew(good);
  }

  private needs(target: LockTarget): Needs | undefined {
    const { state, good } = this;
    const kinds = kindsOf(target);
    const heals = changesBytes(target);
    const optimistic = state.options['optimistic-change-log'] && good === state.all && !heals;
    const marks = optimistic ? [] : kinds.filter((kind) => !this.marked[kind]);
    const unseen = kinds.filter((kind) => this.unseen(kind, target) !== NO_CHILDREN);
    // Lent to one that is behind, a version could become that of another one, and their bytes be taken for a file's. Names of a
    // directory may be changed where versions differ: they are told from each other one by one.
    const query = (this.wanted || (unseen.length > 0 && this.regular)) && !this.known;
    const lends = query ? [] : unseen;
    return query || marks.length > 0 || lends.length > 0 ? { query, marks, lends, heals } : undefined;
  }

  /** Those that a change does not go to, though their version of that kind is not known to be another one. */
  private unseen(kind: Kind, target: LockTarget): ChildSet {
    const spared = changesBytes(target) ? this.healing : NO_CHILDREN;
    return this.state.all & ~this.good & ~spared & ~this.behind[kind];
  }

  private async preOp({ query, marks, lends, heals }: Needs): Promise<void> {
    const { state, good } = this;
    if (!state.readableWith(good)) throw state.tooFew(good);
    const dict = new Dict();
    if (query || lends.length > 0) dict.setBytes(VERSION, ones(lends));
    const sized = query && this.regular;
    if (sized) dict.setBytes(SIZE, encodeNumbers(0n)).setBytes(CONFIG, encodeNumbers(0n));
    if (marks.length > 0) dict.setBytes(DIRTY, ones(marks));
    const healing = heals ? this.healing : NO_CHILDREN;
    const xdata = sized ? new Dict().set(keys.getSize, 1) : undefined;
    const all = await this.move(good | healing, dict, xdata);
    const answers = all.map((answer, index) => (has(good, index) ? answer : undefined));
    this.underHeal &= ~failed(all);
    for (const kind of lends) {
      this.lent[kind]++;
      this.behind[kind] |= state.all & ~good & ~healing;
    }
    for (const kind of marks) this.marked[kind] = true;
    // Whatever becomes of it: they may have the marks or not.
    const silent = failed(answers);
    this.drop(silent);
    if (lends.length > 0 && silent !== NO_CHILDREN) this.kept = true;
    const counted = query || this.known;
    const agreed = agreement(state, answers, counted ? keyOf : () => '');
    if (counted) this.learn(answers, agreed.replies[0]!.reply, good, agreed.good, query);
  }

  private learn(
    answers: readonly (PartAnswer<Told> | undefined)[],
    told: Told,
    asked: ChildSet,
    agreed: ChildSet,
    query: boolean,
  ): void {
    const { state, file } = this;
    if (query && this.regular) this.checkConfig(told);
    for (const index of indicesOf(asked & ~agreed)) {
      const version = answers[index]?.reply?.version;
      if (version === undefined || told.version === undefined) continue;
      if (isHealing(version)) this.underHeal |= 1 << index;
      for (const kind of KINDS) {
        if (version[kind] !== told.version[kind]) this.behind[kind] |= 1 << index;
      }
    }
    this.drop(asked & ~agreed);
    const known = state.file(file.inode);
    known.bad = (known.bad & ~asked) | (asked & ~agreed);
    if (told.version !== undefined) this.version = told.version;
    if (!query) return;
    this.known = true;
    if (told.size === undefined || file.inode.type === 'directory') return;
    this.sizeBefore = told.size;
    this.size = Number(told.size);
  }

  private checkConfig({ config = 0n }: Told): void {
    const { state, file } = this;
    const details = { translator: state.name, gfid: file.inode.toString() };
    if (config === 0n) {
      if (file.inode.type !== 'file') return;
      throw new GlfsError('EIO', `the file has no ${CONFIG}`, details);
    }
    if (config === configOf(state)) return;
    throw new GlfsError('EINVAL', `${CONFIG} is of another geometry: ${config.toString(16)}`, details);
  }

  private drop(children: ChildSet): void {
    this.out |= children;
    if (children !== NO_CHILDREN) this.state.file(this.file.inode).bad |= children;
  }

  /** Only `agreed` have done what an operation wanted. */
  narrow(agreed: ChildSet): void {
    this.drop(this.good & ~agreed);
  }

  /** An operation has been done. Answers whether its caller must wait for the post-op. */
  succeeded(target: LockTarget): boolean {
    let owes = false;
    for (const kind of kindsOf(target)) {
      this.due[kind]++;
      owes ||= this.unseen(kind, target) !== NO_CHILDREN;
    }
    if (target.changes !== undefined && !changesBytes(target)) this.spared |= this.healing;
    return owes;
  }

  /** Nobody knows whether an operation has been done: the file is left dirty. */
  doubtful(target: LockTarget): void {
    for (const kind of kindsOf(target)) this.uncertain[kind] = true;
  }

  /** Brings versions and size up to date while the lock stays. @throws GlfsError where too few could be told */
  async commit(): Promise<void> {
    const { due, lent } = this;
    if (due[DATA] === 0 && due[METADATA] === 0) return;
    const delta: Numbers = [0, 0];
    for (const kind of KINDS) delta[kind] = Math.max(0, due[kind] - lent[kind]);
    const error = await this.update(delta, [0, 0]);
    if (error !== undefined) throw error.with({ outcome: 'unknown' });
  }

  /** The post-op. Never rejects: answers the error where too few could be told. */
  async end(): Promise<GlfsError | undefined> {
    const { state, due, lent, marked, uncertain, good } = this;
    const everywhere = due[DATA] > 0 ? good | (this.healing & ~this.spared) : good;
    const fine =
      everywhere === state.all && state.up === state.all && !uncertain[DATA] && !uncertain[METADATA];
    const version: Numbers = [0, 0];
    const dirty: Numbers = [0, 0];
    for (const kind of KINDS) {
      const touched = due[kind] > 0 || uncertain[kind];
      if (fine) {
        dirty[kind] = marked[kind] ? -1 : 0;
        version[kind] = (this.version?.[kind] ?? 0n) === 0n ? due[kind] - lent[kind] : 0;
      } else {
        dirty[kind] = touched && !marked[kind] ? 1 : 0;
        // What was lent is only taken back where it is certain that nothing was changed, and that nobody else has it.
        const owed = due[kind] - lent[kind];
        version[kind] = touched || this.kept ? Math.max(0, owed) : owed;
      }
    }
    if (due[DATA] > 0 || due[METADATA] > 0) state.file(this.file.inode).bad |= state.all & ~everywhere;
    const moves = [...version, ...dirty].some((number) => number !== 0);
    return moves || this.sizeMoved ? await this.update(version, dirty) : undefined;
  }

  private get sizeMoved(): boolean {
    return this.sizeNow !== undefined && BigInt(this.sizeNow) !== this.sizeBefore && this.due[DATA] > 0;
  }

  private async update(version: Numbers, dirty: Numbers): Promise<GlfsError | undefined> {
    const { state, good } = this;
    const dict = new Dict();
    if (this.version === undefined || version[0] !== 0 || version[1] !== 0)
      dict.setBytes(VERSION, numbers(version));
    if (this.sizeMoved) dict.setBytes(SIZE, encodeNumbers(BigInt(this.sizeNow!) - this.sizeBefore));
    if (dirty[0] !== 0 || dirty[1] !== 0) dict.setBytes(DIRTY, numbers(dirty));
    const changed = this.due[DATA] > 0 || this.due[METADATA] > 0;
    for (const kind of KINDS) {
      if (this.due[kind] > 0) this.lent[kind] = 0;
      this.due[kind] = 0;
    }
    if (dict.size === 0) return undefined;
    if (this.sizeNow !== undefined) this.sizeBefore = BigInt(this.sizeNow);
    const answers = await this.move(good | this.healing, dict);
    const lost = failed(answers);
    this.drop(good & lost);
    if ((good & lost) !== NO_CHILDREN) await this.leaveMarks(version, dirty);
    const speaker = answers.find((answer, index) => has(good, index) && answer?.reply?.version !== undefined);
    this.version = speaker?.reply?.version ?? this.version;
    if (!changed || state.readableWith(good & ~lost)) return undefined;
    const errors = answers.flatMap((answer) => answer?.error ?? []);
    // Of a file that was removed meanwhile nothing is owed to anybody.
    if (errors.length > 0 && errors.every((error) => isGlfsError(error, 'ENOENT', 'ESTALE')))
      return undefined;
    return new GlfsError(errors[0]?.code ?? 'ENOTCONN', 'too few fragments have the counters of a change', {
      translator: state.name,
      gfid: this.file.inode.toString(),
      cause: new AggregateError(errors, 'counters could not be moved'),
    });
  }

  /**
   * Some lack nothing but these counts, and all were there when the change was made: without a mark no index would name it.
   * GlusterFS's clients leave that to the next lookup.
   */
  private async leaveMarks(version: Numbers, dirty: Numbers): Promise<void> {
    const kinds = KINDS.filter((kind) => version[kind] !== 0 && dirty[kind] === 0 && !this.marked[kind]);
    for (const kind of kinds) this.marked[kind] = true;
    if (kinds.length > 0) await this.move(this.good, new Dict().setBytes(DIRTY, ones(kinds)));
  }

  /** By position: what each of `children` says its counters are now. */
  private async move(
    children: ChildSet,
    dict: Dict,
    xdata?: Dict,
  ): Promise<(PartAnswer<Told> | undefined)[]> {
    const { state, file, context } = this;
    const operation = XattropFlag.ADD_ARRAY64;
    const call = async (child: Subvolume): Promise<Told> => {
      const fd = openFd(file);
      const reply =
        fd === undefined
          ? await child.xattrop({ loc: { inode: file.inode }, operation, dict, xdata }, context)
          : await child.fxattrop({ fd, operation, dict, xdata }, context);
      return { ...readCounters(reply.dict ?? new Dict()), length: reply.xdata?.get(keys.getSize) };
    };
    const answers: (PartAnswer<Told> | undefined)[] = state.children.map(() => undefined);
    await Promise.all(
      indicesOf(children).map(async (index) => {
        const { reply, error } = await wind(state.children[index]!, call);
        answers[index] = error === undefined ? { reply: reply! } : { error };
      }),
    );
    return answers;
  }
}

function changesNames({ inode, changes }: LockTarget): boolean {
  return inode.type === 'directory' && changes !== undefined && changes !== 'metadata';
}

function changesBytes(target: LockTarget): boolean {
  return !changesNames(target) && kindsOf(target).includes(DATA);
}

function ones(kinds: readonly Kind[]): Uint8Array {
  return encodeNumbers(...KINDS.map((kind) => (kinds.includes(kind) ? 1n : 0n)));
}

function numbers(values: Numbers): Uint8Array {
  return encodeNumbers(...values.map(BigInt));
}

function failed(answers: readonly (PartAnswer<unknown> | undefined)[]): ChildSet {
  return childSet(answers.flatMap((answer, index) => (answer?.error === undefined ? [] : [index])));
}

/** What must be the same for fragments to belong together. */
function keyOf({ version, size, config, length }: Told): string {
  return `${version} ${size} ${config} ${length}`;
}
