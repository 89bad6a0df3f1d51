import {
  type BigIntStats,
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  lchownSync,
  openSync,
} from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../../protocol/iatt.ts';
import type { Place, RawEntry, Syscalls } from '../../../syscalls.ts';
import type { AttributeStore, Ownership } from './attribute-store.ts';
import type { SidecarRecord, SidecarRecords } from './sidecar-records.ts';
import { hostStat, ownOnHost } from './xattr-store.ts';

const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o010;
const DT_UNKNOWN = 0;
const DT_REG = 8;

/** The most that Linux takes as one attribute, and for all names of one file. */
const MOST_BYTES = 65536;

const NOTHING: SidecarRecord = { attributes: new Map() };

/**
 * Attributes in records below .glusterfs. With `owners` they also have owners, permissions and kinds of files: those of the
 * host then only let the process work (u+rwX), and a regular file stands for a device, fifo or socket.
 */
export class SidecarStore implements AttributeStore {
  readonly kind = 'sidecar';

  constructor(
    private readonly records: SidecarRecords,
    private readonly owners: boolean,
    private readonly host: Syscalls,
  ) {}

  get(place: Place, name: string): Buffer | undefined {
    return this.records.get(inodeOf(place))?.attributes.get(name);
  }

  set(place: Place, name: string, value: Uint8Array, how?: 'create' | 'replace'): void {
    const stat = hostStat(place);
    const record = this.records.get(stat.ino) ?? NOTHING;
    const there = record.attributes.has(name);
    if (how === 'create' && there) throw new GlfsError('EEXIST', `there is an attribute ${name}`);
    if (how === 'replace' && !there) throw new GlfsError('ENODATA', `there is no attribute ${name}`);
    if (value.length > MOST_BYTES) throw new GlfsError('E2BIG', `more than ${MOST_BYTES} bytes`);
    if (Buffer.byteLength(name) > 255) throw new GlfsError('ERANGE', 'the name of an attribute is too long');
    const attributes = new Map(record.attributes).set(name, Buffer.from(value));
    this.records.put(stat.ino, { ...record, attributes });
    this.touch(place, stat);
  }

  remove(place: Place, name: string): void {
    const stat = hostStat(place);
    const record = this.records.get(stat.ino);
    if (record?.attributes.has(name) !== true)
      throw new GlfsError('ENODATA', `there is no attribute ${name}`);
    const attributes = new Map(record.attributes);
    attributes.delete(name);
    this.records.put(stat.ino, { ...record, attributes });
    this.touch(place, stat);
  }

  list(place: Place): string[] {
    return [...(this.records.get(inodeOf(place))?.attributes.keys() ?? [])];
  }

  stat(place: Place): BigIntStats {
    const stat = hostStat(place);
    if (!this.owners) return stat;
    const record = this.records.get(stat.ino);
    if (record?.uid !== undefined) stat.uid = BigInt(record.uid);
    if (record?.gid !== undefined) stat.gid = BigInt(record.gid);
    if (record?.mode !== undefined) stat.mode = BigInt(record.mode);
    if (record?.device !== undefined) stat.rdev = record.device;
    return stat;
  }

  own(place: Place, ownership: Ownership): void {
    if (this.owners) this.ownInRecord(place, ownership);
    else ownOnHost(place, ownership);
  }

  private ownInRecord(place: Place, ownership: Ownership): void {
    const { mode, uid, gid } = ownership;
    const stat = this.stat(place);
    let now = Number(stat.mode);
    const kind = now & S_IFMT;
    if (mode !== undefined && kind === S_IFLNK)
      throw new GlfsError('EOPNOTSUPP', 'symbolic links have no permissions');
    // As the host does when a file changes hands.
    if ((uid ?? gid) !== undefined && kind === S_IFREG)
      now &= ~(S_ISUID | ((now & S_IXGRP) !== 0 ? S_ISGID : 0));
    if (mode !== undefined) now = kind | (mode & 0o7777);
    this.records.put(stat.ino, {
      ...(this.records.get(stat.ino) ?? NOTHING),
      uid: uid ?? Number(stat.uid),
      gid: gid ?? Number(stat.gid),
      mode: now,
    });
    this.touch(place, stat);
    if (mode !== undefined && (kind === S_IFDIR || kind === S_IFREG))
      ownOnHost(place, { mode: (mode & 0o777) | (kind === S_IFDIR ? 0o700 : 0o600) });
  }

  /** The host's ctime moves with what is kept beside the file, by a change to what is there already. */
  private touch(place: Place, stat: BigIntStats): void {
    // A chown takes setuid away where the host has it; where owners are kept here it has not.
    const mode = Number(stat.mode);
    if (this.owners || (mode & S_IFMT) === S_IFLNK) {
      if (typeof place === 'number') fchownSync(place, -1, -1);
      else lchownSync(Buffer.from(place), -1, -1);
    } else if (typeof place === 'number') fchmodSync(place, mode & 0o7777);
    else chmodSync(Buffer.from(place), mode & 0o7777);
  }

  mknod(path: Buffer, mode: number, device: bigint): void {
    if (!this.owners) {
      this.host.mknod(path, mode, device);
      this.forget(path);
      return;
    }
    closeSync(openSync(path, 'wx', 0o600));
    const inode = inodeOf(path);
    this.records.drop(inode);
    this.records.put(inode, { mode, device, attributes: new Map() });
  }

  forget(place: Place): void {
    this.records.drop(inodeOf(place));
  }

  forgetLater(place: Place): () => void {
    const inode = inodeOf(place);
    return () => this.records.drop(inode);
  }

  together<T>(act: () => T): T {
    return this.records.hold(act);
  }

  typeOf(entry: RawEntry): number {
    if (!this.owners || (entry.type !== DT_REG && entry.type !== DT_UNKNOWN)) return entry.type;
    const mode = this.records.get(entry.ino)?.mode;
    return mode === undefined ? entry.type : (mode & S_IFMT) >> 12;
  }
}

function inodeOf(place: Place): bigint {
  return hostStat(place).ino;
}
