import { readdirSync, renameSync, rmdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { type Gfid, gfidToString, newGfid } from '../../../protocol/gfid.ts';
import { copyBytes } from '../../../xdr/index.ts';
import { afterwards } from './aftermath.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { BrickDirectory } from './brick-directory.ts';
import { removeName } from './entries/remove-name.ts';
import { dropName } from './gfid2path.ts';
import { GFID_KEY, HIDDEN, joined, lookAt } from './handles.ts';
import { hostError } from './host-error.ts';

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
  private readonly directory: Buffer;

  constructor(private readonly brick: BrickDirectory) {
    this.directory = joined(brick.root, `${HIDDEN}/landfill`);
  }

  /** Moves a tree here. @throws the host's error of the rename. */
  take(path: Buffer): void {
    renameSync(path, joined(this.directory, gfidToString(newGfid())));
    this.brick.handles.forgetPaths();
    this.start();
  }

  start(): void {
    const { name, log } = this.brick;
    this.sweeping ??= this.sweep()
      .catch((error) => log.warn({ brick: name, reason: hostError(error).message }, 'a removal broke off'))
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
      for (const name of names) await this.remove(this.directory, name, undefined);
      if (this.closed) return;
    }
  }

  /** `parent`: gfid of the directory, where it is one of clients'. */
  private async remove(directory: Buffer, name: Buffer, parent: Gfid | undefined): Promise<void> {
    if (++this.removed % BATCH === 0) await turn();
    const { store, handles } = this.brick;
    const path = joined(directory, name);
    const stat = lookAt(path);
    if (stat === undefined || this.closed) return;
    const gfid = gfidAt(store, path);
    if (!stat.isDirectory()) return this.removeFile(path, name, gfid, parent);
    for (const entry of readdirSync(path, { encoding: 'buffer' })) await this.remove(path, entry, gfid);
    if (this.closed) return;
    // Before the directory: without it nobody would know of the handle.
    if (gfid !== undefined) handles.dropStale(gfid);
    store.forget(path);
    rmdirSync(path);
  }

  /** The file may be open, and have other names elsewhere. */
  private removeFile(path: Buffer, name: Buffer, gfid: Gfid | undefined, parent: Gfid | undefined): void {
    const file = removeName(this.brick, path, gfid);
    const { handle } = file;
    if (file.links > 1 && handle !== undefined && parent !== undefined)
      afterwards(this.brick, () => dropName(this.brick, handle, parent, name));
  }
}

/** A file's gfid by its attribute. */
export function gfidAt(store: AttributeStore, place: Buffer | number): Gfid | undefined {
  const gfid = store.get(place, GFID_KEY);
  return gfid?.length === 16 ? copyBytes(gfid) : undefined;
}
