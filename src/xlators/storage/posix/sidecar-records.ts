import { closeSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';

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

/** Most records in memory; one has about half a kilobyte. */
const LIMIT = 16384;

const missing = (error: unknown): boolean => (error as { code?: unknown }).code === 'ENOENT';

/*
 * <directory>/<last two hex digits of the inode number>/<inode number>: JSON
 *   { uid, gid, mode, device (decimal text), attributes: { name: base64 } }
 * A record is replaced by renaming a whole new one over it, so a crash leaves the old or the new one.
 */
export class SidecarRecords {
  /** Least recently used first; `undefined` for an inode that has none. */
  private readonly cache = new Map<bigint, SidecarRecord | undefined>();

  constructor(
    private readonly directory: string,
    private readonly readOnly: boolean,
    private readonly limit = LIMIT,
  ) {}

  get(inode: bigint): SidecarRecord | undefined {
    const known = this.cache.has(inode);
    const record = known ? this.cache.get(inode) : this.load(inode);
    if (known) this.cache.delete(inode);
    this.remember(inode, record);
    return record;
  }

  put(inode: bigint, record: SidecarRecord): void {
    this.requireWritable();
    const text = JSON.stringify({
      ...record,
      device: record.device?.toString(),
      attributes: Object.fromEntries(
        [...record.attributes].map(([name, value]) => [name, value.toString('base64')]),
      ),
    });
    const temporary = `${this.directory}/new`;
    const descriptor = openSync(temporary, 'w', 0o600);
    try {
      writeSync(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
    try {
      renameSync(temporary, this.fileOf(inode));
    } catch (error) {
      if (!missing(error)) throw error;
      mkdirSync(this.folderOf(inode), { mode: 0o700 });
      renameSync(temporary, this.fileOf(inode));
    }
    this.cache.delete(inode);
    this.remember(inode, record);
  }

  drop(inode: bigint): void {
    this.requireWritable();
    if (this.get(inode) === undefined) return;
    try {
      unlinkSync(this.fileOf(inode));
    } catch (error) {
      if (!missing(error)) throw error;
    }
    this.cache.set(inode, undefined);
  }

  private load(inode: bigint): SidecarRecord | undefined {
    let text: string;
    try {
      text = readFileSync(this.fileOf(inode), 'utf8');
    } catch (error) {
      if (missing(error)) return undefined;
      throw error;
    }
    try {
      const { attributes, device, ...rest } = JSON.parse(text) as Omit<
        SidecarRecord,
        'attributes' | 'device'
      > & {
        attributes: Record<string, string>;
        device?: string;
      };
      const decoded = Object.entries(attributes).map(
        ([name, value]) => [name, Buffer.from(value, 'base64')] as const,
      );
      return {
        ...rest,
        ...(device === undefined ? {} : { device: BigInt(device) }),
        attributes: new Map(decoded),
      };
    } catch (cause) {
      throw new GlfsError('EIO', `the attributes of inode ${inode} can't be read: ${this.fileOf(inode)}`, {
        cause,
      });
    }
  }

  private remember(inode: bigint, record: SidecarRecord | undefined): void {
    this.cache.set(inode, record);
    if (this.cache.size > this.limit) this.cache.delete(this.cache.keys().next().value!);
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
