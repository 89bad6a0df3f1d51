import { type ErrnoCode, GlfsError } from '../../src/errors.ts';
import { ErasureCode } from '../../src/gf8/index.ts';
import { type CallContext, Fd, Inode, type Reply, rootContext } from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import type { FopName } from '../../src/protocol/fops.ts';
import { newGfid } from '../../src/protocol/gfid.ts';
import { keys } from '../../src/protocol/keys.ts';
import { OpenFlag, SeekWhat } from '../../src/protocol/messages.ts';
import { Disperse, disperseType } from '../../src/xlators/cluster/disperse/index.ts';
import {
  CONFIG,
  configOf,
  decodePair,
  encodeNumbers,
} from '../../src/xlators/cluster/disperse/lock/counters.ts';
import type { DisperseState } from '../../src/xlators/cluster/disperse/state.ts';
import { fileStat, RecordingChild, translatorOver } from './recording-child.ts';

const CHUNK = 512;

/** One brick's part of the file: its bytes and its counters. */
class StoredFragment {
  readonly child: RecordingChild;
  bytes = new Uint8Array();
  readonly counters = new Map<string, bigint[]>();
  isDown = false;
  /** Attributes that it answers with beside the length. */
  mode = 0o644;
  /** Runs before each call; what it throws is the answer. */
  before: (fop: FopName) => void | Promise<void> = () => {};

  constructor(
    name: string,
    private readonly inode: Inode,
  ) {
    this.child = new RecordingChild(name);
    this.script();
  }

  private get stat(): Reply<'stat'>['stat'] {
    const size = this.bytes.length;
    return fileStat(this.inode.gfid, { size, blocks: Math.ceil(size / CHUNK), mode: 0o100000 | this.mode });
  }

  private changed(change: () => void): Reply<'truncate'> {
    const prestat = this.stat;
    change();
    return { prestat, poststat: this.stat };
  }

  resize(length: number): void {
    const resized = new Uint8Array(length);
    resized.set(this.bytes.subarray(0, length));
    this.bytes = resized;
  }

  put(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.bytes.length) this.resize(offset + bytes.length);
    this.bytes.set(bytes, offset);
  }

  private script(): void {
    const { child } = this;
    child
      .answer('xattrop', ({ dict }) => this.add(dict!))
      .answer('fxattrop', ({ dict }) => this.add(dict!))
      .answer('fstat', () => ({ stat: this.stat }))
      .answer('read', ({ offset, size, into }) => {
        const found = this.bytes.subarray(offset, offset + size);
        into?.set(found);
        const data = into === undefined ? Uint8Array.from(found) : into.subarray(0, found.length);
        return { data, stat: this.stat, eof: offset + size >= this.bytes.length };
      })
      .answer('write', ({ offset, data, size }) => ({
        ...this.changed(() => this.put(offset, Buffer.concat(data))),
        count: size,
      }))
      .answer('truncate', ({ offset }) => this.changed(() => this.resize(offset)))
      .answer('ftruncate', ({ offset }) => this.changed(() => this.resize(offset)))
      .answer('fallocate', ({ offset, size, flags }) =>
        this.changed(() => {
          if (flags === 0) this.put(offset + size, new Uint8Array());
        }),
      )
      .answer('discard', ({ offset, size }) => this.changed(() => this.bytes.fill(0, offset, offset + size)))
      .answer('zerofill', ({ offset, size }) => this.changed(() => this.put(offset, new Uint8Array(size))))
      .answer('fsync', () => ({ prestat: this.stat, poststat: this.stat }))
      .answer('seek', ({ offset, what }) => ({ offset: this.seek(offset, what === SeekWhat.DATA) }));
    this.guard();
  }

  /** Everything passes `before`, and nothing gets through to a brick that is down. */
  private guard(): void {
    const { subvolume } = this.child;
    for (const fop of Object.keys(subvolume) as FopName[]) {
      const call = subvolume[fop] as unknown;
      if (typeof call !== 'function') continue;
      const guarded = async (request: object, context: CallContext): Promise<object> => {
        if (this.isDown) throw new GlfsError('ENOTCONN', undefined, { outcome: 'failed' });
        await this.before(fop);
        const reply = (await call(request, context)) as object;
        // The answer may be lost where the change is not.
        if (this.isDown) throw new GlfsError('ENOTCONN', undefined, { outcome: 'unknown' });
        return reply;
      };
      Object.assign(subvolume, { [fop]: guarded });
    }
  }

  private seek(from: number, forData: boolean): number {
    for (let at = from - (from % CHUNK); at < this.bytes.length; at += CHUNK) {
      if (this.bytes.subarray(at, at + CHUNK).some((byte) => byte !== 0) === forData) return at;
    }
    if (forData) throw new GlfsError('ENXIO');
    return this.bytes.length;
  }

  private add(dict: Dict): Partial<Reply<'xattrop'>> {
    const told = new Dict();
    for (const [name, entry] of dict) {
      if (entry.type !== 'bytes') throw new TypeError(name);
      const more = entry.value.length === 8 ? [decodePair(entry.value)![0]] : [...decodePair(entry.value)!];
      const before = this.counters.get(name) ?? more.map(() => 0n);
      const sums = more.map((one, at) => BigInt.asIntN(64, before[at]! + one));
      this.counters.set(name, sums);
      told.setBytes(name, encodeNumbers(...sums));
    }
    return { dict: told, xdata: new Dict().set(keys.getSize, this.bytes.length) };
  }
}

export interface Geometry {
  readonly data: number;
  readonly redundancy: number;
  readonly options?: Record<string, string>;
}

/** One new file of a disperse volume on bricks in memory, of which one client is there. */
export class StoredFragments {
  readonly fragments: readonly StoredFragment[];
  readonly subject;
  readonly state: DisperseState;
  readonly inode = new Inode(newGfid(), 'file');
  readonly fd = new Fd(this.inode, OpenFlag.RDWR);
  readonly appender = new Fd(this.inode, OpenFlag.WRONLY | OpenFlag.APPEND);

  constructor({ data, redundancy, options = {} }: Geometry) {
    this.fragments = Array.from(
      { length: data + redundancy },
      (_, index) => new StoredFragment(`b${index}`, this.inode),
    );
    const children = this.fragments.map(({ child }) => child);
    this.subject = translatorOver(disperseType, children, {
      redundancy: String(redundancy),
      'eager-lock-timeout': '60',
      ...options,
    });
    const { translator } = this.subject;
    if (!(translator instanceof Disperse)) throw new TypeError('not disperse');
    this.state = translator.state;
    for (const { counters, child } of this.fragments) {
      counters.set(CONFIG, [configOf(this.state)]);
      child.raise({ kind: 'child-up' });
    }
  }

  down(index: number): void {
    this.fragments[index]!.isDown = true;
    this.fragments[index]!.child.raise({ kind: 'child-down' });
  }

  up(index: number): void {
    this.fragments[index]!.isDown = false;
    this.fragments[index]!.child.raise({ kind: 'child-up' });
  }

  /** This fop fails on a brick from now on. */
  fails(index: number, fop: FopName, code: ErrnoCode): void {
    this.fragments[index]!.before = (called) => {
      if (called === fop) throw new GlfsError(code);
    };
  }

  works(index: number): void {
    this.fragments[index]!.before = () => {};
  }

  async write(offset: number, bytes: Uint8Array, fd = this.fd): Promise<Reply<'write'>> {
    return this.subject.write({ fd, offset, size: bytes.length, data: [bytes], flags: 0 }, rootContext());
  }

  async read(offset: number, size: number, into?: Uint8Array): Promise<Uint8Array> {
    const { data } = await this.subject.read({ fd: this.fd, offset, size, flags: 0, into }, rootContext());
    return data;
  }

  async truncate(size: number): Promise<Reply<'ftruncate'>> {
    return this.subject.ftruncate({ fd: this.fd, offset: size }, rootContext());
  }

  settle(): Promise<void> {
    return this.state.locks.settleAll();
  }

  /** Names of the calls that a brick has got. */
  calls(index: number): FopName[] {
    return this.fragments[index]!.child.fops;
  }

  forgetCalls(): void {
    for (const { child } of this.fragments) child.calls.splice(0);
  }

  counter(index: number, name: string): bigint[] {
    return this.fragments[index]!.counters.get(`trusted.ec.${name}`) ?? [0n, 0n];
  }
}

/** What the bricks must hold of a file, by position. */
export function fragmentsOf(file: Uint8Array, { data, redundancy }: Geometry): Uint8Array[] {
  const code = ErasureCode.of(data, data + redundancy);
  const padded = new Uint8Array(Math.ceil(file.length / code.stripe) * code.stripe);
  padded.set(file);
  return code.encodeSync(
    padded,
    Array.from({ length: data + redundancy }, (_, index) => index),
  );
}
