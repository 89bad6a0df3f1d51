import { GlfsError } from '../errors.ts';
import { shown } from './calls.ts';
import { Directory } from './directory.ts';
import type { Dirent, DirentPlus } from './dirent.ts';
import * as entries from './entries.ts';
import { Handle } from './handle.ts';
import { linkTarget } from './link-targets.ts';
import { inEncoding } from './names.ts';
import { openDirectory, unlessEnded } from './opening.ts';
import { atPlace, fresh, pathOf, placeOf, type Reserved } from './paths.ts';
import { ignoringAbsence, makeTree, removeTree } from './trees.ts';
import type {
  CallOptions,
  EncodingOptions,
  MkdirOptions,
  MknodOptions,
  OpendirOptions,
  Path,
  ReaddirOptions,
  RmOptions,
} from './types.ts';
import { VolumeAttributes } from './volume-attributes.ts';

const noUnlink: Reserved = 'EISDIR';
const noRmdir: Reserved = { '/': 'EBUSY', '.': 'EINVAL', '..': 'ENOTEMPTY' };

/** Directories and their entries by path. */
export abstract class VolumeEntries extends VolumeAttributes {
  /** Gives a file a further name; a symbolic link at the end of `existing` is not followed (glfs_link). @throws GlfsError EEXIST, EPERM */
  async link(existing: Path, path: Path, options?: CallOptions): Promise<void> {
    await this.callBetween('link', existing, path, options, (call) =>
      fresh(async (trusting) => {
        const from = await placeOf(call, existing, 'EPERM', trusting);
        const to = await placeOf(call, path, 'EEXIST', trusting);
        const inode = await entries.lookupExisting(call, from);
        if (to.trailing) throw new GlfsError('ENOENT');
        return entries.link(call, inode, to.parent, to.name);
      }),
    );
  }

  /** Makes a symbolic link at `path` (glfs_symlink). @throws GlfsError EEXIST, ENOENT */
  async symlink(target: Path, path: Path, options?: CallOptions): Promise<void> {
    await this.callBetween('symlink', target, path, options, (call) =>
      atPlace(call, path, 'EEXIST', ({ parent, name, trailing }) => {
        if (trailing) throw new GlfsError('ENOENT');
        return entries.symlink(call, parent, name, target);
      }),
    );
  }

  /** The target of a symbolic link (glfs_readlink). @throws GlfsError EINVAL where it is none */
  readlink(path: Path, options: EncodingOptions & { encoding: 'buffer' }): Promise<Buffer>;
  readlink(path: Path, options?: EncodingOptions): Promise<string>;
  readlink(path: Path, options?: EncodingOptions): Promise<string | Buffer> {
    return this.onPath('readlink', path, options, false, async (call, { inode }) => {
      if (inode.type !== 'symlink') throw new GlfsError('EINVAL', 'not a symbolic link');
      return inEncoding(await linkTarget(call, inode), options?.encoding);
    });
  }

  /** The absolute path without links, `.` and `..` (glfs_realpath). @throws GlfsError ENOENT, ELOOP */
  realpath(path: Path, options: EncodingOptions & { encoding: 'buffer' }): Promise<Buffer>;
  realpath(path: Path, options?: EncodingOptions): Promise<string>;
  realpath(path: Path, options?: EncodingOptions): Promise<string | Buffer> {
    return this.onPath('realpath', path, options, true, async (call, { step }) =>
      inEncoding(await pathOf(call, step), options?.encoding),
    );
  }

  /** Moves and renames; replaces what is at `to` (glfs_rename). @throws GlfsError as rename(2): EISDIR, ENOTDIR, ENOTEMPTY, EINVAL */
  rename(from: Path, to: Path, options?: CallOptions): Promise<void> {
    return this.callBetween('rename', from, to, options, (call) =>
      fresh(async (trusting) =>
        entries.rename(
          call,
          await placeOf(call, from, 'EBUSY', trusting),
          await placeOf(call, to, 'EBUSY', trusting),
        ),
      ),
    );
  }

  /** Removes a file or link (glfs_unlink). @throws GlfsError ENOENT, EISDIR */
  unlink(path: Path, options?: CallOptions): Promise<void> {
    return this.call('unlink', path, options, (call) =>
      atPlace(call, path, noUnlink, ({ parent, name, trailing }) =>
        entries.unlink(call, parent, name, trailing),
      ),
    );
  }

  /** Removes an empty directory (glfs_rmdir). @throws GlfsError ENOENT, ENOTDIR, ENOTEMPTY */
  rmdir(path: Path, options?: CallOptions): Promise<void> {
    return this.call('rmdir', path, options, (call) =>
      atPlace(call, path, noRmdir, ({ parent, name }) => entries.rmdir(call, parent, name)),
    );
  }

  /** Removes a file, or with `recursive` a whole tree; `force` as of fs.rm. @throws GlfsError EISDIR, ENOENT */
  rm(path: Path, options: RmOptions = {}): Promise<void> {
    const { recursive = false, force = false } = options;
    return this.call('rm', path, options, (call) => {
      const remove = (): Promise<void> =>
        atPlace(call, path, noRmdir, ({ parent, name, trailing }) =>
          recursive ? removeTree(call, parent, name) : entries.unlink(call, parent, name, trailing),
        );
      return force ? ignoringAbsence(remove) : remove();
    });
  }

  /**
   * Makes a directory (glfs_mkdir). With `recursive` all that are missing on the way; then the first one that was made is
   * given, or undefined where all were there. @throws GlfsError EEXIST, ENOENT, ENOTDIR
   */
  mkdir(path: Path, options: MkdirOptions = {}): Promise<string | undefined> {
    const { recursive = false, mode = 0o777 } = options;
    return this.call('mkdir', path, options, async (call) => {
      if (recursive) return makeTree(call, path, mode);
      await atPlace(call, path, 'EEXIST', ({ parent, name }) => entries.mkdir(call, parent, name, mode));
      return undefined;
    });
  }

  /** Makes a file, fifo, socket or device (glfs_mknod). @throws GlfsError EEXIST, EPERM */
  async mknod(path: Path, options?: MknodOptions): Promise<void> {
    await this.call('mknod', path, options, (call) =>
      atPlace(call, path, 'EEXIST', ({ parent, name, trailing }) => {
        if (trailing) throw new GlfsError('ENOENT');
        return entries.mknod(call, parent, name, options);
      }),
    );
  }

  /** Opens a directory (glfs_opendir). @throws GlfsError ENOTDIR, ENOENT, EACCES */
  opendir(path: Path, options?: OpendirOptions): Promise<Directory> {
    const { scope } = this;
    return this.onPath('opendir', path, options, true, async (call, { loc }) => {
      const opened = await openDirectory(call, loc);
      const handleOf = (inode: Handle['inode']): Handle => new Handle(scope, inode);
      return unlessEnded(call, new Directory(scope, opened, shown(path), handleOf, options));
    });
  }

  /** Names in a directory, or Dirents; without `.` and `..`. @throws GlfsError ENOTDIR, ENOENT */
  readdir(path: Path, options: ReaddirOptions & { withFileTypes: true }): Promise<Dirent[]>;
  readdir(path: Path, options: ReaddirOptions & { encoding: 'buffer' }): Promise<Buffer[]>;
  readdir(path: Path, options?: ReaddirOptions): Promise<string[]>;
  async readdir(path: Path, options: ReaddirOptions = {}): Promise<Dirent[] | string[] | Buffer[]> {
    const found: { entry: Dirent; below: string }[] = [];
    await this.list(path, '', options, (entry, below) => found.push({ entry, below }));
    if (options.withFileTypes) return found.map(({ entry }) => entry);
    return found.map(({ entry, below }) => inEncoding(below + entry.name, options.encoding)) as
      | string[]
      | Buffer[];
  }

  private async list(
    path: Path,
    below: string,
    options: ReaddirOptions,
    add: (entry: Dirent, below: string) => void,
  ): Promise<void> {
    await using directory = await this.opendir(path, options);
    const inner: string[] = [];
    for (
      let batch = await directory.readBatch(options);
      batch.length > 0;
      batch = await directory.readBatch(options)
    ) {
      for (const entry of batch) {
        add(entry, below);
        if (options.recursive && entry.isDirectory()) inner.push(entry.name);
      }
    }
    for (const name of inner) await this.list(joined(shown(path), name), `${below}${name}/`, options, add);
  }

  /** Entries of a directory with their attributes and handles (glfs_readdirplus, glfs_xreaddirplus). */
  async readdirPlus(path: Path, options?: CallOptions): Promise<DirentPlus[]> {
    await using directory = await this.opendir(path, options);
    const all: DirentPlus[] = [];
    for await (const entry of directory.entriesPlus(options)) all.push(entry);
    return all;
  }
}

function joined(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}
