import { type Gfid, ROOT_GFID } from '../../protocol/gfid.ts';
import type { FileType } from '../../protocol/iatt.ts';

/** A file that was found by a name. */
export interface FoundFile {
  readonly gfid: Gfid;
  readonly type: FileType;
  /** From the root of the volume. */
  readonly path: string;
}

export const ROOT: FoundFile = { gfid: ROOT_GFID, type: 'directory', path: '/' };
