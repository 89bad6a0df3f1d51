import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CallContext,
  Fd,
  type FopFunction,
  Inode,
  type Reply,
  readOptions,
  rootContext,
} from '../../../../src/graph/index.ts';
import { silent } from '../../../../src/logger.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';
import { newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import type { FileType } from '../../../../src/protocol/iatt.ts';
import { syscalls } from '../../../../src/syscalls.ts';
import { attributeFops } from '../../../../src/xlators/storage/posix/attributes/index.ts';
import { BrickDirectory } from '../../../../src/xlators/storage/posix/brick-directory.ts';
import { fileFops } from '../../../../src/xlators/storage/posix/files/index.ts';
import { noteName } from '../../../../src/xlators/storage/posix/gfid2path.ts';
import { hostError } from '../../../../src/xlators/storage/posix/host-error.ts';
import { options } from '../../../../src/xlators/storage/posix/options.ts';

const fops = { ...fileFops, ...attributeFops };
type Name = keyof typeof fops & FopName;

/** The stores that this machine can have: trusted.* attributes on files are root's. */
export function storeKinds(): ('sidecar' | 'xattr')[] {
  return process.getuid?.() === 0 && syscalls() !== undefined && takesTrusted()
    ? ['sidecar', 'xattr']
    : ['sidecar'];
}

function takesTrusted(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'glfs-trusted-'));
  try {
    syscalls()!.setxattr(Buffer.from(directory), Buffer.from('trusted.glfs'), Buffer.from('x'), 0);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A brick in a directory of its own, whose files are made by hand: data and attributes are tested without entry operations. */
export class DataBrick {
  private constructor(
    readonly brick: BrickDirectory,
    readonly directory: string,
  ) {}

  static async open(store: string, extra: Record<string, string> = {}): Promise<DataBrick> {
    const directory = mkdtempSync(join(tmpdir(), 'glfs-data-brick-'));
    const given = new Map(Object.entries({ directory, 'attribute-store': store, reserve: '0', ...extra }));
    const values = readOptions(options, given, 'posix', () => {});
    return new DataBrick(
      await BrickDirectory.open({ name: 'posix', options: values, log: silent }),
      directory,
    );
  }

  async close(): Promise<void> {
    await this.brick.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A new file in the root directory. */
  make(name: string, type: FileType = 'file', gfid = newGfid()): Inode {
    const path = join(this.directory, name);
    const inode = new Inode(gfid, type);
    if (type === 'directory') mkdirSync(path);
    else if (type === 'symlink') symlinkSync('to', path);
    else if (type === 'fifo') execFileSync('mkfifo', [path]);
    else writeFileSync(path, '');
    const { store, handles } = this.brick;
    store.set(Buffer.from(path), 'trusted.gfid', gfid);
    if (type === 'directory') handles.linkDirectory(inode.gfid, ROOT_GFID, Buffer.from(name));
    else {
      handles.linkFile(Buffer.from(path), inode.gfid);
      noteName(this.brick, Buffer.from(path), ROOT_GFID, Buffer.from(name));
    }
    return inode;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async call<K extends Name>(
    name: K,
    request: Parameters<FopFunction<K>>[0],
    context: CallContext = rootContext(),
  ): Promise<Reply<K>> {
    const fop = fops[name] as unknown as (
      brick: BrickDirectory,
      ...call: Parameters<FopFunction<K>>
    ) => Promise<Reply<K>>;
    try {
      return await fop(this.brick, request, context);
    } catch (error) {
      throw hostError(error);
    }
  }

  /** Opens a file; flags as on the wire (default O_RDWR). */
  async fd(inode: Inode, flags = 2): Promise<Fd> {
    const fd = new Fd(inode, flags);
    await this.call('open', { loc: { inode }, fd, flags });
    return fd;
  }

  async write(fd: Fd, text: string | Uint8Array, offset = 0) {
    const data = Buffer.from(text as string);
    return this.call('write', { fd, offset, size: data.length, flags: 0, data: [data] });
  }

  async read(fd: Fd, offset = 0, size = 1 << 20): Promise<string> {
    const { data } = await this.call('read', { fd, offset, size, flags: 0 });
    return Buffer.from(data).toString('latin1');
  }
}

/** A context whose calls stamp times. */
export function stamping(flags: number, seconds: number, nanoseconds = 0): CallContext {
  return rootContext({ stamp: { flags, seconds, nanoseconds } });
}
