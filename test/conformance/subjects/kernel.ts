import * as fs from 'node:fs';
import {
  type Attributes,
  type Entry,
  joined,
  type Kind,
  type OpenDirectory,
  type OpenFile,
  type Path,
  type Subject,
  type Who,
  type Xattrs,
} from '../subject.ts';
import { type As, attributesOf, host, KernelFile, KernelXattrs, kindOf } from './kernel-file.ts';
import type { KernelHelper } from './kernel-helper.ts';

const typeBits: Readonly<Partial<Record<Kind, number>>> = {
  file: fs.constants.S_IFREG,
  fifo: fs.constants.S_IFIFO,
  socket: fs.constants.S_IFSOCK,
  block: fs.constants.S_IFBLK,
  character: fs.constants.S_IFCHR,
};

/**
 * A directory of the host: what Linux itself says. Calls are synchronous inside, since the user on whose behalf one is made
 * is a property of the whole process while it lasts.
 */
export class KernelSubject implements Subject {
  private readonly who: Required<Who>;

  constructor(
    private readonly root: string,
    private readonly helper: () => KernelHelper,
    who?: Required<Who>,
  ) {
    this.who = who ?? {
      uid: process.getuid!(),
      gid: process.getgid!(),
      groups: process.getgroups!(),
      umask: 0o022,
    };
  }

  private readonly run: As = (call) => {
    const { uid, gid, groups, umask } = this.who;
    const before = process.umask(umask);
    const own = { uid: process.geteuid!(), gid: process.getegid!(), groups: process.getgroups!() };
    try {
      if (uid === own.uid) return call();
      process.setgroups!([...groups]);
      process.setegid!(gid);
      process.seteuid!(uid);
      return call();
    } finally {
      if (uid !== own.uid) {
        process.seteuid!(own.uid);
        process.setegid!(own.gid);
        process.setgroups!(own.groups);
      }
      process.umask(before);
    }
  };

  private at(path: Path): Buffer {
    return joined(this.root, path);
  }

  /** The file behind links, for calls that never follow any. */
  private followed(path: Path): Buffer {
    return fs.realpathSync.native(this.at(path), { encoding: 'buffer' });
  }

  async open(path: Path, flags: number, mode = 0o666): Promise<OpenFile> {
    const descriptor = this.run(() => fs.openSync(this.at(path), flags, mode));
    return new KernelFile(this.run, descriptor, flags, this.helper);
  }

  async opendir(path: Path, buffered = 32): Promise<OpenDirectory> {
    const options = { bufferSize: buffered, encoding: 'buffer' as BufferEncoding };
    // With that encoding names are Buffers, which the types don't know.
    const directory = this.run(() => fs.opendirSync(this.at(path) as unknown as string, options));
    return {
      read: async (): Promise<Entry | null> => {
        const entry = directory.readSync();
        return entry && { name: entry.name as unknown as Buffer, kind: kindOf(entry) };
      },
      close: async () => directory.closeSync(),
    };
  }

  async readdir(path: Path): Promise<Buffer[]> {
    return this.run(() => fs.readdirSync(this.at(path), { encoding: 'buffer' }));
  }

  async mkdir(path: Path, mode = 0o777): Promise<void> {
    this.run(() => fs.mkdirSync(this.at(path), { mode }));
  }

  async rmdir(path: Path): Promise<void> {
    this.run(() => fs.rmdirSync(this.at(path)));
  }

  async unlink(path: Path): Promise<void> {
    this.run(() => fs.unlinkSync(this.at(path)));
  }

  async rename(from: Path, to: Path): Promise<void> {
    this.run(() => fs.renameSync(this.at(from), this.at(to)));
  }

  async link(existing: Path, path: Path): Promise<void> {
    this.run(() => fs.linkSync(this.at(existing), this.at(path)));
  }

  async symlink(target: Path, path: Path): Promise<void> {
    this.run(() => fs.symlinkSync(target, this.at(path)));
  }

  async readlink(path: Path): Promise<Buffer> {
    return this.run(() => fs.readlinkSync(this.at(path), { encoding: 'buffer' }));
  }

  async mknod(path: Path, kind: Kind, mode = 0o666, device = { major: 0, minor: 0 }): Promise<void> {
    // makedev(3) of numbers below 4096 and 256, which is all that cases use.
    const number = BigInt((device.major << 8) | device.minor);
    this.run(() => host().mknod(this.at(path), (typeBits[kind] ?? 0) | mode, number));
  }

  async stat(path: Path): Promise<Attributes> {
    return attributesOf(this.run(() => fs.statSync(this.at(path), { bigint: true })));
  }

  async lstat(path: Path): Promise<Attributes> {
    return attributesOf(this.run(() => fs.lstatSync(this.at(path), { bigint: true })));
  }

  async chmod(path: Path, mode: number): Promise<void> {
    this.run(() => fs.chmodSync(this.at(path), mode));
  }

  async chown(path: Path, uid: number, gid: number): Promise<void> {
    this.run(() => fs.chownSync(this.at(path), uid, gid));
  }

  async lchown(path: Path, uid: number, gid: number): Promise<void> {
    this.run(() => fs.lchownSync(this.at(path), uid, gid));
  }

  async utimes(path: Path, atime: bigint, mtime: bigint): Promise<void> {
    this.run(() => host().utimens(this.followed(path), atime, mtime));
  }

  async lutimes(path: Path, atime: bigint, mtime: bigint): Promise<void> {
    this.run(() => host().utimens(this.at(path), atime, mtime));
  }

  /** node:fs would open the file for reading, too, and truncate(2) does not. */
  async truncate(path: Path, size: number): Promise<void> {
    this.run(() => {
      const descriptor = fs.openSync(this.at(path), fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
      try {
        fs.ftruncateSync(descriptor, size);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  async access(path: Path, mode: number): Promise<void> {
    const { uid, gid, groups } = this.who;
    await this.helper().ask('access', { path: this.at(path).toString('latin1'), mode, uid, gid, groups });
  }

  xattrs(path: Path, { follow } = { follow: true }): Xattrs {
    return new KernelXattrs(this.run, () => (follow ? this.followed(path) : this.at(path)));
  }

  as(who: Who): Subject {
    return new KernelSubject(this.root, this.helper, { ...this.who, ...who });
  }

  /** Every process is a client of the kernel as good as any other. */
  async other(): Promise<Subject> {
    return this;
  }

  below(directory: string): Subject {
    return new KernelSubject(joined(this.root, directory).toString(), this.helper, this.who);
  }
}
