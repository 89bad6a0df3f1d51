/*
 * The promise: a file has the same times on every brick and for every client. Bricks would each stamp a change with their own
 * clock; so the client does it once, in the credential of the call (flags, seconds, nanoseconds), and the bricks keep the
 * times in trusted.glusterfs.mdata. The failure that it hides: replicas whose times differ, and files from before this
 * feature, which get the attribute at their first lookup.
 */
import { toGlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  detached,
  type FopFunction,
  type Inode,
  type Reply,
  type Request,
  type Stamp,
  StampFlag,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { Dict, withKey } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import type { Iatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { SetattrValid } from '../../../protocol/messages.ts';
import { type Time, wallClock } from './clock.ts';
import { stampFlags } from './flags.ts';
import { options } from './options.ts';

/** GF_CLIENT_PID_SET_UTIME: bricks know the call as internal. */
const SET_UTIME_PID = -13;

export class Utime extends Translator<typeof options> {
  declare readonly contextType?: 'asked';

  constructor(
    setup: TranslatorSetup<typeof options>,
    private readonly now: () => Time = wallClock(),
  ) {
    super(setup);
  }

  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    const flags = stampFlags(fop, this.options.noatime);
    if (flags === 0) return next;
    return (request, context) => next(request, { ...context, stamp: this.stamp(flags) });
  }

  private stamp(flags: number): Stamp {
    return { flags, ...this.now() };
  }

  async setattr(request: Request<'setattr'>, context: CallContext): Promise<Reply<'setattr'>> {
    return this.child.setattr(request, { ...context, stamp: this.attributeStamp(request) });
  }

  async fsetattr(request: Request<'fsetattr'>, context: CallContext): Promise<Reply<'fsetattr'>> {
    return this.child.fsetattr(request, { ...context, stamp: this.attributeStamp(request) });
  }

  /**
   * Owner, group and mode change the ctime. Times that are set take their ctime from the stamp without a flag: the brick
   * does that by itself; where they are set to "now", that is the caller's now, to the nanosecond.
   */
  private attributeStamp({ valid, stat }: Pick<Request<'setattr'>, 'valid' | 'stat'>): Stamp {
    const { MODE, UID, GID, ATIME, MTIME, ATIME_NOW, MTIME_NOW } = SetattrValid;
    const flags = valid === 0 || (valid & (MODE | UID | GID)) !== 0 ? StampFlag.CTIME : 0;
    if ((valid & (ATIME | MTIME)) === 0) return this.stamp(flags);
    if ((valid & ATIME_NOW) !== 0) {
      return { flags, seconds: Number(stat.atime), nanoseconds: stat.atimeNsec };
    }
    if ((valid & MTIME_NOW) !== 0) {
      return { flags, seconds: Number(stat.mtime), nanoseconds: stat.mtimeNsec };
    }
    return this.stamp(flags);
  }

  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const xdata = withKey(request.xdata, keys.mdataWanted, 1);
    const reply = await this.child.lookup({ ...request, xdata }, context);
    const { inode } = request.loc;
    if (reply.xdata?.has(keys.mdataWanted) !== true && inode.get<'asked'>(this) === undefined) {
      await this.giveTimes(inode, reply.stat, context);
    }
    return reply;
  }

  /** The file has no times of its own yet: those of the brick that answered become the times on all bricks. */
  private async giveTimes(inode: Inode, stat: Iatt, context: CallContext): Promise<void> {
    // Once for each inode: a brick that doesn't keep times would be asked at every lookup.
    inode.set<'asked'>(this, 'asked');
    const { atime, mtime, ctime, atimeNsec, mtimeNsec, ctimeNsec } = stat;
    const dict = new Dict().set(keys.setMdata, { atime, mtime, ctime, atimeNsec, mtimeNsec, ctimeNsec });
    const internal = { ...asRoot(detached(context)), pid: SET_UTIME_PID, stamp: undefined };
    try {
      await this.child.setxattr({ loc: { inode: known(inode, stat) }, dict, flags: 0 }, internal);
    } catch (error) {
      // A lookup is worth more than its times: read-only bricks and full ones refuse.
      const { code } = toGlfsError(error);
      this.log.debug({ translator: this.name, gfid: inode.toString(), code }, 'times could not be set');
    }
  }
}

/** The inode of a lookup bears no gfid before its caller has linked it, and the call below needs one. */
function known(inode: Inode, stat: Iatt): Inode {
  if (!inode.known) inode.learn(stat);
  return inode;
}

export const utimeType: TranslatorType<typeof options> = {
  type: 'features/utime',
  summary: 'Stamps changes with the time of the client, so that all bricks keep the same times.',
  options,
  create: (setup) => new Utime(setup),
};
