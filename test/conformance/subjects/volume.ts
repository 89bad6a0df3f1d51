import {
  type BigIntStats,
  type Directory,
  encodeText,
  type File,
  type FileType,
  typeOfMode,
  type Volume,
} from '../../../src/index.ts';
import {
  type Attributes,
  type Entry,
  type HeldLock,
  joined,
  type Kind,
  type LockRange,
  type OpenDirectory,
  type OpenFile,
  type Path,
  type Subject,
  type Who,
  type Xattrs,
} from '../subject.ts';
import { numbersOf } from './attribute-numbers.ts';

function kindOf(type: FileType): Kind {
  if (type === 'unknown') throw new Error('a file of no known kind');
  return type;
}

function attributesOf(stat: BigIntStats): Attributes {
  return { kind: kindOf(typeOfMode(Number(stat.mode))), ...numbersOf(stat) };
}

/** An open file of the API. */
class VolumeFile implements OpenFile {
  constructor(readonly file: File) {}

  async read(length: number, position: number | null = null): Promise<Buffer> {
    const { buffer } = await (position === null ? this.file.read(length) : this.file.pread(length, position));
    return buffer;
  }

  async write(data: Uint8Array | string, position: number | null = null): Promise<number> {
    const { bytesWritten } = await (position === null
      ? this.file.write(data)
      : this.file.pwrite(data, position));
    return bytesWritten;
  }

  async truncate(size: number): Promise<void> {
    await this.file.truncate(size);
  }

  async stat(): Promise<Attributes> {
    return attributesOf(await this.file.stat({ bigint: true }));
  }

  chmod(mode: number): Promise<void> {
    return this.file.chmod(mode);
  }

  chown(uid: number, gid: number): Promise<void> {
    return this.file.chown(uid, gid);
  }

  utimes(atime: bigint, mtime: bigint): Promise<void> {
    return this.file.utimes(atime, mtime);
  }

  async sync(): Promise<void> {
    await this.file.sync();
  }

  async datasync(): Promise<void> {
    await this.file.datasync();
  }

  async allocate(offset: number, length: number, keepSize = false): Promise<void> {
    await this.file.fallocate(offset, length, { keepSize });
  }

  async punch(offset: number, length: number): Promise<void> {
    await this.file.discard(offset, length);
  }

  async zero(offset: number, length: number): Promise<void> {
    await this.file.zerofill(offset, length);
  }

  seekData(offset: number): Promise<number> {
    return this.file.seekData(offset);
  }

  seekHole(offset: number): Promise<number> {
    return this.file.seekHole(offset);
  }

  copyTo(target: OpenFile, offset: number, targetOffset: number, length: number): Promise<number> {
    return this.file.copyFileRange((target as VolumeFile).file, { offset, targetOffset, length });
  }

  async lock(type: 'read' | 'write', range: LockRange & { wait?: boolean } = {}): Promise<void> {
    await this.file.lock(type, { wait: false, ...range });
  }

  unlock(range: LockRange = {}): Promise<void> {
    return this.file.unlock(range);
  }

  async getLock(type: 'read' | 'write', range: LockRange = {}): Promise<HeldLock | undefined> {
    const held = await this.file.getLock(type, range);
    return held && { type: held.type, start: Number(held.start), length: Number(held.length) };
  }

  getxattr(name: string): Promise<Buffer> {
    return this.file.getxattr(name);
  }

  setxattr(name: string, value: Uint8Array | string, mode?: 'create' | 'replace'): Promise<void> {
    return this.file.setxattr(name, value, { mode });
  }

  listxattr(): Promise<string[]> {
    return this.file.listxattr();
  }

  removexattr(name: string): Promise<void> {
    return this.file.removexattr(name);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

class VolumeDirectory implements OpenDirectory {
  constructor(private readonly directory: Directory) {}

  async read(): Promise<Entry | null> {
    const entry = await this.directory.read();
    return entry && { name: Buffer.from(encodeText(entry.name)), kind: kindOf(entry.type) };
  }

  close(): Promise<void> {
    return this.directory.close();
  }
}

/** About what an entry takes of a listing's buffer. */
const ENTRY_BYTES = 64;

/** A volume of glfs by its API. */
export class VolumeSubject implements Subject {
  /** `connect` makes another client of the same volume; whoever gives it closes it. */
  constructor(
    private readonly volume: Volume,
    private readonly connect: () => Promise<Volume>,
    private readonly root = '',
    private readonly who: Required<Who> = { uid: 0, gid: 0, groups: [], umask: 0o022 },
  ) {
    this.view = volume.as(this.who);
  }

  private readonly view: Volume;

  private at(path: Path): Buffer {
    return joined(this.root, path);
  }

  async open(path: Path, flags: number, mode = 0o666): Promise<OpenFile> {
    return new VolumeFile(await this.view.open(this.at(path), flags, { mode }));
  }

  async opendir(path: Path, buffered = 32): Promise<OpenDirectory> {
    const bufferSize = buffered * ENTRY_BYTES;
    return new VolumeDirectory(await this.view.opendir(this.at(path), { bufferSize }));
  }

  readdir(path: Path): Promise<Buffer[]> {
    return this.view.readdir(this.at(path), { encoding: 'buffer' });
  }

  async mkdir(path: Path, mode = 0o777): Promise<void> {
    await this.view.mkdir(this.at(path), { mode });
  }

  rmdir(path: Path): Promise<void> {
    return this.view.rmdir(this.at(path));
  }

  unlink(path: Path): Promise<void> {
    return this.view.unlink(this.at(path));
  }

  rename(from: Path, to: Path): Promise<void> {
    return this.view.rename(this.at(from), this.at(to));
  }

  link(existing: Path, path: Path): Promise<void> {
    return this.view.link(this.at(existing), this.at(path));
  }

  symlink(target: Path, path: Path): Promise<void> {
    return this.view.symlink(target, this.at(path));
  }

  readlink(path: Path): Promise<Buffer> {
    return this.view.readlink(this.at(path), { encoding: 'buffer' });
  }

  mknod(path: Path, kind: Kind, mode = 0o666, device = { major: 0, minor: 0 }): Promise<void> {
    if (kind === 'directory' || kind === 'symlink') throw new Error(`mknod makes no ${kind}`);
    return this.view.mknod(this.at(path), { type: kind, mode, ...device });
  }

  async stat(path: Path): Promise<Attributes> {
    return attributesOf(await this.view.stat(this.at(path), { bigint: true }));
  }

  async lstat(path: Path): Promise<Attributes> {
    return attributesOf(await this.view.lstat(this.at(path), { bigint: true }));
  }

  chmod(path: Path, mode: number): Promise<void> {
    return this.view.chmod(this.at(path), mode);
  }

  chown(path: Path, uid: number, gid: number): Promise<void> {
    return this.view.chown(this.at(path), uid, gid);
  }

  lchown(path: Path, uid: number, gid: number): Promise<void> {
    return this.view.lchown(this.at(path), uid, gid);
  }

  utimes(path: Path, atime: bigint, mtime: bigint): Promise<void> {
    return this.view.utimes(this.at(path), atime, mtime);
  }

  lutimes(path: Path, atime: bigint, mtime: bigint): Promise<void> {
    return this.view.lutimes(this.at(path), atime, mtime);
  }

  async truncate(path: Path, size: number): Promise<void> {
    await this.view.truncate(this.at(path), size);
  }

  access(path: Path, mode: number): Promise<void> {
    return this.view.access(this.at(path), mode);
  }

  xattrs(path: Path, { follow } = { follow: true }): Xattrs {
    const at = this.at(path);
    return {
      getxattr: (name) => this.view.getxattr(at, name, { follow }),
      setxattr: (name, value, mode) => this.view.setxattr(at, name, value, { follow, mode }),
      listxattr: () => this.view.listxattr(at, { follow }),
      removexattr: (name) => this.view.removexattr(at, name, { follow }),
    };
  }

  as(who: Who): Subject {
    return new VolumeSubject(this.volume, this.connect, this.root, { ...this.who, ...who });
  }

  async other(): Promise<Subject> {
    return new VolumeSubject(await this.connect(), this.connect, this.root, this.who);
  }

  below(directory: string): Subject {
    return new VolumeSubject(this.volume, this.connect, joined(this.root, directory).toString(), this.who);
  }
}
