import { constants } from 'node:fs';
import type { File } from '../api/file.ts';
import type { BigIntStats } from '../api/stats.ts';
import type { CallOptions } from '../api/types.ts';
import type { Volume } from '../api/volume.ts';
import { isGlfsError } from '../errors.ts';
import { deviceNumbers } from './format.ts';
import { childOf, type Location } from './locate.ts';
import type { Opened } from './session.ts';
import {
  type Attributes,
  attributesOf,
  type OpenSource,
  type OpenTarget,
  type Place,
  type Side,
  type SideEntry,
} from './side.ts';
import { readAhead } from './transfer.ts';

const { O_WRONLY, O_CREAT, O_TRUNC, O_EXCL } = constants;

/** The open file behind a source or target of this side. */
interface OnFile {
  readonly file: File;
}

/** A volume as one side of a copy. */
export class VolumeSide implements Side {
  private readonly raw: Volume;

  constructor(
    private readonly volume: Volume,
    readonly key: string,
    private readonly calls: CallOptions,
  ) {
    // Modes are given as they are to be: the umask has been applied already.
    this.raw = volume.as({ umask: 0 });
  }

  /** The file of something that this side has opened; undefined for what others have. */
  static fileOf(opened: OpenSource | OpenTarget): File | undefined {
    return (opened as Partial<OnFile>).file;
  }

  async stat(path: string, follow: boolean): Promise<Attributes> {
    const options = { ...this.calls, bigint: true as const };
    return this.attributes(
      await (follow ? this.volume.stat(path, options) : this.volume.lstat(path, options)),
    );
  }

  private attributes(stats: BigIntStats): Attributes {
    return attributesOf(stats, `${this.key} ${stats.gfid}`);
  }

  async entries(path: string): Promise<SideEntry[]> {
    const entries = await this.volume.readdir(path, { ...this.calls, withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  }

  readlink(path: string): Promise<string> {
    return this.volume.readlink(path, this.calls);
  }

  async openSource(path: string): Promise<OpenSource & OnFile> {
    const file = await this.volume.open(path, 'r', this.calls);
    try {
      const attributes = this.attributes(await file.stat({ ...this.calls, bigint: true }));
      const readAt = async (position: number, size: number) => {
        const { buffer, bytesRead, eof } = await file.pread(size, position, this.calls);
        return { bytes: buffer, eof: eof || bytesRead < size };
      };
      return {
        file,
        attributes,
        pieces: () => readAhead(readAt, attributes.size),
        close: () => file.close(),
      };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async openTarget(
    path: string,
    options: { mode: number; exclusive: boolean },
  ): Promise<OpenTarget & OnFile> {
    const flags = O_WRONLY | (options.exclusive ? O_CREAT | O_EXCL : O_TRUNC);
    const file = await this.raw.open(path, flags, { ...this.calls, mode: options.mode });
    return {
      file,
      ordered: false,
      write: async (bytes, position) => void (await file.pwrite(bytes, position, this.calls)),
      size: async () => (await file.stat(this.calls)).size,
      truncate: async (size) => void (await file.truncate(size, this.calls)),
      sync: async () => void (await file.sync(this.calls)),
      close: () => file.close(),
    };
  }

  async mkdir(path: string, mode: number): Promise<void> {
    await this.raw.mkdir(path, { ...this.calls, mode });
  }

  symlink(target: string, path: string): Promise<void> {
    return this.volume.symlink(target, path, this.calls);
  }

  mknod(path: string, { kind, mode, rdev }: Attributes): Promise<void> {
    const type = kind as 'fifo' | 'socket' | 'block' | 'character';
    return this.raw.mknod(path, { ...this.calls, type, mode, ...deviceNumbers(rdev) });
  }

  unlink(path: string): Promise<void> {
    return this.volume.unlink(path, this.calls);
  }

  rmdir(path: string): Promise<void> {
    return this.volume.rmdir(path, this.calls);
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.volume.chmod(path, mode, this.calls);
  }

  async restore(path: string, { kind, mode, uid, gid, atimeNs, mtimeNs }: Attributes): Promise<void> {
    const options = { ...this.calls, follow: false };
    await this.volume.setattr(path, { uid, gid }, options).catch((error: unknown) => {
      // Only root gives files away; others keep them.
      if (!isGlfsError(error, 'EPERM')) throw error;
    });
    const times = { atime: atimeNs, mtime: mtimeNs };
    // Behind the owner, because a change of owner takes setuid bits away.
    await this.volume.setattr(path, kind === 'symlink' ? times : { mode, ...times }, options);
  }
}

/** The place of a located file. `key`: see Side. */
export function volumePlace(
  { location, volume }: Opened,
  calls: CallOptions,
  key = location.volumeUrl,
): Place {
  const side = new VolumeSide(volume, key, calls);
  const at = (here: Location): Place => ({
    side,
    path: here.path,
    shown: here.url,
    child: (name) => at(childOf(here, name)),
  });
  return at(location);
}
