import { GlfsError } from '../../src/errors.ts';
import { Fd, Inode, type Request, rootContext } from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import type { FopName } from '../../src/protocol/fops.ts';
import { type Gfid, newGfid } from '../../src/protocol/gfid.ts';
import { LockCommand, LockType, OpenFlag } from '../../src/protocol/messages.ts';
import type { ChildSet } from '../../src/xlators/cluster/children.ts';
import { Disperse, disperseType } from '../../src/xlators/cluster/disperse/index.ts';
import {
  CONFIG,
  configOf,
  decodePair,
  encodeNumbers,
  SIZE,
  VERSION,
} from '../../src/xlators/cluster/disperse/lock/counters.ts';
import type { Changes, Held, LockTarget } from '../../src/xlators/cluster/disperse/lock/held.ts';
import type { DisperseState } from '../../src/xlators/cluster/disperse/state.ts';
import { fileStat, RecordingChild, translatorOver } from './recording-child.ts';

interface Setup {
  readonly type?: 'file' | 'directory';
  readonly version?: bigint;
  readonly options?: Record<string, string>;
}

const BRICKS = 6;

/** One file of a 4+2 volume on scripted bricks, all up: each keeps its counters, and remembers its calls and changes. */
export class DispersedFile {
  readonly bricks: readonly RecordingChild[];
  readonly state: DisperseState;
  readonly inode: Inode;
  readonly fd: Fd;
  /** By brick: changes that it has. */
  readonly changes: Set<string>[];
  /** By gfid (latin1) and attribute. */
  private readonly counters: Map<string, bigint[]>[];
  private readonly downs = new Set<number>();

  constructor({ type = 'file', version = 7n, options = {} }: Setup = {}) {
    this.bricks = Array.from({ length: BRICKS }, (_, index) => new RecordingChild(`b${index}`));
    this.changes = this.bricks.map(() => new Set());
    this.counters = this.bricks.map(() => new Map());
    const { translator } = translatorOver(disperseType, this.bricks, {
      redundancy: '2',
      'eager-lock-timeout': '60',
      'other-eager-lock-timeout': '60',
      ...options,
    });
    if (!(translator instanceof Disperse)) throw new TypeError('not disperse');
    this.state = translator.state;
    this.inode = this.make(type, version);
    this.fd = new Fd(this.inode, OpenFlag.RDWR);
    for (const index of this.bricks.keys()) this.script(index);
    for (const brick of this.bricks) brick.raise({ kind: 'child-up' });
  }

  /** A further inode that all bricks have. */
  make(type: 'file' | 'directory', version = 7n, gfid: Gfid = newGfid()): Inode {
    const inode = new Inode(gfid, type);
    for (const index of this.bricks.keys()) {
      this.set(index, VERSION, [version, version], inode);
      if (type !== 'file') continue;
      this.set(index, SIZE, [100n], inode);
      this.set(index, CONFIG, [configOf(this.state)], inode);
    }
    return inode;
  }

  private key(inode: Inode, name: string): string {
    return `${inode.toString()} ${name}`;
  }

  set(index: number, name: string, values: bigint[], inode = this.inode): void {
    this.counters[index]!.set(this.key(inode, name), values);
  }

  get(index: number, name: string, inode = this.inode): bigint[] {
    return this.counters[index]!.get(this.key(inode, name)) ?? [0n, 0n];
  }

  /** What all bricks hold, in words, in their order. */
  all(inode = this.inode): string[] {
    return this.bricks.map((_, index) => {
      const words = ['version', 'dirty', 'size'].map((name) => this.get(index, `trusted.ec.${name}`, inode));
      const [version, dirty, size] = words;
      return `${version!.join('/')} dirty ${dirty!.join('/')}${inode.type === 'file' ? ` size ${size![0]}` : ''}`;
    });
  }

  private script(index: number): void {
    const brick = this.bricks[index]!;
    brick.answer('xattrop', ({ loc, dict }) => ({ dict: this.add(index, loc.inode, dict!) }));
    brick.answer('fxattrop', ({ fd, dict }) => ({ dict: this.add(index, fd.inode, dict!) }));
    for (const fop of ['inodelk', 'finodelk', 'xattrop', 'fxattrop', 'setattr'] as const) {
      this.wrap(index, fop, (next) => {
        if (this.downs.has(index)) throw new GlfsError('ENOTCONN', undefined, { outcome: 'unknown' });
        return next();
      });
    }
  }

  private add(index: number, inode: Inode, dict: Dict): Dict {
    const told = new Dict();
    for (const [name, entry] of dict) {
      if (entry.type !== 'bytes') throw new TypeError(name);
      const more = entry.value.length === 8 ? [decodePair(entry.value)![0]] : [...decodePair(entry.value)!];
      const before = this.counters[index]!.get(this.key(inode, name)) ?? more.map(() => 0n);
      const sums = more.map((one, at) => BigInt.asIntN(64, before[at]! + one));
      this.set(index, name, sums, inode);
      told.setBytes(name, encodeNumbers(...sums));
    }
    return told;
  }

  /** Runs in place of a brick's answer to a fop. */
  wrap(index: number, fop: FopName, around: (next: () => Promise<object>) => Promise<object>): void {
    const { subvolume } = this.bricks[index]!;
    const before = subvolume[fop] as unknown as (request: object, context: object) => Promise<object>;
    const wrapped = async (request: object, context: object): Promise<object> =>
      await around(() => before(request, context));
    Object.assign(subvolume, { [fop]: wrapped });
  }

  down(index: number): void {
    if (this.downs.has(index)) return;
    this.downs.add(index);
    this.bricks[index]!.raise({ kind: 'child-down' });
  }

  up(index: number): void {
    this.downs.delete(index);
    this.bricks[index]!.raise({ kind: 'child-up' });
  }

  /** Makes a change on the bricks that the lock gives, which they remember by its name. */
  change(
    name: string,
    target: Partial<LockTarget> & { readonly changes?: Changes } = {},
    bytes?: number,
    also?: (held: Held) => void,
  ) {
    const wanted = { inode: this.inode, changes: 'both' as const, ...target };
    return this.state.locks.run([wanted], rootContext(), async ([held], context) => {
      const done = await this.wind(name, held!, context);
      held!.narrow(done);
      if (bytes !== undefined) held!.size = bytes;
      also?.(held!);
    });
  }

  /** Who has made it. */
  async wind(name: string, { good, inode }: Held, context = rootContext()): Promise<ChildSet> {
    let done = 0;
    await Promise.all(
      this.bricks.map(async ({ subvolume }, index) => {
        if ((good & (1 << index)) === 0) return;
        const request = { loc: { inode }, stat: fileStat(inode.gfid), valid: 1 };
        const failed = await subvolume.setattr(request, context).then(
          () => false,
          () => true,
        );
        if (failed) return;
        this.changes[index]!.add(name);
        done |= 1 << index;
      }),
    );
    return done;
  }

  /** A brick tells that another client waits for the lock. */
  contend(): void {
    const flock = { type: LockType.WRITE, whence: 0, start: 0n, length: 0n, pid: 1, owner: new Uint8Array() };
    const { gfid } = this.inode;
    this.bricks[0]!.raise({ kind: 'inodelk-contention', gfid, domain: this.state.domain, flock });
  }

  settle(): Promise<void> {
    return this.state.locks.settleAll();
  }

  /** Calls that a brick has got, in words. */
  calls(index: number): string[] {
    return this.bricks[index]!.calls.map(({ fop, request }) => describe(fop, request));
  }

  forgetCalls(): void {
    for (const { calls } of this.bricks) calls.splice(0);
  }
}

function describe(fop: FopName, request: object): string {
  if (fop === 'inodelk' || fop === 'finodelk') {
    const { command, type } = request as Request<'inodelk'>;
    if (type === LockType.UNLOCK) return 'drop';
    return command === LockCommand.SET ? 'try' : 'wait';
  }
  if (fop === 'setattr') return 'change';
  if (fop !== 'xattrop' && fop !== 'fxattrop') return fop;
  const { dict } = request as Request<'xattrop'>;
  const words = [...dict!].map(([name, entry]) => {
    const bytes = entry.type === 'bytes' ? entry.value : new Uint8Array();
    const pair = decodePair(bytes)!.map((one) => BigInt.asIntN(64, one));
    return `${name.replace('trusted.ec.', '')} ${bytes.length === 8 ? pair[0] : pair.join('/')}`;
  });
  return `add ${words.join(', ')}`;
}
