import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { GlfsError, toGlfsError } from '../../src/errors.ts';
import { Inode, type Loc, type Subvolume } from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { type Gfid, gfidKey, newGfid } from '../../src/protocol/gfid.ts';
import { emptyIatt, type Iatt } from '../../src/protocol/iatt.ts';
import { aclAttributes } from '../../src/protocol/posix-acl.ts';
import { syscalls } from '../../src/syscalls.ts';
import { accessControlType } from '../../src/xlators/features/access-control/index.ts';
import { RecordingChild, translatorOver } from './recording-child.ts';

const native = syscalls();

/** A volume whose lookups say what the host's file system does; the changes are the recording child's, and change nothing. */
export class AccessDisk {
  private readonly paths = new Map<string, string>();
  private readonly gfids = new Map<string, Gfid>();
  readonly volume: Subvolume;

  constructor() {
    const child = new RecordingChild().answer('lookup', ({ loc }) => {
      const path =
        loc.name === undefined
          ? this.paths.get(gfidKey(loc.inode.gfid))
          : join(this.paths.get(gfidKey(loc.parent!.gfid))!, loc.name);
      if (path === undefined) throw new GlfsError('ESTALE');
      try {
        return { stat: this.stat(path), postparent: emptyIatt(), xdata: this.attributes(path) };
      } catch (error) {
        throw toGlfsError(error);
      }
    });
    this.volume = translatorOver(accessControlType, [child]);
  }

  private stat(path: string): Iatt {
    const { mode, uid, gid } = lstatSync(path);
    return { ...emptyIatt(), gfid: this.inode(path).gfid, mode, uid, gid };
  }

  private attributes(path: string): Dict {
    const dict = new Dict();
    for (const name of Object.values(aclAttributes)) {
      try {
        dict.setBytes(name, native!.getxattr(Buffer.from(path), Buffer.from(name)));
      } catch {
        // It has none, or this machine can't tell; there are none then.
      }
    }
    return dict;
  }

  inode(path: string): Inode {
    const gfid = this.gfids.get(path) ?? newGfid();
    this.gfids.set(path, gfid);
    this.paths.set(gfidKey(gfid), path);
    return new Inode(gfid);
  }

  entry(directory: string, name: string): Loc {
    return { inode: new Inode(), parent: this.inode(directory), name };
  }
}
