import * as fs from 'node:fs';
import { type Syscalls, syscalls } from '../../../src/syscalls.ts';
import type { Attributes, HeldLock, Kind, LockRange, OpenFile, Xattrs } from '../subject.ts';
import { numbersOf } from './attribute-numbers.ts';
import type { KernelHelper } from './kernel-helper.ts';

/** Runs a call as the user on whose behalf the subject acts. */
export type As = <T>(call: () => T) => T;

export function attributesOf(stat: fs.BigIntStats): Attributes {
  return { kind: kindOf(stat), ...numbersOf(stat) };
}

interface Typed {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isBlockDevice(): boolean;
}

export function kindOf(typed: Typed): Kind {
  if (typed.isFile()) return 'file';
  if (typed.isDirectory()) return 'directory';
  if (typed.isSymbolicLink()) return 'symlink';
  if (typed.isFIFO()) return 'fifo';
  if (typed.isSocket()) return 'socket';
  return typed.isBlockDevice() ? 'block' : 'character';
}

/** The addon's calls; cases that need them are skipped where it is not there. */
export function host(): Syscalls {
  const calls = syscalls();
  if (calls === undefined) throw new Error('the addon is not there');
  return calls;
}

/** Extended attributes of a descriptor or of a path that is found when it is needed. */
export class KernelXattrs implements Xattrs {
  constructor(
    private readonly as: As,
    private readonly place: () => Buffer | number,
  ) {}

  async getxattr(name: string): Promise<Buffer> {
    return this.as(() => host().getxattr(this.place(), Buffer.from(name)));
  }

  async setxattr(name: string, value: Uint8Array | string, how?: 'create' | 'replace'): Promise<void> {
    const flags = how === 'create' ? 1 : how === 'replace' ? 2 : 0;
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.as(() => host().setxattr(this.place(), Buffer.from(name), bytes, flags));
  }

  async listxattr(): Promise<string[]> {
    // What security modules of the host add is not the file's.
    return this.as(() => host().listxattr(this.place()))
      .map((name) => name.toString())
      .filter((name) => !name.startsWith('security.'));
  }

  async removexattr(name: string): Promise<void> {
    this.as(() => host().removexattr(this.place(), Buffer.from(name)));
  }
}

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const FALLOC_FL_ZERO_RANGE = 0x10;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

/** An open file of the kernel. Its locks are those of an open file description, taken by way of the helper. */
export class KernelFile extends KernelXattrs implements OpenFile {
  private closed = false;
  /** The helper's descriptor of the same file, once a lock was asked for. */
  private twin: Promise<unknown> | undefined;

  constructor(
    private readonly run: As,
    private readonly descriptor: number,
    private readonly flags: number,
    private readonly helper: () => KernelHelper,
  ) {
    super(run, () => descriptor);
  }

  async read(length: number, position: number | null = null): Promise<Buffer> {
    const buffer = Buffer.alloc(length);
    return buffer.subarray(0, fs.readSync(this.descriptor, buffer, 0, length, position));
  }

  async write(data: Uint8Array | string, position: number | null = null): Promise<number> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    return this.run(() => fs.writeSync(this.descriptor, bytes, 0, bytes.length, position));
  }

  async truncate(size: number): Promise<void> {
    this.run(() => fs.ftruncateSync(this.descriptor, size));
  }

  async stat(): Promise<Attributes> {
    return attributesOf(fs.fstatSync(this.descriptor, { bigint: true }));
  }

  async chmod(mode: number): Promise<void> {
    this.run(() => fs.fchmodSync(this.descriptor, mode));
  }

  async chown(uid: number, gid: number): Promise<void> {
    this.run(() => fs.fchownSync(this.descriptor, uid, gid));
  }

  async utimes(atime: bigint, mtime: bigint): Promise<void> {
    this.run(() => host().utimens(this.descriptor, atime, mtime));
  }

  async sync(): Promise<void> {
    fs.fsyncSync(this.descriptor);
  }

  async datasync(): Promise<void> {
    fs.fdatasyncSync(this.descriptor);
  }

  async allocate(offset: number, length: number, keepSize = false): Promise<void> {
    await host().fallocate(this.descriptor, keepSize ? FALLOC_FL_KEEP_SIZE : 0, offset, length);
  }

  async punch(offset: number, length: number): Promise<void> {
    await host().fallocate(this.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  }

  async zero(offset: number, length: number): Promise<void> {
    await host().fallocate(this.descriptor, FALLOC_FL_ZERO_RANGE, offset, length);
  }

  async seekData(offset: number): Promise<number> {
    return host().seek(this.descriptor, offset, SEEK_DATA);
  }

  async seekHole(offset: number): Promise<number> {
    return host().seek(this.descriptor, offset, SEEK_HOLE);
  }

  async copyTo(target: OpenFile, offset: number, targetOffset: number, length: number): Promise<number> {
    const to = (target as KernelFile).descriptor;
    let done = 0;
    while (done < length) {
      const count = await host().copyFileRange(
        this.descriptor,
        offset + done,
        to,
        targetOffset + done,
        length - done,
      );
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async lock(type: 'read' | 'write', range: LockRange & { wait?: boolean } = {}): Promise<void> {
    await this.flock(range.wait ? 'wait' : 'set', type === 'read' ? F_RDLCK : F_WRLCK, range);
  }

  async unlock(range: LockRange = {}): Promise<void> {
    await this.flock('set', F_UNLCK, range);
  }

  async getLock(type: 'read' | 'write', range: LockRange = {}): Promise<HeldLock | undefined> {
    const found = await this.flock('get', type === 'read' ? F_RDLCK : F_WRLCK, range);
    const [kind, , start, length] = found as [number, number, number, number];
    return kind === F_UNLCK ? undefined : { type: kind === F_RDLCK ? 'read' : 'write', start, length };
  }

  private async flock(what: string, type: number, { start = 0, length = 0 }: LockRange): Promise<unknown> {
    const path = `/proc/${process.pid}/fd/${this.descriptor}`;
    const flags = this.flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR);
    this.twin ??= this.helper().ask('open', { path, flags });
    return this.helper().ask(what, { fd: await this.twin, type, start, length });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.twin !== undefined) await this.helper().ask('close', { fd: await this.twin });
    fs.closeSync(this.descriptor);
  }
}
