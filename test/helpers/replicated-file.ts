import { type ErrnoCode, GlfsError } from '../../src/errors.ts';
import { Fd, Inode, type Request, rootContext } from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import type { FopName } from '../../src/protocol/fops.ts';
import { newGfid } from '../../src/protocol/gfid.ts';
import { keys } from '../../src/protocol/keys.ts';
import { EntryLockCommand, LockCommand, LockType, OpenFlag } from '../../src/protocol/messages.ts';
import { decodeChangelog } from '../../src/xlators/cluster/replicate/changelog.ts';
import { Replicate, replicateType } from '../../src/xlators/cluster/replicate/index.ts';
import type { ReplicateState } from '../../src/xlators/cluster/replicate/state.ts';
import { fileStat, RecordingChild, translatorOver } from './recording-child.ts';

export interface ReplicatedFileOptions {
  readonly copies?: number;
  readonly options?: Record<string, string>;
}

/** One file on scripted copies, all up: each keeps its counters and remembers its calls. */
export class ReplicatedFile {
  readonly copies: readonly RecordingChild[];
  readonly subject;
  readonly inode: Inode;
  readonly fd: Fd;
  /** By copy, by attribute: data, metadata, entry. */
  readonly counters: Map<string, number[]>[];
  private readonly downs = new Set<number>();

  constructor({ copies = 3, options = {} }: ReplicatedFileOptions = {}) {
    this.copies = Array.from({ length: copies }, (_, index) => new RecordingChild(`c${index}`));
    this.counters = this.copies.map(() => new Map());
    this.subject = translatorOver(replicateType, this.copies, { 'post-op-delay-secs': '60', ...options });
    this.inode = new Inode(newGfid(), 'file');
    this.fd = new Fd(this.inode, OpenFlag.RDWR);
    for (const index of this.copies.keys()) this.script(index);
    for (const copy of this.copies) copy.raise({ kind: 'child-up' });
    this.learn();
  }

  get state(): ReplicateState {
    const { translator } = this.subject;
    if (!(translator instanceof Replicate)) throw new TypeError('not replicate');
    return translator.state;
  }

  /** All copies are known to be good, as after a lookup. */
  learn(): void {
    const { state } = this;
    const splitBrain = { data: false, metadata: false };
    const copies = { data: state.withData, metadata: state.all, splitBrain };
    state.file(this.inode).learn(copies, state.files.asked(state.generation));
  }

  private script(index: number): void {
    const copy = this.copies[index]!;
    const stat = fileStat(this.inode.gfid);
    const move = ({ dict }: { dict?: Dict }): { dict: Dict } => ({ dict: this.add(index, dict!) });
    copy.answer('xattrop', move).answer('fxattrop', move);
    copy.answer('lookup', () => ({ stat, xdata: new Dict() }));
    copy.answer('fstat', () => ({ stat, xdata: new Dict() }));
    copy.answer('write', ({ size }) => ({ prestat: stat, poststat: stat, count: size }));
    for (const fop of ['fsync', 'truncate', 'ftruncate', 'fallocate', 'discard', 'zerofill'] as const) {
      copy.answer(fop, () => ({ prestat: stat, poststat: { ...stat, size: 1 } }));
    }
  }

  private add(index: number, dict: Dict): Dict {
    const told = new Dict();
    for (const [name, entry] of dict) {
      const more = decodeChangelog(entry.type === 'bytes' ? entry.value : undefined);
      const counters = this.counters[index]!.get(name) ?? [0, 0, 0];
      const sums = [more.data, more.metadata, more.entry].map((one, at) => one + counters[at]!);
      this.counters[index]!.set(name, sums);
      const bytes = Buffer.alloc(12);
      for (const [at, sum] of sums.entries()) bytes.writeInt32BE(sum, at * 4);
      told.setBytes(name, new Uint8Array(bytes));
    }
    return told;
  }

  /** What a copy holds, without zeros: `dirty 1 0 0, c2 0 1 0`. */
  marks(index: number): string {
    return [...this.counters[index]!]
      .filter(([, counters]) => counters.some((count) => count !== 0))
      .map(([name, counters]) => `${name.replace('trusted.afr.', '')} ${counters.join(' ')}`)
      .sort()
      .join(', ');
  }

  get allMarks(): string[] {
    return this.copies.map((_, index) => this.marks(index));
  }

  /** Says that it is in doubt about, or accuses, others: as left by an earlier change. */
  setMarks(index: number, name: string, counters: [number, number, number]): void {
    this.counters[index]!.set(`trusted.afr.${name}`, counters);
  }

  /** Fails this fop on a copy from now on, or only so often; what was there before is called for the others. */
  fails(index: number, fop: FopName, code: ErrnoCode, times = Number.POSITIVE_INFINITY): void {
    let left = times;
    this.wrap(index, fop, async (next) => {
      if (left-- > 0)
        throw new GlfsError(code, undefined, { outcome: code === 'ENOTCONN' ? 'unknown' : 'failed' });
      return await next();
    });
  }

  /** Holds this fop on a copy until what is returned is called. */
  holds(index: number, fop: FopName): () => void {
    let free = (): void => {};
    const freed = new Promise<void>((resolve) => {
      free = resolve;
    });
    this.wrap(index, fop, async (next) => {
      await freed;
      return await next();
    });
    return free;
  }

  /** Runs in place of a copy's answer to a fop. */
  wrap(index: number, fop: FopName, around: (next: () => Promise<object>) => Promise<object>): void {
    const { subvolume } = this.copies[index]!;
    const before = subvolume[fop] as unknown as (request: object, context: object) => Promise<object>;
    const wrapped = (request: object, context: object): Promise<object> =>
      around(() => before(request, context));
    Object.assign(subvolume, { [fop]: wrapped });
  }

  /** The connection of a copy is lost: every call on it fails. */
  down(index: number): void {
    this.downs.add(index);
    const { subvolume } = this.copies[index]!;
    for (const fop of this.fops) {
      const before = subvolume[fop] as unknown as (request: object, context: object) => Promise<object>;
      const wrapped = async (request: object, context: object): Promise<object> => {
        if (this.downs.has(index)) throw new GlfsError('ENOTCONN');
        return await before(request, context);
      };
      Object.assign(subvolume, { [fop]: wrapped });
    }
    this.copies[index]!.raise({ kind: 'child-down' });
  }

  up(index: number): void {
    this.downs.delete(index);
    this.copies[index]!.raise({ kind: 'child-up' });
  }

  private get fops(): FopName[] {
    return [
      'inodelk',
      'finodelk',
      'entrylk',
      'xattrop',
      'fxattrop',
      'write',
      'fsync',
      'ftruncate',
      'lookup',
      'setattr',
    ];
  }

  write(offset = 0, size = 10, overrides: Partial<Request<'write'>> = {}, context = rootContext()) {
    const data = [new Uint8Array(size)];
    return this.subject.write({ fd: this.fd, offset, size, flags: 0, data, ...overrides }, context);
  }

  fsync() {
    return this.subject.fsync({ fd: this.fd, datasync: 0 }, rootContext());
  }

  setattr() {
    const stat = fileStat(this.inode.gfid);
    return this.subject.setattr({ loc: { inode: this.inode }, stat, valid: 1 }, rootContext());
  }

  /** Gives up all locks: all marks are set by then. */
  async settle(): Promise<void> {
    await this.state.fileLocks.settleAll();
    await this.state.idle();
  }

  /** Calls that a copy has got, in words: locks by what they do, marks by what they add. */
  calls(index: number): string[] {
    return this.copies[index]!.calls.map(({ fop, request }) => describe(fop, request));
  }

  forgetCalls(): void {
    for (const { calls } of this.copies) calls.splice(0);
  }
}

const commands = { [LockCommand.SET]: 'try', [LockCommand.SET_WAIT]: 'wait' } as Record<number, string>;
const entryCommands = {
  [EntryLockCommand.LOCK_NONBLOCKING]: 'try',
  [EntryLockCommand.LOCK]: 'wait',
  [EntryLockCommand.UNLOCK]: 'drop',
} as Record<number, string>;

function describe(fop: FopName, request: object): string {
  if (fop === 'inodelk' || fop === 'finodelk') {
    const { command, type, flock } = request as Request<'inodelk'>;
    const range = flock.start === 0n && flock.length === 0n ? '' : ` ${flock.start}+${flock.length}`;
    return `${type === LockType.UNLOCK ? 'drop' : commands[command]}${range}`;
  }
  if (fop === 'entrylk') {
    const { command, name, namelen } = request as Request<'entrylk'>;
    return `${entryCommands[command]} ${namelen === 0 ? '*' : name}`;
  }
  if (fop !== 'xattrop' && fop !== 'fxattrop') return fop;
  const { dict, xdata } = request as Request<'xattrop'>;
  const words = [...dict!].flatMap(([name, entry]) => {
    const {
      data,
      metadata,
      entry: names,
    } = decodeChangelog(entry.type === 'bytes' ? entry.value : undefined);
    const moved = [data, metadata, names];
    return moved.every((one) => one === 0) ? [] : [`${name.replace('trusted.afr.', '')} ${moved.join(' ')}`];
  });
  const notes = [keys.indexNameIn, keys.indexNameOut].flatMap((key, out) => {
    const name = xdata?.get(key);
    return name === undefined ? [] : [`${out ? 'out' : 'in'} ${name}`];
  });
  return `mark ${[...words, ...notes].join(', ')}`.trim();
}
