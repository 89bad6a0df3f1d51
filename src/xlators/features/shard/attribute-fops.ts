import { GlfsError } from '../../../errors.ts';
import type { CallContext, FopFunction, Inode, Reply, Request } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { SetattrValid } from '../../../protocol/messages.ts';
import { askingSize, decodeFileSize, withSize } from './attributes.ts';
import type { FileState } from './files.ts';
import { checkAttributes, isInternalAttribute, withoutInternal } from './guard.ts';
import type { ShardState } from './state.ts';
import { asSeen, forgetWritten } from './times.ts';

type Fops = { [K in FopName]?: FopFunction<K> };

const TIMES = SetattrValid.ATIME | SetattrValid.MTIME | SetattrValid.ATIME_NOW | SetattrValid.MTIME_NOW;

/**
 * Owner, mode, times and extended attributes are block 0's; the other blocks are root's, and nobody asks them. What the sharding
 * itself keeps there is neither seen nor changed.
 */
export class Attributes {
  private readonly fops: Fops;

  constructor(private readonly state: ShardState) {
    const { child } = state;
    this.fops = {
      setattr: (request, context) => this.setattr(request, context),
      fsetattr: (request, context) => this.fsetattr(request, context),
      getxattr: (request, context) => shown(request.name, () => child.getxattr(request, context)),
      fgetxattr: (request, context) => shown(request.name, () => child.fgetxattr(request, context)),
      setxattr: async (request, context) => {
        checkAttributes(request.dict?.names() ?? []);
        return this.sized(request.loc.inode, await child.setxattr(request, context));
      },
      fsetxattr: async (request, context) => {
        checkAttributes(request.dict?.names() ?? []);
        return this.sized(request.fd.inode, await child.fsetxattr(request, context));
      },
      removexattr: async (request, context) => {
        checkAttributes([request.name]);
        return this.sized(request.loc.inode, await child.removexattr(bulk(request), context));
      },
      fremovexattr: async (request, context) => {
        checkAttributes([request.name]);
        return this.sized(request.fd.inode, await child.fremovexattr(bulk(request), context));
      },
      xattrop: async (request, context) => {
        checkAttributes(request.dict?.names() ?? []);
        return child.xattrop(request, context);
      },
      fxattrop: async (request, context) => {
        checkAttributes(request.dict?.names() ?? []);
        return child.fxattrop(request, context);
      },
    };
  }

  own<K extends FopName>(fop: K): FopFunction<K> | undefined {
    return this.fops[fop] as FopFunction<K> | undefined;
  }

  private async setattr(request: Request<'setattr'>, context: CallContext): Promise<Reply<'setattr'>> {
    const { child, files } = this.state;
    const file = await files.of(request.loc, context);
    if (!file.sharded) return child.setattr(request, context);
    const xdata = askingSize(request.xdata);
    return this.changed(file, request.valid, await child.setattr({ ...request, xdata }, context));
  }

  private async fsetattr(request: Request<'fsetattr'>, context: CallContext): Promise<Reply<'fsetattr'>> {
    const { child, files } = this.state;
    const { fd } = request;
    const file = await files.of({ inode: fd.inode, fd }, context);
    if (!file.sharded) return child.fsetattr(request, context);
    const xdata = askingSize(request.xdata);
    return this.changed(file, request.valid, await child.fsetattr({ ...request, xdata }, context));
  }

  private changed(file: FileState, valid: number, reply: Reply<'setattr'>): Reply<'setattr'> {
    const size = decodeFileSize(reply.xdata);
    if (size === undefined) throw this.state.lost();
    const prestat = asSeen(file, reply.prestat, size);
    if ((valid & TIMES) !== 0) forgetWritten(file);
    file.base = reply.poststat;
    return { ...reply, prestat, poststat: asSeen(file, reply.poststat, size) };
  }

  /** Attributes before and after that come along are block 0's. */
  private sized<R extends { xdata?: Dict }>(inode: Inode, reply: R): R {
    const file = this.state.files.known(inode.gfid);
    const { xdata } = reply;
    if (xdata === undefined || file === undefined || !file.sharded) return reply;
    const fixed = xdata.clone();
    for (const key of [keys.preStat, keys.postStat]) {
      const stat: Iatt | undefined = xdata.get(key);
      if (stat !== undefined) fixed.set(key, withSize(stat, file));
    }
    return { ...reply, xdata: fixed };
  }
}

async function shown(name: string, ask: () => Promise<Reply<'getxattr'>>): Promise<Reply<'getxattr'>> {
  if (isInternalAttribute(name)) throw new GlfsError('ENODATA');
  const reply = await ask();
  return reply.dict === undefined ? reply : { ...reply, dict: withoutInternal(reply.dict) };
}

/** Names in xdata are removed as well. */
function bulk<R extends { xdata?: Dict }>(request: R): R {
  return request.xdata === undefined ? request : { ...request, xdata: withoutInternal(request.xdata) };
}
