import { readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { type Gfid, gfidToString, newGfid } from '../../../protocol/gfid.ts';
import { copyBytes } from '../../../xdr/index.ts';
import type { AttributeStore } from './attribute-store.ts';
import { GFID_KEY, type Handles, joined, lookAt } from './handles.ts';

/** Removals between two turns of the event loop. */
const BATCH = 64;

/**
 * Trees that are on their way out: moved to .glusterfs/landfill in one step, and removed bit by bit from there, with the
 * handles of their files. What a crash leaves there is removed after the next start.
 */
export class Landfill {
  private sweeping: Promise<void> | undefined;
  private closed = false;
  private removed = 0;

  constructor(
    private readonly directory: Buffer,
    private readonly handles: Handles,
    private readonly store: AttributeStore,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Moves a tree here. @throws the host's error of the rename. */
  take(path: Buffer): void {
    renameSync(path, joined(this.directory, gfidToString(newGfid())));
    this.handles.forgetPaths();
    this.start();
  }

  start(): void {
    this.sweeping ??= this.sweep()
      .catch(this.failed)
      .finally(() => {
        this.sweeping = undefined;
      });
  }

  /** Resolves when everything that was taken is gone. */
  async idle(): Promise<void> {
    await this.sweeping;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.sweeping;
  }

  private async sweep(): Promise<void> {
    for (;;) {
      const names = readdirSync(this.directory, { encoding: 'buffer' });
      if (names.length === 0) return;
      for (const name of names) await this.remove(joined(this.directory, name));
      if (this.closed) return;
    }
  }

  private async remove(path: Buffer): Promise<void> {
    if (++this.removed % BATCH === 0) await turn();
    const stat = lookAt(path);
    if (stat === undefined || this.closed) return;
    const gfid = gfidAt(this.store, path);
    if (!stat.isDirectory()) return removeFile(this.handles, this.store, path, gfid);
    for (const name of readdirSync(path, { encoding: 'buffer' })) await this.remove(joined(path, name));
    if (this.closed) return;
    this.store.forget(path);
    rmdirSync(path);
    if (gfid !== undefined) this.handles.dropStale(gfid);
  }
}

/** A file's gfid by its attribute. */
export function gfidAt(store: AttributeStore, place: Buffer | number): Gfid | undefined {
  const gfid = store.get(place, GFID_KEY);
  return gfid?.length === 16 ? copyBytes(gfid) : undefined;
}

/** Removes a name of a file, and, where that was the last one, its handle. */
export function removeFile(
  handles: Handles,
  store: AttributeStore,
  path: Buffer,
  gfid: Gfid | undefined,
): void {
  const stat = lookAt(path);
  if (stat === undefined) return;
  const handle = gfid === undefined ? undefined : handles.handleOf(gfid);
  const handled = handle !== undefined && lookAt(handle)?.ino === stat.ino;
  const last = stat.nlink === (handled ? 2n : 1n);
  if (last) store.forget(path);
  unlinkSync(path);
  if (last && handled) unlinkSync(handle);
}
