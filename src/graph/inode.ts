import { type Gfid, gfidToString, NULL_GFID, ROOT_GFID } from '../protocol/gfid.ts';
import { type FileType, type Iatt, typeOfMode } from '../protocol/iatt.ts';
import { Contexts } from './contexts.ts';

/**
 * What the client knows of one file. Translators keep their own knowledge of it under themselves as key; it is a cache
 * of what lookups said and is merged (newer wins) when two lookups find the same file at once.
 */
export class Inode extends Contexts {
  gfid: Gfid = NULL_GFID;
  type: FileType = 'unknown';
  /** What keeps this inode from eviction: fds, locks, dirty data, pending heals. */
  pins = 0;

  constructor(gfid?: Gfid, type?: FileType) {
    super();
    if (gfid !== undefined) this.gfid = gfid;
    if (type !== undefined) this.type = type;
  }

  get known(): boolean {
    return this.gfid !== NULL_GFID;
  }

  get isRoot(): boolean {
    return this.gfid.every((byte, index) => byte === ROOT_GFID[index]);
  }

  /** Takes over identity and type from a reply. */
  learn(stat: Iatt): void {
    this.gfid = stat.gfid;
    this.type = typeOfMode(stat.mode);
  }

  /**
   * Takes over what `fresh`, found for the same gfid, has learnt. From then on both share it: an fd that was made on the
   * fresh object sees what translators learn on this one.
   */
  absorb(fresh: Inode): void {
    if (fresh === this) return;
    this.contexts ??= new Map();
    for (const [owner, value] of fresh.contexts ?? []) this.contexts.set(owner, value);
    fresh.contexts = this.contexts;
  }

  override toString(): string {
    return gfidToString(this.gfid);
  }
}

/** A file as a call names it: the inode, and, where the call is about an entry, its parent and name. */
export interface Loc {
  readonly inode: Inode;
  readonly parent?: Inode;
  readonly name?: string;
  /** For messages only. */
  readonly path?: string;
}
