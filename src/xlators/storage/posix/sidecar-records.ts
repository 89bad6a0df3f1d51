import { mkdirSync, unlinkSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import { readSlots, type Slots, writeSlots } from './sidecar-slots.ts';

/** What the host's file system could not take of one inode. */
export interface SidecarRecord {
  readonly uid?: number;
  readonly gid?: number;
  /** Kind and permissions. */
  readonly mode?: number;
  /** dev_t of a device that a stand-in stands for. */
  readonly device?: bigint;
  readonly attributes: ReadonlyMap<string, Buffer>;
}

interface Cached {
  /** `undefined` for an inode that has none. */
  record: SidecarRecord | undefined;
  slots: Slots | undefined;
}

/** Most records in memory; one has about half a kilobyte. */
const LIMIT = 16384;

const isMissing = (error: unknown): boolean => (error as { code?: unknown }).code === 'ENOENT';

/*
 * <directory>/<last two hex digits of the inode number>/<inode number>, in two slots (sidecar-slots.ts), JSON:
 *   { uid, gid, mode, device (decimal text), attributes: { name: base64 } }
 */
export class SidecarRecords {
  /** Least recently used first. */
  private readonly cache = new Map<bigint, Cached>();
  /** Whose records are newer in memory than on disk, during `hold`. */
  private held: Map<bigint, Cached> | undefined;

  constructor(
    private readonly directory: string,
    private readonly readOnly: boolean,
    private readonly limit = LIMIT,
  ) {}

  get(inode: bigint): SidecarRecord | undefined {
    return this.find(inode).record;
  }

  put(inode: bigint, record: SidecarRecord): void {
    this.requireWritable();
    const cached = this.find(inode);
    if (this.held === undefined) {
      this.write(inode, record, cached);
    } else {
      cached.record = record;
      this.held.set(inode, cached);
    }
  }

  drop(inode: bigint): void {
    this.requireWritable();
    const cached = this.find(inode);
    this.held?.delete(inode);
    cached.record = undefined;
    if (cached.slots === undefined) return;
    cached.slots = undefined;
    unlinkSync(this.fileOf(inode));
  }

  /** Runs `act`, and writes what it put in the end: one write for each record. Where it throws, nothing. */
  hold<T>(act: () => T): T {
    if (this.held !== undefined) return act();
    const held = new Map<bigint, Cached>();
    this.held = held;
    let result: T;
    try {
      result = act();
    } catch (error) {
      for (const inode of held.keys()) this.cache.delete(inode);
      throw error;
    } finally {
      this.held = undefined;
    }
    try {
      for (const [inode, cached] of held) this.write(inode, cached.record!, cached);
    } catch (error) {
      // What is in memory must be what is on disk.
      for (const inode of held.keys()) this.cache.delete(inode);
      throw error;
    }
    return result;
  }

  private find(inode: bigint): Cached {
    const cached = this.held?.get(inode) ?? this.cache.get(inode) ?? this.load(inode);
    this.cache.delete(inode);
    this.cache.set(inode, cached);
    if (this.cache.size > this.limit) this.cache.delete(this.cache.keys().next().value!);
    return cached;
  }

  private load(inode: bigint): Cached {
    const path = this.fileOf(inode);
    try {
      const value = readSlots(path);
      // A crash broke off its first write: a file that is worth nothing, and is to be replaced.
      if (value === undefined) return { record: undefined, slots: { sequence: 0, capacity: 0 } };
      const { sequence, capacity, bytes } = value;
      return { record: decode(bytes), slots: { sequence, capacity } };
    } catch (cause) {
      if (isMissing(cause)) return { record: undefined, slots: undefined };
      throw new GlfsError('EIO', `the attributes of inode ${inode} can't be read: ${path}`, { cause });
    }
  }

  private write(inode: bigint, record: SidecarRecord, cached: Cached): void {
    const bytes = encode(record);
    const path = this.fileOf(inode);
    try {
      cached.slots = writeSlots(path, bytes, cached.slots);
    } catch (error) {
      if (!isMissing(error)) throw error;
      mkdirSync(this.folderOf(inode), { recursive: true, mode: 0o700 });
      cached.slots = writeSlots(path, bytes, undefined);
    }
    cached.record = record;
  }

  private requireWritable(): void {
    if (this.readOnly) throw new GlfsError('EROFS', 'the brick is opened for reading only');
  }

  private folderOf(inode: bigint): string {
    return `${this.directory}/${(inode & 0xffn).toString(16).padStart(2, '0')}`;
  }

  private fileOf(inode: bigint): string {
    return `${this.folderOf(inode)}/${inode}`;
  }
}

function encode(record: SidecarRecord): Buffer {
  const attributes = [...record.attributes].map(([name, value]) => [name, value.toString('base64')]);
  const device = record.device?.toString();
  return Buffer.from(JSON.stringify({ ...record, device, attributes: Object.fromEntries(attributes) }));
}

type Stored = Omit<SidecarRecord, 'attributes' | 'device'> & {
  readonly attributes: Readonly<Record<string, string>>;
  readonly device?: string;
};

function decode(bytes: Buffer): SidecarRecord {
  const { attributes, device, ...rest } = JSON.parse(bytes.toString('utf8')) as Stored;
  const values = new Map<string, Buffer>();
  for (const [name, value] of Object.entries(attributes)) values.set(name, Buffer.from(value, 'base64'));
  return device === undefined
    ? { ...rest, attributes: values }
    : { ...rest, device: BigInt(device), attributes: values };
}
