import { closeSync, renameSync, unlinkSync } from 'node:fs';
import type { ContextOwner, Fd } from '../../../graph/index.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { PosixFd } from './brick.ts';
import { type Handles, lookAt } from './handles.ts';

interface OpenFile {
  readonly gfid: Gfid;
  readonly fds: Set<PosixFd>;
  /** Its last name is gone: it is to go with its last fd. */
  unlinked: boolean;
}

/**
 * Which files are open. One whose last name is removed stays, as .glusterfs/unlink/<gfid>, until its last fd is released, so
 * that it is found by gfid as long.
 */
export class OpenFiles implements ContextOwner<PosixFd> {
  declare readonly contextType?: PosixFd;
  private readonly files = new Map<string, OpenFile>();

  constructor(
    private readonly handles: Handles,
    private readonly store: AttributeStore,
  ) {}

  keep(fd: Fd, gfid: Gfid, descriptor: number): PosixFd {
    const open: PosixFd = { descriptor, gfid, users: 0, released: false };
    const key = gfidKey(gfid);
    const file = this.files.get(key) ?? { gfid, fds: new Set(), unlinked: false };
    this.files.set(key, file);
    file.fds.add(open);
    fd.set<PosixFd>(this, open);
    return open;
  }

  release(fd: Fd): void {
    const open = fd.get<PosixFd>(this);
    if (open === undefined || open.released) return;
    fd.forget(this);
    open.released = true;
    this.settle(open);
  }

  /** Closes what is released and not in use. */
  settle(open: PosixFd): void {
    if (!open.released || open.users > 0) return;
    const key = gfidKey(open.gfid);
    const file = this.files.get(key);
    if (file?.fds.delete(open) !== true) return;
    closeSync(open.descriptor);
    if (file.fds.size > 0) return;
    this.files.delete(key);
    if (file.unlinked) this.remove(this.handles.unlinkedOf(open.gfid));
  }

  count(gfid: Gfid): number {
    return this.files.get(gfidKey(gfid))?.fds.size ?? 0;
  }

  /** The last name of a file is gone, only its handle is left. */
  dropHandle(gfid: Gfid): void {
    const handle = this.handles.handleOf(gfid);
    const file = this.files.get(gfidKey(gfid));
    if (file === undefined) {
      this.remove(handle);
      return;
    }
    renameSync(handle, this.handles.unlinkedOf(gfid));
    file.unlinked = true;
  }

  closeAll(): void {
    for (const file of [...this.files.values()]) {
      for (const open of [...file.fds]) {
        open.released = true;
        open.users = 0;
        this.settle(open);
      }
    }
  }

  private remove(handle: Buffer): void {
    if (lookAt(handle) === undefined) return;
    this.store.forget(handle);
    unlinkSync(handle);
  }
}
