import {
  chmod,
  chown,
  type FileHandle,
  link,
  mkdir,
  open as openFile,
  rename,
  rmdir,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { File, Volume } from '../../../src/index.ts';
import { runOk } from '../processes.ts';

/** Somebody who tells a story in a directory: each method is one system call, or open, one call, close. */
export interface Teller {
  create(name: string): Promise<void>;
  /** Opens with O_TRUNC and closes. */
  empty(name: string): Promise<void>;
  write(name: string, data: string, at: number): Promise<void>;
  append(name: string, data: string): Promise<void>;
  truncate(name: string, size: number): Promise<void>;
  allocate(name: string, length: number): Promise<void>;
  mkdir(name: string): Promise<void>;
  rmdir(name: string): Promise<void>;
  unlink(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  link(existing: string, name: string): Promise<void>;
  symlink(target: string, name: string): Promise<void>;
  fifo(name: string): Promise<void>;
  chmod(name: string, mode: number): Promise<void>;
  chown(name: string, uid: number, gid: number): Promise<void>;
  utimes(name: string, atime: number, mtime: number): Promise<void>;
  setxattr(name: string, key: string, value: string): Promise<void>;
  removexattr(name: string, key: string): Promise<void>;
  /** Opens and keeps open until `close`. */
  open(name: string): Promise<void>;
  pwrite(name: string, data: string, at: number): Promise<void>;
  ftruncate(name: string, size: number): Promise<void>;
  fsync(name: string): Promise<void>;
  close(name: string): Promise<void>;
}

/** By system calls in a directory of a mount. */
export class MountTeller implements Teller {
  private readonly files = new Map<string, FileHandle>();

  constructor(private readonly directory: string) {}

  private at(name: string): string {
    return join(this.directory, name);
  }

  private async with(
    name: string,
    flags: string,
    act: (file: FileHandle) => Promise<unknown>,
  ): Promise<void> {
    const file = await openFile(this.at(name), flags);
    try {
      await act(file);
    } finally {
      await file.close();
    }
  }

  create = (name: string) => this.with(name, 'wx', async () => {});
  empty = (name: string) => this.with(name, 'w', async () => {});
  write = (name: string, data: string, at: number) => this.with(name, 'r+', (file) => file.write(data, at));
  append = (name: string, data: string) => this.with(name, 'a', (file) => file.write(data));
  // Node's own truncate opens the file.
  truncate = async (name: string, size: number) =>
    void (await runOk('perl', ['-e', 'truncate($ARGV[0], $ARGV[1]) or die $!', this.at(name), String(size)]));
  allocate = async (name: string, length: number) =>
    void (await runOk('fallocate', ['-l', String(length), this.at(name)]));
  mkdir = (name: string) => mkdir(this.at(name));
  rmdir = (name: string) => rmdir(this.at(name));
  unlink = (name: string) => unlink(this.at(name));
  rename = (from: string, to: string) => rename(this.at(from), this.at(to));
  link = (existing: string, name: string) => link(this.at(existing), this.at(name));
  symlink = (target: string, name: string) => symlink(target, this.at(name));
  fifo = async (name: string) => void (await runOk('mkfifo', [this.at(name)]));
  chmod = (name: string, mode: number) => chmod(this.at(name), mode);
  chown = (name: string, uid: number, gid: number) => chown(this.at(name), uid, gid);
  utimes = (name: string, atime: number, mtime: number) => utimes(this.at(name), atime, mtime);
  setxattr = async (name: string, key: string, value: string) =>
    void (await runOk('setfattr', ['-n', key, '-v', value, this.at(name)]));
  removexattr = async (name: string, key: string) =>
    void (await runOk('setfattr', ['-x', key, this.at(name)]));
  open = async (name: string) => void this.files.set(name, await openFile(this.at(name), 'r+'));
  pwrite = async (name: string, data: string, at: number) => void (await this.file(name).write(data, at));
  ftruncate = (name: string, size: number) => this.file(name).truncate(size);
  fsync = (name: string) => this.file(name).sync();
  close = async (name: string) => {
    await this.file(name).close();
    this.files.delete(name);
  };

  private file(name: string): FileHandle {
    return this.files.get(name)!;
  }
}

/** By calls of glfs in a directory of a volume. */
export class VolumeTeller implements Teller {
  private readonly files = new Map<string, File>();

  constructor(
    private readonly volume: Volume,
    private readonly directory: string,
  ) {}

  private at(name: string): string {
    return `${this.directory}/${name}`;
  }

  private async with(name: string, flags: 'wx' | 'w' | 'r+' | 'a', act: (file: File) => Promise<unknown>) {
    const file = await this.volume.open(this.at(name), flags, { mode: 0o644 });
    try {
      await act(file);
    } finally {
      await file.close();
    }
  }

  create = (name: string) => this.with(name, 'wx', async () => {});
  empty = (name: string) => this.with(name, 'w', async () => {});
  write = (name: string, data: string, at: number) => this.with(name, 'r+', (file) => file.pwrite(data, at));
  append = (name: string, data: string) => this.with(name, 'a', (file) => file.write(data));
  truncate = async (name: string, size: number) => void (await this.volume.truncate(this.at(name), size));
  allocate = (name: string, length: number) =>
    this.with(name, 'r+', async (file) => {
      await file.fallocate(0, length);
      // As the command fallocate does before it closes.
      await file.sync();
    });
  mkdir = async (name: string) => void (await this.volume.mkdir(this.at(name), { mode: 0o755 }));
  rmdir = (name: string) => this.volume.rmdir(this.at(name));
  unlink = (name: string) => this.volume.unlink(this.at(name));
  rename = (from: string, to: string) => this.volume.rename(this.at(from), this.at(to));
  link = (existing: string, name: string) => this.volume.link(this.at(existing), this.at(name));
  symlink = (target: string, name: string) => this.volume.symlink(target, this.at(name));
  fifo = (name: string) => this.volume.mknod(this.at(name), { type: 'fifo', mode: 0o644 });
  chmod = (name: string, mode: number) => this.volume.chmod(this.at(name), mode);
  chown = (name: string, uid: number, gid: number) => this.volume.chown(this.at(name), uid, gid);
  utimes = (name: string, atime: number, mtime: number) => this.volume.utimes(this.at(name), atime, mtime);
  setxattr = (name: string, key: string, value: string) => this.volume.setxattr(this.at(name), key, value);
  removexattr = (name: string, key: string) => this.volume.removexattr(this.at(name), key);
  open = async (name: string) => void this.files.set(name, await this.volume.open(this.at(name), 'r+'));
  pwrite = async (name: string, data: string, at: number) => void (await this.file(name).pwrite(data, at));
  ftruncate = async (name: string, size: number) => void (await this.file(name).truncate(size));
  fsync = async (name: string) => void (await this.file(name).sync());
  close = async (name: string) => {
    await this.file(name).close();
    this.files.delete(name);
  };

  private file(name: string): File {
    return this.files.get(name)!;
  }
}
