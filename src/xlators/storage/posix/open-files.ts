import { closeSync, renameSync, unlinkSync } from 'node:fs';
import type { ContextOwner, Fd } from '../../../graph/index.ts';
import type { Logger } from '../../../logger.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import { afterwards } from './aftermath.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { PosixFd } from './brick.ts';
import { type Handles, lookAt } from './handles.ts';

interface OpenFile {
  readonly fds: Set<PosixFd>;
  /** Calls that have opened it for themselves. */
  visitors: number;
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
    private readonly brick: { readonly name: string; readonly log: Logger },
    private readonly handles: Handles,
    private readonly store: AttributeStore,
  ) {}

  keep(fd: Fd, gfid: Gfid, descriptor: number): PosixFd {
    const open: PosixFd = { descriptor, gfid, users: 0, released: false };
    this.opened(gfid).fds.add(open);
    fd.set<PosixFd>(this, open);
    return open;
  }

  /** A call has opened the file for itself: until `left` it counts as open for removals, and for nothing else. */
  visited(gfid: Gfid): void {
    this.opened(gfid).visitors++;
  }

  left(gfid: Gfid): void {
    this.opened(gfid).visitors--;
    this.closed(gfid);
  }

  private opened(gfid: Gfid): OpenFile {
    const key = gfidKey(gfid);
    const file = this.files.get(key) ?? { fds: new Set(), visitors: 0, unlinked: false };
    this.files.set(key, file);
    return file;
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
    if (this.files.get(gfidKey(open.gfid))?.fds.delete(open) !== true) return;
    closeSync(open.descriptor);
    this.closed(open.gfid);
  }

  private closed(gfid: Gfid): void {
    const key = gfidKey(gfid);
    const file = this.files.get(key);
    if (file === undefined || file.fds.size > 0 || file.visitors > 0) return;
    this.files.delete(key);
    if (file.unlinked) this.removeUnlinked(gfid);
  }

  count(gfid: Gfid): number {
    return this.files.get(gfidKey(gfid))?.fds.size ?? 0;
  }

  /** The last name of a file is about to go: its handle goes where the next start removes it. */
  park(gfid: Gfid): void {
    renameSync(this.handles.handleOf(gfid), this.handles.unlinkedOf(gfid));
  }

  /** The name has stayed. */
  unpark(gfid: Gfid): void {
    this.handles.withFolder(gfid, (handle) => renameSync(this.handles.unlinkedOf(gfid), handle));
  }

  /** The last name of a parked file is gone: now, or with its last fd, the file itself goes. */
  remove(gfid: Gfid): void {
    const file = this.files.get(gfidKey(gfid));
    if (file === undefined) this.removeUnlinked(gfid);
    else file.unlinked = true;
  }

  /** To be called when no call is under way. */
  closeAll(): void {
    for (const file of [...this.files.values()]) {
      for (const open of [...file.fds]) {
        open.released = true;
        afterwards(this.brick, () => this.settle(open));
      }
    }
  }

  private removeUnlinked(gfid: Gfid): void {
    const path = this.handles.unlinkedOf(gfid);
    if (lookAt(path) === undefined) return;
    this.store.forget(path);
    unlinkSync(path);
  }
}
